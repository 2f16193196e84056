// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/standard.hpp"

#include <chrono>
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

#if ANTIPHON_EXCEPTIONS
TEST_CASE("standard: nonsense is refused where it is made") {
    CHECK_THROWS_AS((ap::standard{{.max_attempts = 0}}), std::invalid_argument);
    CHECK_THROWS_AS((ap::standard{{.breaker = {.failure_rate = 2}}}), std::invalid_argument);
}
#endif
