// SPDX-License-Identifier: BSL-1.0
// What a job costs as pools, producers and the number of asks in flight grow beyond the machine. Names end in a number: the report draws lines.

#include <cstddef>
#include <string>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "support/bench.hpp"
#include "support/pools.hpp"
#include "support/posting.hpp"

namespace ap = antiphon;

namespace {

template <class Pool>
void by_workers_and_producers(std::string const& who) {
    constexpr int many = 50'000;
    for (unsigned workers : {1u, 2u, 4u, 8u, 16u, 32u, 64u})
        benchmark::RegisterBenchmark(("scaling, workers/" + who + ", " + std::to_string(workers)).c_str(), [workers](
                                                                                                               benchmark::State& s) {
            bench::posts_from_one<Pool>(s, workers, many);
        })->UseRealTime();
    for (unsigned producers : {1u, 2u, 4u, 8u, 16u})
        benchmark::RegisterBenchmark(
            ("scaling, posting threads/" + who + ", " + std::to_string(producers)).c_str(),
            [producers](benchmark::State& s) { bench::posts_from_several<Pool>(s, producers, bench::workers(), many); })
            ->UseRealTime();
}

/// So many asks that nobody has answered, each with its future; then they are answered in order, and taken.
void in_flight(benchmark::State& state, std::size_t count) {
    std::vector<ap::promise<int>> asked;
    std::vector<ap::future<int>> answers;
    asked.reserve(count);
    answers.reserve(count);
    // A short round is repeated, so that the clock's own cost does not count.
    std::size_t const rounds = count < 10'000 ? 10'000 / count : 1;
    bench::account const of{state, count * rounds};
    for (auto _ : state)
        for (std::size_t round = 0; round != rounds; ++round) {
            for (std::size_t i = 0; i != count; ++i)
                answers.push_back(asked.emplace_back().get_future());
            for (ap::promise<int>& each : asked)
                each.set_value(bench::body(1));
            asked.clear();
            long sum = 0;
            for (ap::future<int>& each : answers)
                sum += *std::move(each).get();
            benchmark::DoNotOptimize(sum);
            answers.clear();
        }
}

/// The same for asks that wait in an executor's queue, each with a callback.
void queued(benchmark::State& state, std::size_t count) {
    ap::manual_executor queue;
    auto const twice = ap::request{[](int x) { return bench::body(x); }} | ap::starts_on(queue);
    std::size_t const rounds = count < 10'000 ? 10'000 / count : 1;
    bench::account const of{state, count * rounds};
    for (auto _ : state)
        for (std::size_t round = 0; round != rounds; ++round) {
            long sum = 0;
            for (std::size_t i = 0; i != count; ++i)
                twice.submit(1, [&sum](ap::result<int> r) { sum += *r; });
            static_cast<void>(queue.run());
            benchmark::DoNotOptimize(sum);
        }
}

bool const registered = [] {
    by_workers_and_producers<bench::antiphon_posts>("antiphon");
#if ANTIPHON_BENCH_ASIO
    by_workers_and_producers<bench::asio_pool>("asio");
#endif
#if ANTIPHON_BENCH_TBB
    by_workers_and_producers<bench::tbb_pool>("oneTBB (enqueue)");
#endif
    for (std::size_t count : {100u, 1'000u, 10'000u, 100'000u, 1'000'000u, 10'000'000u}) {
        std::string const end = ", " + std::to_string(count);
        benchmark::RegisterBenchmark(("in flight/antiphon, promises" + end).c_str(),
                                     [count](benchmark::State& s) { in_flight(s, count); });
        benchmark::RegisterBenchmark(("in flight/antiphon, queued with a callback" + end).c_str(),
                                     [count](benchmark::State& s) { queued(s, count); });
    }
    return true;
}();

}  // namespace
