// SPDX-License-Identifier: BSL-1.0
#pragma once
// Over which past calls something is measured: the last so many, or those of the last so long.

#include <concepts>
#include <cstdint>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"

namespace antiphon {

/// Made by `last(100)` or `last(10s)`.
class sliding_window {
public:
    [[nodiscard]] constexpr bool timed() const noexcept { return timed_; }
    /// How many calls; or how many seconds, each a bucket of its own.
    [[nodiscard]] constexpr std::uint32_t size() const noexcept { return size_; }
    [[nodiscard]] constexpr bool operator==(sliding_window const&) const noexcept = default;

private:
    constexpr sliding_window(std::uint32_t size, bool timed) noexcept : size_{size}, timed_{timed} {}
    template <std::integral N>
    friend constexpr sliding_window last(N calls);
    template <class Rep, class Period>
    friend constexpr sliding_window last(std::chrono::duration<Rep, Period> length);

    std::uint32_t size_;
    bool timed_;
};

/// The last `calls` calls. **Errors**: from 1 to 1,000,000 (`std::invalid_argument`).
template <std::integral N>
[[nodiscard]] constexpr sliding_window last(N calls) {
    detail::require(calls >= 1 && calls <= 1'000'000, "last: the number of calls must be from 1 to 1000000");
    return {static_cast<std::uint32_t>(calls), false};
}
/// The calls of the last `length`, in buckets of a second: the current second and as many before it as there are to the length,
/// rounded up. **Errors**: from more than 0 to 24 hours (`std::invalid_argument`).
template <class Rep, class Period>
[[nodiscard]] constexpr sliding_window last(std::chrono::duration<Rep, Period> length) {
    duration const d = saturating_cast(length);
    detail::require(d > duration::zero() && d <= std::chrono::hours{24}, "last: the length must be more than 0 and at most 24 hours");
    return {static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(d).count()), true};
}

static_assert(last(4).size() == 4 && !last(4).timed());
static_assert(last(std::chrono::seconds{10}).size() == 10 && last(std::chrono::milliseconds{1500}).size() == 2);

}  // namespace antiphon
