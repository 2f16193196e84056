// SPDX-License-Identifier: BSL-1.0
// What comes after an answer: .then on one that is there, and on one that is still to come.

#include <utility>

#include "antiphon/antiphon.hpp"
#include "support/bench.hpp"

#if ANTIPHON_BENCH_YACLIB
#include <yaclib/async/contract.hpp>
#endif
#if ANTIPHON_BENCH_ASYNC_SIMPLE
#include <async_simple/Future.h>
#include <async_simple/Promise.h>
#endif
#if ANTIPHON_BENCH_STDEXEC
#include <stdexec/execution.hpp>
#endif

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
BENCHMARK(promise_alone)->Name("promise and future/antiphon");

void then_ready(benchmark::State& state) {
    bench::account const of{state};
    int x = 0;
    for (auto _ : state)
        benchmark::DoNotOptimize(x = *ready_future(x).then([](int n) { return bench::body(n); }).get());
}
BENCHMARK(then_ready)->Name("then, ready, with its promise/antiphon");

void then_ready_value(benchmark::State& state) {
    bench::account const of{state};
    int x = 0;
    for (auto _ : state)
        benchmark::DoNotOptimize(x = *ap::make_future(x).then([](int n) { return bench::body(n); }).get());
}
BENCHMARK(then_ready_value)->Name("then, on a value/antiphon, make_future");

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
BENCHMARK(then_pending)->Name("then, pending, with its promise/antiphon");

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
BENCHMARK(chain)->Name("then, a link of a chain of 1000/antiphon");

// --- peers ---------------------------------------------------------------------------------------------------------------

#if ANTIPHON_BENCH_STDEXEC
void stdexec_value(benchmark::State& state) {
    bench::account const of{state};
    int x = 0;
    for (auto _ : state)
        benchmark::DoNotOptimize(
            x = std::get<0>(*stdexec::sync_wait(stdexec::just(x) | stdexec::then([](int n) { return bench::body(n); }))));
}
BENCHMARK(stdexec_value)->Name("then, on a value/stdexec, just");
#endif

#if ANTIPHON_BENCH_YACLIB
void yaclib_alone(benchmark::State& state) {
    bench::account const of{state};
    int x = 0;
    for (auto _ : state) {
        auto [f, p] = yaclib::MakeContract<int>();
        std::move(p).Set(x);
        benchmark::DoNotOptimize(x = std::move(f).Get().Ok());
    }
}
BENCHMARK(yaclib_alone)->Name("promise and future/YACLib");
void yaclib_pending(benchmark::State& state) {
    bench::account const of{state};
    int x = 0;
    for (auto _ : state) {
        auto [f, p] = yaclib::MakeContract<int>();
        auto then = std::move(f).ThenInline([](int n) { return bench::body(n); });
        std::move(p).Set(x + 1);
        benchmark::DoNotOptimize(x = std::move(then).Get().Ok());
    }
}
BENCHMARK(yaclib_pending)->Name("then, pending, with its promise/YACLib");
void yaclib_chain(benchmark::State& state) {
    bench::account const of{state, links};
    for (auto _ : state) {
        auto [f, p] = yaclib::MakeContract<int>();
        yaclib::Future<int> last = std::move(f);
        for (int i = 0; i < links; ++i)
            last = std::move(last).ThenInline([](int n) { return n + 1; });
        std::move(p).Set(0);
        benchmark::DoNotOptimize(std::move(last).Get().Ok());
    }
}
BENCHMARK(yaclib_chain)->Name("then, a link of a chain of 1000/YACLib");
#endif

#if ANTIPHON_BENCH_ASYNC_SIMPLE
void async_simple_value(benchmark::State& state) {
    bench::account const of{state};
    int x = 0;
    for (auto _ : state)
        benchmark::DoNotOptimize(x = async_simple::makeReadyFuture(int{x}).thenValue([](int n) { return bench::body(n); }).get());
}
BENCHMARK(async_simple_value)->Name("then, on a value/async_simple, makeReadyFuture");
void async_simple_pending(benchmark::State& state) {
    bench::account const of{state};
    int x = 0;
    for (auto _ : state) {
        async_simple::Promise<int> p;
        auto then = p.getFuture().thenValue([](int n) { return bench::body(n); });
        p.setValue(x + 1);
        benchmark::DoNotOptimize(x = std::move(then).get());
    }
}
BENCHMARK(async_simple_pending)->Name("then, pending, with its promise/async_simple");
#endif

}  // namespace
