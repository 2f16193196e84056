// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/adaptive_limit.hpp"

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::detail::aimd_estimator;
using ap::detail::gradient_estimator;
using ap::detail::vegas_estimator;

namespace {

/// A server that works on `width` asks at once for 10 ms each, the others waiting; and clients that offer more than that.
struct server {
    explicit server(int workers) : width{workers} {}
    int width;
    int busy = 0;
    std::vector<ap::promise<int>> line;

    void next(ap::testing::simulation& sim) {
        while (busy < width && !line.empty()) {
            ++busy;
            auto reply = std::move(line.front());
            line.erase(line.begin());
            auto work = ap::request{[] {}} | ap::after(10ms) | ap::starts_on(sim);
            work.submit([this, &sim, r = std::move(reply)](ap::result<void>) mutable {
                --busy;
                r.set_value(1);
                next(sim);
            });
        }
    }
};

std::size_t limit_under_load(ap::adaptive_limit_options const& options, int workers, int asks) {
    ap::testing::simulation sim{1};
    server s{workers};
    ap::adaptive_limit const limit{options};
    auto const r = ap::request{[&](ap::promise<int> p) {
                       s.line.push_back(std::move(p));
                       s.next(sim);
                   }} |
                   limit | ap::starts_on(sim);
    std::size_t sum = 0;
    for (int i = 0; i != asks; ++i) {
        r.submit().detach();
        sim.advance(200us);  // five times what ten workers can do
        if (i >= asks / 2) sum += limit.limit();
    }
    std::size_t const found = sum / (static_cast<std::size_t>(asks) / 2);  // it swings
    sim.run();
    CHECK(limit.in_flight() == 0);
    CHECK(limit.queued() == 0);
    return found;
}

}  // namespace

TEST_CASE("adaptive_limit: aimd multiplies by 0.9 on a drop or a slow ask, and adds 1 while half of it is used") {
    aimd_estimator e{100ms};
    CHECK(e.next(20, {50ms, 10, false}) == 21);
    CHECK(e.next(20, {50ms, 9, false}) == 20);
    CHECK(e.next(20, {100ms, 20, false}) == 21);
    CHECK(e.next(20, {101ms, 20, false}) == 18);
    CHECK(e.next(20, {1ms, 20, true}) == 18);
}

TEST_CASE("adaptive_limit: vegas estimates the queue against the shortest latency") {
    vegas_estimator e;
    CHECK(e.next(100, {10ms, 100, false}) == 100);  // the shortest so far
    CHECK(e.next(100, {10ms, 100, false}) == 112);  // no queue: + 6 log
    CHECK(e.next(100, {10ms, 40, false}) == 100);   // hardly used
    CHECK(e.next(100, {ap::duration{10'300'000}, 100, false}) == 102);  // a queue of 3: + log
    CHECK(e.next(100, {ap::duration{11'000'000}, 100, false}) == 100);  // a queue of 10, between alpha and beta
    CHECK(e.next(100, {20ms, 100, false}) == 98);  // a queue of 50: - log
    CHECK(e.next(100, {10ms, 100, true}) == 98);
}

TEST_CASE("adaptive_limit: gradient follows the ratio of latencies, with room for a queue of four") {
    gradient_estimator e;
    CHECK(e.next(100, {10ms, 100, false}) == Approx(100.8));  // 0.8 · 100 + 0.2 (100 + 4)
    CHECK(e.next(100, {10ms, 49, false}) == 100);
    gradient_estimator slow;
    static_cast<void>(slow.next(100, {10ms, 100, false}));
    // The long run is 35 ms, this one 60 ms: 1.5 · 35 / 60 = 0.875
    CHECK(slow.next(100, {60ms, 100, false}) == Approx(0.8 * 100 + 0.2 * (87.5 + 4)));
}

TEST_CASE("adaptive_limit: each algorithm finds what a server of ten workers bears, and not much more") {
    CHECK(limit_under_load({.algorithm = ap::limit_algorithm::aimd, .slow = 25ms}, 10, 10'000) <= 30);
    CHECK(limit_under_load({.algorithm = ap::limit_algorithm::aimd, .slow = 25ms}, 10, 10'000) >= 10);
    std::size_t const vegas = limit_under_load({.algorithm = ap::limit_algorithm::vegas}, 10, 10'000);
    CHECK(vegas >= 10);
    CHECK(vegas <= 60);
    std::size_t const gradient = limit_under_load({.algorithm = ap::limit_algorithm::gradient}, 10, 10'000);
    CHECK(gradient >= 10);
}

TEST_CASE("adaptive_limit: stays between min and max") {
    CHECK(limit_under_load({.algorithm = ap::limit_algorithm::aimd, .initial = 5, .max = 6, .slow = 1h}, 10, 500) == 6);
    CHECK(limit_under_load({.algorithm = ap::limit_algorithm::aimd, .initial = 5, .min = 4, .slow = 1ms}, 10, 500) == 4);
}

TEST_CASE("adaptive_limit: beyond the limit an ask is overloaded, and never ran") {
    ap::testing::simulation sim{1};
    ap::adaptive_limit const limit{{.initial = 1}};
    std::vector<ap::promise<int>> inside;
    auto const r = ap::request{[&](ap::promise<int> p) { inside.push_back(std::move(p)); }} | limit | ap::starts_on(sim);
    auto one = r.submit();
    auto two = r.submit();
    REQUIRE(two.ready());
    auto const why = std::move(two).get().error();
    CHECK(why == ap::errc::overloaded);
    CHECK(why.executed() == ap::executed::no);
    CHECK(limit.metrics().rejected == 1);
    CHECK(limit.metrics().limit == 1);
}

TEST_CASE("adaptive_limit: when the limit grows, those in line go in") {
    ap::testing::simulation sim{1};
    ap::adaptive_limit const limit{{.algorithm = ap::limit_algorithm::aimd, .initial = 1, .max_queue = 10}};
    std::vector<ap::promise<int>> inside;
    auto const r = ap::request{[&](ap::promise<int> p) { inside.push_back(std::move(p)); }} | limit | ap::starts_on(sim);
    for (int i = 0; i != 4; ++i)
        r.submit().detach();
    sim.run();
    CHECK(inside.size() == 1);
    inside[0].set_value(1);
    sim.run();
    CHECK(limit.limit() == 2);
    CHECK(inside.size() == 3);
}

TEST_CASE("adaptive_limit: drops lower it, other failures tell it nothing") {
    ap::testing::simulation sim{1};
    ap::adaptive_limit const limit{{.algorithm = ap::limit_algorithm::aimd, .initial = 100}};
    auto const fails = [&](ap::errc why) {
        auto const r = ap::request{[why]() -> ap::result<int> { return why; }} | limit | ap::starts_on(sim);
        CHECK(r.call().error() == why);
        return limit.limit();
    };
    CHECK(fails(ap::errc::not_found) == 100);
    CHECK(fails(ap::errc::cancelled) == 100);
    CHECK(fails(ap::errc::unavailable) == 90);
    CHECK(fails(ap::errc::deadline_exceeded) == 81);
    CHECK(limit.metrics().dropped == 2);
}

TEST_CASE("adaptive_limit: a partition has its share whatever the others use, and the excess is everybody's") {
    ap::testing::simulation sim{1};
    ap::adaptive_limit const limit{{.initial = 10, .partitions = {{"live", 0.5}, {"batch", 0.2}}}};
    std::vector<ap::promise<int>> inside;
    auto const ask = [&](ap::adaptive_limit const& part) {
        auto f = (ap::request{[&](ap::promise<int> p) { inside.push_back(std::move(p)); }} | part | ap::starts_on(sim)).submit();
        sim.run();
        bool const in = !f.ready();
        std::move(f).detach();
        return in;
    };
    auto const live = limit.partition("live");
    auto const batch = limit.partition("batch");
    for (int i = 0; i != 10; ++i)
        CHECK(ask(batch));  // the excess
    CHECK_FALSE(ask(batch));
    CHECK_FALSE(ask(limit));
    for (int i = 0; i != 5; ++i)
        CHECK(ask(live));  // the guarantee
    CHECK_FALSE(ask(live));
    CHECK(limit.in_flight() == 15);
}

TEST_CASE("adaptive_limit: in line, a partition below its share goes in before others") {
    ap::testing::simulation sim{1};
    ap::adaptive_limit const limit{{.algorithm = ap::limit_algorithm::aimd,
                                    .initial = 4,
                                    .max = 4,
                                    .max_queue = 10,
                                    .partitions = {{"live", 0.5}, {"batch", 0.5}}}};
    std::vector<ap::promise<int>> inside;
    std::string order;
    auto const ask = [&](ap::adaptive_limit const& part, char what) {
        (ap::request{[&, what](ap::promise<int> p) {
             order += what;
             inside.push_back(std::move(p));
         }} |
         part | ap::starts_on(sim))
            .submit()
            .detach();
        sim.run();
    };
    auto const live = limit.partition("live");
    auto const batch = limit.partition("batch");
    for (int i = 0; i != 6; ++i)
        ask(batch, 'b');
    for (int i = 0; i != 3; ++i)
        ask(live, 'l');
    CHECK(order == "bbbbll");
    inside[4].set_value(1);  // one of the live ones
    sim.run();
    CHECK(order == "bbbblll");
    CHECK(limit.queued() == 2);
    for (std::size_t i = 0; i != inside.size(); ++i) {
        inside[i].set_value(1);
        sim.run();
    }
    CHECK(order == "bbbblllbb");
    CHECK(limit.in_flight() == 0);
}

TEST_CASE("adaptive_limit: without a first limit it begins with 20, or the nearest that is allowed") {
    CHECK(ap::adaptive_limit{}.limit() == 20);
    CHECK(ap::adaptive_limit{{.max = 10}}.limit() == 10);
    CHECK(ap::adaptive_limit{{.min = 30}}.limit() == 30);
    CHECK(ap::adaptive_limit{{.initial = 7, .max = 10}}.limit() == 7);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("adaptive_limit: nonsense is refused, naming the field") {
    auto const refused = [](ap::adaptive_limit_options o, std::string const& field) {
        try {
            ap::adaptive_limit const made{o};
        } catch (std::invalid_argument const& e) {
            return std::string{e.what()}.find("adaptive_limit." + field + ":") == 0;
        }
        return false;
    };
    CHECK(refused({.min = 0}, "min"));
    CHECK(refused({.min = 10, .max = 9}, "max"));
    CHECK(refused({.initial = 0}, "initial"));
    CHECK(refused({.initial = 2000}, "initial"));
    CHECK(refused({.slow = 0s}, "slow"));
    CHECK(refused({.max_queue = -1}, "max_queue"));
    CHECK(refused({.max_wait = -1s}, "max_wait"));
    CHECK(refused({.partitions = {{"a", 0}}}, "partitions"));
    CHECK(refused({.partitions = {{"a", 0.6}, {"b", 0.6}}}, "partitions"));
    ap::adaptive_limit const limit;
    CHECK_THROWS_AS(limit.partition("none"), std::invalid_argument);
}
#endif
