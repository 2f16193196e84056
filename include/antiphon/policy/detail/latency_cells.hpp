// SPDX-License-Identifier: BSL-1.0
#pragma once
// The cells of a log-linear histogram of durations.

#include <bit>
#include <cstddef>
#include <cstdint>

#include "antiphon/core/time.hpp"

namespace antiphon::detail {

/// Nanoseconds below 128 have a cell each; above, every power of two is divided into 64 cells. A cell is read as its middle, which
/// is off by at most half its width: 1/128 of the value. What takes longer than `longest` counts as `longest`.
/// **Source**: Gil Tene, HdrHistogram (the layout).
struct latency_cells {
    static constexpr unsigned divisions = 64;
    static constexpr std::uint64_t longest = (std::uint64_t{1} << 46) - 1;  // 19.5 hours

    [[nodiscard]] static constexpr std::size_t index(duration d) noexcept {
        std::uint64_t const ns = d <= duration::zero() ? 0 : static_cast<std::uint64_t>(d.count());
        std::uint64_t const v = ns < longest ? ns : longest;
        unsigned const width = static_cast<unsigned>(std::bit_width(v));
        unsigned const shift = width > 7 ? width - 7 : 0;
        return shift * divisions + static_cast<std::size_t>(v >> shift);
    }
    [[nodiscard]] static constexpr duration middle(std::size_t index) noexcept {
        if (index < 2 * divisions) return duration{static_cast<duration::rep>(index)};
        std::size_t const shift = index / divisions - 1;
        std::uint64_t const low = static_cast<std::uint64_t>(index - shift * divisions) << shift;
        return duration{static_cast<duration::rep>(low + ((std::uint64_t{1} << shift) - 1) / 2)};
    }
    static constexpr std::size_t count = (46 - 7) * divisions + 2 * divisions;
};
static_assert(latency_cells::index(duration::max()) == latency_cells::count - 1);
static_assert(latency_cells::index(duration{127}) + 1 == latency_cells::index(duration{128}));
static_assert(latency_cells::index(duration{255}) + 1 == latency_cells::index(duration{256}));

}  // namespace antiphon::detail
