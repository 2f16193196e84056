// SPDX-License-Identifier: BSL-1.0
// Timers that are set and, as most of them are, taken back before they ring: 100 000 at a time, in random order.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <numeric>
#include <random>
#include <vector>

#include "antiphon/execution/timers.hpp"
#include "antiphon/antiphon.hpp"
#include "support/bench.hpp"
#include "support/peers.hpp"

namespace ap = antiphon;

namespace {

constexpr std::size_t many = 100'000;

/// Moments an hour or two from now, and an order to go back through them.
struct plan {
    plan() : moments(many), order(many) {
        std::mt19937 random{7};
        ap::time_point const now = ap::clock::now() + std::chrono::hours{1};
        for (ap::time_point& each : moments)
            each = now + std::chrono::microseconds{random() % 3'600'000'000u};
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::shuffle(order.begin(), order.end(), random);
    }
    std::vector<ap::time_point> moments;
    std::vector<std::size_t> order;
};
plan const& a_plan() {
    static plan const p;
    return p;
}

enum class part {
    schedule,
    cancel
};
/// Times one part of `schedule(i)` for all and then `cancel(i)` for all; what `tidy()` does is not timed.
template <class Schedule, class Cancel, class Tidy>
void measure(benchmark::State& state, part timed, Schedule schedule, Cancel cancel, Tidy tidy) {
    plan const& p = a_plan();
    bench::account const of{state, many};
    for (auto _ : state) {
        auto const first = std::chrono::steady_clock::now();
        for (std::size_t i = 0; i != many; ++i)
            schedule(i, p.moments[i]);
        auto const second = std::chrono::steady_clock::now();
        for (std::size_t i : p.order)
            cancel(i);
        auto const third = std::chrono::steady_clock::now();
        state.SetIterationTime(std::chrono::duration<double>(timed == part::schedule ? second - first : third - second).count());
        tidy();
    }
}

struct silent final : ap::timer {
    void fire() noexcept override {}
};
void library(benchmark::State& state, part timed) {
    std::deque<silent> timers(many);
    measure(
        state, timed, [&](std::size_t i, ap::time_point when) { ap::timer_thread::process().arm(timers[i], when); },
        [&](std::size_t i) { benchmark::DoNotOptimize(ap::timer_thread::process().disarm(timers[i])); }, [] {});
    state.counters["bytes"] = sizeof(ap::timer);
}
BENCHMARK_CAPTURE(library, schedule, part::schedule)->Name("a timer, scheduled/antiphon")->UseManualTime();
BENCHMARK_CAPTURE(library, cancel, part::cancel)->Name("a timer, cancelled/antiphon")->UseManualTime();

#if ANTIPHON_BENCH_ASIO
void with_asio(benchmark::State& state, part timed) {
    asio::io_context context;
    std::deque<asio::steady_timer> timers;
    for (std::size_t i = 0; i != many; ++i)
        timers.emplace_back(context);
    measure(
        state, timed,
        [&](std::size_t i, ap::time_point when) {
            timers[i].expires_at(when);
            timers[i].async_wait([](asio::error_code const&) {});
        },
        [&](std::size_t i) { benchmark::DoNotOptimize(timers[i].cancel()); },
        [&] {
            context.restart();
            context.poll();
        });
}
BENCHMARK_CAPTURE(with_asio, schedule, part::schedule)->Name("a timer, scheduled/asio (steady_timer)")->UseManualTime();
BENCHMARK_CAPTURE(with_asio, cancel, part::cancel)->Name("a timer, cancelled/asio (steady_timer)")->UseManualTime();
#endif

}  // namespace
