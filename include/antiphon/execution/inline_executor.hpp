// SPDX-License-Identifier: BSL-1.0
#pragma once
// The executor that has no place of its own: work runs where it is posted.

#include <utility>

#include "antiphon/core/work.hpp"
#include "antiphon/execution/executor.hpp"

namespace antiphon {

/// Runs work at once, inside `execute`, in the calling thread.
/// **Threads**: any. **Errors**: none. **Cost**: a call; no allocation, no hand-off.
class inline_executor {
public:
    void execute(work job) const { std::move(job)(); }
    [[nodiscard]] void const* place() const noexcept { return nullptr; }
    [[nodiscard]] bool claimable() const noexcept { return false; }
    [[nodiscard]] friend bool operator==(inline_executor, inline_executor) noexcept { return true; }
};

static_assert(executor<inline_executor>);

}  // namespace antiphon
