// SPDX-License-Identifier: BSL-1.0
#pragma once
// When enough answers have come to one question.

#include <cstddef>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"

namespace antiphon::messaging {

/// Gathering ends with whichever comes first, and then gives what has come. Nonsense is refused by `client::request_many`
/// (`std::invalid_argument`).
struct gather_options {
    /// After so many answers; 0: their number ends nothing.
    std::size_t count = 0;
    /// After so long without another one, once the first is there.
    any_duration quiet = duration::max();
    /// After so long, however many; none at all is an answer, too. Not longer than the client's timeout.
    any_duration limit = duration::max();
};

namespace detail {

inline void check(gather_options const& o) {
    using antiphon::detail::require;
    require(o.quiet > duration::zero(), "gather_options.quiet: must be positive");
    require(o.limit > duration::zero(), "gather_options.limit: must be positive");
}

}  // namespace detail

}  // namespace antiphon::messaging
