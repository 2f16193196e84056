// SPDX-License-Identifier: BSL-1.0
// Asks over the broker in the process, and what the correlation of an answer with its ask costs.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/messaging/client.hpp"
#include "antiphon/messaging/detail/identity.hpp"
#include "antiphon/messaging/detail/table.hpp"
#include "antiphon/messaging/loopback.hpp"
#include "support/bench.hpp"

namespace ap = antiphon;
namespace ms = antiphon::messaging;

namespace {

ap::request<int(int)> in_place() {
    return ap::request{[](int x) { return bench::body(x); }} | ap::starts_on(ap::inline_executor{});
}

// A question, its answer, and everything between: encoded, routed, decoded, run, and back.
void loopback_call(benchmark::State& state) {
    ms::loopback const broker;
    ms::client const bus{broker};
    auto const serving = bus.serve("bench.body", in_place());
    auto const ask = bus.request<int(int)>("bench.body");
    bench::account const account{state};
    for (auto _ : state)
        benchmark::DoNotOptimize(ask.call(1).value());
}
BENCHMARK(loopback_call)->Name("messaging/antiphon, call over the loopback");

void loopback_submit_get(benchmark::State& state) {
    ms::loopback const broker;
    ms::client const bus{broker};
    auto const serving = bus.serve("bench.body", in_place());
    auto const ask = bus.request<int(int)>("bench.body");
    bench::account const account{state};
    for (auto _ : state)
        benchmark::DoNotOptimize(ask.submit(1).get().value());
}
BENCHMARK(loopback_submit_get)->Name("messaging/antiphon, submit and get over the loopback")->Threads(1)->Threads(2)->UseRealTime();

// The work of the table alone: an id, in, found by it, out; with so many others inside.
void correlation(benchmark::State& state) {
    struct node : ms::detail::table_node {};
    ms::detail::table<node> table;
    ms::detail::id_source ids{{}};
    std::vector<node> others(static_cast<std::size_t>(state.range(0)));
    for (node& each : others)
        static_cast<void>(table.insert(each, ids.next()));
    bench::account const account{state};
    node mine;
    for (auto _ : state) {
        std::uint64_t const id = ids.next();
        static_cast<void>(table.insert(mine, id));
        benchmark::DoNotOptimize(table.take(id));
    }
}
BENCHMARK(correlation)->Name("messaging/antiphon, correlation")->Arg(0)->Arg(1'000)->Arg(1'000'000);

}  // namespace
