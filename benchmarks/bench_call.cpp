// SPDX-License-Identifier: BSL-1.0
// Asking and waiting, in one thread: call() beside the call itself and what the standard offers for it.

#include <functional>
#include <future>

#include "antiphon/antiphon.hpp"
#include "support/bench.hpp"

namespace ap = antiphon;

namespace {

void direct(benchmark::State& state) {
    bench::account const of{state};
    int x = 0;
    for (auto _ : state)
        benchmark::DoNotOptimize(x = bench::body(x + 1));
}
BENCHMARK(direct)->Name("call/direct");

void deduced(benchmark::State& state) {
    bench::account const of{state};
    ap::request const twice{[](int x) { return bench::body(x); }};
    int x = 0;
    for (auto _ : state)
        benchmark::DoNotOptimize(x = *twice.call(x + 1));
}
BENCHMARK(deduced)->Name("call/antiphon, deduced");

void erased(benchmark::State& state) {
    bench::account const of{state};
    ap::request<int(int)> twice = [](int x) { return bench::body(x); };
    benchmark::DoNotOptimize(twice);
    int x = 0;
    for (auto _ : state)
        benchmark::DoNotOptimize(x = *twice.call(x + 1));
}
BENCHMARK(erased)->Name("call/antiphon, erased");

void bound(benchmark::State& state) {
    bench::account const of{state};
    auto const twice = ap::request{[](int x) { return bench::body(x); }} | ap::starts_on(ap::inline_executor{});
    int x = 0;
    for (auto _ : state)
        benchmark::DoNotOptimize(x = *twice.call(x + 1));
}
BENCHMARK(bound)->Name("call/antiphon, on an inline_executor");

void function(benchmark::State& state) {
    bench::account const of{state};
    std::function<int(int)> twice = [](int x) { return bench::body(x); };
    benchmark::DoNotOptimize(twice);
    int x = 0;
    for (auto _ : state)
        benchmark::DoNotOptimize(x = twice(x + 1));
}
BENCHMARK(function)->Name("call/std::function");

void packaged(benchmark::State& state) {
    bench::account const of{state};
    int x = 0;
    for (auto _ : state) {
        std::packaged_task<int(int)> task{[](int n) { return bench::body(n); }};
        auto answer = task.get_future();
        task(x + 1);
        benchmark::DoNotOptimize(x = answer.get());
    }
}
BENCHMARK(packaged)->Name("call/std::packaged_task");

void deferred(benchmark::State& state) {
    bench::account const of{state};
    int x = 0;
    for (auto _ : state)
        benchmark::DoNotOptimize(x = std::async(std::launch::deferred, bench::body, x + 1).get());
}
BENCHMARK(deferred)->Name("call/std::async, deferred");

}  // namespace
