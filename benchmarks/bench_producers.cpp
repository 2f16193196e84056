// SPDX-License-Identifier: BSL-1.0
// Fire and forget: bare jobs posted from outside by two and by four threads.

#include <string>

#include "support/bench.hpp"
#include "support/pools.hpp"
#include "support/posting.hpp"

namespace {

bool const registered = [] {
    bench::for_every_pool([]<class Pool>() {
        for (unsigned producers : {2u, 4u})
            benchmark::RegisterBenchmark(
                ("posts from " + std::to_string(producers) + " threads/" + Pool::name).c_str(),
                [producers](benchmark::State& s) { bench::posts_from_several<Pool>(s, producers, bench::workers(), 100'000); })
                ->UseRealTime();
    });
    return true;
}();

}  // namespace
