// SPDX-License-Identifier: BSL-1.0
#pragma once
// The library's clock, and arithmetic that saturates instead of overflowing.

#include <chrono>
#include <concepts>
#include <ratio>
#include <type_traits>

namespace antiphon {

/// The clock of every deadline and delay. **Time**: monotonic, nanoseconds; an executor may carry a virtual one.
using clock = std::chrono::steady_clock;
/// A length of time; `duration::max()` means for ever.
using duration = clock::duration;
/// A moment on `clock`; `time_point::max()` means never.
using time_point = clock::time_point;

/// `a + b`, clamped to what a `duration` can hold. `max()` and `min()` absorb: for ever plus anything is for ever.
[[nodiscard]] constexpr duration saturating_add(duration a, duration b) noexcept {
    if (a == duration::max() || b == duration::max()) return duration::max();
    if (b > duration::zero() && a > duration::max() - b) return duration::max();
    if (b < duration::zero() && a < duration::min() - b) return duration::min();
    return a + b;
}

/// `t + d`, clamped: a moment `duration::max()` away is `time_point::max()`, which means never.
[[nodiscard]] constexpr time_point saturating_add(time_point t, duration d) noexcept {
    return time_point{saturating_add(t.time_since_epoch(), d)};
}

/// `to - from`, clamped; the distance to `time_point::max()` is for ever.
[[nodiscard]] constexpr duration saturating_sub(time_point to, time_point from) noexcept {
    duration const a = to.time_since_epoch();
    duration const b = from.time_since_epoch();
    if (a == duration::max()) return duration::max();
    if (b < duration::zero() && a > duration::max() + b) return duration::max();
    if (b > duration::zero() && a < duration::min() + b) return duration::min();
    return a - b;
}

/// Any chrono duration as the library's own, clamped: `hours::max()` is for ever, not a wrapped negative number.
template <class Rep, class Period>
[[nodiscard]] constexpr duration saturating_cast(std::chrono::duration<Rep, Period> d) noexcept {
    using given = std::chrono::duration<Rep, Period>;
    if constexpr (std::same_as<given, duration>) {
        return d;
    } else {
        using wide = std::chrono::duration<long double, duration::period>;
        wide const w = std::chrono::duration_cast<wide>(std::chrono::duration<long double, Period>{static_cast<long double>(d.count())});
        if (!(w.count() == w.count())) return duration::zero();
        if (w.count() >= static_cast<long double>(duration::max().count())) return duration::max();
        if (w.count() <= static_cast<long double>(duration::min().count())) return duration::min();
        return std::chrono::duration_cast<duration>(d);
    }
}

}  // namespace antiphon
