// SPDX-License-Identifier: BSL-1.0
#include "antiphon/testing/chaos.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
using ap::testing::chaos;
using ap::testing::latency;
using namespace std::chrono_literals;

namespace {

constexpr int draws = 100'000;

std::vector<double> sorted(latency const& l) {
    ap::random_source random{11};
    std::vector<double> all(draws);
    for (double& d : all)
        d = std::chrono::duration<double>(l(random())).count();
    std::sort(all.begin(), all.end());
    return all;
}
double mean(std::vector<double> const& all) {
    double sum = 0;
    for (double d : all)
        sum += d;
    return sum / static_cast<double>(all.size());
}
/// The greatest distance between the drawn and the true cumulative distribution (Kolmogorov and Smirnov).
double distance(std::vector<double> const& all, std::function<double(double)> const& cumulative) {
    double most = 0;
    for (std::size_t i = 0; i != all.size(); ++i) {
        double const f = cumulative(all[i]);
        most = std::max({most, std::abs(f - static_cast<double>(i) / draws), std::abs(f - static_cast<double>(i + 1) / draws)});
    }
    return most;
}
constexpr double near = 1.95 / 316.2;  // 0.1 % level of the test, 100 000 draws

auto echo() {
    return ap::request{[](int x) { return x; }};
}
struct tally {
    int values = 0;
    int failures = 0;
};
template <class Request>
tally ask_often(ap::testing::simulation& sim, Request const& r, int n) {
    tally t;
    for (int i = 0; i != n; ++i)
        (r | ap::starts_on(sim)).submit(i, [&t](ap::result<int> a) { ++(a ? t.values : t.failures); });
    sim.run();
    return t;
}

}  // namespace

TEST_CASE("latency: a constant is always the same") {
    auto const all = sorted(latency::constant(5ms));
    CHECK(all.front() == 0.005);
    CHECK(all.back() == 0.005);
}

TEST_CASE("latency: uniform, exponential, log-normal and Pareto draws follow their distributions") {
    CHECK(distance(sorted(latency::uniform(1s, 3s)), [](double x) { return (x - 1) / 2; }) < near);
    auto const exponential = sorted(latency::exponential(2s));
    CHECK(distance(exponential, [](double x) { return 1 - std::exp(-x / 2); }) < near);
    CHECK(std::abs(mean(exponential) - 2) < 0.04);
    auto const log_normal = sorted(latency::log_normal(10ms, 0.5));
    CHECK(distance(log_normal, [](double x) { return 0.5 * std::erfc(-std::log(x / 0.010) / 0.5 / std::sqrt(2.0)); }) < near);
    auto const pareto = sorted(latency::pareto(1ms, 1.5));
    CHECK(pareto.front() >= 0.001);
    CHECK(distance(pareto, [](double x) { return 1 - std::pow(x / 0.001, -1.5); }) < near);
}

TEST_CASE("latency: empirical draws are the measured ones, each as often") {
    auto const all = sorted(latency::empirical({1s, 2s, 2s, 5s}));
    CHECK(std::abs(static_cast<double>(std::count(all.begin(), all.end(), 1.0)) / draws - 0.25) < near);
    CHECK(std::abs(static_cast<double>(std::count(all.begin(), all.end(), 2.0)) / draws - 0.50) < near);
    CHECK(std::abs(static_cast<double>(std::count(all.begin(), all.end(), 5.0)) / draws - 0.25) < near);
}

TEST_CASE("latency: a tail without end saturates") {
    CHECK(latency::pareto(1h, 0.01)(0) == ap::duration::max());
    CHECK(latency::exponential(ap::duration::max())(0) == ap::duration::max());
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("latency: negative and empty parameters are refused") {
    CHECK_THROWS_AS(latency::constant(-1ns), std::invalid_argument);
    CHECK_THROWS_AS(latency::uniform(2s, 1s), std::invalid_argument);
    CHECK_THROWS_AS(latency::exponential(-1ns), std::invalid_argument);
    CHECK_THROWS_AS(latency::log_normal(1s, std::nan("")), std::invalid_argument);
    CHECK_THROWS_AS(latency::pareto(1s, 0), std::invalid_argument);
    CHECK_THROWS_AS(latency::empirical({}), std::invalid_argument);
    CHECK_THROWS_AS(latency::empirical({-1ns}), std::invalid_argument);
}

TEST_CASE("chaos: probabilities outside zero to one are refused") {
    CHECK_THROWS_AS(echo() | chaos{.fails = 1.1}, std::invalid_argument);
    CHECK_THROWS_AS(echo() | chaos{.drops = -0.1}, std::invalid_argument);
    CHECK_THROWS_AS(echo() | chaos{.duplicates = std::nan("")}, std::invalid_argument);
    CHECK_THROWS_AS(echo() | chaos{.late = 2}, std::invalid_argument);
}
#endif

TEST_CASE("chaos: without trouble it changes nothing") {
    ap::testing::simulation sim{1};
    auto const start = sim.now();
    CHECK((echo() | chaos{} | ap::starts_on(sim)).call(3).value() == 3);
    CHECK((ap::request{[] {}} | chaos{} | ap::starts_on(sim)).call().has_value());
    CHECK(*(ap::request{[](std::unique_ptr<int> p) { return p; }} | chaos{} | ap::starts_on(sim))
               .call(std::make_unique<int>(4))
               .value() == 4);
    CHECK(sim.now() == start);
}

TEST_CASE("chaos: a delay passes on the virtual clock before what is inside is asked") {
    ap::testing::simulation sim{1};
    auto const start = sim.now();
    auto r = ap::request{[&] { return sim.now() - start; }} | chaos{.delay = latency::constant(7ms)} | ap::starts_on(sim);
    CHECK(r.call().value() == 7ms);
}

TEST_CASE("chaos: it fails as often as it should, with the failure that it was given") {
    ap::testing::simulation sim{1};
    tally const t = ask_often(sim, echo() | chaos{.fails = 0.3}, 10'000);
    CHECK(t.values + t.failures == 10'000);
    CHECK(std::abs(t.failures - 3000) < 200);
    CHECK((echo() | chaos{.fails = 1, .with = {ap::errc::aborted, ap::executed::yes}} | ap::starts_on(sim)).call(1).error() ==
          ap::errc::aborted);
}

TEST_CASE("chaos: a dropped ask ends only when it is stopped") {
    ap::testing::simulation sim{1};
    auto f = (echo() | chaos{.drops = 1} | ap::starts_on(sim)).submit(1);
    sim.advance(24h);
    CHECK_FALSE(f.ready());
    f.request_stop();
    sim.run();
    CHECK(std::move(f).get().error() == ap::errc::cancelled);
}

TEST_CASE("chaos: a stop request ends a delay, and what is inside is not asked") {
    ap::testing::simulation sim{1};
    bool asked = false;
    auto f = (ap::request{[&] { asked = true; }} | chaos{.delay = latency::constant(1h)} | ap::starts_on(sim)).submit();
    sim.advance(1ms);
    auto const then = sim.now();
    f.request_stop();
    sim.run();
    CHECK(std::move(f).get().error() == ap::errc::cancelled);
    CHECK_FALSE(asked);
    CHECK(sim.now() == then);
}

TEST_CASE("chaos: a duplicate asks what is inside twice, and is answered once") {
    ap::testing::simulation sim{1};
    int asked = 0;
    int answered = 0;
    (ap::request{[&](int x) { return asked += x; }} | chaos{.duplicates = 1} | ap::starts_on(sim)).submit(1, [&](ap::result<int>) {
        ++answered;
    });
    sim.run();
    CHECK(asked == 2);
    CHECK(answered == 1);
}

TEST_CASE("chaos: a late reply comes after the limit, deaf to the stop, and is counted as late") {
    ap::testing::simulation sim{1};
    ap::stats counts;
    auto const start = sim.now();
    auto r = echo() | chaos{.late = 1, .late_by = latency::constant(5s)} | ap::timeout{.limit = 1s} | counts | ap::starts_on(sim);
    CHECK(r.call(1).error() == ap::errc::deadline_exceeded);
    CHECK(sim.now() - start == 1s);
    sim.run();
    CHECK(sim.now() - start == 5s);
    CHECK(counts.snapshot().late == 1);
}

TEST_CASE("chaos: the same seed gives the same trouble, and another one another") {
    auto const run = [](std::uint64_t seed) {
        ap::testing::simulation sim{seed};
        std::vector<ap::duration::rep> all;
        auto const r = echo() | chaos{.delay = latency::exponential(1ms), .fails = 0.2, .duplicates = 0.1} | ap::starts_on(sim);
        auto const start = sim.now();
        for (int i = 0; i != 200; ++i)
            r.submit(i, [&](ap::result<int> a) { all.push_back((sim.now() - start).count() * (a ? 1 : -1)); });
        sim.run();
        return all;
    };
    CHECK(run(1) == run(1));
    CHECK(run(1) != run(2));
}

TEST_CASE("chaos: a changed probability leaves the delays as they were") {
    auto const ends = [](double fails) {
        ap::testing::simulation sim{3};
        std::vector<ap::duration::rep> all;
        auto const r = echo() | chaos{.delay = latency::exponential(1ms), .fails = fails} | ap::starts_on(sim);
        for (int i = 0; i != 50; ++i)
            r.submit(i, [&](ap::result<int>) { all.push_back(sim.now().time_since_epoch().count()); });
        sim.run();
        return all;
    };
    CHECK(ends(0) == ends(0.9));
}

TEST_CASE("chaos: what is unsafe to repeat stays so") {
    ap::request<int(int), ap::repeat::unsafe> const post = [](int x) { return x; };
    STATIC_REQUIRE(std::is_same_v<decltype(post | chaos{})::repeat_type, ap::repeat::unsafe>);
}
