// SPDX-License-Identifier: BSL-1.0
// Overload: a server that is asked twice what it can answer answers nothing in time, because it works on what nobody waits for any more;
// a limit that finds out by itself how much may be under way keeps it useful. In virtual time.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include <antiphon/antiphon.hpp>
#include <antiphon/testing/simulation.hpp>

#include "expect.hpp"
#include "plot.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

constexpr int workers = 10;
constexpr ap::duration mean_service = 10ms;
constexpr double capacity = 1000;  // answers a second
constexpr ap::duration patience = 200ms;
constexpr int seconds = 40;

/// A queue in front of ten workers, first come, first served; it does not know who still waits.
class server {
public:
    explicit server(ap::testing::simulation& sim) : sim_{&sim} { free_at_.fill(sim.now()); }
    auto request() {
        return ap::request{[this](ap::context const& c) -> ap::task<int> {
            auto const worker = std::min_element(free_at_.begin(), free_at_.end());
            double const chance = (static_cast<double>(c.random() >> 11) + 0.5) * 0x1p-53;
            ap::duration const service{static_cast<ap::duration::rep>(-std::log(chance) * static_cast<double>(mean_service.count()))};
            *worker = std::max(*worker, sim_->now()) + service;
            co_return co_await finished(*worker - sim_->now());
        }};
    }

private:
    /// Work goes on, whoever has left.
    ap::future<int> finished(ap::duration in) {
        return (ap::request{[] { return 1; }} | ap::after(in) | ap::starts_on(*sim_)).submit();
    }
    ap::testing::simulation* sim_;
    std::array<ap::time_point, workers> free_at_{};
};

struct outcome {
    std::vector<int> answered = std::vector<int>(seconds);  ///< in time, each second
    std::vector<int> offered = std::vector<int>(seconds);
    [[nodiscard]] double goodput(std::size_t from, std::size_t to) const {
        int sum = 0;
        for (std::size_t s = from; s != to; ++s)
            sum += answered[s];
        return sum / static_cast<double>(to - from);
    }
};

/// Asks at 0.8 times the capacity, for twenty seconds at twice, then as before.
template <class Policy>
outcome run(Policy policy) {
    ap::testing::simulation sim{40};
    ap::random_source dice{3};
    outcome found;
    server behind{sim};
    auto const ask = behind.request() | ap::timeout{.limit = patience} | policy | ap::starts_on(sim);
    ap::time_point const began = sim.now();
    for (;;) {
        double const now = std::chrono::duration<double>(sim.now() - began).count();
        if (now >= seconds) break;
        ++found.offered[static_cast<std::size_t>(now)];
        ask.submit([&](ap::result<int> r) {
            auto const second = static_cast<std::size_t>((sim.now() - began) / 1s);
            if (r && second < seconds) ++found.answered[second];
        });
        double const rate = capacity * (now >= 10 && now < 30 ? 2 : 0.8);
        double const chance = (static_cast<double>(dice() >> 11) + 0.5) * 0x1p-53;
        sim.advance(ap::duration{static_cast<ap::duration::rep>(-std::log(chance) / rate * 1e9)});
    }
    return found;
}

}  // namespace

int main(int count, char** given) {
    outcome const open = run([](auto request) { return request; });
    ap::adaptive_limit const limit{{.algorithm = ap::limit_algorithm::gradient}};
    outcome const limited = run(limit);

    fmt::print("{:<18}{:>10}{:>16}{:>10}   (answers in time, a second)\n", "", "before", "at twice", "after");
    auto const print = [](char const* what, outcome const& o) {
        fmt::print("{:<18}{:>10.0f}{:>16.0f}{:>10.0f}\n", what, o.goodput(2, 10), o.goodput(12, 30), o.goodput(32, 40));
    };
    print("without a limit", open);
    print("adaptive_limit", limited);
    fmt::print("the limit found: {} asks at once\n", limit.metrics().limit);

    expect(open.goodput(12, 30) < 0.1 * capacity, "without a limit hardly anything is answered in time");
    expect(limited.goodput(12, 30) >= 0.9 * capacity, "with one, nine tenths of what can be are");
    expect(limited.goodput(2, 10) > 0.75 * capacity, "and what there is room for passes");

    plot figure{"A server that is asked twice what it can answer",
                {"seconds", 0, seconds, false, {{0, "0"}, {10, "10"}, {20, "20"}, {30, "30"}, {40, "40"}}},
                {"a second",
                 0,
                 3000,
                 false,
                 {{0, "0"}, {500, "500"}, {1000, "1000"}, {1500, "1500"}, {2000, "2000"}, {2500, "2500"}, {3000, "3000"}}}};
    auto const curve = [](char const* name, std::vector<int> const& each, bool dashed) {
        plot::curve c{name, {}, dashed};
        for (std::size_t s = 0; s != each.size(); ++s)
            c.points.emplace_back(static_cast<double>(s) + 0.5, each[s]);
        return c;
    };
    figure.shade(10, 30, "twice the capacity")
        .add(curve("answered in time, adaptive_limit", limited.answered, false))
        .add(curve("answered in time, no limit", open.answered, false))
        .add(curve("asked", open.offered, true));
    if (count > 1) expect(write_file(given[1], figure.svg()), "the figure is written");
}
