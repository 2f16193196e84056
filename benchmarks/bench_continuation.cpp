// SPDX-License-Identifier: BSL-1.0
// What comes after an answer: .then on one that is there, and on one that is still to come.

#include "antiphon/antiphon.hpp"
#include "support/bench.hpp"

namespace ap = antiphon;

namespace {

ap::future<int> ready_future(int x) {
    ap::promise<int> p;
    ap::future<int> f = p.get_future();
    p.set_value(x);
    return f;
}

void promise_alone(benchmark::State& state) {
    bench::account const of{state};
    int x = 0;
    for (auto _ : state)
        benchmark::DoNotOptimize(x = *ready_future(x).get());
}
BENCHMARK(promise_alone)->Name("continuation/antiphon, promise and future alone");

void then_ready(benchmark::State& state) {
    bench::account const of{state};
    int x = 0;
    for (auto _ : state)
        benchmark::DoNotOptimize(x = *ready_future(x).then([](int n) { return bench::body(n); }).get());
}
BENCHMARK(then_ready)->Name("continuation/antiphon, then on a ready future, with its promise");

void then_pending(benchmark::State& state) {
    bench::account const of{state};
    int x = 0;
    for (auto _ : state) {
        ap::promise<int> p;
        ap::future<int> f = p.get_future().then([](int n) { return bench::body(n); });
        p.set_value(x + 1);
        benchmark::DoNotOptimize(x = *std::move(f).get());
    }
}
BENCHMARK(then_pending)->Name("continuation/antiphon, then on a pending future, with its promise");

constexpr int links = 1000;
void chain(benchmark::State& state) {
    bench::account const of{state, links};
    for (auto _ : state) {
        ap::promise<int> p;
        ap::future<int> f = p.get_future();
        for (int i = 0; i < links; ++i)
            f = std::move(f).then([](int n) { return n + 1; });
        p.set_value(0);
        benchmark::DoNotOptimize(*std::move(f).get());
    }
}
BENCHMARK(chain)->Name("continuation/antiphon, a link of a chain of 1000");

}  // namespace
