// SPDX-License-Identifier: BSL-1.0
// What each policy adds to an ask that succeeds at once: submit and get on an inline executor, one layer at a time, the whole stack, and a
// million asks through it in virtual time. The first line is the ask without any; a layer's cost is the difference.

#include <chrono>
#include <string>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "support/bench.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

auto bare() {
    return ap::request{[](int x) { return bench::body(x); }};
}

template <class Request>
void ask(benchmark::State& state, Request const request) {
    auto const bound = request | ap::starts_on(ap::inline_executor{});
    int x = bound.submit(1).get().value();
    bench::account const of{state};
    for (auto _ : state)
        benchmark::DoNotOptimize(x = *bound.submit(x + 1).get());
}
template <class Policy>
void layered(benchmark::State& state, Policy const& policy) {
    ask(state, bare() | policy);
}

void no_policy(benchmark::State& state) { ask(state, bare()); }
void priority(benchmark::State& state) { layered(state, ap::priority::high); }
void fallback(benchmark::State& state) { layered(state, ap::fallback(-1)); }
void layer(benchmark::State& state) {
    layered(state, ap::layer([](auto next, int x) { return next(x); }));
}
void retry(benchmark::State& state) { layered(state, ap::retry{}); }
void retry_with_budget(benchmark::State& state) { layered(state, ap::retry{.budget = ap::retry_budget{}}); }
void circuit_breaker(benchmark::State& state) { layered(state, ap::circuit_breaker{}); }
void observe(benchmark::State& state) { layered(state, ap::observe(ap::hooks{})); }
void stats(benchmark::State& state) { layered(state, ap::stats{{.stripes = 1}}); }
void coalesce(benchmark::State& state) { layered(state, ap::coalesce()); }
void cache_hit(benchmark::State& state) {
    layered(state, ap::cache{}.by([](int) { return 1; }));
}
void rate_limit(benchmark::State& state) { layered(state, ap::rate_limit{{.permits = 2'000'000'000, .per = 1h}}); }
void concurrency_limit(benchmark::State& state) { layered(state, ap::concurrency_limit{{.max_concurrent = 10}}); }
void adaptive_limit(benchmark::State& state) { layered(state, ap::adaptive_limit{}); }
void load_shed(benchmark::State& state) { layered(state, ap::load_shed{}); }
void load_shed_throttle(benchmark::State& state) { layered(state, ap::load_shed{{.throttle = true}}); }
void with_metadata(benchmark::State& state) { layered(state, ap::with_metadata{"tenant", "blue"}); }
void adaptive(benchmark::State& state) { layered(state, ap::adaptive{}); }
void within(benchmark::State& state) { layered(state, ap::within(1h)); }
void balance(benchmark::State& state) {
    ap::balance<int(int)> const one{{bare()}};
    ask(state, one.to_request());
}
void timeout(benchmark::State& state) { layered(state, ap::timeout{.limit = 1h}); }
void deadline(benchmark::State& state) { layered(state, ap::deadline{ap::clock::now() + 24h}); }
void hedge(benchmark::State& state) { layered(state, ap::hedge{.after = 1h}); }
void standard(benchmark::State& state) { layered(state, ap::standard{}); }
BENCHMARK(no_policy);
BENCHMARK(priority);
BENCHMARK(fallback);
BENCHMARK(layer);
BENCHMARK(retry);
BENCHMARK(retry_with_budget);
BENCHMARK(circuit_breaker);
BENCHMARK(observe);
BENCHMARK(stats);
BENCHMARK(with_metadata);
BENCHMARK(rate_limit);
BENCHMARK(concurrency_limit);
BENCHMARK(adaptive_limit);
BENCHMARK(load_shed);
BENCHMARK(load_shed_throttle);
BENCHMARK(adaptive);
BENCHMARK(coalesce);
BENCHMARK(cache_hit);
BENCHMARK(balance);
BENCHMARK(timeout);
BENCHMARK(within);
BENCHMARK(deadline);
BENCHMARK(hedge);
BENCHMARK(standard);

/// Recording alone, by several threads.
void stats_recording(benchmark::State& state) {
    static ap::stats const shared;
    ap::observer& target = shared.target();
    for (auto _ : state) {
        target.asked();
        target.completed(nullptr, 1ms);
    }
}
BENCHMARK(stats_recording)->Threads(1)->Threads(4);

void a_million_in_virtual_time(benchmark::State& state) {
    constexpr int many = 1'000'000;
    bench::account const of{state, many};
    for (auto _ : state) {
        ap::testing::simulation sim{1};
        ap::request slow{[](int x) -> ap::task<int> {
            co_await ap::sleep_for(3ms);
            co_return x;
        }};
        auto const stack = slow | ap::standard{} | ap::starts_on(sim);
        long sum = 0;
        for (int i = 0; i != many; ++i) {
            stack.submit(i, [&sum](ap::result<int> r) { sum += r.value_or(0); });
            if (i % 100 == 0) sim.advance(1ms);
        }
        sim.run();
        benchmark::DoNotOptimize(sum);
    }
}
BENCHMARK(a_million_in_virtual_time)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
