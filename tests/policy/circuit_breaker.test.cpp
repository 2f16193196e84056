// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/circuit_breaker.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"
#include "support/allocations.hpp"
#include "support/values.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::circuit_breaker;

namespace {

/// A handler that does as it is told: what it answers, after how long.
struct backend {
    ap::testing::simulation sim{1};
    int calls = 0;
    std::optional<ap::failure> fails;
    ap::duration takes = 0s;

    auto request() {
        return ap::request{[this](int x) -> ap::task<int> {
            ++calls;
            std::optional<ap::failure> const mine = fails;
            if (takes > 0s) co_await ap::sleep_for(takes);
            if (mine) co_return ap::result<int>{*mine};
            co_return x;
        }};
    }
    template <class Request>
    ap::result<int> ask(Request const& r) {
        return (r | ap::starts_on(sim)).call(1);
    }
    template <class Request>
    void succeed(Request const& r, int n = 1) {
        fails.reset();
        for (int i = 0; i != n; ++i)
            CHECK(ask(r).has_value());
    }
    template <class Request>
    void fail(Request const& r, int n = 1, ap::errc why = ap::errc::unavailable) {
        fails = why;
        for (int i = 0; i != n; ++i)
            CHECK(ask(r).error() == why);
        fails.reset();
    }
};

ap::circuit_breaker_options small() { return {.window = ap::last(4), .minimum_calls = 4, .open_for = 5s, .half_open_calls = 2}; }

}  // namespace

TEST_CASE("circuit_breaker: opens when the failure rate is reached, not before the minimum of calls") {
    backend b;
    circuit_breaker const breaker{{.failure_rate = 0.5, .window = ap::last(10), .minimum_calls = 6}};
    auto const r = b.request() | breaker;
    b.fail(r, 5);
    CHECK(breaker.state() == circuit_breaker::closed);
    b.succeed(r);
    CHECK(breaker.state() == circuit_breaker::open);  // five of six
}

TEST_CASE("circuit_breaker: a rate below the limit leaves it closed, and old calls leave the window") {
    backend b;
    circuit_breaker const breaker{small()};
    auto const r = b.request() | breaker;
    b.succeed(r, 3);
    b.fail(r);
    CHECK(breaker.metrics().failure_rate == 0.25);
    b.succeed(r, 4);
    CHECK(breaker.metrics().failure_rate == 0);
    CHECK(breaker.state() == circuit_breaker::closed);
}

TEST_CASE("circuit_breaker: a success can open it") {
    backend b;
    circuit_breaker const breaker{small()};
    auto const r = b.request() | breaker;
    b.fail(r, 3);
    b.succeed(r);
    CHECK(breaker.state() == circuit_breaker::open);
}

TEST_CASE("circuit_breaker: a window of calls caps the minimum at its size") {
    backend b;
    circuit_breaker const breaker{{.window = ap::last(3), .minimum_calls = 100}};
    auto const r = b.request() | breaker;
    b.fail(r, 3);
    CHECK(breaker.state() == circuit_breaker::open);
}

TEST_CASE("circuit_breaker: a window of seconds forgets what is older") {
    backend b;
    circuit_breaker const breaker{{.window = ap::last(10s), .minimum_calls = 4}};
    auto const r = b.request() | breaker;
    b.fail(r, 3);
    b.sim.advance(10s);
    b.fail(r, 3);
    CHECK(breaker.state() == circuit_breaker::closed);
    b.sim.advance(9s);
    b.fail(r, 1);
    CHECK(breaker.state() == circuit_breaker::open);
}

TEST_CASE("circuit_breaker: slow calls open it, whether they fail or not") {
    backend b;
    circuit_breaker const breaker{{.slow_call_rate = 0.5, .slow_call = 100ms, .window = ap::last(4)}};
    auto const r = b.request() | breaker;
    b.takes = 100ms;  // not above
    b.succeed(r, 2);
    b.takes = 101ms;
    b.succeed(r, 2);
    CHECK(breaker.state() == circuit_breaker::open);
    CHECK(breaker.metrics().slow == 2);
    CHECK(breaker.metrics().succeeded == 4);
}

TEST_CASE("circuit_breaker: open, it rejects at once, and what is inside hears nothing") {
    backend b;
    ap::stats const inside{{.stripes = 1}};
    circuit_breaker const breaker{small()};
    auto const r = b.request() | inside | breaker;
    b.fail(r, 4);
    b.sim.advance(2s);
    auto const before = b.sim.now();
    auto const answer = b.ask(r);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error() == ap::errc::circuit_open);
    CHECK(answer.error().executed() == ap::executed::no);
    CHECK(b.sim.now() == before);
    CHECK(b.calls == 4);
    CHECK(inside.snapshot().asked == 4);
    CHECK(breaker.metrics().rejected == 1);
}

TEST_CASE("circuit_breaker: retry_after of a rejection is exactly the time to the first instant that admits") {
    backend b;
    circuit_breaker const breaker{small()};
    auto const r = b.request() | breaker;
    b.fail(r, 4);
    b.sim.advance(2s);
    ap::duration const wait = b.ask(r).error().retry_after().value();
    CHECK(wait == 3s + 1ns);
    b.sim.advance(wait - 1ns);
    CHECK_FALSE(breaker.admits(b.sim.now()));
    CHECK(b.ask(r).error() == ap::errc::circuit_open);
    b.sim.advance(1ns);
    CHECK(breaker.admits(b.sim.now()));
    CHECK(b.ask(r).has_value());
}

TEST_CASE("circuit_breaker: a retry outside waits exactly until it is let in again") {
    backend b;
    circuit_breaker const breaker{small()};
    auto const r = b.request() | breaker;
    b.fail(r, 4);
    auto const opened = b.sim.now();
    auto const answer = b.ask(r | ap::retry{.max_attempts = 2, .retry_if = [](ap::failure const&) { return true; }});
    CHECK(answer.has_value());
    CHECK(b.sim.now() - opened == 5s + 1ns);
}

TEST_CASE("circuit_breaker: it stays open until an ask comes, and closes when enough of them succeed") {
    backend b;
    circuit_breaker const breaker{small()};
    auto const r = b.request() | breaker;
    b.fail(r, 4);
    b.sim.advance(1h);
    CHECK(breaker.state() == circuit_breaker::open);
    b.succeed(r);
    CHECK(breaker.state() == circuit_breaker::half_open);
    b.succeed(r);
    CHECK(breaker.state() == circuit_breaker::closed);
    CHECK(breaker.metrics().calls == 0);
}

TEST_CASE("circuit_breaker: half-open it decides by the same rates, once all results are in") {
    backend b;
    auto options = small();
    options.failure_rate = 0.6;
    options.half_open_calls = 3;
    circuit_breaker const breaker{options};
    auto const r = b.request() | breaker;
    auto const reopen = [&](int failures, int successes) {
        breaker.reset();
        b.fail(r, 4);
        b.sim.advance(6s);
        b.fail(r, failures);
        b.succeed(r, successes);
        return breaker.state();
    };
    CHECK(reopen(2, 0) == circuit_breaker::half_open);
    CHECK(reopen(2, 1) == circuit_breaker::open);
    CHECK(reopen(1, 2) == circuit_breaker::closed);
}

TEST_CASE("circuit_breaker: half-open it lets so many in, and rejects the others until a place is free") {
    backend b;
    auto options = small();
    options.half_open_for = 30s;
    circuit_breaker const breaker{options};
    auto const r = b.request() | breaker | ap::starts_on(b.sim);
    b.fail(b.request() | breaker, 4);
    b.sim.advance(6s);
    b.takes = 1min;
    auto first = r.submit(1);
    b.sim.advance(10s);
    auto second = r.submit(1);
    b.sim.advance(5s);
    auto const third = r.submit(1).get();
    CHECK(third.error() == ap::errc::circuit_open);
    CHECK(third.error().retry_after() == 15s);
}

TEST_CASE("circuit_breaker: a probe that is lost does not wedge it, the state stays half-open") {
    backend b;
    auto options = small();
    options.half_open_calls = 1;
    options.half_open_for = 30s;
    circuit_breaker const breaker{options};
    auto const r = b.request() | breaker | ap::starts_on(b.sim);
    b.fail(b.request() | breaker, 4);
    b.sim.advance(6s);
    b.takes = 1h;
    auto lost = r.submit(1);
    b.sim.advance(30s - 1ns);
    CHECK_FALSE(breaker.admits(b.sim.now()));
    b.sim.advance(1ns);
    CHECK(breaker.state() == circuit_breaker::half_open);
    b.takes = 0s;
    auto other = r.submit(1);
    b.sim.advance(1s);
    CHECK(other.ready());
    CHECK(breaker.state() == circuit_breaker::closed);
    b.sim.run();
    CHECK(lost.ready());
}

TEST_CASE("circuit_breaker: a probe that comes back after its lease counts all the same, and its place was another's meanwhile") {
    backend b;
    auto options = small();
    options.half_open_calls = 2;
    options.half_open_for = 30s;
    circuit_breaker const breaker{options};
    auto const r = b.request() | breaker | ap::starts_on(b.sim);
    b.fail(b.request() | breaker, 4);
    b.sim.advance(6s);
    b.takes = 40s;
    auto first = r.submit(1), second = r.submit(1);
    CHECK_FALSE(breaker.admits(b.sim.now()));
    b.sim.advance(30s);
    CHECK(breaker.admits(b.sim.now()));
    b.sim.advance(10s);
    CHECK((first.ready() && second.ready()));
    CHECK(breaker.state() == circuit_breaker::closed);
    CHECK(breaker.metrics().succeeded == 2);
}

TEST_CASE("circuit_breaker: a result that is ignored is not recorded, and half-open gives its place back") {
    backend b;
    auto options = small();
    options.half_open_calls = 1;
    options.ignored = [](ap::failure const& why) { return why == ap::errc::not_found; };
    circuit_breaker const breaker{options};
    auto const r = b.request() | breaker;
    b.fail(r, 20, ap::errc::not_found);
    CHECK(breaker.metrics().calls == 0);
    CHECK(breaker.metrics().ignored == 20);
    b.fail(r, 4);
    b.sim.advance(6s);
    b.fail(r, 3, ap::errc::not_found);
    CHECK(breaker.state() == circuit_breaker::half_open);
    b.succeed(r);
    CHECK(breaker.state() == circuit_breaker::closed);
}

TEST_CASE("circuit_breaker: which failures count as such can be said") {
    backend b;
    auto options = small();
    options.failed = [](ap::failure const& why) { return why != ap::errc::invalid_argument; };
    circuit_breaker const breaker{options};
    auto const r = b.request() | breaker;
    b.fail(r, 4, ap::errc::invalid_argument);
    CHECK(breaker.state() == circuit_breaker::closed);
    CHECK(breaker.metrics().succeeded == 4);
}

TEST_CASE("circuit_breaker: a cancelled ask is not recorded, and half-open gives its place back") {
    backend b;
    auto options = small();
    options.half_open_calls = 1;
    circuit_breaker const breaker{options};
    auto const r = b.request() | breaker | ap::starts_on(b.sim);
    b.fail(b.request() | breaker, 4);
    b.sim.advance(6s);
    b.takes = 1s;
    for (int i = 0; i != 3; ++i) {
        b.fails = ap::errc::cancelled;
        auto f = r.submit(1);
        b.sim.advance(1ms);
        f.request_stop();
        b.sim.run();
        CHECK(std::move(f).get().error() == ap::errc::cancelled);
    }
    CHECK(breaker.state() == circuit_breaker::half_open);
    b.succeed(b.request() | breaker);
    CHECK(breaker.state() == circuit_breaker::closed);
}

TEST_CASE("circuit_breaker: a failure after a stop request is not recorded, whatever its code, and half-open gives its place back") {
    backend b;
    auto options = small();
    options.half_open_calls = 1;
    circuit_breaker const breaker{options};
    auto const r = b.request() | breaker | ap::starts_on(b.sim);
    auto const stopped = [&](std::optional<ap::failure> how) {
        b.fails = std::move(how);
        b.takes = 1s;
        auto f = r.submit(1);
        b.sim.advance(1ms);
        f.request_stop();
        b.sim.run();
        CHECK(f.ready());
        b.fails.reset();
        b.takes = 0s;
    };
    for (int i = 0; i != 8; ++i)
        stopped(ap::failure{ap::errc::unavailable});
    CHECK(breaker.state() == circuit_breaker::closed);
    CHECK(breaker.metrics().calls == 0);
    CHECK(breaker.metrics().ignored == 8);
    stopped({});
    CHECK(breaker.metrics().succeeded == 1);  // a value tells of the other side's health all the same
    b.fail(b.request() | breaker, 3);
    b.sim.advance(6s);
    stopped(ap::failure{ap::errc::internal});
    CHECK(breaker.state() == circuit_breaker::half_open);
    b.succeed(b.request() | breaker);
    CHECK(breaker.state() == circuit_breaker::closed);
}

TEST_CASE("circuit_breaker: a window of time slides without a call, for who says what time it is") {
    backend b;
    circuit_breaker const breaker{{.window = ap::last(10s), .minimum_calls = 100}};
    b.fail(b.request() | breaker, 3);
    b.sim.advance(5s);
    b.succeed(b.request() | breaker);
    CHECK(breaker.metrics(b.sim.now()).calls == 4);
    b.sim.advance(5s);
    CHECK(breaker.metrics().calls == 4);  // as of the last result
    CHECK(breaker.metrics(b.sim.now()).calls == 1);
    CHECK(breaker.metrics(b.sim.now()).failure_rate == 0);
    b.sim.advance(5s);
    CHECK(breaker.metrics(b.sim.now()).calls == 0);
    CHECK(breaker.metrics().calls == 0);
    CHECK(breaker.metrics(b.sim.now()).failed == 3);  // since it was made
}

TEST_CASE("circuit_breaker: a probe whose work is dropped gives its place back") {
    backend b;
    auto options = small();
    options.half_open_calls = 1;
    circuit_breaker const breaker{options};
    b.fail(b.request() | breaker, 4);
    b.sim.advance(6s);
    {
        auto desk = std::make_unique<ap::testing::simulation>(2);
        desk->advance(6s);
        auto f = (b.request() | breaker | ap::starts_on(*desk)).submit(1);
        CHECK_FALSE(breaker.admits(b.sim.now()));
        f.request_stop();
    }
    CHECK(breaker.admits(b.sim.now()));
}

TEST_CASE("circuit_breaker: results of asks from an earlier state appear in the metrics only") {
    backend b;
    circuit_breaker const breaker{small()};
    auto const r = b.request() | breaker | ap::starts_on(b.sim);
    b.takes = 20s;
    std::vector<ap::future<int>> early;
    b.fails = ap::errc::internal;
    for (int i = 0; i != 8; ++i)
        early.push_back(r.submit(1));
    b.sim.advance(1s);
    b.takes = 0s;
    b.fail(b.request() | breaker, 4);
    b.sim.advance(6s);
    b.succeed(b.request() | breaker);
    REQUIRE(breaker.state() == circuit_breaker::half_open);
    b.sim.advance(20s);
    CHECK(early.back().ready());
    CHECK(breaker.state() == circuit_breaker::half_open);
    CHECK(breaker.metrics().calls == 1);
    CHECK(breaker.metrics().failed == 12);
    b.succeed(b.request() | breaker);
    CHECK(breaker.state() == circuit_breaker::closed);
}

TEST_CASE("circuit_breaker: how long it stays open may depend on how often it has opened in a row") {
    backend b;
    std::vector<int> asked;
    auto options = small();
    options.half_open_calls = 1;
    options.open_for = [&asked](int n) {
        asked.push_back(n);
        return n * 10s;
    };
    circuit_breaker const breaker{options};
    auto const r = b.request() | breaker;
    b.fail(r, 4);
    CHECK(b.ask(r).error().retry_after() == 10s + 1ns);
    b.sim.advance(10s + 1ns);
    b.fail(r);
    CHECK(breaker.metrics().opened_in_a_row == 2);
    CHECK(b.ask(r).error().retry_after() == 20s + 1ns);
    b.sim.advance(20s + 1ns);
    b.succeed(r);
    CHECK(breaker.state() == circuit_breaker::closed);
    b.fail(r, 4);
    CHECK(b.ask(r).error().retry_after() == 10s + 1ns);
    CHECK(asked == std::vector<int>{1, 2, 3, 2});
}

TEST_CASE("circuit_breaker: every transition is told, with its number") {
    backend b;
    std::vector<std::pair<int, int>> seen;
    std::uint64_t number = 0;
    auto options = small();
    options.half_open_calls = 1;
    options.on_transition = [&](circuit_breaker::transition const& t) {
        CHECK(t.number > number);
        number = t.number;
        seen.emplace_back(t.from, t.to);
    };
    circuit_breaker const breaker{options};
    auto const r = b.request() | breaker;
    b.fail(r, 4);
    b.sim.advance(6s);
    b.fail(r);
    b.sim.advance(6s);
    b.succeed(r);
    breaker.force_open();
    breaker.force_open();
    breaker.disable();
    breaker.metrics_only();
    breaker.reset();
    breaker.reset();
    using c = circuit_breaker;
    CHECK(seen == std::vector<std::pair<int, int>>{{c::closed, c::open},
                                                   {c::open, c::half_open},
                                                   {c::half_open, c::open},
                                                   {c::open, c::half_open},
                                                   {c::half_open, c::closed},
                                                   {c::closed, c::forced_open},
                                                   {c::forced_open, c::disabled},
                                                   {c::disabled, c::measuring},
                                                   {c::measuring, c::closed}});
}

TEST_CASE("circuit_breaker: a listener may look at the breaker, and change it") {
    backend b;
    std::optional<circuit_breaker> breaker;
    auto options = small();
    options.on_transition = [&](circuit_breaker::transition const& t) {
        CHECK(breaker->state() == t.to);
        if (t.to == circuit_breaker::open) breaker->reset();
    };
    breaker.emplace(options);
    auto const r = b.request() | *breaker;
    b.fail(r, 4);
    CHECK(breaker->state() == circuit_breaker::closed);
}

TEST_CASE("circuit_breaker: forced open it rejects without a time, whenever that is") {
    backend b;
    circuit_breaker const breaker{small()};
    breaker.force_open();
    b.sim.advance(24h);
    auto const answer = b.ask(b.request() | breaker);
    CHECK(answer.error() == ap::errc::circuit_open);
    CHECK_FALSE(answer.error().retry_after().has_value());
    CHECK_FALSE(breaker.admits(b.sim.now()));
    CHECK(breaker.state() == circuit_breaker::forced_open);
}

TEST_CASE("circuit_breaker: disabled it lets everything through and measures nothing") {
    backend b;
    circuit_breaker const breaker{small()};
    breaker.disable();
    b.fail(b.request() | breaker, 20);
    CHECK(breaker.state() == circuit_breaker::disabled);
    CHECK(breaker.metrics().calls == 0);
}

TEST_CASE("circuit_breaker: metrics_only measures and never opens") {
    backend b;
    circuit_breaker const breaker{small()};
    breaker.metrics_only();
    b.fail(b.request() | breaker, 20);
    CHECK(breaker.state() == circuit_breaker::measuring);
    CHECK(breaker.metrics().calls == 4);
    CHECK(breaker.metrics().failure_rate == 1);
}

TEST_CASE("circuit_breaker: reset closes it and forgets everything") {
    backend b;
    circuit_breaker const breaker{small()};
    auto const r = b.request() | breaker;
    b.fail(r, 4);
    breaker.reset();
    CHECK(breaker.state() == circuit_breaker::closed);
    CHECK(breaker.metrics().failed == 0);
    CHECK(breaker.metrics().opened_in_a_row == 0);
    b.fail(r, 3);
    CHECK(breaker.state() == circuit_breaker::closed);
}

TEST_CASE("circuit_breaker: copies and the requests around which it is put share one state, which outlives the name") {
    backend b;
    auto r = [&] {
        circuit_breaker const breaker{small()};
        circuit_breaker const copy = breaker;
        b.fail(b.request() | copy, 4);
        return b.request() | breaker;
    }();
    CHECK(b.ask(r).error() == ap::errc::circuit_open);
}

TEST_CASE("circuit_breaker: an observer hears of the rejection") {
    struct log final : ap::observer {
        void rejected(char const* by, ap::failure const& why) noexcept override {
            CHECK(std::string{by} == "circuit_breaker");
            CHECK(why == ap::errc::circuit_open);
            ++heard;
        }
        int heard = 0;
    } seen;
    backend b;
    circuit_breaker const breaker{small()};
    breaker.force_open();
    CHECK_FALSE(b.ask(b.request() | breaker | ap::observe{&seen}));
    CHECK(seen.heard == 1);
}

TEST_CASE("circuit_breaker: an ask takes one allocation, rejected or not") {
    ap::manual_executor desk;
    circuit_breaker const breaker{small()};
    auto const r = ap::request{[](int x) { return x; }} | breaker | ap::starts_on(desk);
    int heard = 0;
    auto const ask = [&] {
        r.submit(1, [&](ap::result<int>) { ++heard; });
        desk.run();
    };
    CHECK(test::allocations_of(ask) == 1);
    breaker.force_open();
    CHECK(test::allocations_of(ask) == 1);
    CHECK(heard == 2);
}

TEST_CASE("circuit_breaker: a rejection is the callback's on the executor, the handler's nowhere") {
    ap::manual_executor desk;
    circuit_breaker const breaker{small()};
    breaker.force_open();
    bool ran = false;
    bool told = false;
    auto const r = ap::request{[&] { ran = true; }} | breaker | ap::starts_on(desk);
    r.submit([&](ap::result<void> a) { told = a.error() == ap::errc::circuit_open; });
    CHECK_FALSE(told);
    desk.run();
    CHECK(told);
    CHECK_FALSE(ran);
}

TEST_CASE("circuit_breaker: what was made for an ask that is rejected is freed, whatever is inside") {
    ap::testing::simulation sim{1};
    circuit_breaker const breaker{small()};
    breaker.force_open();
    auto const rejects = [&](auto const& policy) {
        auto const ask = [&](auto request) {
            auto const answer = (std::move(request) | policy | breaker | ap::starts_on(sim)).call(test::counted{1});
            CHECK(answer.error() == ap::errc::circuit_open);
        };
        auto const handler = [kept = test::counted{2}](test::counted const& c) { return c.read() + kept.read(); };
        ask(ap::request{handler});
        ask(ap::request<int(test::counted)>{handler});
        ask(ap::request<long(test::counted)>{ap::request<int(test::counted)>{handler}});
        ask(ap::request{[](test::counted c, ap::promise<int> p) { p.set_value(c.read()); }});
    };
    rejects(ap::timeout{.limit = 1s});
    rejects(ap::retry{});
    rejects(ap::hedge{.after = 1s});
    rejects(ap::concurrency_limit{{.max_concurrent = 1}} | ap::rate_limit{{.permits = 1}});
    rejects(ap::fallback([](ap::failure const&) { return 0; }));
    rejects(ap::stop_when(std::stop_token{}) | ap::after(1s) | ap::adaptive{});
    CHECK(sim.pending() == 0);
    CHECK(test::counted::alive() == 0);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("circuit_breaker: what a predicate throws is the ask's failure, and counts as one") {
    backend b;
    auto options = small();
    options.ignored = [](ap::failure const&) -> bool { throw std::runtime_error{"undecided"}; };
    circuit_breaker const breaker{options};
    b.fails = ap::errc::unavailable;
    auto const answer = b.ask(b.request() | breaker);
    CHECK(answer.error().message() == "undecided");
    CHECK(breaker.metrics().failed == 1);
}

TEST_CASE("circuit_breaker: nonsense is refused, naming the field") {
    auto const refused = [](ap::circuit_breaker_options o, std::string const& field) {
        try {
            circuit_breaker const made{std::move(o)};
        } catch (std::invalid_argument const& e) {
            return std::string{e.what()}.find("circuit_breaker." + field + ":") == 0;
        }
        return false;
    };
    CHECK(refused({.failure_rate = 1.1}, "failure_rate"));
    CHECK(refused({.failure_rate = -0.1}, "failure_rate"));
    CHECK(refused({.failure_rate = std::numeric_limits<double>::quiet_NaN()}, "failure_rate"));
    CHECK(refused({.failure_rate = 0}, "failure_rate"));
    CHECK(refused({.slow_call_rate = 0}, "slow_call_rate"));
    CHECK(refused({.slow_call_rate = 2}, "slow_call_rate"));
    CHECK(refused({.slow_call = -1s}, "slow_call"));
    CHECK(refused({.minimum_calls = 0}, "minimum_calls"));
    CHECK(refused({.open_for = -1s}, "open_for"));
    CHECK(refused({.half_open_calls = 0}, "half_open_calls"));
    CHECK(refused({.half_open_for = 0s}, "half_open_for"));
}
#endif

TEST_CASE("circuit_breaker: by default it opens at half of 100 calls, for a minute, and lets ten in to find out") {
    backend b;
    circuit_breaker const breaker;
    auto const r = b.request() | breaker;
    b.succeed(r, 50);
    b.fail(r, 49);
    CHECK(breaker.state() == circuit_breaker::closed);
    b.fail(r);
    CHECK(breaker.state() == circuit_breaker::open);
    b.sim.advance(60s);
    CHECK(b.ask(r).error() == ap::errc::circuit_open);
    b.sim.advance(1ns);
    b.succeed(r, 9);
    CHECK(breaker.state() == circuit_breaker::half_open);
    b.succeed(r);
    CHECK(breaker.state() == circuit_breaker::closed);
}

TEST_CASE("circuit_breaker: by default a call is slow above a minute, not at one, and all have to be slow") {
    for (ap::duration takes : {ap::duration{60s}, ap::duration{60s + 1ns}}) {
        backend b;
        circuit_breaker const breaker;
        auto const r = b.request() | breaker;
        b.takes = takes;
        b.succeed(r, 99);
        CHECK(breaker.state() == circuit_breaker::closed);
        b.succeed(r);
        CHECK((breaker.state() == circuit_breaker::open) == (takes > 60s));
    }
}

TEST_CASE("circuit_breaker: outside a retry it counts asks, inside attempts") {
    backend b;
    circuit_breaker const outside{small()}, inside{small()};
    auto const r = b.request() | inside | ap::retry{.max_attempts = 3, .backoff = {.initial = 1ms}} | outside;
    b.fail(r);
    CHECK(outside.metrics().failed == 1);
    CHECK(inside.metrics().failed == 3);
}
