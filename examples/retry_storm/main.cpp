// SPDX-License-Identifier: BSL-1.0
// Retries help a few and harm many: what back-off without jitter does to clients that contend for one thing, after the AWS Architecture
// Blog's "Exponential Backoff and Jitter", and what retries do to a service that is down, with and without a budget. In virtual time.
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include <antiphon/antiphon.hpp>
#include <antiphon/testing/simulation.hpp>

#include "expect.hpp"
#include "plot.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

// --- contention: everybody wants to write one row, by reading its version first ------------------------------------------------

struct contended {
    int calls = 0;
    ap::duration completion{};
};

contended contend(int clients, ap::jitter form) {
    ap::testing::simulation sim{7};
    contended found;
    int version = 0;
    auto const network = [](ap::context const& c) {
        return 8ms + ap::duration{static_cast<ap::duration::rep>(c.random() % 4'000'000)};
    };
    ap::request write{[&](ap::context const& c) -> ap::task<int> {
        ++found.calls;
        co_await ap::sleep_for(network(c));
        int const read = version;
        co_await ap::sleep_for(network(c));
        if (read != version) co_return ap::errc::aborted;  // somebody else was faster
        co_return ++version;
    }};
    auto const stubborn =
        write | ap::retry{.max_attempts = 100'000, .backoff = {.initial = 5ms, .max = 2s, .jitter = form}} | ap::starts_on(sim);
    for (int i = 0; i != clients; ++i)
        stubborn.submit().detach();
    ap::time_point const began = sim.now();
    sim.run();
    expect(version == clients, "everybody has written");
    found.completion = sim.now() - began;
    return found;
}

struct form {
    char const* name;
    ap::jitter jitter;
};
std::array const forms{form{"no jitter", ap::jitter::none}, form{"equal", ap::jitter::equal}, form{"full", ap::jitter::full},
                       form{"decorrelated", ap::jitter::decorrelated}};

void compare_jitter(std::string const& folder) {
    plot calls{"Calls until all have written",
               {"contending clients", 0, 100, false, {{0, "0"}, {20, "20"}, {40, "40"}, {60, "60"}, {80, "80"}, {100, "100"}}},
               {"calls", 0, 3000, false, {{0, "0"}, {500, "500"}, {1000, "1000"}, {1500, "1500"}, {2000, "2000"}, {2500, "2500"}}}};
    plot times{"Time until all have written",
               {"contending clients", 0, 100, false, {{0, "0"}, {20, "20"}, {40, "40"}, {60, "60"}, {80, "80"}, {100, "100"}}},
               {"seconds", 0, 80, false, {{0, "0"}, {20, "20"}, {40, "40"}, {60, "60"}, {80, "80"}}}};
    calls.legend_at(330, 14);
    times.legend_at(330, 14);
    std::array<contended, forms.size()> last{};
    fmt::print("{:<14}{:>10}{:>14}   (100 clients)\n", "back-off", "calls", "all done (s)");
    for (std::size_t f = 0; f != forms.size(); ++f) {
        plot::curve work{forms[f].name, {{0, 0}}}, time{forms[f].name, {{0, 0}}};
        for (int clients = 10; clients <= 100; clients += 10) {
            last[f] = contend(clients, forms[f].jitter);
            work.points.emplace_back(clients, last[f].calls);
            time.points.emplace_back(clients, static_cast<double>(last[f].completion / 1ms) / 1000);
        }
        calls.add(work);
        times.add(time);
        fmt::print("{:<14}{:>10}{:>14.1f}\n", forms[f].name, last[f].calls, static_cast<double>(last[f].completion / 1ms) / 1000);
    }
    expect(2 * last[2].calls < last[0].calls, "full jitter takes less than half the calls of none");
    expect(last[2].calls < last[1].calls, "and fewer than equal jitter");
    if (!folder.empty()) expect(write_file(folder + "/jitter.svg", plot::row({calls, times})), "the figure is written");
}

// --- a storm: a service is down for a while, and three tiers of clients ask it -------------------------------------------------

struct storm {
    std::vector<int> arrivals = std::vector<int>(60);  ///< at the service, each second
    int asked_while_down = 0;
    int arrived_while_down = 0;
    [[nodiscard]] double amplification() const { return static_cast<double>(arrived_while_down) / asked_while_down; }
};

storm blow(bool with_budget) {
    ap::testing::simulation sim{11};
    storm found;
    ap::time_point const began = sim.now();
    auto const now = [&] { return sim.now() - began; };
    auto const down = [&] { return now() >= 20s && now() < 40s; };
    ap::request service{[&]() -> ap::result<int> {
        if (now() < 60s) ++found.arrivals[static_cast<std::size_t>(now() / 1s)];
        if (!down()) return 1;
        ++found.arrived_while_down;
        return ap::errc::unavailable;
    }};
    auto const tier = [&](auto request) {
        ap::retry_budget const budget = with_budget ? ap::retry_budget{} : ap::retry_budget::unlimited();
        return request | ap::retry{.max_attempts = 3, .backoff = {.initial = 100ms}, .budget = budget};
    };
    auto const front = tier(tier(tier(service))) | ap::starts_on(sim);
    for (; now() < 60s; sim.advance(10ms)) {
        found.asked_while_down += down();
        front.submit().detach();
    }
    sim.run();
    return found;
}

void show_storm(std::string const& folder) {
    storm const without = blow(false);
    storm const with = blow(true);
    fmt::print("\nthree tiers, three attempts each, while the service is down:\n");
    fmt::print("  without a budget: {:.1f} calls an ask; with one in each tier: {:.2f}\n", without.amplification(),
               with.amplification());
    expect(without.amplification() > 20, "without a budget tiers multiply their retries");
    expect(with.amplification() <= 1.1, "with one they do not");
    auto const curve = [](char const* name, storm const& s) {
        plot::curve c{name, {}};
        for (std::size_t second = 0; second != s.arrivals.size(); ++second)
            c.points.emplace_back(static_cast<double>(second) + 0.5, s.arrivals[second]);
        return c;
    };
    plot figure{"100 asks a second through three tiers of retries",
                {"seconds", 0, 60, false, {{0, "0"}, {10, "10"}, {20, "20"}, {30, "30"}, {40, "40"}, {50, "50"}, {60, "60"}}},
                {"calls a second", 50, 5000, true, {{50, "50"}, {100, "100"}, {300, "300"}, {1000, "1000"}, {3000, "3000"}}}};
    figure.shade(20, 40, "down").add(curve("no budget", without)).add(curve("a budget a tier", with));
    if (!folder.empty()) expect(write_file(folder + "/retry_storm.svg", figure.svg()), "the figure is written");
}

}  // namespace

int main(int count, char** given) {
    std::string const folder = count > 1 ? given[1] : "";
    compare_jitter(folder);
    show_storm(folder);
}
