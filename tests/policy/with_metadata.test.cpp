// SPDX-License-Identifier: BSL-1.0
#include <antiphon/policy/with_metadata.hpp>

#include <antiphon/execution/inline_executor.hpp>
#include <antiphon/execution/thread_pool.hpp>
#include <antiphon/policy/coalesce.hpp>
#include <antiphon/policy/hedge.hpp>
#include <antiphon/policy/layer.hpp>
#include <antiphon/policy/retry.hpp>
#include <antiphon/policy/schedule.hpp>
#include <antiphon/policy/timeout.hpp>
#include <antiphon/request/request.hpp>
#include <antiphon/request/sleep.hpp>
#include <antiphon/request/starts_on.hpp>
#include <antiphon/request/task.hpp>
#include <antiphon/testing/simulation.hpp>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch_compat.hpp"
#include "support/allocations.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

/// Answers with the value of its key, "-" without one.
auto reads(std::string_view key) {
    return ap::request{[key](ap::context const& c) { return std::string{c.metadata().find(key).value_or("-")}; }};
}
std::string seen_by(ap::request<std::string()> const& r) { return r.call().value(); }

}  // namespace

TEST_CASE("with_metadata: a handler sees it, by every verb and through every layer between") {
    ap::testing::simulation sim;
    auto const r = reads("tenant") | ap::timeout{.limit = 1s} | ap::retry{} | ap::layer([](auto next) { return next(); }) |
                   ap::with_metadata{"tenant", "blue"} | ap::starts_on(sim);
    CHECK(r.call().value() == "blue");
    CHECK(r.submit().get().value() == "blue");
    CHECK(r.call_for(1s).get().value() == "blue");
    std::string told;
    r.submit([&](ap::result<std::string> answer) { told = *answer; });
    sim.run();
    CHECK(told == "blue");
}

TEST_CASE("with_metadata: without it there is none") {
    CHECK(seen_by(reads("tenant")) == "-");
    CHECK(seen_by(reads("tenant") | ap::with_metadata{"other", "blue"}) == "-");
}

TEST_CASE("with_metadata: the inner value of a key counts") {
    CHECK(seen_by(reads("k") | ap::with_metadata{"k", "inner"} | ap::with_metadata{"K", "outer"}) == "inner");
    CHECK(seen_by(reads("a") | ap::with_metadata{{"k", "1"}, {"a", "2"}} | ap::with_metadata{"k", "outer"}) == "2");
}

TEST_CASE("with_metadata: asks made in a handler inherit it, and may say otherwise") {
    ap::testing::simulation sim;
    auto const inner = reads("k") | ap::starts_on(sim);
    auto const middle = ap::request{[=] { return inner.submit(); }} | ap::starts_on(sim);
    CHECK((middle | ap::with_metadata{"k", "1"}).call().value() == "1");
    auto const otherwise = ap::request{[=] { return (inner | ap::with_metadata{"k", "2"}).submit(); }} | ap::starts_on(sim);
    CHECK((otherwise | ap::with_metadata{"k", "1"}).call().value() == "2");
    CHECK((ap::request{[] { return reads("k").call().value(); }} | ap::with_metadata{"k", "3"}).call().value() == "3");
    auto const awaits = ap::request{[=]() -> ap::task<std::string> {
        co_await ap::sleep_for(1ms);
        ap::result<std::string> const first = co_await inner();
        co_return *first + (co_await reads("k")()).value();
    }};
    CHECK((awaits | ap::with_metadata{"k", "4"} | ap::starts_on(sim)).call().value() == "44");
}

TEST_CASE("with_metadata: it lasts as long as the asks that see it, whatever became of the ask around them") {
    ap::testing::simulation sim;
    std::string seen;
    {
        auto const late = ap::request{[&](ap::context const& c) { seen = c.metadata().find("k").value_or("-"); }} | ap::after(2s) |
                          ap::starts_on(sim);
        auto const early =
            ap::request{[=] { late.submit().detach(); }} | ap::with_metadata{"k", std::string(100, 'v')} | ap::starts_on(sim);
        early.submit().detach();
        sim.advance(1s);
    }
    sim.run();
    CHECK(seen == std::string(100, 'v'));
}

TEST_CASE("with_metadata: a value that is made is made once an ask: outside a retry for all attempts, inside it for each") {
    ap::testing::simulation sim;
    std::vector<std::string> seen;
    auto const fails = ap::request{[&](ap::context const& c) -> ap::result<int> {
        seen.emplace_back(*c.metadata().find("id"));
        return ap::errc::unavailable;
    }};
    std::atomic<int> made{0};
    ap::with_metadata const stamped{"id", [&] { return std::to_string(++made); }};
    CHECK_FALSE((fails | ap::retry{.max_attempts = 2} | stamped | ap::starts_on(sim)).call());
    CHECK_FALSE((fails | stamped | ap::retry{.max_attempts = 2} | ap::starts_on(sim)).call());
    CHECK(seen == std::vector<std::string>{"1", "1", "2", "3"});
}

TEST_CASE("with_metadata: a value is made in the context of the ask, and never on the timer thread") {
    ap::thread_pool pool{{.threads = 1}};
    std::atomic<bool> on_timer_thread{false};
    ap::with_metadata const stamped{"id", [&] {
                                        on_timer_thread = ap::timer_thread::is_current();
                                        return reads("outer").call().value();
                                    }};
    auto const r = reads("id") | stamped | ap::after(1ms) | ap::with_metadata{"outer", "o"} | ap::starts_on(pool);
    CHECK(r.call().value() == "o");
    CHECK_FALSE(on_timer_thread);
}

TEST_CASE("with_metadata: an ask stopped before it makes no value") {
    ap::testing::simulation sim;
    bool made = false;
    auto f = (reads("id") |
              ap::with_metadata{"id",
                                [&] {
                                    made = true;
                                    return "1";
                                }} |
              ap::after(1s) | ap::starts_on(sim))
                 .submit();
    f.request_stop();
    sim.run();
    CHECK(std::move(f).get().error() == ap::errc::cancelled);
    CHECK_FALSE(made);
}

TEST_CASE("with_metadata: a made value that no header could carry fails its ask, which does not run") {
    bool ran = false;
    auto const r = ap::request{[&] { ran = true; }} | ap::with_metadata{"k", [] { return "a\r\nInjected: yes"; }};
    auto const answer = r.call();
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error() == ap::errc::invalid_argument);
    CHECK(answer.error().executed() == ap::executed::no);
    CHECK_FALSE(ran);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("with_metadata: what the function throws is the ask's failure, which does not run") {
    bool ran = false;
    auto const r = ap::request{[&] { ran = true; }} | ap::with_metadata{"k", []() -> std::string { throw std::runtime_error{"none"}; }};
    auto const answer = r.call();
    REQUIRE_FALSE(answer.has_value());
    CHECK_THROWS_AS(answer.value(), std::runtime_error);
    CHECK(answer.error().executed() == ap::executed::no);
    CHECK_FALSE(ran);
}

TEST_CASE("with_metadata: keys that are no tokens or given twice, and values with line breaks or zeros, are refused") {
    CHECK_THROWS_AS((ap::with_metadata{"", "v"}), std::invalid_argument);
    CHECK_THROWS_AS((ap::with_metadata{"a b", "v"}), std::invalid_argument);
    CHECK_THROWS_AS((ap::with_metadata{"a:", "v"}), std::invalid_argument);
    CHECK_THROWS_AS((ap::with_metadata{"k\n", "v"}), std::invalid_argument);
    CHECK_THROWS_AS((ap::with_metadata{"k", "v\r\nInjected: yes"}), std::invalid_argument);
    CHECK_THROWS_AS((ap::with_metadata{"k", std::string{"v\0", 2}}), std::invalid_argument);
    CHECK_THROWS_AS((ap::with_metadata{{"k", "1"}, {"K", "2"}}), std::invalid_argument);
    CHECK_THROWS_AS((ap::with_metadata{"a b", [] { return "v"; }}), std::invalid_argument);
    CHECK_NOTHROW(ap::with_metadata{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"});
    CHECK_NOTHROW(ap::with_metadata{"k", ""});
}
#endif

TEST_CASE("with_metadata: it costs no allocation beyond the ask's, and none where it is absent") {
    ap::inline_executor const here;
    auto const plain = ap::request{[](ap::context const& c) { return c.metadata().empty(); }} | ap::starts_on(here);
    auto const stamped = plain | ap::with_metadata{"key", std::string(100, 'v')};
    CHECK(plain.submit().get().value());
    CHECK_FALSE(stamped.submit().get().value());
    bool seen = true;
    CHECK(test::allocations_of([&] { seen = plain.submit().get().value(); }) <= 1);
    CHECK(seen);
    CHECK(test::allocations_of([&] { seen = stamped.submit().get().value(); }) <= 1);
    CHECK_FALSE(seen);
}

TEST_CASE("with_metadata: a flight has the metadata of the ask that it was begun for") {
    ap::testing::simulation sim;
    auto const shared = ap::request{[](ap::context const& c) -> ap::task<std::string> {
                            std::string const mine{c.metadata().find("k").value_or("-")};
                            co_await ap::sleep_for(1s);
                            co_return mine;
                        }} |
                        ap::coalesce() | ap::starts_on(sim);
    auto first = (shared | ap::with_metadata{"k", "1"}).submit();
    auto second = (shared | ap::with_metadata{"k", "2"}).submit();
    sim.run();
    CHECK(std::move(first).get().value() == "1");
    CHECK(std::move(second).get().value() == "1");
}

TEST_CASE("with_metadata: copies of a hedge see the same") {
    ap::testing::simulation sim;
    std::vector<std::string> seen;
    auto const r = ap::request{[&](ap::context const& c) -> ap::task<int> {
                       seen.emplace_back(c.metadata().find("k").value_or("-"));
                       co_await ap::sleep_for(1s);
                       co_return 1;
                   }} |
                   ap::hedge{.after = 10ms, .max_attempts = 3} | ap::with_metadata{"k", "1"} | ap::starts_on(sim);
    CHECK(r.call().value() == 1);
    CHECK(seen == std::vector<std::string>{"1", "1", "1"});
}
