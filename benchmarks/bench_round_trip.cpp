// SPDX-License-Identifier: BSL-1.0
// Ask, then wait for the answer, one at a time: by the pool, and where the waiter may run it itself.

#include <future>
#include <string>

#include "antiphon/antiphon.hpp"
#include "support/bench.hpp"
#include "support/pools.hpp"

namespace ap = antiphon;

namespace {

template <class Ask>
void round_trip(benchmark::State& state, Ask&& ask) {
    bench::account const of{state};
    int x = 0;
    for (auto _ : state)
        benchmark::DoNotOptimize(x = ask(x + 1));
}

void antiphon_round_trip(benchmark::State& state, bool claimable) {
    ap::thread_pool pool{{.threads = bench::workers(), .claimable = claimable}};
    auto const twice = ap::request{[](int x) { return bench::body(x); }} | ap::starts_on(pool);
    round_trip(state, [&twice](int x) { return *twice.submit(x).get(); });
}
BENCHMARK_CAPTURE(antiphon_round_trip, claimed, true)->Name("round trip/antiphon, the waiter may run it")->UseRealTime();
BENCHMARK_CAPTURE(antiphon_round_trip, forced, false)->Name("round trip, by the pool/antiphon")->UseRealTime();

void async_round_trip(benchmark::State& state) {
    round_trip(state, [](int x) { return std::async(std::launch::async, bench::body, x).get(); });
}
BENCHMARK(async_round_trip)->Name("round trip, by the pool/std::async (a thread each)")->UseRealTime();

template <class Pool>
void peer_round_trip(benchmark::State& state) {
    Pool pool{bench::workers()};
    round_trip(state, [&pool](int x) { return pool.get(pool.submit([x] { return bench::body(x); })); });
}
bool const registered = [] {
    bench::for_every_asking_peer([]<class Pool>() {
        benchmark::RegisterBenchmark((std::string{"round trip, by the pool/"} + Pool::name).c_str(), peer_round_trip<Pool>)
            ->UseRealTime();
    });
    return true;
}();

}  // namespace
