// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/inline_executor.hpp>
#include <antiphon/execution/thread_pool.hpp>
#include <antiphon/request/promise.hpp>
#include <antiphon/request/request.hpp>
#include <antiphon/request/sleep.hpp>
#include <antiphon/request/starts_on.hpp>
#include <antiphon/request/task.hpp>
#include <antiphon/testing/simulation.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "catch_compat.hpp"
#include "support/allocations.hpp"
#include "support/values.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

template <class D>
auto sleeper(D length) {
    return ap::request{[length]() -> ap::task<int> {
        co_await ap::sleep_for(length);
        co_return 1;
    }};
}

}  // namespace

TEST_CASE("sleep_for resumes after its length, by the executor's clock") {
    ap::testing::simulation sim;
    auto f = (sleeper(1h) | ap::starts_on(sim)).submit();
    sim.advance(59min);
    CHECK_FALSE(f.ready());
    sim.advance(1min);
    CHECK(f.ready());
}

TEST_CASE("sleep_until resumes at its moment, at once when that has passed") {
    ap::testing::simulation sim;
    auto const start = sim.now();
    auto until = [](ap::time_point when) {
        return ap::request{[when]() -> ap::task<int> {
            co_await ap::sleep_until(when);
            co_return 1;
        }};
    };
    CHECK((until(start + 2h) | ap::starts_on(sim)).call().value() == 1);
    CHECK(sim.now() == start + 2h);
    CHECK((until(start) | ap::starts_on(sim)).call().value() == 1);
    CHECK((until(ap::time_point::min()) | ap::starts_on(sim)).call().value() == 1);
    CHECK(sim.now() == start + 2h);
}

TEST_CASE("zero and negative lengths do not suspend") {
    ap::testing::simulation sim;
    auto const start = sim.now();
    CHECK((sleeper(0s) | ap::starts_on(sim)).call().value() == 1);
    CHECK((sleeper(-1h) | ap::starts_on(sim)).call().value() == 1);
    CHECK((sleeper(ap::duration::min()) | ap::starts_on(sim)).call().value() == 1);
    CHECK((sleeper(std::chrono::hours::min()) | ap::starts_on(sim)).call().value() == 1);
    CHECK(sim.now() == start);
}

TEST_CASE("an infinite sleep ends with a stop request only") {
    ap::testing::simulation sim;
    auto const start = sim.now();
    auto f = (sleeper(ap::duration::max()) | ap::starts_on(sim)).submit();
    auto g = (sleeper(std::chrono::hours::max()) | ap::starts_on(sim)).submit();
    sim.run();
    sim.advance(24h * 365);
    CHECK_FALSE(f.ready());
    CHECK_FALSE(g.ready());
    f.request_stop();
    g.request_stop();
    sim.run();
    CHECK(std::move(f).get().value() == 1);
    CHECK(std::move(g).get().value() == 1);
    CHECK(sim.now() == start + 24h * 365);
}

TEST_CASE("a sleep wakes early on a stop request and leaves no timer") {
    ap::testing::simulation sim;
    auto const start = sim.now();
    auto f = (sleeper(1h) | ap::starts_on(sim)).submit();
    sim.advance(10min);
    f.request_stop();
    CHECK_FALSE(f.ready());
    sim.run();
    CHECK(std::move(f).get().value() == 1);
    CHECK(sim.now() == start + 10min);
    CHECK(sim.idle());
}

TEST_CASE("a sleep after the stop request does not suspend") {
    ap::testing::simulation sim;
    ap::future<int>* own = nullptr;
    auto f = (ap::request{[&]() -> ap::task<int> {
                  own->request_stop();
                  co_await ap::sleep_for(1h);
                  co_return 2;
              }} |
              ap::starts_on(sim))
                 .submit();
    own = &f;
    auto const start = sim.now();
    sim.run();
    CHECK(std::move(f).get().value() == 2);
    CHECK(sim.now() == start);
}

TEST_CASE("dropping a sleeping ask wakes it, and it ends") {
    ap::testing::simulation sim;
    {
        auto f = (ap::request{[](test::counted) -> ap::task<int> {
                      co_await ap::sleep_for(1h);
                      co_return 1;
                  }} |
                  ap::starts_on(sim))
                     .submit(test::counted{1});
        sim.run_until(sim.now());
        CHECK(test::counted::alive() > 0);
    }
    sim.run();
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("a simulation that goes wakes its sleepers, who fail as shut down") {
    std::optional<ap::testing::simulation> sim{std::in_place};
    auto f = (sleeper(1h) | ap::starts_on(*sim)).submit();
    sim->advance(1min);
    sim.reset();
    CHECK(std::move(f).get().error() == ap::errc::shut_down);
}

TEST_CASE("sleeping on a pool holds no thread") {
    ap::thread_pool one{{.threads = 1}};
    ap::promise<void> started;
    auto asleep = started.get_future();
    auto f = (ap::request{[&]() -> ap::task<int> {
                  started.set_value();
                  co_await ap::sleep_for(ap::duration::max());
                  co_return 1;
              }} |
              ap::starts_on(one))
                 .submit();
    REQUIRE(asleep.wait());
    CHECK((ap::request{[] { return 5; }} | ap::starts_on(one)).submit().get().value() == 5);
    f.request_stop();
    CHECK(std::move(f).get().value() == 1);
}

TEST_CASE("a short sleep without an executor is slept in the calling thread's ask") {
    auto const here = std::this_thread::get_id();
    ap::request r{[here]() -> ap::task<bool> {
        co_await ap::sleep_for(1us);
        co_return std::this_thread::get_id() == here;
    }};
    CHECK(r.call().value());
}

TEST_CASE("a sleeper on an inline executor does not resume on the timer's thread") {
    ap::request r{[]() -> ap::task<bool> {
        co_await ap::sleep_for(1us);
        co_return ap::timer_thread::is_current();
    }};
    CHECK_FALSE((r | ap::starts_on(ap::inline_executor{})).submit().get().value());
}

TEST_CASE("a sleep is one allocation") {
    ap::testing::simulation sim;
    std::size_t before = 0, after = 0;
    auto f = (ap::request{[&]() -> ap::task<int> {
                  before = test::allocations();
                  co_await ap::sleep_for(1h);
                  after = test::allocations();
                  co_return 1;
              }} |
              ap::starts_on(sim))
                 .submit();
    sim.run();
    CHECK(f.ready());
    CHECK(after - before == 1);
}

TEST_CASE("sleep_until takes a moment of the system's clock, as far away by the executor's") {
    ap::testing::simulation sim;
    auto const start = sim.now();
    auto f = (ap::request{[]() -> ap::task<int> {
                  co_await ap::sleep_until(std::chrono::system_clock::now() + 1h);
                  co_return 1;
              }} |
              ap::starts_on(sim))
                 .submit();
    sim.advance(50min);
    CHECK_FALSE(f.ready());
    sim.run();
    CHECK(f.ready());
    CHECK(sim.now() <= start + 1h);
}

TEST_CASE("sleep_until takes moments of floating seconds, past ones and the last of another clock") {
    ap::testing::simulation sim;
    auto const start = sim.now();
    auto until = [&](auto when) {
        return (ap::request{[when]() -> ap::task<int> {
                    co_await ap::sleep_until(when);
                    co_return 1;
                }} |
                ap::starts_on(sim))
            .submit();
    };
    CHECK(until(start + 1.5s).get().value() == 1);
    CHECK(sim.now() == start + 1500ms);
    CHECK(until(std::chrono::system_clock::now() - 1h).get().value() == 1);
    CHECK(sim.now() == start + 1500ms);
    auto never = until(std::chrono::system_clock::time_point::max());
    sim.advance(std::chrono::hours{100000});
    CHECK_FALSE(never.ready());
}
