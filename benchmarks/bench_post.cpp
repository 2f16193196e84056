// SPDX-License-Identifier: BSL-1.0
// Fire and forget: bare jobs posted from outside by one thread.

#include <string>

#include "support/bench.hpp"
#include "support/pools.hpp"
#include "support/posting.hpp"

namespace {

bool const registered = [] {
    bench::for_every_pool([]<class Pool>() {
        benchmark::RegisterBenchmark((std::string{"posts from one thread/"} + Pool::name).c_str(), [](benchmark::State& s) {
            bench::posts_from_one<Pool>(s, bench::workers(), 100'000);
        })->UseRealTime();
    });
    return true;
}();

}  // namespace
