// SPDX-License-Identifier: BSL-1.0
#include <chrono>
#include <cstddef>

#include "antiphon/execution/timers.hpp"
#include "instructions/body.hpp"

namespace ap = antiphon;

namespace {

struct silent final : ap::timer {
    void fire() noexcept override {}
};

}  // namespace

// A timer that is set and taken back, with a hundred others before and after it. The first one wakes the timer thread, the others do not.
int main(int argc, char** argv) {
    int const n = operations(argc, argv);
    constexpr std::size_t others = 100;
    silent waiting[others];
    silent mine;
    ap::timer_thread& timers = ap::timer_thread::process();
    ap::time_point const begin = ap::clock::now() + std::chrono::hours{1};
    for (std::size_t i = 0; i != others; ++i)
        timers.arm(waiting[i], begin + std::chrono::seconds{i});
    long sum = 0;
    for (int i = 0; i < n; ++i) {
        timers.arm(mine, begin + std::chrono::milliseconds{100 + body(i) % 90'000});
        sum += timers.disarm(mine) ? 1 : 0;
    }
    for (silent& each : waiting)
        static_cast<void>(timers.disarm(each));
    return sum == -1;
}
