// SPDX-License-Identifier: BSL-1.0
// A tree of jobs, each of which posts two: posting from inside.

#include <cstddef>
#include <latch>
#include <string>

#include "support/bench.hpp"
#include "support/pools.hpp"

namespace {

constexpr int depth = 16;
constexpr std::ptrdiff_t leaves = std::ptrdiff_t{1} << depth;

template <class Pool>
void grow(Pool& pool, int levels, std::latch& done) {
    if (levels == 0) {
        benchmark::DoNotOptimize(bench::body(levels));
        done.count_down();
        return;
    }
    for (int i = 0; i < 2; ++i)
        pool.post([&pool, levels, &done] { grow(pool, levels - 1, done); });
}

template <class Pool>
void tree(benchmark::State& state) {
    Pool pool{bench::workers()};
    bench::account const of{state, 2 * static_cast<std::size_t>(leaves) - 1};
    for (auto _ : state) {
        std::latch done{leaves};
        pool.post([&pool, &done] { grow(pool, depth, done); });
        done.wait();
    }
}

bool const registered = [] {
    bench::for_every_pool([]<class Pool>() {
        benchmark::RegisterBenchmark((std::string{"a tree posted from inside/"} + Pool::name).c_str(), tree<Pool>)->UseRealTime();
    });
    return true;
}();

}  // namespace
