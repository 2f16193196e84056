// SPDX-License-Identifier: BSL-1.0
// Asking without waiting: one round trip, a million futures, callbacks with a thousand in flight.

#include <functional>
#include <future>
#include <latch>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "support/bench.hpp"
#include "support/peers.hpp"
#include "support/std_pool.hpp"

namespace ap = antiphon;

namespace {

constexpr int many = 1'000'000;
constexpr int window = 1000;

// --- one at a time: ask, then wait for the answer ------------------------------------------------------------------------

template <class Ask>
void round_trip(benchmark::State& state, Ask&& ask) {
    bench::account const of{state};
    int x = 0;
    for (auto _ : state)
        benchmark::DoNotOptimize(x = ask(x + 1));
}

// --- a million futures, then all their values ----------------------------------------------------------------------------

template <class Future, class Ask>
void fan_out(benchmark::State& state, Ask&& ask) {
    std::vector<Future> answers;
    answers.reserve(many);
    bench::account const of{state, many};
    for (auto _ : state) {
        for (int i = 0; i < many; ++i)
            answers.push_back(ask(i));
        long sum = 0;
        for (Future& each : answers) {
            if constexpr (requires { *std::move(each).get(); }) {
                sum += *std::move(each).get();
            } else {
                sum += each.get();
            }
        }
        benchmark::DoNotOptimize(sum);
        answers.clear();
    }
}

// --- callbacks -----------------------------------------------------------------------------------------------------------

template <class Post>
void callbacks(benchmark::State& state, Post&& post) {
    bench::account const of{state, window};
    for (auto _ : state) {
        std::latch done{window};
        for (int i = 0; i < window; ++i)
            post(i, done);
        done.wait();
    }
}

// --- antiphon ------------------------------------------------------------------------------------------------------------

ap::thread_pool& lending() {
    static ap::thread_pool pool{{.threads = bench::workers()}};
    return pool;
}
ap::thread_pool& keeping() {
    static ap::thread_pool pool{{.threads = bench::workers(), .claimable = false}};
    return pool;
}
auto twice_on(ap::thread_pool& pool) {
    return ap::request{[](int x) { return bench::body(x); }} | ap::starts_on(pool);
}

void antiphon_claimed(benchmark::State& state) {
    round_trip(state, [twice = twice_on(lending())](int x) { return *twice.submit(x).get(); });
}
BENCHMARK(antiphon_claimed)->Name("round trip/antiphon, the waiter may run it")->UseRealTime();
void antiphon_forced(benchmark::State& state) {
    round_trip(state, [twice = twice_on(keeping())](int x) { return *twice.submit(x).get(); });
}
BENCHMARK(antiphon_forced)->Name("round trip, by the pool/antiphon")->UseRealTime();
void antiphon_fan_out(benchmark::State& state) {
    fan_out<ap::future<int>>(state, [twice = twice_on(lending())](int x) { return twice.submit(x); });
}
BENCHMARK(antiphon_fan_out)->Name("1 M futures/antiphon")->UseRealTime()->Iterations(1);
void antiphon_fan_out_forced(benchmark::State& state) {
    fan_out<ap::future<int>>(state, [twice = twice_on(keeping())](int x) { return twice.submit(x); });
}
BENCHMARK(antiphon_fan_out_forced)->Name("1 M futures/antiphon, by the pool")->UseRealTime()->Iterations(1);
void antiphon_callbacks(benchmark::State& state) {
    callbacks(state, [twice = twice_on(lending())](int x, std::latch& done) {
        twice.submit(x, [&done](ap::result<int> r) {
            benchmark::DoNotOptimize(*r);
            done.count_down();
        });
    });
}
BENCHMARK(antiphon_callbacks)->Name("callbacks, 1000 in flight/antiphon")->UseRealTime();

// --- the standard library ------------------------------------------------------------------------------------------------

void async_round_trip(benchmark::State& state) {
    round_trip(state, [](int x) { return std::async(std::launch::async, bench::body, x).get(); });
}
BENCHMARK(async_round_trip)->Name("round trip, by the pool/std::async (a thread each)")->UseRealTime();

using packaged = std::packaged_task<int()>;
auto submit_to(bench::std_pool<packaged>& pool) {
    return [&pool](int x) {
        packaged task{[x] { return bench::body(x); }};
        std::future<int> answer = task.get_future();
        pool.post(std::move(task));
        return answer;
    };
}
void std_round_trip(benchmark::State& state) {
    bench::std_pool<packaged> pool{bench::workers()};
    round_trip(state, [ask = submit_to(pool)](int x) { return ask(x).get(); });
}
BENCHMARK(std_round_trip)->Name("round trip, by the pool/std (mutex, deque, packaged_task)")->UseRealTime();
void std_fan_out(benchmark::State& state) {
    bench::std_pool<packaged> pool{bench::workers()};
    fan_out<std::future<int>>(state, submit_to(pool));
}
BENCHMARK(std_fan_out)->Name("1 M futures/std (mutex, deque, packaged_task)")->UseRealTime()->Iterations(1);
void std_callbacks(benchmark::State& state) {
    bench::std_pool<std::function<void()>> pool{bench::workers()};
    callbacks(state, [&](int x, std::latch& done) {
        pool.post([x, &done] {
            benchmark::DoNotOptimize(bench::body(x));
            done.count_down();
        });
    });
}
BENCHMARK(std_callbacks)->Name("callbacks, 1000 in flight/std (mutex, deque, function)")->UseRealTime();

// --- asio ----------------------------------------------------------------------------------------------------------------

#if ANTIPHON_BENCH_ASIO
auto submit_to(asio::thread_pool& pool) {
    return [&pool](int x) { return asio::post(pool, asio::use_future([x] { return bench::body(x); })); };
}
void asio_round_trip(benchmark::State& state) {
    asio::thread_pool pool{bench::workers()};
    round_trip(state, [ask = submit_to(pool)](int x) { return ask(x).get(); });
}
BENCHMARK(asio_round_trip)->Name("round trip, by the pool/asio (use_future)")->UseRealTime();
void asio_fan_out(benchmark::State& state) {
    asio::thread_pool pool{bench::workers()};
    fan_out<std::future<int>>(state, submit_to(pool));
}
BENCHMARK(asio_fan_out)->Name("1 M futures/asio (use_future)")->UseRealTime()->Iterations(1);
void asio_callbacks(benchmark::State& state) {
    asio::thread_pool pool{bench::workers()};
    callbacks(state, [&](int x, std::latch& done) {
        asio::post(pool, [x, &done] {
            benchmark::DoNotOptimize(bench::body(x));
            done.count_down();
        });
    });
}
BENCHMARK(asio_callbacks)->Name("callbacks, 1000 in flight/asio")->UseRealTime();
#endif

// --- oneTBB --------------------------------------------------------------------------------------------------------------

#if ANTIPHON_BENCH_TBB
auto submit_to(tbb::task_arena& arena) {
    return [&arena](int x) {
        std::promise<int> promise;
        std::future<int> answer = promise.get_future();
        // enqueue copies what it is given
        arena.enqueue([x, p = std::make_shared<std::promise<int>>(std::move(promise))] { p->set_value(bench::body(x)); });
        return answer;
    };
}
void tbb_round_trip(benchmark::State& state) {
    tbb::task_arena arena{static_cast<int>(bench::workers()), 0};
    round_trip(state, [ask = submit_to(arena)](int x) { return ask(x).get(); });
}
BENCHMARK(tbb_round_trip)->Name("round trip, by the pool/oneTBB (enqueue, promise)")->UseRealTime();
void tbb_fan_out(benchmark::State& state) {
    tbb::task_arena arena{static_cast<int>(bench::workers()), 0};
    fan_out<std::future<int>>(state, submit_to(arena));
}
BENCHMARK(tbb_fan_out)->Name("1 M futures/oneTBB (enqueue, promise)")->UseRealTime()->Iterations(1);
void tbb_callbacks(benchmark::State& state) {
    tbb::task_arena arena{static_cast<int>(bench::workers()), 0};
    callbacks(state, [&](int x, std::latch& done) {
        arena.enqueue([x, &done] {
            benchmark::DoNotOptimize(bench::body(x));
            done.count_down();
        });
    });
}
BENCHMARK(tbb_callbacks)->Name("callbacks, 1000 in flight/oneTBB (enqueue)")->UseRealTime();
#endif

}  // namespace
