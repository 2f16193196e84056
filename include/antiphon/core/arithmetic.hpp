// SPDX-License-Identifier: BSL-1.0
#pragma once
// The little of <algorithm> and <cmath> that the library needs; those two take longer to parse than all of core/.

#include "antiphon/core/config.hpp"

namespace antiphon::detail {

/// `std::min` and `std::max`, by value.
template <class T>
[[nodiscard]] constexpr T smaller(T a, T b) noexcept {
    return b < a ? b : a;
}
template <class T>
[[nodiscard]] constexpr T larger(T a, T b) noexcept {
    return a < b ? b : a;
}
/// `std::clamp`, by value.
template <class T>
[[nodiscard]] constexpr T clamped(T value, T least, T most) noexcept {
    return value < least ? least : most < value ? most : value;
}

[[nodiscard]] inline double exp(double x) noexcept { return ANTIPHON_MATH(exp)(x); }
[[nodiscard]] inline double log10(double x) noexcept { return ANTIPHON_MATH(log10)(x); }
[[nodiscard]] inline double pow(double base, double exponent) noexcept { return ANTIPHON_MATH(pow)(base, exponent); }
[[nodiscard]] inline double floor(double x) noexcept { return ANTIPHON_MATH(floor)(x); }
[[nodiscard]] inline double ceil(double x) noexcept { return ANTIPHON_MATH(ceil)(x); }
/// To the nearest, halves away from zero.
[[nodiscard]] inline long long llround(double x) noexcept { return ANTIPHON_MATH(llround)(x); }

}  // namespace antiphon::detail
