// SPDX-License-Identifier: BSL-1.0
// Small programs made at random, to compare the search that leaves out what commutes with one that leaves out nothing (--both).
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <utility>

#include "antiphon/execution/parking.hpp"
#include "explore.hpp"

namespace {

class dice {
public:
    explicit dice(std::uint64_t seed) : state_{seed * 0x9E3779B97F4A7C15u + 1} {}
    unsigned operator()(unsigned sides) {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return static_cast<unsigned>((state_ >> 33) % sides);
    }

private:
    std::uint64_t state_;
};

/// A few operations on two words and a lock by each of two or three threads. The outcome is a digest of all that was read.
void run_program(unsigned seed) {
    static constexpr std::memory_order orders[] = {std::memory_order_relaxed, std::memory_order_acquire, std::memory_order_seq_cst};
    static constexpr std::memory_order stores[] = {std::memory_order_relaxed, std::memory_order_release, std::memory_order_seq_cst};
    std::atomic<std::uint32_t> words[2]{};
    std::mutex lock;
    unsigned guarded = 0;
    unsigned digests[3] = {};
    auto const body = [&](unsigned self, unsigned steps) {
        dice roll{seed * 8 + self + 1};
        unsigned& digest = digests[self];
        auto const see = [&digest](unsigned value) { digest = digest * 7 + value + 1; };
        for (unsigned i = 0; i < steps; ++i) {
            auto& word = words[roll(2)];
            switch (roll(7)) {
                case 0:
                case 1: see(word.load(orders[roll(3)])); break;
                case 2: word.store(self + 1, stores[roll(3)]); break;
                case 3: see(word.fetch_add(1, std::memory_order_acq_rel)); break;
                case 4: {
                    std::uint32_t expected = roll(2);
                    see(word.compare_exchange_strong(expected, 5, std::memory_order_acq_rel, std::memory_order_relaxed) ? 6 : expected);
                    break;
                }
                case 5: {
                    std::lock_guard const hold{lock};
                    see(guarded++);
                    break;
                }
                case 6:
                    if (roll(2) == 0) {
                        antiphon::futex_wake_one(word);
                    } else {
                        auto const until = antiphon::clock::now() + std::chrono::milliseconds{1 + roll(2)};
                        see(antiphon::futex_wait_until(word, 0, until) ? 1 : 0);
                    }
                    break;
            }
        }
    };
    unsigned const threads = 2 + seed % 2, steps = threads == 2 ? 4 : 2;
    std::thread first{body, 1, steps};
    std::thread second;
    if (threads == 3) second = std::thread{body, 2, steps};
    body(0, steps);
    first.join();
    if (threads == 3) second.join();
    explore::outcome((digests[0] * 31 + digests[1]) * 31 + digests[2]);
}

template <unsigned Seed>
explore::test const program{"random programs: one of them, both searches seeing the same", __FILE__,
                            explore::plan{.stale_reads = 3, .surprises = Seed % 4 == 0, .schedules = 400'000},
                            [] { run_program(Seed); }};

template <unsigned... Seeds>
void declare(std::integer_sequence<unsigned, Seeds...>) {
    (static_cast<void>(&program<Seeds>), ...);
}
[[maybe_unused]] auto const declared = [] {
    declare(std::make_integer_sequence<unsigned, 60>{});
    return 0;
}();

}  // namespace
