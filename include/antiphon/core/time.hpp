// SPDX-License-Identifier: BSL-1.0
#pragma once
// The library's clock, and arithmetic that saturates instead of overflowing.

#include <concepts>
#include <ratio>
#include <type_traits>

#include "antiphon/core/config.hpp"

#include ANTIPHON_CHRONO_HEADER

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
/// Integral durations convert exactly, towards zero; floating ones as `duration_cast` does; not-a-number is no time at all.
template <class Rep, class Period>
[[nodiscard]] constexpr duration saturating_cast(std::chrono::duration<Rep, Period> d) noexcept {
    using per_tick = std::ratio_divide<Period, duration::period>;
    if constexpr (std::same_as<std::chrono::duration<Rep, Period>, duration>) {
        return d;
    } else if constexpr (std::integral<Rep>) {
        using wide = std::common_type_t<Rep, duration::rep>;
        constexpr wide num = per_tick::num;
        constexpr wide den = per_tick::den;
        auto const count = static_cast<wide>(d.count());
        wide const whole = count / den;
        wide const rest = count % den * num / den;
        if (count > 0 && whole > (static_cast<wide>(duration::max().count()) - rest) / num) return duration::max();
        if constexpr (std::is_signed_v<wide>) {
            if (count < 0 && whole < (duration::min().count() - rest) / num) return duration::min();
        }
        return duration{static_cast<duration::rep>(whole * num + rest)};
    } else {
        constexpr Rep limit = static_cast<Rep>(duration::max().count());
        constexpr Rep far = 2 * limit / static_cast<Rep>(per_tick::num) * static_cast<Rep>(per_tick::den);
        if (d.count() != d.count()) return duration::zero();
        // What is far out goes first, so that the conversion below cannot overflow either; it rounds, so its end is checked again.
        if (d.count() > far) return duration::max();
        if (d.count() < -far) return duration::min();
        Rep const ticks = std::chrono::duration_cast<std::chrono::duration<Rep, duration::period>>(d).count();
        if (ticks >= limit) return duration::max();
        if (ticks <= -limit) return duration::min();
        return duration{static_cast<duration::rep>(ticks)};
    }
}

/// A `duration` made from any other, as options and parameters take it: `1.5s` is one, and `hours::max()` is for ever, where chrono's
/// own conversion refuses the first and overflows at the second.
class any_duration : public duration {
public:
    constexpr any_duration() noexcept : duration{zero()} {}
    template <class Rep, class Period>
    constexpr any_duration(std::chrono::duration<Rep, Period> d) noexcept : duration{saturating_cast(d)} {}
};

/// The same with any duration.
template <class Rep, class Period>
    requires(!std::same_as<std::chrono::duration<Rep, Period>, duration>)
[[nodiscard]] constexpr time_point saturating_add(time_point t, std::chrono::duration<Rep, Period> d) noexcept {
    return saturating_add(t, saturating_cast(d));
}

namespace detail {

/// How far it is to a moment of another clock, `system_clock` say. It is asked once: what is set later is not seen.
template <class Clock, class Duration>
[[nodiscard]] duration remaining_until(std::chrono::time_point<Clock, Duration> t) noexcept {
    if (t == t.max()) return duration::max();
    return saturating_sub(time_point{saturating_cast(t.time_since_epoch())},
                          time_point{saturating_cast(Clock::now().time_since_epoch())});
}
/// Any clock's moment on `clock`, of which it is `now`.
template <class Clock, class Duration>
[[nodiscard]] time_point moment_of(std::chrono::time_point<Clock, Duration> t, time_point now) noexcept {
    if constexpr (std::same_as<Clock, clock>) {
        return time_point{saturating_cast(t.time_since_epoch())};
    } else {
        return saturating_add(now, remaining_until(t));
    }
}

}  // namespace detail

}  // namespace antiphon
