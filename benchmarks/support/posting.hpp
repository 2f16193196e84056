// SPDX-License-Identifier: BSL-1.0
#pragma once
// Many bare jobs to a pool, by one thread and by several, until all have run.

#include <cstddef>
#include <latch>
#include <thread>
#include <vector>

#include "support/bench.hpp"

namespace bench {

template <class Pool>
void post_many(Pool& pool, int count, std::latch& done) {
    for (int i = 0; i < count; ++i)
        pool.post([i, &done] {
            benchmark::DoNotOptimize(body(i));
            done.count_down();
        });
}

template <class Pool>
void posts_from_one(benchmark::State& state, unsigned workers, int many) {
    Pool pool{workers};
    account const of{state, static_cast<std::size_t>(many)};
    for (auto _ : state) {
        std::latch done{many};
        post_many(pool, many, done);
        done.wait();
    }
}

/// The threads are there before the clock runs.
template <class Pool>
void posts_from_several(benchmark::State& state, unsigned producers, unsigned workers, int many) {
    Pool pool{workers};
    int const each = many / static_cast<int>(producers);
    std::ptrdiff_t const jobs = static_cast<std::ptrdiff_t>(each) * producers;
    account const of{state, static_cast<std::size_t>(jobs)};
    for (auto _ : state) {
        state.PauseTiming();
        std::latch done{jobs}, ready{producers}, go{1};
        std::vector<std::thread> threads;
        for (unsigned p = 0; p < producers; ++p)
            threads.emplace_back([&] {
                ready.count_down();
                go.wait();
                post_many(pool, each, done);
            });
        ready.wait();
        state.ResumeTiming();
        go.count_down();
        done.wait();
        state.PauseTiming();
        for (std::thread& t : threads)
            t.join();
        state.ResumeTiming();
    }
}

}  // namespace bench
