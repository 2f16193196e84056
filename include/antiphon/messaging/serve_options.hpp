// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a responder may be told.

#include <cstddef>
#include <string>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"

namespace antiphon::messaging {

/// Every field has a default; nonsense is refused by `client::serve` (`std::invalid_argument`).
struct serve_options {
    /// One member of a group takes each ask: so responders on many machines share the work. Empty: everybody answers everything.
    std::string group = "workers";
    /// An ask with a key that came already is answered by memory instead of the handler, for so long; zero: never. Only what this
    /// responder has answered: a key that comes to another member of the group is new there.
    any_duration remember = duration::zero();
    /// How many answers are remembered; beyond that the oldest is forgotten.
    std::size_t remember_most = 10'000;
    /// Larger questions are refused with `out_of_range`.
    std::size_t max_body = std::size_t{64} << 20;
};

namespace detail {

inline void check(serve_options const& o) {
    using antiphon::detail::require;
    require(o.remember >= duration::zero(), "serve_options.remember: must not be negative");
    require(o.remember_most != 0, "serve_options.remember_most: must not be zero");
    require(o.max_body != 0, "serve_options.max_body: must not be zero");
}

}  // namespace detail

}  // namespace antiphon::messaging
