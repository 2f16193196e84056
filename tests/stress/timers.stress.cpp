// SPDX-License-Identifier: BSL-1.0
// Arming, firing and disarming race: each timer either fires once or was disarmed, never both, never neither.
#include <antiphon/execution/random.hpp>
#include <antiphon/execution/timers.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

struct counting final : ap::timer {
    void fire() noexcept override { fired.fetch_add(1, std::memory_order_release); }  // pairs with the acquire in settle()
    std::atomic<int> fired{0};
};

/// Waits for a timer that could not be disarmed; how often it fired.
int settle(counting const& t) {
    while (t.fired.load(std::memory_order_acquire) == 0)
        std::this_thread::yield();
    return t.fired.load(std::memory_order_acquire);
}

void race(std::uint64_t seed, std::atomic<int>& wrong) {
    ap::random_source random{seed};
    auto const until = ap::clock::now() + 2s;
    while (ap::clock::now() < until) {
        std::deque<counting> timers(20);
        auto const now = ap::clock::now();
        for (counting& t : timers)
            ap::timer_thread::process().arm(t, now + std::chrono::microseconds{static_cast<int>(random() % 400) - 50});
        if (random() % 2 != 0) std::this_thread::sleep_for(std::chrono::microseconds{random() % 300});
        for (counting& t : timers) {
            bool const disarmed = ap::timer_thread::process().disarm(t);
            if (disarmed ? t.fired.load() != 0 : settle(t) != 1) ++wrong;
        }
    }
}

}  // namespace

TEST_CASE("a timer fires once or was disarmed, whatever races") {
    std::uint64_t const seed = 11;
    std::printf("timers.stress: seed %llu\n", static_cast<unsigned long long>(seed));
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < 3; ++t)
        threads.emplace_back([&, t] { race(seed + t, wrong); });
    for (std::thread& t : threads)
        t.join();
    CHECK(wrong == 0);
}
