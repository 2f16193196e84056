// SPDX-License-Identifier: BSL-1.0
// The tail at scale: one answer in a hundred is slow, a question to a hundred servers is slow nearly always, and what hedging does about
// it. After Dean and Barroso, "The Tail at Scale", CACM 56, 2013, in virtual time.
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <antiphon/antiphon.hpp>
#include <antiphon/testing/chaos.hpp>
#include <antiphon/testing/simulation.hpp>

#include "expect.hpp"
#include "plot.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

constexpr int leaves = 100;
constexpr int questions = 2000;
constexpr double slow = 0.01;

/// Between 5 and 15 ms; one time in a hundred, a second.
ap::duration service_time(ap::context const& c) {
    auto const chance = [&] { return static_cast<double>(c.random() >> 11) * 0x1p-53; };
    if (chance() < slow) return 1s;
    return 5ms + std::chrono::duration_cast<ap::duration>(chance() * 10ms);
}

struct outcome {
    ap::latency_histogram leaf;
    ap::latency_histogram root;
    int slow_roots = 0;
    double extra_load = 0;
};

/// Asks all leaves, again and again; `policy` goes around each ask of a leaf.
template <class Policy>
outcome run(Policy policy) {
    ap::testing::simulation sim{2013};
    outcome found;
    int served = 0;
    ap::request leaf{[&](ap::context const& c, int) -> ap::task<int> {
        ++served;
        co_await ap::sleep_for(service_time(c));
        co_return 1;
    }};
    ap::stats const leaf_times{{.stripes = 1}};
    auto const ask_leaf = leaf | policy | leaf_times | ap::starts_on(sim);
    for (int i = 0; i != questions; ++i) {
        std::vector<ap::future<int>> asked;
        for (int n = 0; n != leaves; ++n)
            asked.push_back(ask_leaf.submit(n));
        ap::time_point const began = sim.now();
        ap::future<std::vector<int>> all = ap::when_all(std::move(asked));
        sim.run_until([&] { return all.ready(); });
        ap::duration const took = sim.now() - began;
        found.root.add(took);
        found.slow_roots += took >= 1s;
        sim.run();
    }
    found.leaf = leaf_times.snapshot().values;
    found.extra_load = static_cast<double>(served) / (questions * leaves) - 1;
    return found;
}

double milliseconds(ap::duration d) { return static_cast<double>(d.count()) / 1e6; }

void print(char const* what, ap::latency_histogram const& h) {
    fmt::print("{:<22}{:>9.1f}{:>9.1f}{:>9.1f}{:>9.1f}\n", what, milliseconds(h.percentile(0.5)), milliseconds(h.percentile(0.95)),
               milliseconds(h.percentile(0.99)), milliseconds(h.percentile(0.999)));
}

/// How many are slower, by latency.
plot::curve tail(std::string name, ap::latency_histogram const& h, bool dashed) {
    plot::curve c{std::move(name), {}, dashed};
    for (double log = 0; log <= 3.05; log += 0.005) {
        double const missing = std::pow(10.0, -log);
        c.points.emplace_back(milliseconds(h.percentile(1 - missing)), missing);
    }
    return c;
}

}  // namespace

int main(int count, char** given) {
    outcome const plain = run([](auto request) { return request; });
    outcome const hedged = run(ap::hedge{.after = ap::percentile(0.95)});
    outcome const twice = run(ap::hedge{.after = ap::percentile(0.95), .max_attempts = 3});

    fmt::print("{:<22}{:>9}{:>9}{:>9}{:>9}   (ms)\n", "", "p50", "p95", "p99", "p99.9");
    print("one leaf", plain.leaf);
    print("one leaf, hedged", hedged.leaf);
    print("all of 100", plain.root);
    print("all of 100, hedged", hedged.root);
    print("  and once more", twice.root);
    double const slow_share = static_cast<double>(plain.slow_roots) / questions;
    double const hedged_share = static_cast<double>(hedged.slow_roots) / questions;
    double const predicted = 1 - std::pow(1 - slow, leaves);
    fmt::print("a second or more: {:.1f} % of the questions (predicted {:.1f} %)\n", 100 * slow_share, 100 * predicted);
    fmt::print("hedged: {:.1f} %, for {:.1f} % more load; and once more: {:.2f} %, for {:.1f} %\n", 100 * hedged_share,
               100 * hedged.extra_load, 100.0 * twice.slow_roots / questions, 100 * twice.extra_load);

    double const error = std::sqrt(predicted * (1 - predicted) / questions);
    expect(std::abs(slow_share - predicted) < 4 * error, "1 - 0.99^100 of the questions are slow");
    expect(hedged_share < 0.03, "hedged, hardly any question is slow");
    expect(hedged.extra_load < 0.08, "a hedge at the 95th percentile costs little more than five copies in a hundred");
    expect(plain.leaf.percentile(0.995) > 900ms && hedged.leaf.percentile(0.995) < 50ms, "a hedge cuts a leaf's tail");
    expect(twice.root.percentile(0.999) < 100ms && twice.extra_load < 0.08, "a third copy cuts the 99.9th percentile of the whole too");
    expect(plain.root.percentile(0.5) > 900ms && hedged.root.percentile(0.5) < 50ms, "and the median of the whole");

    plot figure{
        "One slow answer in 100: one server, and a hundred",
        {"latency", 4, 2000, true, {{5, "5 ms"}, {10, "10 ms"}, {30, "30 ms"}, {100, "100 ms"}, {300, "300 ms"}, {1000, "1 s"}}},
        {"share that is slower", 0.001, 1, true, {{0.001, "0.1 %"}, {0.01, "1 %"}, {0.1, "10 %"}, {1, "100 %"}}}};
    figure.legend_at(64, 46)
        .add(tail("one server", plain.leaf, false))
        .add(tail("all of 100", plain.root, false))
        .add(tail("one server, hedged at p95", hedged.leaf, true))
        .add(tail("all of 100, hedged at p95", hedged.root, true))
        .add(tail("all of 100, with a third copy", twice.root, true));
    if (count > 1) expect(write_file(given[1], figure.svg()), "the figure is written");
}
