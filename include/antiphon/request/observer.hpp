// SPDX-License-Identifier: BSL-1.0
#pragma once
// What may be told about an ask while it is under way: the one hook set that every policy reports to.

#include <cstdint>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/time.hpp"

namespace antiphon {

/// Hooks; each does nothing unless overridden. `request | observe(...)` puts one around a pipeline.
/// **Threads**: called from wherever the event happens, several at once.
/// **Errors**: none may throw. **Cost**: a policy looks for an observer only when there is an event to report.
class observer {
public:
    /// An ask arrived.
    virtual void asked() noexcept {}
    /// A handler began to run, as attempt `number` (from 1).
    virtual void started([[maybe_unused]] std::uint32_t number) noexcept {}
    /// An attempt ended in a failure, and another follows after `delay`.
    virtual void retried([[maybe_unused]] std::uint32_t number, [[maybe_unused]] failure const& why,
                         [[maybe_unused]] duration delay) noexcept {}
    /// Copy `number` of a hedged ask was sent (from 2).
    virtual void hedged([[maybe_unused]] std::uint32_t number) noexcept {}
    /// A policy refused the ask without asking what is inside it: `by` is the policy's name.
    virtual void rejected([[maybe_unused]] char const* by, [[maybe_unused]] failure const& why) noexcept {}
    /// A fallback, a cache, another flight answered: `by` is the policy's name.
    virtual void answered_by([[maybe_unused]] char const* by) noexcept {}
    /// An answer came after its ask had been decided, and was dropped.
    virtual void late() noexcept {}
    /// The ask ended, `took` after it arrived; `why` is null when it ended in a value.
    virtual void completed([[maybe_unused]] failure const* why, [[maybe_unused]] duration took) noexcept {}

protected:
    observer() = default;
    observer(observer const&) = default;
    observer& operator=(observer const&) = default;
    ~observer() = default;
};

}  // namespace antiphon
