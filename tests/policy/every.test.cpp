// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/every.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"
#include "support/allocations.hpp"
#include "support/values.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

/// A request that takes as long as it is told, and remembers when it was asked.
struct series {
    ap::testing::simulation sim{1};
    ap::time_point start = sim.now();
    std::vector<ap::duration> asked{};
    std::vector<ap::duration> takes{};  ///< the last one goes on for ever

    auto request() {
        return ap::request{[this]() -> ap::task<std::size_t> {
            std::size_t const n = asked.size();
            asked.push_back(sim.now() - start);
            if (!takes.empty()) co_await ap::sleep_for(takes[n < takes.size() ? n : takes.size() - 1]);
            co_return n + 1;
        }};
    }
    /// Asks `n` times by a rule.
    std::vector<ap::duration> run(ap::missed_ticks rule, std::size_t n) {
        auto f =
            (request() | ap::every(10ms, rule) | ap::starts_on(sim)).submit([&](ap::result<std::size_t> r) { return r.value() < n; });
        sim.run();
        CHECK(std::move(f).get().value() == n);
        CHECK(sim.pending() == 0);
        return asked;
    }
};

}  // namespace

TEST_CASE("every: it asks at once and then at every tick, and hands over each answer, until it is stopped") {
    series s;
    std::vector<std::size_t> answers;
    auto f =
        (s.request() | ap::every(1s) | ap::starts_on(s.sim)).submit([&](ap::result<std::size_t> r) { answers.push_back(r.value()); });
    s.sim.advance(3500ms);
    CHECK(answers == std::vector<std::size_t>{1, 2, 3, 4});
    CHECK(s.asked == std::vector<ap::duration>{0s, 1s, 2s, 3s});
    f.request_stop();
    CHECK(s.sim.pending() == 0);
    CHECK(std::move(f).get().value() == 4);
}

TEST_CASE("every: dropping the future ends the series, detaching it does not") {
    series s;
    auto const each = s.request() | ap::every(1s) | ap::starts_on(s.sim);
    {
        auto const dropped = each.submit([](ap::result<std::size_t>) {});
        s.sim.advance(1ms);
    }
    CHECK(s.sim.pending() == 0);
    CHECK(s.asked.size() == 1);
    int left = 5;
    each.submit([&](ap::result<std::size_t>) { return --left > 0; }).detach();
    s.sim.run();
    CHECK(left == 0);
    CHECK(s.asked.size() == 6);
}

TEST_CASE("every: what hears the answers ends the series by returning false") {
    series s;
    CHECK(s.run(ap::missed_ticks::skip, 3) == std::vector<ap::duration>{0ms, 10ms, 20ms});
}

TEST_CASE("every: ticks are counted from the beginning, so that they do not drift") {
    series s;
    s.takes = {3ms, 9ms, 10ms, 1ms};
    CHECK(s.run(ap::missed_ticks::skip, 5) == std::vector<ap::duration>{0ms, 10ms, 20ms, 30ms, 40ms});
}

TEST_CASE("every: missed ticks are skipped unless told otherwise") {
    series s;
    s.takes = {25ms, 1ms};
    CHECK(s.run(ap::missed_ticks::skip, 4) == std::vector<ap::duration>{0ms, 30ms, 40ms, 50ms});
}

TEST_CASE("every: a missed tick may be made up for at once, the others following a period apart") {
    series s;
    s.takes = {25ms, 1ms};
    CHECK(s.run(ap::missed_ticks::delay, 4) == std::vector<ap::duration>{0ms, 25ms, 35ms, 45ms});
}

TEST_CASE("every: missed ticks may all be made up for, until the series is on its grid again") {
    series s;
    s.takes = {25ms, 1ms};
    CHECK(s.run(ap::missed_ticks::burst, 6) == std::vector<ap::duration>{0ms, 25ms, 26ms, 30ms, 40ms, 50ms});
}

TEST_CASE("every: asks of a series never overlap, and every ask hears the arguments anew") {
    series s;
    int inside = 0, most = 0;
    std::vector<std::string> seen;
    ap::request slow{[&](std::string word) -> ap::task<int> {
        seen.push_back(std::move(word));
        most = std::max(most, ++inside);
        co_await ap::sleep_for(35ms);
        --inside;
        co_return 1;
    }};
    auto f =
        (slow | ap::every(10ms) | ap::starts_on(s.sim)).submit(std::string(40, 'w'), [&](ap::result<int>) { return seen.size() < 4; });
    s.sim.run();
    CHECK(std::move(f).get().value() == 4);
    CHECK(most == 1);
    CHECK(seen == std::vector<std::string>(4, std::string(40, 'w')));
}

TEST_CASE("every: a failed ask is an answer, and the series goes on") {
    series s;
    int failures = 0, asked = 0;
    ap::request odd{[&]() -> ap::result<int> {
        if (++asked % 2 == 1) return ap::errc::unavailable;
        return asked;
    }};
    auto f = (odd | ap::every(1s) | ap::starts_on(s.sim)).submit([&](ap::result<int> r) {
        failures += !r;
        return asked < 6;
    });
    s.sim.run();
    CHECK(std::move(f).get().value() == 6);
    CHECK(failures == 3);
}

TEST_CASE("every: policies inside belong to each ask, policies outside to the series") {
    series s;
    s.takes = {1h};
    std::vector<std::error_code> answers;
    auto f = (s.request() | ap::timeout{.limit = 200ms} | ap::every(1s) | ap::timeout{.limit = 2500ms} | ap::starts_on(s.sim))
                 .submit([&](ap::result<std::size_t> r) { answers.push_back(r.error().code()); });
    s.sim.run();
    CHECK(std::move(f).get().error() == ap::errc::deadline_exceeded);
    CHECK(answers == std::vector<std::error_code>(3, make_error_code(ap::errc::deadline_exceeded)));
    CHECK(s.asked == std::vector<ap::duration>{0s, 1s, 2s});
}

TEST_CASE("every: call() blocks for the whole series, and without an executor all of it runs in the calling thread") {
    auto const here = std::this_thread::get_id();
    int asked = 0;
    bool elsewhere = false;
    ap::request counts{[&] {
        elsewhere = elsewhere || std::this_thread::get_id() != here;
        return ++asked;
    }};
    CHECK((counts | ap::every(1ms))
              .call([&](ap::result<int> r) {
                  elsewhere = elsewhere || std::this_thread::get_id() != here;
                  return r.value() < 3;
              })
              .value() == 3);
    CHECK_FALSE(elsewhere);
}

TEST_CASE("every: the answers are heard on the request's executor, never inside submit") {
    ap::manual_executor desk;
    bool heard = false;
    auto f = (ap::request{[] { return 1; }} | ap::every(1h) | ap::starts_on(desk)).submit([&](ap::result<int>) {
        heard = true;
        return false;
    });
    CHECK_FALSE(heard);
    desk.run();
    CHECK(heard);
    CHECK(std::move(f).get().value() == 1);
    ap::promise<int> later;
    ap::request waits{[&] { return later.get_future(); }};
    heard = false;
    auto g = (waits | ap::every(1h) | ap::starts_on(desk)).submit([&](ap::result<int>) {
        heard = true;
        return false;
    });
    desk.run();
    later.set_value(1);
    CHECK_FALSE(heard);
    desk.run();
    CHECK(heard);
}

TEST_CASE("every: a stop during an ask reaches it, and its answer is heard") {
    series s;
    s.takes = {1h};
    int heard = 0;
    auto f = (s.request() | ap::every(1s) | ap::starts_on(s.sim)).submit([&](ap::result<std::size_t>) { ++heard; });
    s.sim.advance(10s);
    f.request_stop();
    s.sim.run();
    CHECK(heard == 1);
    CHECK(s.sim.now() - s.start == 10s);
    CHECK(std::move(f).get().value() == 1);
}

TEST_CASE("every: the executor's end is the end of the series") {
    ap::future<std::uint64_t> f;
    {
        series s;
        f = (s.request() | ap::every(1s) | ap::starts_on(s.sim)).submit([](ap::result<std::size_t>) {});
        s.sim.advance(1500ms);
    }
    CHECK(std::move(f).get().error() == ap::errc::shut_down);
}

TEST_CASE("every: a series that is due at once again and again uses constant stack") {
    series s;
    int asked = 0;
    ap::request quick{[&] { return ++asked; }};
    auto slow_clock = quick | ap::every(1ns, ap::missed_ticks::burst) | ap::starts_on(ap::inline_executor{});
    CHECK(slow_clock.call([](ap::result<int> r) { return r.value() < 100'000; }).value() == 100'000);
}

TEST_CASE("every: a series behind a spelled request, and one that a second callback hears the end of") {
    series s;
    ap::request<std::uint64_t(ap::answer_sink<std::size_t>)> const spelled = s.request() | ap::every(1s) | ap::starts_on(s.sim);
    CHECK(spelled.call([](ap::result<std::size_t> r) { return r.value() < 3; }).value() == 3);
    std::uint64_t total = 0;
    s.asked.clear();
    (s.request() | ap::every(1s) | ap::starts_on(s.sim))
        .submit([](ap::result<std::size_t> r) { return r.value() < 4; }, [&](ap::result<std::uint64_t> n) { total = n.value(); });
    s.sim.run();
    CHECK(total == 4);
}

TEST_CASE("every: a retry around a series begins it anew") {
    series s;
    int runs = 0;
    ap::request fails{[&] { return ++runs; }};
    auto f = (fails | ap::every(1s) | ap::retry{} | ap::starts_on(s.sim)).submit([&](ap::result<int>) { return runs < 3; });
    s.sim.run();
    CHECK(std::move(f).get().value() == 3);
}

TEST_CASE("every: everything of a series is destroyed with it") {
    series s;
    {
        auto f = (ap::request{[](test::counted const& c) { return c; }} | ap::every(1s) | ap::starts_on(s.sim))
                     .submit(test::counted{1}, [c = test::counted{}](ap::result<test::counted>) {});
        s.sim.advance(5s);
    }
    s.sim.run();
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("every: a series is one allocation, and one for each ask after the first") {
    int asked = 0;
    auto const each =
        ap::request{[&] { return ++asked; }} | ap::every(1ns, ap::missed_ticks::burst) | ap::starts_on(ap::inline_executor{});
    CHECK(test::allocations_of([&] { each.submit([](ap::result<int> r) { return r.value() < 5; }).detach(); }) == 5);
}

TEMPLATE_TEST_CASE("every: every type of result is handed over", "[law]", ANTIPHON_LAW_TYPES) {
    ap::testing::simulation sim{1};
    ap::request makes{[]() -> ap::result<TestType> {
        if constexpr (std::is_void_v<TestType>) {
            return {};
        } else {
            return ap::result<TestType>{test::make<TestType>(3)};
        }
    }};
    int right = 0;
    auto f = (makes | ap::every(1s) | ap::starts_on(sim)).submit([&](ap::result<TestType> r) {
        if constexpr (std::is_void_v<TestType>) {
            right += r.has_value();
        } else {
            right += test::read(*r) == 3;
        }
        return right < 4;
    });
    sim.run();
    CHECK(std::move(f).get().value() == 4);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("every: what hears the answers ends the series by throwing") {
    series s;
    auto f = (s.request() | ap::every(1s) | ap::starts_on(s.sim)).submit([](ap::result<std::size_t> r) {
        if (r.value() == 2) throw std::runtime_error{"enough"};
    });
    s.sim.run();
    CHECK(std::move(f).get().error().message() == "enough");
    CHECK(s.asked.size() == 2);
}

TEST_CASE("every: a period that is not positive is refused") {
    CHECK_THROWS_AS(ap::every(0s), std::invalid_argument);
    CHECK_THROWS_AS(ap::every(-1s), std::invalid_argument);
}

TEST_CASE("every: whichever allocation fails, the series ends once") {
    series s;
    auto const each = ap::request{[] { return 1; }} | ap::every(1s) | ap::starts_on(s.sim);
    for (std::size_t after = 0; after < 4; ++after) {
        int heard = 0;
        try {
            test::failing_allocations const starved{after};
            auto f = each.submit([&](ap::result<int>) { return ++heard < 3; });
            s.sim.run();
            auto r = std::move(f).get();
            CHECK(r.has_value() == (after == 3));
            if (!r) CHECK(r.error() == ap::errc::resource_exhausted);
        } catch (std::bad_alloc const&) {
            CHECK(after == 0);
        }
        CHECK(heard == static_cast<int>(after));
        CHECK(s.sim.pending() == 0);
    }
}
#endif

TEST_CASE("every: each ask of a series is an ask of its own: its attempt is the first, or that of what asks the series anew") {
    ap::testing::simulation sim{1};
    std::vector<std::uint32_t> seen;
    ap::request const notes{[&](ap::context const& c) { seen.push_back(c.attempt()); }};
    int left = 3;
    auto const three = [&](ap::result<void>) { return --left != 0; };
    CHECK((notes | ap::every(1s) | ap::starts_on(sim)).call(three).value() == 3);
    CHECK(seen == std::vector<std::uint32_t>{1, 1, 1});

    seen.clear();
    left = 2;
    int failed = 0;
    ap::request const flaky{[&](ap::context const& c) -> ap::result<int> {
        seen.push_back(c.attempt());
        if (++failed % 2 != 0) return ap::errc::unavailable;
        return 1;
    }};
    auto const two = [&](ap::result<int>) { return --left != 0; };
    CHECK((flaky | ap::retry{.backoff = {.initial = 1ms}} | ap::every(1s) | ap::starts_on(sim)).call(two).value() == 2);
    CHECK(seen == std::vector<std::uint32_t>{1, 2, 1, 2});
}
