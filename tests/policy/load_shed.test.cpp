// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/load_shed.hpp"

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

TEST_CASE("load_shed: what would stand in line for a permit is overloaded now") {
    ap::testing::simulation sim{1};
    ap::concurrency_limit const limit{{.max_concurrent = 1, .max_queue = 10}};
    std::vector<ap::promise<int>> inside;
    ap::request const narrow = ap::request{[&](ap::promise<int> p) { inside.push_back(std::move(p)); }} | limit;
    auto one = (narrow | ap::load_shed{} | ap::starts_on(sim)).submit();
    auto two = (narrow | ap::load_shed{} | ap::starts_on(sim)).submit();
    REQUIRE(two.ready());
    auto const why = std::move(two).get().error();
    CHECK(why == ap::errc::overloaded);
    CHECK(why.executed() == ap::executed::no);
    auto patient = (narrow | ap::starts_on(sim)).submit();
    CHECK_FALSE(patient.ready());
    CHECK(limit.queued() == 1);
}

TEST_CASE("load_shed: what would wait for a rate is overloaded now, and told how long it would have been") {
    ap::testing::simulation sim{1};
    ap::rate_limit const rate{{.permits = 1, .per = 1s, .max_wait = 1h}};
    ap::request<int(int)> const spelled = ap::request{[](int x) { return x; }} | rate;
    auto const r = spelled | ap::load_shed{} | ap::starts_on(sim);
    CHECK(r.call(1).has_value());
    auto const why = r.call(1).error();
    CHECK(why == ap::errc::overloaded);
    CHECK(why.retry_after() == 1s);
    CHECK(rate.waiting() == 0);
}

TEST_CASE("load_shed: it reaches into nested asks") {
    ap::testing::simulation sim{1};
    ap::rate_limit const rate{{.permits = 1, .per = 1s, .max_wait = 1h}};
    ap::request const inner = ap::request{[](int x) { return x; }} | rate;
    auto const r = ap::request{[&](int x) -> ap::task<int> {
                       auto const got = co_await inner(x);
                       co_return got;
                   }} |
                   ap::load_shed{} | ap::starts_on(sim);
    CHECK(r.call(1).has_value());
    CHECK(r.call(1).error() == ap::errc::overloaded);
}

TEST_CASE("load_shed: an observer hears who sheds") {
    struct log final : ap::observer {
        void rejected(char const* by, ap::failure const&) noexcept override { who += std::string{by} + " "; }
        std::string who;
    } seen;
    ap::testing::simulation sim{1};
    ap::rate_limit const rate{{.permits = 1, .per = 1s, .max_wait = 1h}};
    auto const r = ap::request{[](int x) { return x; }} | rate | ap::load_shed{} | ap::observe{&seen} | ap::starts_on(sim);
    static_cast<void>(r.call(1));
    static_cast<void>(r.call(1));
    CHECK(seen.who == "load_shed ");
}

TEST_CASE("load_shed: throttling rejects with the probability of the book, over its window") {
    ap::testing::simulation sim{7};
    ap::load_shed const guard{{.throttle = true}};
    bool up = true;
    int arrived = 0;
    auto const r = ap::request{[&]() -> ap::result<int> {
                       ++arrived;
                       if (!up) return ap::errc::overloaded;
                       return 1;
                   }} |
                   guard | ap::starts_on(sim);
    for (int i = 0; i != 100; ++i)
        CHECK(r.call().has_value());
    CHECK(guard.metrics(sim.now()).rejects == 0);
    up = false;
    for (int i = 0; i != 100; ++i)
        CHECK(r.call().error() == ap::errc::overloaded);
    CHECK(arrived == 200);  // up to twice the accepted ones, nothing is rejected here
    for (int i = 0; i != 2000; ++i)
        static_cast<void>(r.call());
    auto const m = guard.metrics(sim.now());
    CHECK(m.asked == 2200);
    CHECK(m.accepted == 100);
    CHECK(m.rejects == Approx((2200.0 - 200) / 2201));
    CHECK(m.rejected == 2200u - static_cast<unsigned>(arrived));
    // The sum of 200/n for n from 200 to 2200 is about 480.
    CHECK(arrived > 600);
    CHECK(arrived < 760);
    sim.advance(2min);
    CHECK(guard.metrics(sim.now()).rejects == 0);
    up = true;
    CHECK(r.call().has_value());
}

TEST_CASE("load_shed: failures that are the answer count as accepted") {
    ap::testing::simulation sim{1};
    ap::load_shed const guard{{.throttle = true, .k = 1}};
    auto const r = ap::request{[]() -> ap::result<int> { return ap::errc::not_found; }} | guard | ap::starts_on(sim);
    for (int i = 0; i != 50; ++i)
        CHECK(r.call().error() == ap::errc::not_found);
    CHECK(guard.metrics(sim.now()).accepted == 50);
}

TEST_CASE("load_shed: without anything to stand in line for it changes nothing") {
    ap::testing::simulation sim{1};
    CHECK((ap::request{[](int x) { return x; }} | ap::load_shed{} | ap::starts_on(sim)).call(5).value() == 5);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("load_shed: nonsense is refused, naming the field") {
    CHECK_THROWS_AS((ap::load_shed{{.throttle = true, .k = 0.5}}), std::invalid_argument);
    CHECK_THROWS_AS((ap::load_shed{{.throttle = true, .window = 0s}}), std::invalid_argument);
    CHECK_THROWS_AS((ap::load_shed{{.throttle = true, .window = -1s}}), std::invalid_argument);
}
#endif
