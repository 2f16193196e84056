// SPDX-License-Identifier: BSL-1.0
// Asking with a callback, a thousand in flight.

#include <latch>
#include <string>

#include "antiphon/antiphon.hpp"
#include "support/bench.hpp"
#include "support/pools.hpp"

namespace ap = antiphon;

namespace {

constexpr int window = 1000;

template <class Ask>
void callbacks(benchmark::State& state, Ask&& ask) {
    bench::account const of{state, window};
    for (auto _ : state) {
        std::latch done{window};
        for (int i = 0; i < window; ++i)
            ask(i, done);
        done.wait();
    }
}

void antiphon_callbacks(benchmark::State& state) {
    ap::thread_pool pool{{.threads = bench::workers()}};
    auto const twice = ap::request{[](int x) { return bench::body(x); }} | ap::starts_on(pool);
    callbacks(state, [&twice](int x, std::latch& done) {
        twice.submit(x, [&done](ap::result<int> r) {
            benchmark::DoNotOptimize(*r);
            done.count_down();
        });
    });
}
BENCHMARK(antiphon_callbacks)->Name("callbacks, 1000 in flight/antiphon")->UseRealTime();

template <class Pool>
void peer_callbacks(benchmark::State& state) {
    Pool pool{bench::workers()};
    callbacks(state, [&pool](int x, std::latch& done) {
        pool.post([x, &done] {
            benchmark::DoNotOptimize(bench::body(x));
            done.count_down();
        });
    });
}
bool const registered = [] {
    bench::for_every_posting_peer([]<class Pool>() {
        benchmark::RegisterBenchmark((std::string{"callbacks, 1000 in flight/"} + Pool::name).c_str(), peer_callbacks<Pool>)
            ->UseRealTime();
    });
    return true;
}();

}  // namespace
