// SPDX-License-Identifier: BSL-1.0
// Fire and forget: bare jobs posted from outside, by one thread and by several, to pools of every size.

#include <cstddef>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "support/bench.hpp"
#include "support/posting.hpp"

namespace {

constexpr int many = 100'000;

template <class Pool>
void post_many(Pool& pool, int count, std::latch& done) {
    for (int i = 0; i < count; ++i)
        pool.post([i, &done] {
            benchmark::DoNotOptimize(bench::body(i));
            done.count_down();
        });
}

template <class Pool>
void from_one(benchmark::State& state, unsigned workers) {
    Pool pool{workers};
    bench::account const of{state, many};
    for (auto _ : state) {
        std::latch done{many};
        post_many(pool, many, done);
        done.wait();
    }
}

template <class Pool>
void from_several(benchmark::State& state, unsigned producers) {
    Pool pool{bench::workers()};
    int const each = many / static_cast<int>(producers);
    bench::account const of{state, static_cast<std::size_t>(each) * producers};
    for (auto _ : state) {
        std::latch done{static_cast<std::ptrdiff_t>(each) * producers};
        std::vector<std::thread> threads;
        for (unsigned p = 0; p < producers; ++p)
            threads.emplace_back([&] { post_many(pool, each, done); });
        for (std::thread& t : threads)
            t.join();
        done.wait();
    }
}

void add(std::string const& workload, std::string const& who, auto run) {
    benchmark::RegisterBenchmark((workload + "/" + who).c_str(), run)->UseRealTime();
}

bool const registered = [] {
    bench::for_every_pool([]<class Pool>() {
        add("posts from one thread", Pool::name, [](benchmark::State& s) { from_one<Pool>(s, bench::workers()); });
        for (unsigned producers : {2u, 4u})
            add("posts from " + std::to_string(producers) + " threads", Pool::name,
                [producers](benchmark::State& s) { from_several<Pool>(s, producers); });
    });
    using ours = bench::antiphon_posts;
    for (unsigned workers : {1u, 2u, 4u, 16u, 64u})
        add("posts from one thread, by workers", "antiphon, " + std::to_string(workers),
            [workers](benchmark::State& s) { from_one<ours>(s, workers); });
    for (unsigned producers : {1u, 2u, 4u, 8u, 16u})
        add("posts, by posting threads", "antiphon, " + std::to_string(producers),
            [producers](benchmark::State& s) { from_several<ours>(s, producers); });
    return true;
}();

}  // namespace
