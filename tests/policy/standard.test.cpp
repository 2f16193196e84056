// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/standard.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <utility>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"
#include "support/allocations.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

/// Takes as long as it is told, and fails as often.
struct endpoint {
    ap::testing::simulation sim{1};
    int asked = 0;
    int failures_left = 0;
    auto request() {
        return ap::request{[this](ap::duration takes) -> ap::task<int> {
            ++asked;
            co_await ap::sleep_for(takes);
            if (failures_left-- > 0) co_return ap::errc::unavailable;
            co_return asked;
        }};
    }
};

constexpr ap::backoff at_once{.initial = 1ms, .jitter = ap::jitter::none};

}  // namespace

TEST_CASE("standard: an attempt that is too slow is abandoned, and asked again") {
    endpoint e;
    auto r = e.request() | ap::standard({.total = 10s, .attempt = 1s, .backoff = at_once}) | ap::starts_on(e.sim);
    auto const answer = r.call(2s);
    CHECK(answer.error() == ap::errc::deadline_exceeded);
    CHECK(answer.error().attempts() == 3);
    CHECK(e.sim.now() == ap::time_point{1h + 3s + 3ms});
}

TEST_CASE("standard: the total is for everything") {
    endpoint e;
    auto r = e.request() | ap::standard({.total = 2500ms, .attempt = 1s, .backoff = at_once}) | ap::starts_on(e.sim);
    CHECK(r.call(2s).error() == ap::errc::deadline_exceeded);
    CHECK(e.sim.now() == ap::time_point{1h + 2500ms});
    CHECK(e.asked == 3);
}

TEST_CASE("standard: a passing failure is mended") {
    endpoint e;
    e.failures_left = 2;
    auto r = e.request() | ap::standard({.backoff = at_once}) | ap::starts_on(e.sim);
    CHECK(r.call(1ms).value() == 3);
    e.sim.run();
    CHECK(e.sim.pending() == 0);
}

TEST_CASE("standard: what it is put around shares its breaker, which counts attempts, and is not asked again when that is open") {
    endpoint e;
    e.failures_left = 100;
    ap::standard const shared{{.backoff = at_once, .breaker = {.window = ap::last(4), .minimum_calls = 4}}};
    auto a = e.request() | shared | ap::starts_on(e.sim);
    auto b = e.request() | shared | ap::starts_on(e.sim);
    CHECK(a.call(1ms).error() == ap::errc::unavailable);
    CHECK(b.call(1ms).error() == ap::errc::circuit_open);
    CHECK(e.asked == 4);
    CHECK(shared.breaker().state() == ap::circuit_breaker::open);
    CHECK(b.call(1ms).error().executed() == ap::executed::no);
    CHECK(e.asked == 4);
}

TEST_CASE("standard: its budget ends the retries when most asks fail") {
    endpoint e;
    e.failures_left = 1000;
    ap::standard const s{{.backoff = at_once, .breaker = {.window = ap::last(1000), .minimum_calls = 1000}}};
    auto r = e.request() | s | ap::starts_on(e.sim);
    for (int i = 0; i != 100; ++i)
        CHECK_FALSE(r.call(1ms).has_value());
    CHECK(e.asked < 110);
    CHECK(s.budget().balance(e.sim.now()) == 0);
}

TEST_CASE("standard: the whole stack is one allocation while nothing fails") {
    auto r = ap::request{[](int x) { return x; }} | ap::standard{} | ap::starts_on(ap::inline_executor{});
    static_cast<void>(r.submit(0).get());
    CHECK(test::allocations_of([&] { CHECK(r.submit(7).get().value() == 7); }) <= 1);
}

TEST_CASE("standard: a rate limit is innermost: every attempt takes a permit") {
    endpoint e;
    e.failures_left = 2;
    ap::rate_limit const limit{{.permits = 10, .per = 1h}};
    auto r = e.request() | ap::standard({.backoff = at_once, .rate_limit = limit}) | ap::starts_on(e.sim);
    CHECK(r.call(1ms).value() == 3);
    CHECK(limit.metrics().admitted == 3);
}

TEST_CASE("standard: a hedge sends copies of each attempt, paid for by its budget") {
    endpoint e;
    ap::retry_budget const budget{ap::retry_budget::throttle{.max_tokens = 2}};
    ap::standard const s{{.backoff = at_once, .budget = budget, .hedge = ap::hedge{.after = 100ms}}};
    auto r = e.request() | s | ap::starts_on(e.sim);
    CHECK(r.call(1s).has_value());
    CHECK(e.asked == 2);
    budget.failed();
    budget.failed();
    CHECK(r.call(1s).has_value());
    CHECK(e.asked == 3);
    CHECK((e.sim.run(), e.sim.pending()) == 0);
}

TEST_CASE("standard: a limit on concurrency and load shedding are outermost") {
    endpoint e;
    ap::concurrency_limit const limit{{.max_concurrent = 1, .max_queue = 1}};
    auto line = e.request() | ap::standard({.concurrency_limit = limit}) | ap::starts_on(e.sim);
    auto shed = e.request() | ap::standard({.concurrency_limit = limit, .load_shed = ap::load_shed{}}) | ap::starts_on(e.sim);
    auto first = line.submit(1s);
    CHECK(shed.call(1s).error() == ap::errc::overloaded);
    auto second = line.submit(1s);
    CHECK(limit.queued() == 1);
    CHECK(line.call(1s).error() == ap::errc::overloaded);
    int told = 0;
    e.sim.run();
    shed.submit(1s, [&](ap::result<int> answer) { told += answer.has_value(); });
    e.sim.run();
    line.submit(1s, [&](ap::result<int> answer) { told += answer.has_value(); });
    (e.request() | ap::standard{} | ap::starts_on(e.sim)).submit(1s, [&](ap::result<int> answer) { told += answer.has_value(); });
    e.sim.run();
    CHECK(told == 3);
    CHECK((std::move(first).get().has_value() && std::move(second).get().has_value()));
    CHECK(e.sim.pending() == 0);
}

TEST_CASE("standard: a fallback answers when all attempts have failed, within the total") {
    endpoint e;
    e.failures_left = 100;
    auto const s = ap::standard({.total = 5s, .backoff = at_once});
    auto r =
        e.request() | s.with_fallback([](ap::failure const& why) { return -static_cast<int>(why.attempts()); }) | ap::starts_on(e.sim);
    CHECK(r.call(1ms).value() == -3);
    auto slow = e.request() | ap::standard({.total = 5s, .attempt = 1h}).with_fallback(0) | ap::starts_on(e.sim);
    CHECK(slow.call(1h).error() == ap::errc::deadline_exceeded);
}

TEST_CASE("standard: everything at once is one allocation while nothing fails, and passes what only moves") {
    auto const s = ap::standard({.rate_limit = ap::rate_limit{{.permits = 1000}},
                                 .hedge = ap::hedge{.after = 1h},
                                 .concurrency_limit = ap::concurrency_limit{{.max_concurrent = 10}},
                                 .load_shed = ap::load_shed{}});
    auto r = ap::request{[](std::unique_ptr<int> x) { return x; }} | s.with_fallback([](ap::failure why) { return why; }) |
             ap::starts_on(ap::inline_executor{});
    CHECK(*r.submit(std::make_unique<int>(6)).get().value() == 6);
    auto x = std::make_unique<int>(7);
    CHECK(test::allocations_of([&] { CHECK(*r.submit(std::move(x)).get().value() == 7); }) <= 1);
    ap::request<int(int)> const erased = ap::request{[](int i) { return i; }} | s | ap::starts_on(ap::inline_executor{});
    CHECK(erased.call(8).value() == 8);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("standard: nonsense is refused where it is made") {
    CHECK_THROWS_AS((ap::standard{{.max_attempts = 0}}), std::invalid_argument);
    CHECK_THROWS_AS((ap::standard{{.breaker = {.failure_rate = 2}}}), std::invalid_argument);
    CHECK_THROWS_AS((ap::standard{{.hedge = ap::hedge{.max_attempts = 0}}}), std::invalid_argument);
    ap::request<int(), ap::repeat::unsafe> const once = [] { return 1; };
    CHECK_THROWS_AS(once | ap::standard{{.hedge = ap::hedge{}}}, std::invalid_argument);
    CHECK((once | ap::standard{}).call().value() == 1);
}
#endif
