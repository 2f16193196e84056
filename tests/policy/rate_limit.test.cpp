// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/rate_limit.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"
#include "support/allocations.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

/// Asks through a limit, and when their handlers ran, counted from the beginning.
struct bench {
    ap::testing::simulation sim{1};
    ap::time_point const begin = sim.now();
    std::vector<ap::duration> starts;

    auto request() {
        return ap::request{[this](int x) {
            starts.push_back(sim.now() - begin);
            return x;
        }};
    }
    template <class Policy>
    ap::future<int> ask(Policy const& p, int x = 1) {
        return (request() | p | ap::starts_on(sim)).submit(x);
    }
    template <class Policy>
    ap::failure refused(Policy const& p, int x = 1) {
        auto f = ask(p, x);
        REQUIRE(f.ready());
        auto r = std::move(f).get();
        REQUIRE_FALSE(r.has_value());
        return r.error();
    }
    template <class Policy>
    void ask_many(Policy const& p, int n) {
        for (int i = 0; i != n; ++i)
            ask(p).detach();
    }
};

using moments = std::vector<ap::duration>;

}  // namespace

TEST_CASE("rate_limit: lets so many start in a cycle, and refuses the next at once") {
    bench b;
    ap::rate_limit const limit{{.permits = 2, .per = 1s}};
    b.ask_many(limit, 2);
    b.sim.advance(300ms);
    auto const why = b.refused(limit);
    CHECK(why == ap::errc::resource_exhausted);
    CHECK(why.executed() == ap::executed::no);
    CHECK(why.retry_after() == 700ms);
    b.sim.advance(700ms - 1ns);
    CHECK(b.refused(limit).retry_after() == 1ns);
    b.sim.advance(1ns);
    CHECK(b.ask(limit).get().has_value());
    CHECK(b.starts == moments{0s, 0s, 1s});
}

TEST_CASE("rate_limit: cycles are counted from the first ask and never anchored anew") {
    bench b;
    ap::rate_limit const limit{{.permits = 1, .per = 1s}};
    b.sim.advance(12345ms);
    b.ask_many(limit, 1);
    b.sim.advance(10s + 400ms);
    b.ask_many(limit, 1);  // in the cycle that began 400 ms ago
    CHECK(b.refused(limit).retry_after() == 600ms);
}

TEST_CASE("rate_limit: permits that were not used are not kept") {
    bench b;
    ap::rate_limit const limit{{.permits = 2, .per = 1s}};
    b.ask_many(limit, 1);
    b.sim.advance(1h);
    CHECK(limit.available(b.sim.now()) == 2);
    b.ask_many(limit, 2);
    CHECK(b.refused(limit) == ap::errc::resource_exhausted);
}

TEST_CASE("rate_limit: who may wait starts with the cycle that it has reserved") {
    bench b;
    ap::rate_limit const limit{{.permits = 2, .per = 1s, .max_wait = 10s}};
    b.ask_many(limit, 7);
    CHECK(limit.waiting() == 5);
    b.sim.run();
    CHECK(b.starts == moments{0s, 0s, 1s, 1s, 2s, 2s, 3s});
    CHECK(limit.waiting() == 0);
    CHECK(limit.metrics().delayed == 5);
}

TEST_CASE("rate_limit: what would have to wait longer than max_wait is refused, and reserves nothing") {
    bench b;
    ap::rate_limit const limit{{.permits = 1, .per = 1s, .max_wait = 1500ms}};
    b.ask_many(limit, 2);
    CHECK(b.refused(limit).retry_after() == 2s);
    b.sim.advance(500ms);
    auto third = b.ask(limit);
    CHECK_FALSE(third.ready());
    b.sim.run();
    CHECK(b.starts == moments{0s, 1s, 2s});
}

TEST_CASE("rate_limit: what would start after its deadline is refused at once") {
    bench b;
    ap::rate_limit const limit{{.permits = 1, .per = 1s, .max_wait = 1h}};
    b.ask_many(limit, 1);
    auto const soon = ap::timeout{.limit = 999ms};
    auto f = (b.request() | limit | soon | ap::starts_on(b.sim)).submit(1);
    REQUIRE(f.ready());
    CHECK(std::move(f).get().error() == ap::errc::resource_exhausted);
    CHECK(limit.waiting() == 0);
    auto g = (b.request() | limit | ap::timeout{.limit = 1001ms} | ap::starts_on(b.sim)).submit(1);
    b.sim.run();
    CHECK(std::move(g).get().has_value());
}

TEST_CASE("rate_limit: an ask may take several permits") {
    bench b;
    ap::rate_limit const limit{{.permits = 4, .per = 1s, .max_wait = 10s}};
    b.ask(limit.cost(3)).detach();
    b.ask(limit.cost(3)).detach();
    b.ask(limit.cost(6)).detach();  // more than a cycle brings
    b.sim.run();
    CHECK(b.starts == moments{0s, 1s, 2s});
}

TEST_CASE("rate_limit: the cost may be a function of the arguments") {
    bench b;
    ap::rate_limit const limit{{.permits = 10, .per = 1s}};
    auto const by_argument = limit.cost([](int x) { return x; });
    CHECK(b.ask(by_argument, 7).get().has_value());
    CHECK(b.refused(by_argument, 4) == ap::errc::resource_exhausted);
    CHECK(b.ask(by_argument, 3).get().has_value());
    CHECK(b.ask(by_argument, 0).get().has_value());
    CHECK(b.refused(by_argument, -1) == ap::errc::invalid_argument);
}

TEST_CASE("rate_limit: the cost is found before the arguments move on") {
    ap::testing::simulation sim{1};
    ap::rate_limit const limit{{.permits = 10, .per = 1s}};
    auto const r = ap::request{[](std::unique_ptr<int> p) { return *p; }} |
                   limit.cost([](std::unique_ptr<int> const& p) { return *p; }) | ap::starts_on(sim);
    CHECK(r.call(std::make_unique<int>(9)).value() == 9);
    CHECK(limit.available(sim.now()) == 1);
}

TEST_CASE("rate_limit: smooth lets one start an interval") {
    bench b;
    ap::rate_limit const limit{{.permits = 4, .per = 1s, .max_wait = 1h, .form = ap::rate_limit::smooth}};
    b.ask_many(limit, 3);
    b.sim.run();
    CHECK(b.starts == moments{0s, 250ms, 500ms});
    b.sim.advance(2s + 100ms);  // in the middle of an interval
    b.ask_many(limit, 2);
    b.sim.run();
    CHECK(b.starts.back() == 2750ms);
}

TEST_CASE("rate_limit: smooth never is faster than it says, where the interval is no whole number") {
    bench b;
    ap::rate_limit const limit{{.permits = 3, .per = 1s, .max_wait = 1h, .form = ap::rate_limit::smooth}};
    b.ask_many(limit, 31);
    b.sim.run();
    CHECK(b.starts[30] >= 10s);
    CHECK(b.starts[30] < 10s + 100ns);
}

TEST_CASE("rate_limit: a waiter that is cancelled returns its reservation to the next ask") {
    bench b;
    ap::rate_limit const limit{{.permits = 1, .per = 1s, .max_wait = 1h}};
    b.ask_many(limit, 1);
    auto second = b.ask(limit);
    auto third = b.ask(limit);
    second.request_stop();
    auto const gone = std::move(second).get();
    CHECK(gone.error() == ap::errc::cancelled);
    CHECK(gone.error().executed() == ap::executed::no);
    CHECK(limit.metrics().returned == 1);
    auto fourth = b.ask(limit);
    auto fifth = b.ask(limit);
    b.sim.run();
    CHECK(b.starts == moments{0s, 1s, 2s, 3s});
    CHECK(limit.waiting() == 0);
}

TEST_CASE("rate_limit: a reservation that is returned too late is nobody's") {
    bench b;
    ap::rate_limit const limit{{.permits = 1, .per = 1s, .max_wait = 1h}};
    b.ask_many(limit, 1);
    auto second = b.ask(limit);
    auto third = b.ask(limit);
    second.request_stop();
    b.sim.advance(1500ms);
    CHECK(limit.available(b.sim.now()) == 1);  // its cycle has come, and is not over
    b.sim.advance(500ms);
    CHECK(limit.available(b.sim.now()) == 0);
    b.sim.run();
    CHECK(b.starts == moments{0s, 2s});
}

TEST_CASE("rate_limit: in no window do more start than permits for each cycle that it touches") {
    for (auto form : {ap::rate_form::bursty, ap::rate_form::smooth}) {
        bench b;
        ap::rate_limit const limit{{.permits = 5, .per = 100ms, .max_wait = 70ms, .form = form}};
        std::vector<ap::future<int>> all;
        for (int i = 0; i != 2000; ++i) {
            all.push_back(b.ask(limit));
            std::uint64_t const chance = b.sim.random();
            if (chance % 7 == 0) all[chance / 7 % all.size()].request_stop();
            b.sim.advance(ap::duration{static_cast<ap::duration::rep>(b.sim.random() % 30'000'000)});
        }
        b.sim.run();
        REQUIRE(b.starts.size() > 500);
        for (std::size_t i = 0; i != b.starts.size(); ++i)
            for (std::size_t j = i; j != b.starts.size(); ++j) {
                auto const most = 5 * ((b.starts[j] - b.starts[i]) / 100ms + 2);
                if (static_cast<ap::duration::rep>(j - i + 1) > most) FAIL("too many between " << i << " and " << j);
            }
        std::vector<int> in_cycle(4096);
        for (ap::duration at : b.starts)
            if (++in_cycle[static_cast<std::size_t>(at / 100ms)] > 5) FAIL("too many in a cycle");
        CHECK(limit.waiting() == 0);
        CHECK(limit.metrics().admitted >= b.starts.size() + limit.metrics().returned);
    }
}

TEST_CASE("rate_limit: copies, costs and requests share one limit, which outlives the name") {
    bench b;
    auto r = [&] {
        ap::rate_limit const limit{{.permits = 2, .per = 1s}};
        ap::rate_limit const copy = limit;
        b.ask_many(copy, 1);
        return b.request() | limit.cost(2) | ap::starts_on(b.sim);
    }();
    CHECK(r.call(1).error() == ap::errc::resource_exhausted);
}

TEST_CASE("rate_limit: waiters end with their executor") {
    auto sim = std::make_unique<ap::testing::simulation>(1);
    ap::rate_limit const limit{{.permits = 1, .per = 1s, .max_wait = 1h}};
    auto const r = ap::request{[](int x) { return x; }} | limit | ap::starts_on(*sim);
    auto first = r.submit(1);
    auto second = r.submit(2);
    sim.reset();
    CHECK(std::move(second).get().error() == ap::errc::shut_down);
    CHECK(limit.waiting() == 0);
}

TEST_CASE("rate_limit: a call without an executor waits, and runs in the calling thread") {
    ap::rate_limit const limit{{.permits = 1, .per = 1ms, .max_wait = 1h}};
    auto const me = ap::request{[] { return 1; }} | limit;
    for (int i = 0; i != 3; ++i)
        CHECK(me.call().value() == 1);
}

TEST_CASE("rate_limit: an observer hears of the refusal") {
    struct log final : ap::observer {
        void rejected(char const* by, ap::failure const& why) noexcept override {
            CHECK(std::string{by} == "rate_limit");
            CHECK(why == ap::errc::resource_exhausted);
            ++heard;
        }
        int heard = 0;
    } seen;
    bench b;
    ap::rate_limit const limit{{.permits = 1, .per = 1s}};
    b.ask_many(limit, 1);
    auto f = (b.request() | limit | ap::observe{&seen} | ap::starts_on(b.sim)).submit(1);
    CHECK(f.ready());
    CHECK(seen.heard == 1);
    CHECK(limit.metrics().rejected == 1);
}

TEST_CASE("rate_limit: an ask takes one allocation, waiting or not") {
    ap::testing::simulation sim{1};
    ap::rate_limit const limit{{.permits = 1, .per = 1s, .max_wait = 1s}};
    auto const r = ap::request{[](int x) { return x; }} | limit | ap::starts_on(sim);
    int heard = 0;
    auto const ask = [&] { r.submit(1, [&](ap::result<int>) { ++heard; }); };
    CHECK(test::allocations_of(ask) == 1);
    CHECK(test::allocations_of(ask) == 1);
    CHECK(test::allocations_of(ask) == 1);  // refused
    sim.run();
    CHECK(heard == 3);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("rate_limit: what the cost throws is the ask's failure, and takes nothing") {
    bench b;
    ap::rate_limit const limit{{.permits = 1, .per = 1s}};
    auto const bad = limit.cost([](int) -> int { throw std::runtime_error{"priceless"}; });
    CHECK(b.refused(bad).message() == "priceless");
    CHECK(limit.available(b.sim.now()) == 1);
}

TEST_CASE("rate_limit: nonsense is refused, naming the field") {
    auto const refused = [](ap::rate_limit_options o, std::string const& field) {
        try {
            ap::rate_limit const made{o};
        } catch (std::invalid_argument const& e) {
            return std::string{e.what()}.find("rate_limit." + field + ":") == 0;
        }
        return false;
    };
    CHECK(refused({}, "permits"));
    CHECK(refused({.permits = -1}, "permits"));
    CHECK(refused({.permits = 1, .per = 0s}, "per"));
    CHECK(refused({.permits = 1, .per = -1s}, "per"));
    CHECK(refused({.permits = 1, .max_wait = -1s}, "max_wait"));
    ap::rate_limit const limit{{.permits = 1}};
    CHECK_THROWS_AS(limit.cost(0), std::invalid_argument);
    CHECK_THROWS_AS(limit.cost(-1), std::invalid_argument);
}
#endif

TEST_CASE("rate_limit: a costly waiter that leaves gives back no more than each cycle gave") {
    for (int cost : {2, 10}) {
        ap::testing::simulation sim{1};
        ap::time_point const start = sim.now();
        std::vector<int> starts(10);
        ap::rate_limit const limiter{{.permits = 2, .per = 1s, .max_wait = 100s}};
        ap::request const stamp{[&] { ++starts[static_cast<std::size_t>((sim.now() - start) / 1s)]; }};
        auto one = stamp | limiter | ap::starts_on(sim);
        auto costly = stamp | limiter.cost(cost) | ap::starts_on(sim);
        one.submit().detach();
        auto leaves = costly.submit();
        leaves.request_stop();
        for (int i = 0; i != 11; ++i)
            one.submit().detach();
        sim.run();
        for (int each : starts)
            CHECK(each <= 2);
        CHECK(starts[0] + starts[1] + starts[2] + starts[3] + starts[4] + starts[5] == 12);
    }
}

TEST_CASE("rate_limit: another rate holds from the next cycle on, for all handles") {
    bench b;
    ap::rate_limit const limit{{.permits = 2, .per = 1s}};
    ap::rate_limit const copy = limit;
    b.ask_many(limit, 1);
    copy.set_rate(b.sim.now(), 4, 2s);
    b.ask_many(limit, 1);
    CHECK(b.refused(limit).retry_after() == 1s);  // this cycle is as it was
    b.sim.advance(1s);
    b.ask_many(limit, 4);
    CHECK(b.refused(limit).retry_after() == 2s);
    b.sim.advance(500ms);
    limit.set_rate(b.sim.now(), 1, 1s);
    b.sim.advance(1500ms);
    b.ask_many(limit, 1);
    CHECK(b.refused(limit).retry_after() == 1s);
    b.sim.run();
    CHECK(b.starts == std::vector<ap::duration>{0s, 0s, 1s, 1s, 1s, 1s, 3s});
}

TEST_CASE("rate_limit: another rate leaves reservations as they are, and what is given back of them is nobody's") {
    bench b;
    ap::rate_limit const limit{{.permits = 1, .per = 1s, .max_wait = 10s}};
    b.ask_many(limit, 2);
    auto leaves = b.ask(limit);
    limit.set_rate(b.sim.now(), 2, 1s);
    leaves.request_stop();
    b.ask_many(limit, 2);
    b.sim.run();
    // 1 s: the reserved one and the two of the ask that left, whose permit was of the old rate
    CHECK(b.starts == std::vector<ap::duration>{0s, 1s, 2s, 2s});
    CHECK(limit.metrics().returned == 1);
}

TEST_CASE("rate_limit: a smooth one gets another interval, and what its first ask has not begun is set at once") {
    bench b;
    ap::rate_limit const limit{{.permits = 1, .per = 1h, .max_wait = 10s, .form = ap::rate_form::smooth}};
    limit.set_rate(b.sim.now(), 10, 1s);
    b.ask_many(limit, 2);
    limit.set_rate(b.sim.now(), 5, 1s);
    b.ask_many(limit, 2);
    b.sim.run();
    CHECK(b.starts == std::vector<ap::duration>{0ms, 100ms, 300ms, 500ms});
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("rate_limit: a rate that is nonsense is refused, and changes nothing") {
    bench b;
    ap::rate_limit const limit{{.permits = 1, .per = 1s}};
    CHECK_THROWS_AS(limit.set_rate(b.sim.now(), 0, 1s), std::invalid_argument);
    CHECK_THROWS_AS(limit.set_rate(b.sim.now(), 1, 0s), std::invalid_argument);
    CHECK(limit.available(b.sim.now()) == 1);
}
#endif
