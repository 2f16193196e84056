// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a responder's table knows of an ask.

#include <cstdint>

#include "antiphon/request/state.hpp"
#include "antiphon/messaging/detail/identity.hpp"
#include "antiphon/messaging/detail/table.hpp"

namespace antiphon::messaging::detail {

/// An ask that a responder has begun.
class begun : public table_node {
public:
    /// Under the table's lock. The ask, with a reference.
    [[nodiscard]] virtual antiphon::detail::state_base& hold() noexcept = 0;
    [[nodiscard]] inbox_id const& inbox() const noexcept { return inbox_; }
    /// Under the table's lock: the broker has delivered it again. By what it knew it before.
    [[nodiscard]] virtual std::uint64_t adopt(std::uint64_t delivery) noexcept = 0;

protected:
    explicit begun(inbox_id const& from) noexcept : inbox_{from} {}
    ~begun() = default;

private:
    inbox_id inbox_;
};

}  // namespace antiphon::messaging::detail
