// SPDX-License-Identifier: BSL-1.0
#pragma once
// Random numbers without hidden seeds: a mixing function, a generator over it, and the process's own sequence.

#include <atomic>
#include <cstdint>

namespace antiphon {

/// SplitMix64's finaliser: a bijection that scatters consecutive numbers.
/// **Source**: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t x) noexcept {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/// A seeded generator of 64-bit numbers (`std::uniform_random_bit_generator`).
class random_source {
public:
    using result_type = std::uint64_t;
    constexpr explicit random_source(std::uint64_t seed) noexcept : state_{seed} {}
    [[nodiscard]] static constexpr std::uint64_t min() noexcept { return 0; }
    [[nodiscard]] static constexpr std::uint64_t max() noexcept { return ~std::uint64_t{0}; }
    constexpr std::uint64_t operator()() noexcept { return mix64(state_ += step); }

    static constexpr std::uint64_t step = 0x9E3779B97F4A7C15u;

private:
    std::uint64_t state_;
};

/// The process's sequence, for executors that have no source of their own. Starts at the same number in every run.
/// **Threads**: any; each call takes the next number.
[[nodiscard]] inline std::uint64_t process_random() noexcept {
    static constinit std::atomic<std::uint64_t> position{0};
    // relaxed: only the numbers' distinctness matters
    return mix64(position.fetch_add(random_source::step, std::memory_order_relaxed) + random_source::step);
}

}  // namespace antiphon
