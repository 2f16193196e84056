// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/fallback.hpp"

#include <chrono>
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

/// Fails for 0, with everything that a failure can say.
auto picky() {
    return ap::request{[](int x) -> ap::result<int> {
        if (x != 0) return x;
        return ap::failure{ap::errc::unavailable, ap::executed::no}.with_retry_after(3s).with_attempts(2);
    }};
}

}  // namespace

TEST_CASE("fallback: a value passes, and the function is not asked") {
    int asked = 0;
    auto r = picky() | ap::fallback([&](ap::failure const&) { return ++asked; });
    CHECK(r.call(5).value() == 5);
    CHECK(asked == 0);
}

TEST_CASE("fallback: the function answers instead, and is told the whole failure") {
    auto r = picky() | ap::fallback([](ap::failure const& why) {
                 CHECK(why == ap::errc::unavailable);
                 CHECK(why.executed() == ap::executed::no);
                 CHECK(why.retry_after() == 3s);
                 CHECK(why.attempts() == 2);
                 return -1;
             });
    CHECK(r.call(0).value() == -1);
}

TEST_CASE("fallback: what it returns is flattened") {
    ap::request<int(int)> const other = [](int x) { return x; };
    CHECK((picky() | ap::fallback([](ap::failure) -> ap::result<int> { return 1; })).call(0).value() == 1);
    CHECK((picky() | ap::fallback([&](ap::failure) { return other.submit(2); })).call(0).value() == 2);
    CHECK((picky() | ap::fallback([](ap::failure) -> ap::task<int> { co_return 3; })).call(0).value() == 3);
    CHECK((picky() | ap::fallback([](ap::failure) { return ap::request{[] { return 4; }}; })).call(0).value() == 4);
    CHECK((picky() | ap::fallback([](ap::failure) { return ap::make_future(5); })).call(0).value() == 5);
}

TEST_CASE("fallback: its own failure is what the caller sees") {
    CHECK((picky() | ap::fallback([](ap::failure) -> ap::result<int> { return ap::errc::aborted; })).call(0).error() ==
          ap::errc::aborted);
    CHECK((picky() | ap::fallback([](ap::failure) { return ap::errc::not_found; })).call(0).error() == ap::errc::not_found);
#if ANTIPHON_EXCEPTIONS
    auto thrower = picky() | ap::fallback([](ap::failure) -> int { throw std::runtime_error{"worse"}; });
    CHECK(thrower.call(0).error().message() == "worse");
#endif
}

TEST_CASE("fallback: a failure that it returns passes with everything it says") {
    auto const answer = (picky() | ap::fallback([](ap::failure why) { return why; })).call(0);
    CHECK(answer.error() == ap::errc::unavailable);
    CHECK(answer.error().retry_after() == 3s);
    CHECK(answer.error().attempts() == 2);
}

TEST_CASE("fallback: a plain value is an answer for every failure") {
    CHECK((picky() | ap::fallback(-1)).call(0).value() == -1);
    ap::request name{[]() -> ap::result<std::string> { return ap::errc::unavailable; }};
    CHECK((name | ap::fallback("nobody")).call().value() == "nobody");
    CHECK((name | ap::fallback(std::string{"nobody, for longer than fits into a string"})).call().value().size() == 42);
}

TEST_CASE("fallback: a function that does not ask why answers as well") {
    int calls = 0;
    auto const absent = ap::request{[]() -> ap::result<int> { return ap::errc::not_found; }};
    auto const counted = absent | ap::fallback([&calls] { return ++calls; }) | ap::starts_on(ap::inline_executor{});
    CHECK(counted.call() == 1);
    CHECK(counted.submit().get() == 2);
    auto const later = absent | ap::fallback([] { return ap::future<int>{ap::make_future(7)}; });
    CHECK(later.call() == 7);
}

TEST_CASE("fallback: fallbacks nest, the outer one for the failure of the inner one") {
    auto r = picky() | ap::fallback([](ap::failure) { return ap::errc::aborted; }) | ap::fallback([](ap::failure const& why) {
                 CHECK(why == ap::errc::aborted);
                 return 2;
             });
    CHECK(r.call(0).value() == 2);
}

TEST_CASE("fallback: a refusal is answered where it comes from, without the executor") {
    ap::testing::simulation sim{1};
    auto f = (picky() | ap::deadline{ap::time_point::min()} | ap::fallback(8) | ap::starts_on(sim)).submit(1);
    CHECK(f.ready());
    CHECK(std::move(f).get().value() == 8);
}

TEST_CASE("fallback: around a timeout it answers when the time is up, and never on the timer thread") {
    ap::testing::simulation sim{1};
    ap::request slow{[]() -> ap::task<int> {
        co_await ap::sleep_for(1h);
        co_return 1;
    }};
    auto f = (slow | ap::timeout{.limit = 1s} | ap::fallback(2) | ap::starts_on(sim)).submit();
    sim.advance(1s);
    CHECK(f.ready());
    CHECK(std::move(f).get().value() == 2);
    ap::promise<int> never;
    ap::request waits{[&] { return never.get_future(); }};
    bool on_timer_thread = true;
    auto r = waits | ap::timeout{.limit = 1ms} | ap::fallback([&](ap::failure) {
                 on_timer_thread = ap::timer_thread::is_current();
                 return 3;
             });
    CHECK(r.call().value() == 3);
    CHECK_FALSE(on_timer_thread);
}

TEST_CASE("fallback: an ask whose stop was requested keeps its failure, and a fallback under way is stopped") {
    ap::testing::simulation sim{1};
    int asked = 0;
    ap::request slow{[]() -> ap::task<int> {
        co_await ap::sleep_for(1h);
        co_return ap::errc::unavailable;
    }};
    auto r = slow | ap::fallback([&](ap::failure) -> ap::task<int> {
                 ++asked;
                 co_await ap::sleep_for(1h);
                 co_return 1;
             }) |
             ap::starts_on(sim);
    auto before = r.submit();
    sim.advance(1s);
    before.request_stop();
    sim.advance(1s);
    CHECK(std::move(before).get().error() == ap::errc::unavailable);
    CHECK(asked == 0);
    auto during = r.submit();
    sim.advance(1h + 1min);
    CHECK(asked == 1);
    during.request_stop();
    sim.advance(1s);
    CHECK(during.ready());
    CHECK(sim.pending() == 0);
}

TEST_CASE("fallback: what an executor refuses to run is answered all the same") {
    struct refuser {
        void execute(ap::work job) const { std::move(job).reject(ap::errc::shut_down); }
    };
    CHECK((picky() | ap::fallback(6) | ap::starts_on(refuser{})).submit(1).get().value() == 6);
    struct dropper {
        void execute(ap::work) const {}
    };
    CHECK((picky() | ap::fallback(7) | ap::starts_on(dropper{})).submit(1).get().value() == 7);
}

TEST_CASE("fallback: the function sees the ask's context, and its asks inherit it") {
    ap::testing::simulation sim{1};
    ap::request<int()> const remaining = [](ap::context const& c) { return static_cast<int>(c.remaining() / 1s); };
    auto f = (picky() | ap::fallback([&](ap::failure) { return remaining.submit(); }) | ap::timeout{.limit = 9s} | ap::starts_on(sim))
                 .submit(0);
    sim.run();
    CHECK(std::move(f).get().value() == 9);
}

TEST_CASE("fallback: the observer is told who answered") {
    ap::stats const seen{{.stripes = 1}};
    std::vector<std::string> by;
    auto r = picky() | ap::fallback(1) | ap::observe(ap::hooks{.answered_by = [&](char const* name) { by.emplace_back(name); }});
    CHECK(r.call(0).has_value());
    CHECK(r.call(1).has_value());
    CHECK(by == std::vector<std::string>{"fallback"});
}

TEST_CASE("fallback: it allocates nothing, however large its function is") {
    std::string const large(100, 'x');
    auto r =
        picky() | ap::fallback([large](ap::failure) { return static_cast<int>(large.size()); }) | ap::starts_on(ap::inline_executor{});
    static_cast<void>(r.call(1));
    CHECK(test::allocations_of([&] { CHECK(r.submit(1).get().value() == 1); }) == 1);
    CHECK(test::allocations_of([&] { CHECK(r.submit(0).get().value() == 100); }) == 1);
}
