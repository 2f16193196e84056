// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a client may be told.

#include <cstddef>
#include <functional>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/messaging/headers.hpp"
#include "antiphon/messaging/message.hpp"

namespace antiphon::messaging {

/// Every field has a default; nonsense is refused by the client's constructor (`std::invalid_argument`).
struct client_options {
    /// After so long without an answer an ask fails with `deadline_exceeded`, give or take an eighth: whoever had it may be dead. An
    /// earlier deadline of the ask's context counts, to the moment. `duration::max()`: for ever.
    any_duration timeout = std::chrono::seconds{60};
    /// What was asked and not answered when the connection is lost stays open, for an answer that comes after all.
    bool keep_over_reconnect = false;
    /// Sent along with everything, for traces and tenants.
    messaging::headers headers = {};
    /// Larger answers fail with `out_of_range`.
    std::size_t max_body = std::size_t{64} << 20;
    /// Told of an answer that nobody waits for: late, a duplicate, or a stranger's. Runs on the connection's executor, else on the
    /// default pool.
    std::function<void(message const&)> on_late = {};
};

namespace detail {

inline void check(client_options const& o) {
    using antiphon::detail::require;
    require(o.timeout > duration::zero(), "client_options.timeout: must be positive");
    require(o.max_body != 0, "client_options.max_body: must not be zero");
}

}  // namespace detail

}  // namespace antiphon::messaging
