// SPDX-License-Identifier: BSL-1.0
#pragma once
// How much of a stream may wait, and for how long a silence lasts.

#include <cstddef>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"

namespace antiphon::messaging {

/// Every field has a default; nonsense is refused by `client::stream` (`std::invalid_argument`).
struct stream_options {
    /// How many parts wait for a reader. One that is slower loses the stream: it ends as `resource_exhausted`, and its responder is stopped.
    std::size_t buffer = 1024;
    /// After so long without a part the stream ends as `deadline_exceeded`: its responder may be dead. `duration::max()`: never.
    any_duration quiet = std::chrono::seconds{60};
};

namespace detail {

inline void check(stream_options const& o) {
    using antiphon::detail::require;
    require(o.buffer != 0, "stream_options.buffer: must not be zero");
    require(o.quiet > duration::zero(), "stream_options.quiet: must be positive");
}

}  // namespace detail

}  // namespace antiphon::messaging
