// SPDX-License-Identifier: BSL-1.0
// Waiting for all of many answers: when_all of 1000 futures on the pool, and of promises in one thread.

#include <future>
#include <latch>
#include <utility>
#include <vector>

#include "antiphon/request/when_all.hpp"
#include "antiphon/antiphon.hpp"
#include "support/bench.hpp"
#include "support/pools.hpp"

#if ANTIPHON_BENCH_YACLIB
#include <yaclib/async/when_all.hpp>
#endif

namespace ap = antiphon;

namespace {

constexpr int inputs = 1000;

void on_the_pool(benchmark::State& state) {
    ap::thread_pool pool{{.threads = bench::workers()}};
    auto const twice = ap::request{[](int x) { return bench::body(x); }} | ap::starts_on(pool);
    bench::account const of{state, inputs};
    for (auto _ : state) {
        std::vector<ap::future<int>> answers;
        answers.reserve(inputs);
        for (int i = 0; i < inputs; ++i)
            answers.push_back(twice.submit(i));
        benchmark::DoNotOptimize(ap::when_all(std::move(answers)).get()->size());
    }
}
BENCHMARK(on_the_pool)->Name("all of 1000, on the pool/antiphon, when_all")->UseRealTime();

void one_by_one(benchmark::State& state) {
    bench::std_pool<std::packaged_task<int()>> pool{bench::workers()};
    bench::account const of{state, inputs};
    for (auto _ : state) {
        std::vector<std::future<int>> answers;
        answers.reserve(inputs);
        for (int i = 0; i < inputs; ++i) {
            std::packaged_task<int()> task{[i] { return bench::body(i); }};
            answers.push_back(task.get_future());
            pool.post(std::move(task));
        }
        std::vector<int> values;
        values.reserve(inputs);
        for (std::future<int>& each : answers)
            values.push_back(each.get());
        benchmark::DoNotOptimize(values.size());
    }
}
BENCHMARK(one_by_one)->Name("all of 1000, on the pool/std (packaged_task, get one by one)")->UseRealTime();

#if ANTIPHON_BENCH_TBB
void tbb_latch(benchmark::State& state) {
    tbb::task_arena arena{static_cast<int>(bench::workers()), 0};
    bench::account const of{state, inputs};
    for (auto _ : state) {
        std::vector<int> values(inputs);
        std::latch done{inputs};
        for (int i = 0; i < inputs; ++i)
            arena.enqueue([i, &values, &done] {
                values[static_cast<std::size_t>(i)] = bench::body(i);
                done.count_down();
            });
        done.wait();
        benchmark::DoNotOptimize(values.data());
    }
}
BENCHMARK(tbb_latch)->Name("all of 1000, on the pool/oneTBB (enqueue, latch)")->UseRealTime();
#endif

#if ANTIPHON_BENCH_YACLIB
void yaclib_when_all(benchmark::State& state) {
    bench::yaclib_pool pool{bench::workers()};
    bench::account const of{state, inputs};
    for (auto _ : state) {
        std::vector<yaclib::FutureOn<int>> answers;
        answers.reserve(inputs);
        for (int i = 0; i < inputs; ++i)
            answers.push_back(pool.submit([i] { return bench::body(i); }));
        benchmark::DoNotOptimize(yaclib::WhenAll(answers.begin(), answers.end()).Get().Ok().size());
    }
}
BENCHMARK(yaclib_when_all)->Name("all of 1000, on the pool/YACLib, WhenAll")->UseRealTime();
#endif

void of_promises(benchmark::State& state) {
    bench::account const of{state, inputs};
    for (auto _ : state) {
        std::vector<ap::promise<int>> asked(inputs);
        std::vector<ap::future<int>> answers;
        answers.reserve(inputs);
        for (ap::promise<int>& each : asked)
            answers.push_back(each.get_future());
        auto all = ap::when_all(std::move(answers));
        for (ap::promise<int>& each : asked)
            each.set_value(1);
        benchmark::DoNotOptimize(std::move(all).get()->size());
    }
}
BENCHMARK(of_promises)->Name("all of 1000 promises, one thread/antiphon, when_all");

}  // namespace
