// SPDX-License-Identifier: BSL-1.0
// co_await: of a task that is ready at once, of a bare request, of a ready future, and of a turn on the pool.

#include "antiphon/antiphon.hpp"
#include "support/bench.hpp"
#include "support/peers.hpp"

#if ANTIPHON_BENCH_ASYNC_SIMPLE
#include <async_simple/coro/Lazy.h>
#include <async_simple/coro/SyncAwait.h>
#endif
#if ANTIPHON_BENCH_LIBFORK
#include <libfork.hpp>
#endif
#if ANTIPHON_BENCH_TMC
#include <tmc/aw_yield.hpp>
#include <tmc/ex_cpu.hpp>
#include <tmc/sync.hpp>
#include <tmc/task.hpp>
#endif

namespace ap = antiphon;

namespace {

constexpr int awaits = 1000;

ap::task<int> ready_task(int x) { co_return bench::body(x); }

template <class Request>
void run(benchmark::State& state, Request const& loop) {
    bench::account const of{state, awaits};
    for (auto _ : state)
        benchmark::DoNotOptimize(*loop.call());
}

void await_task(benchmark::State& state) {
    run(state, ap::request{[]() -> ap::task<int> {
            int x = 0;
            for (int i = 0; i < awaits; ++i)
                x = *co_await ready_task(x);
            co_return x;
        }});
}
BENCHMARK(await_task)->Name("co_await of a task/antiphon");

void await_request(benchmark::State& state) {
    run(state, ap::request{[]() -> ap::task<int> {
            ap::request const twice{[](int n) { return bench::body(n); }};
            int x = 0;
            for (int i = 0; i < awaits; ++i)
                x = *co_await twice(x);
            co_return x;
        }});
}
BENCHMARK(await_request)->Name("co_await of a request/antiphon, bare");

void await_hop(benchmark::State& state) {
    ap::thread_pool pool{{.threads = 1, .claimable = false}};
    run(state, ap::request{[]() -> ap::task<int> {
                   int x = 0;
                   for (int i = 0; i < awaits; ++i) {
                       co_await ap::reschedule();
                       x = bench::body(x);
                   }
                   co_return x;
               }} | ap::starts_on(pool));
}
BENCHMARK(await_hop)->Name("co_await of a turn on the pool/antiphon")->UseRealTime();

#if ANTIPHON_BENCH_ASIO
asio::awaitable<int> ready_awaitable(int x) { co_return bench::body(x); }

template <class Make>
void run_asio(benchmark::State& state, Make make) {
    asio::thread_pool pool{1};
    bench::account const of{state, awaits};
    for (auto _ : state)
        benchmark::DoNotOptimize(asio::co_spawn(pool, make(), asio::use_future).get());
}
void asio_task(benchmark::State& state) {
    run_asio(state, []() -> asio::awaitable<int> {
        int x = 0;
        for (int i = 0; i < awaits; ++i)
            x = co_await ready_awaitable(x);
        co_return x;
    });
}
BENCHMARK(asio_task)->Name("co_await of a task/asio")->UseRealTime();
void asio_hop(benchmark::State& state) {
    run_asio(state, []() -> asio::awaitable<int> {
        int x = 0;
        for (int i = 0; i < awaits; ++i) {
            co_await asio::post(asio::use_awaitable);
            x = bench::body(x);
        }
        co_return x;
    });
}
BENCHMARK(asio_hop)->Name("co_await of a turn on the pool/asio")->UseRealTime();
#endif

#if ANTIPHON_BENCH_ASYNC_SIMPLE
async_simple::coro::Lazy<int> ready_lazy(int x) { co_return bench::body(x); }
void async_simple_task(benchmark::State& state) {
    bench::account const of{state, awaits};
    for (auto _ : state)
        benchmark::DoNotOptimize(async_simple::coro::syncAwait([]() -> async_simple::coro::Lazy<int> {
            int x = 0;
            for (int i = 0; i < awaits; ++i)
                x = co_await ready_lazy(x);
            co_return x;
        }()));
}
BENCHMARK(async_simple_task)->Name("co_await of a task/async_simple");
#endif

#if ANTIPHON_BENCH_LIBFORK
inline constexpr auto libfork_ready = [](auto, int x) -> lf::task<int> { co_return bench::body(x); };
inline constexpr auto libfork_loop = [](auto) -> lf::task<int> {
    int x = 0;
    for (int i = 0; i < awaits; ++i)
        co_await lf::call(&x, libfork_ready)(x);
    co_await lf::join;
    co_return x;
};
void libfork_task(benchmark::State& state) {
    lf::lazy_pool pool{1};
    bench::account const of{state, awaits};
    for (auto _ : state)
        benchmark::DoNotOptimize(lf::sync_wait(pool, libfork_loop));
}
BENCHMARK(libfork_task)->Name("co_await of a task/libfork")->UseRealTime();
#endif

#if ANTIPHON_BENCH_TMC
template <class Make>
void run_tmc(benchmark::State& state, Make make) {
    tmc::ex_cpu executor;
    executor.set_thread_count(1).init();
    bench::account const of{state, awaits};
    for (auto _ : state)
        benchmark::DoNotOptimize(tmc::post_waitable(executor, make()).get());
}
tmc::task<int> ready_tmc(int x) { co_return bench::body(x); }
void tmc_task(benchmark::State& state) {
    run_tmc(state, []() -> tmc::task<int> {
        int x = 0;
        for (int i = 0; i < awaits; ++i)
            x = co_await ready_tmc(x);
        co_return x;
    });
}
BENCHMARK(tmc_task)->Name("co_await of a task/TooManyCooks")->UseRealTime();
void tmc_hop(benchmark::State& state) {
    run_tmc(state, []() -> tmc::task<int> {
        int x = 0;
        for (int i = 0; i < awaits; ++i) {
            co_await tmc::reschedule();
            x = bench::body(x);
        }
        co_return x;
    });
}
BENCHMARK(tmc_hop)->Name("co_await of a turn on the pool/TooManyCooks")->UseRealTime();
#endif

}  // namespace
