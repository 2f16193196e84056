// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that gives an ask until a moment.

#include <utility>

#include "antiphon/core/time.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/policy/detail/expiring_ask.hpp"

namespace antiphon {

/// `request | deadline{clock::now() + 2s}`: afterwards the ask fails with `errc::deadline_exceeded`. One that is past already is
/// not sent: `executed::no`. It covers queueing, delays, attempts, nested asks.
/// **Time**: a moment of the executor's clock; `time_point::max()` means never.
struct deadline {
    time_point when = time_point::max();

    using antiphon_policy = void;
    static constexpr bool abandons = true;
    static constexpr bool patient = false;
    template <class Layer, class... A>
    using ask = detail::expiring_ask<Layer, A...>;

    [[nodiscard]] constexpr time_point expires(time_point) const noexcept { return when; }
    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::wrap(*this, std::move(r));
    }
};

}  // namespace antiphon
