// SPDX-License-Identifier: BSL-1.0
// A million asks with a future each, from one thread, and then all their answers.

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "support/bench.hpp"
#include "support/pools.hpp"

namespace ap = antiphon;

namespace {

constexpr int many = 1'000'000;

template <class Ask, class Get>
void fan_out(benchmark::State& state, Ask&& ask, Get&& get) {
    using future = std::invoke_result_t<Ask&, int>;
    std::vector<future> answers;
    answers.reserve(many);
    bench::account const of{state, many};
    for (auto _ : state) {
        for (int i = 0; i < many; ++i)
            answers.push_back(ask(i));
        long sum = 0;
        for (future& each : answers)
            sum += get(std::move(each));
        benchmark::DoNotOptimize(sum);
        answers.clear();
    }
}

void antiphon_fan_out(benchmark::State& state, bool claimable) {
    ap::thread_pool pool{{.threads = bench::workers(), .claimable = claimable}};
    auto const twice = ap::request{[](int x) { return bench::body(x); }} | ap::starts_on(pool);
    fan_out(state, [&twice](int x) { return twice.submit(x); }, [](ap::future<int> f) { return *std::move(f).get(); });
}
BENCHMARK_CAPTURE(antiphon_fan_out, claimed, true)->Name("1 M futures/antiphon")->UseRealTime()->Iterations(1);
BENCHMARK_CAPTURE(antiphon_fan_out, forced, false)->Name("1 M futures/antiphon, by the pool")->UseRealTime()->Iterations(1);

template <class Pool>
void peer_fan_out(benchmark::State& state) {
    Pool pool{bench::workers()};
    fan_out(
        state, [&pool](int x) { return pool.submit([x] { return bench::body(x); }); },
        [&pool](auto&& answer) { return pool.get(std::move(answer)); });
}
bool const registered = [] {
    bench::for_every_asking_peer([]<class Pool>() {
        benchmark::RegisterBenchmark((std::string{"1 M futures/"} + Pool::name).c_str(), peer_fan_out<Pool>)
            ->UseRealTime()
            ->Iterations(1);
    });
    return true;
}();

}  // namespace
