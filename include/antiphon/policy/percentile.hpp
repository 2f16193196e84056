// SPDX-License-Identifier: BSL-1.0
#pragma once
// A percentile as a value, and the sliding histogram of latencies that it is read from.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"

namespace antiphon {

/// `percentile(0.95)`: as long as 95 % of what was measured.
/// **Errors**: a fraction outside 0 to 1 is refused with `std::invalid_argument`.
class percentile {
public:
    explicit constexpr percentile(double fraction) : fraction_{fraction} {
        detail::require(fraction >= 0 && fraction <= 1, "percentile: the fraction must be from 0 to 1");
    }
    [[nodiscard]] constexpr double fraction() const noexcept { return fraction_; }
    /// How many measurements it takes for one to lie beyond it: 20 to 1000.
    [[nodiscard]] constexpr std::uint64_t samples_needed() const noexcept {
        double const beyond = 1 - fraction_;
        return beyond >= 0.05 ? 20 : beyond <= 0.001 ? 1000 : static_cast<std::uint64_t>(1 / beyond + 0.5);
    }

private:
    double fraction_;
};

namespace detail {

/// The latencies of the last 25 to 30 seconds: a log-linear histogram, in six slots that are forgotten one by one.
/// Milliseconds are the finest it tells apart; beyond, buckets are 1/32 of their value wide, up to more than an hour.
/// **Threads**: one at a time. **Cost**: 21 kB; `record` O(1), `read` O(buckets) once for some dozens of records.
class latency_window {
public:
    explicit latency_window(percentile wanted) noexcept : wanted_{wanted} {}

    void record(time_point now, duration took) noexcept {
        slide(now);
        std::size_t const at = index(took);
        ++slots_[at_][at];
        ++sums_[at];
        ++count_;
        ++fresh_;
    }
    /// The percentile's upper bound, at least 1 ms; nothing while there are too few measurements.
    [[nodiscard]] std::optional<duration> read(time_point now) noexcept {
        slide(now);
        if (count_ < wanted_.samples_needed()) return {};
        if (!known_ || fresh_ >= 32) known_ = find();
        return known_;
    }

private:
    static constexpr std::size_t octaves = 22, steps = 32, slots = 6;
    static constexpr std::size_t buckets = 1 + octaves * steps;
    static constexpr duration slot_length = std::chrono::seconds{5};
    static constexpr duration step = std::chrono::microseconds{1000} / static_cast<duration::rep>(steps);

    /// Bucket 0 is below 1 ms; then 32 to each doubling.
    static std::size_t index(duration took) noexcept {
        if (took < std::chrono::milliseconds{1}) return 0;
        auto const ticks = static_cast<std::uint64_t>(took / step);
        auto const octave = static_cast<std::size_t>(std::bit_width(ticks)) - static_cast<std::size_t>(std::bit_width(steps));
        std::size_t const found = 1 + octave * steps + static_cast<std::size_t>(ticks >> octave) - steps;
        return found < buckets ? found : buckets - 1;
    }
    static duration upper_bound(std::size_t index) noexcept {
        if (index == 0) return std::chrono::milliseconds{1};
        std::size_t const octave = (index - 1) / steps;
        return static_cast<duration::rep>((steps + (index - 1) % steps + 1) << octave) * step;
    }
    [[nodiscard]] duration find() noexcept {
        fresh_ = 0;
        double const rank = wanted_.fraction() * static_cast<double>(count_);
        std::uint64_t seen = 0;
        std::size_t at = 0;
        for (; at + 1 < buckets; ++at) {
            seen += sums_[at];
            if (seen != 0 && static_cast<double>(seen) >= rank) break;
        }
        return upper_bound(at);
    }
    void slide(time_point now) noexcept {
        if (!begun_) {
            begun_ = true;
            slot_end_ = saturating_add(now, slot_length);
        }
        for (std::size_t i = 0; now >= slot_end_ && i < slots; ++i) {
            at_ = (at_ + 1) % slots;
            for (std::size_t b = 0; b < buckets; ++b) {
                sums_[b] -= slots_[at_][b];
                count_ -= slots_[at_][b];
            }
            slots_[at_] = {};
            known_ = {};
            slot_end_ = saturating_add(slot_end_, slot_length);
        }
        if (now >= slot_end_) slot_end_ = saturating_add(now, slot_length);
    }

    percentile wanted_;
    std::array<std::array<std::uint32_t, buckets>, slots> slots_{};
    std::array<std::uint32_t, buckets> sums_{};
    std::uint64_t count_ = 0;
    std::uint64_t fresh_ = 0;  ///< records since `known_` was read
    std::optional<duration> known_;
    std::size_t at_ = 0;
    time_point slot_end_{};
    bool begun_ = false;
};

}  // namespace detail

}  // namespace antiphon
