// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that gives an ask so much time, counted from the moment its own layer starts.

#include <utility>

#include "antiphon/core/time.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/policy/detail/expiring_ask.hpp"

namespace antiphon {

/// `request | timeout{.limit = 300ms}`: after that the ask fails with `errc::deadline_exceeded` at once; the handler is asked to
/// stop, and its late answer is dropped. Inside `retry` it limits each attempt, outside it everything.
/// The handler runs on the pool even for `call()`, so that the caller can give up on it.
/// **Time**: the executor's clock. Zero and negative limits, and `duration::max()`, mean none. An outer, shorter limit counts.
/// **Errors**: `executed::no` when the handler had not started, else `executed::maybe`.
/// **Cost**: one timer; no allocation beyond the ask's.
struct timeout {
    any_duration limit = duration::max();

    using antiphon_policy = void;
    static constexpr bool abandons = true;
    static constexpr bool patient = false;
    template <class Layer, class... A>
    using ask = detail::expiring_ask<Layer, A...>;

    [[nodiscard]] constexpr time_point expires(time_point now) const noexcept {
        return limit <= duration::zero() ? time_point::max() : saturating_add(now, limit);
    }
    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::wrap(*this, std::move(r));
    }
};

}  // namespace antiphon
