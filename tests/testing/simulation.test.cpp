// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/any_executor.hpp>
#include <antiphon/execution/default_executor.hpp>
#include <antiphon/execution/strand.hpp>
#include <antiphon/execution/thread_pool.hpp>
#include <antiphon/policy/schedule.hpp>
#include <antiphon/request/context.hpp>
#include <antiphon/request/request.hpp>
#include <antiphon/request/sleep.hpp>
#include <antiphon/request/starts_on.hpp>
#include <antiphon/request/task.hpp>
#include <antiphon/testing/simulation.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "catch_compat.hpp"
#include "support/probe.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::testing::simulation;
using probes::bell;
using probes::job;

TEST_CASE("a simulation begins at a moment of its own, the same every time") {
    simulation one{1}, two{2};
    CHECK(one.now() == two.now());
    CHECK(one.now() > ap::time_point{});
}

TEST_CASE("the clock of a simulation stands still unless it is driven") {
    simulation sim;
    auto const start = sim.now();
    job one;
    sim.get_executor().execute(one.to_work());
    CHECK_FALSE(one.ran);
    sim.run();
    CHECK(one.ran);
    CHECK(sim.now() == start);
}

TEST_CASE("advance ends exactly as much later as it was told") {
    simulation sim;
    auto const start = sim.now();
    sim.advance(90min);
    CHECK(sim.now() == start + 90min);
}

TEST_CASE("advance fires timers in order, each at its own moment") {
    simulation sim;
    auto const start = sim.now();
    auto const e = sim.get_executor();
    std::vector<ap::duration> fired;
    bell late{[&] { fired.push_back(sim.now() - start); }}, soon{[&] { fired.push_back(sim.now() - start); }},
        beyond{[&] { fired.push_back(sim.now() - start); }};
    e.arm(late, start + 2s);
    e.arm(soon, start + 1s);
    e.arm(beyond, start + 4s);
    sim.advance(3s);
    CHECK(fired == std::vector<ap::duration>{1s, 2s});
    CHECK(sim.now() == start + 3s);
    CHECK(sim.pending() == 1);
    CHECK(e.disarm(beyond));
    CHECK(sim.idle());
}

TEST_CASE("what a timer posts runs at the timer's moment") {
    simulation sim;
    auto const start = sim.now();
    auto const e = sim.get_executor();
    std::optional<ap::time_point> ran;
    job posted{[&] { ran = sim.now(); }};
    bell first{[&] { e.execute(posted.to_work()); }}, second;
    e.arm(first, start + 1s);
    e.arm(second, start + 2s);
    sim.run();
    CHECK(ran == start + 1s);
    CHECK(second.fired == 1);
}

TEST_CASE("run jumps from timer to timer and stops at the last") {
    simulation sim;
    auto const start = sim.now();
    bell t;
    sim.get_executor().arm(t, start + 1000h);
    sim.run();
    CHECK(t.fired == 1);
    CHECK(sim.now() == start + 1000h);
}

TEST_CASE("cancelled timers never move the clock") {
    simulation sim;
    auto const start = sim.now();
    auto const e = sim.get_executor();
    bell t;
    e.arm(t, start + 1h);
    CHECK(e.disarm(t));
    CHECK_FALSE(e.disarm(t));
    sim.run();
    CHECK(sim.now() == start);
    CHECK(t.fired == 0);
}

TEST_CASE("a timer for the end of time neither fires nor keeps a simulation from being idle") {
    simulation sim;
    auto const start = sim.now();
    auto const e = sim.get_executor();
    bell t;
    e.arm(t, ap::time_point::max());
    CHECK(sim.idle());
    sim.run();
    sim.advance(ap::duration::max());
    CHECK(sim.now() == start);
    CHECK(t.fired == 0);
    CHECK(e.disarm(t));
}

TEST_CASE("a timer whose moment is past fires without moving the clock") {
    simulation sim;
    auto const start = sim.now();
    bell t;
    sim.get_executor().arm(t, start - 1s);
    sim.run();
    CHECK(t.fired == 1);
    CHECK(sim.now() == start);
}

TEST_CASE("run_until a moment ends exactly then") {
    simulation sim;
    auto const start = sim.now();
    bell soon, later;
    sim.get_executor().arm(soon, start + 1s);
    sim.get_executor().arm(later, start + 3s);
    sim.run_until(start + 2s);
    CHECK(sim.now() == start + 2s);
    CHECK((soon.fired == 1 && later.fired == 0));
    sim.run_until(start);
    CHECK(sim.now() == start + 2s);
    sim.run();
}

TEST_CASE("run_until a condition stops as soon as it holds") {
    simulation sim;
    int ran = 0;
    for (int i = 0; i < 5; ++i)
        sim.get_executor().execute([&] { ++ran; });
    CHECK(sim.run_until([&] { return ran == 3; }));
    CHECK(ran == 3);
    CHECK(sim.pending() == 2);
    CHECK_FALSE(sim.run_until([&] { return ran == 9; }));
    CHECK(ran == 5);
}

#if ANTIPHON_EXCEPTIONS

TEST_CASE("a simulation refuses to go back in time") {
    simulation sim;
    CHECK_THROWS_AS(sim.advance(-1ns), std::invalid_argument);
}

#endif

TEST_CASE("the same seed gives the same numbers, another seed others") {
    simulation one{42}, same{42}, other{43};
    auto const first = one.random();
    CHECK(first == same.random());
    CHECK(first != other.random());
    CHECK(one.get_executor().random() == same.random());
}

TEST_CASE("blocking in the driving thread runs one step at a time until nothing is left") {
    simulation sim;
    auto const start = sim.now();
    ap::any_executor const any = sim.get_executor();
    job one;
    bell t;
    any.execute(one.to_work());
    any.arm(t, start + 1h);
    CHECK(any.assist() == ap::assistance::progress);
    CHECK((one.ran && t.fired == 0));
    CHECK(any.assist() == ap::assistance::progress);
    CHECK(t.fired == 1);
    CHECK(any.now() == start + 1h);
    CHECK(any.assist() == ap::assistance::would_deadlock);
}

TEST_CASE("blocking in another thread leaves the driving to the driver") {
    simulation sim;
    job one;
    sim.get_executor().execute(one.to_work());
    std::optional<ap::assistance> answer;
    std::thread{[&] { answer = sim.get_executor().assist(); }}.join();
    CHECK(answer == ap::assistance::none);
    CHECK_FALSE(one.ran);
    sim.run();
}

TEST_CASE("a job may drive the simulation that runs it") {
    simulation sim;
    auto const start = sim.now();
    auto const e = sim.get_executor();
    bell t;
    job inner;
    std::optional<ap::time_point> after;
    job outer{[&] {
        e.arm(t, sim.now() + 1h);
        e.execute(inner.to_work());
        while (t.fired == 0)
            CHECK(e.assist() == ap::assistance::progress);
        after = sim.now();
    }};
    e.execute(outer.to_work());
    sim.advance(10min);
    CHECK(inner.ran);
    CHECK(after == start + 1h);
    CHECK(sim.now() == start + 1h);  // time does not go back
}

TEST_CASE("a job of a simulation knows its place") {
    simulation sim;
    auto const e = sim.get_executor();
    bool here = false;
    e.execute([&] { here = ap::place_scope::current() == e.place(); });
    sim.run();
    CHECK(here);
}

TEST_CASE("work may be posted to a simulation from other threads") {
    simulation sim;
    int ran = 0;
    std::vector<std::thread> posters;
    for (int t = 0; t < 4; ++t)
        posters.emplace_back([&, e = sim.get_executor()] {
            for (int i = 0; i < 100; ++i)
                e.execute([&] { ++ran; });
        });
    for (std::thread& t : posters)
        t.join();
    sim.run();
    CHECK(ran == 400);
}

TEST_CASE("a strand over a simulation keeps virtual time and is driven by blocking") {
    simulation sim{5};
    ap::strand const strand{sim};
    CHECK(strand.now() == sim.now());
    job one;
    strand.execute(one.to_work());
    CHECK(strand.assist() == ap::assistance::progress);
    CHECK(one.ran);
    CHECK(strand.assist() == ap::assistance::would_deadlock);
}

TEST_CASE("destroying a simulation rejects its queue and fires its timers, whose work is rejected too") {
    job queued, from_timer;
    std::optional<simulation::executor_type> e;
    bell t{[&] { e->execute(from_timer.to_work()); }};
    {
        simulation sim;
        e = sim.get_executor();
        e->execute(queued.to_work());
        e->arm(t, sim.now() + 1h);
    }
    CHECK((queued.rejected && queued.why == ap::errc::shut_down));
    CHECK(t.fired == 1);
    CHECK((from_timer.rejected && from_timer.why == ap::errc::shut_down));
}

TEST_CASE("the handle of a simulation outlives it, and then work is rejected and timers fire as soon as possible") {
    std::optional<simulation::executor_type> e;
    ap::time_point last;
    {
        simulation sim;
        e = sim.get_executor();
        last = sim.now();
    }
    job one;
    e->execute(one.to_work());
    CHECK((one.rejected && one.why == ap::errc::shut_down));
    bell t;
    e->arm(t, last + 1000h);
    t.wait();
    CHECK_FALSE(e->disarm(t));
}

TEST_CASE("a job may destroy the simulation that runs it") {
    auto sim = std::make_unique<simulation>();
    job after;
    sim->get_executor().execute([&] { sim.reset(); });
    sim->get_executor().execute(after.to_work());
    sim->run();
    CHECK(after.rejected);
}

TEST_CASE("what a simulated handler asks without an executor stays in virtual time, by every verb") {
    ap::testing::simulation sim;
    ap::time_point const start = sim.now();
    ap::request const naps{[&](ap::duration d) -> ap::task<ap::duration> {
        co_await ap::sleep_for(d);
        co_return sim.now() - start;
    }};
    std::vector<ap::duration> told;
    auto const all = ap::request{[&]() -> ap::result<void> {
                         told.push_back(naps.submit(1h).get().value_or(0s));
                         told.push_back(naps.call(1h).value_or(0s));
                         told.push_back(naps.call_for(30min, 1h).get().value_or(0s));
                         naps.submit(1h, [&](ap::result<ap::duration> r) { told.push_back(r.value_or(0s)); });
                         return {};
                     }} |
                     ap::starts_on(sim);
    CHECK(all.call().has_value());
    sim.run();
    CHECK((told == std::vector<ap::duration>{1h, 2h, 3h, 4h}));
}

TEST_CASE("a handler that is simply called by a simulated one reads the simulation's clock") {
    ap::testing::simulation sim{7};
    ap::request const clock{[](ap::context const& c) { return c.now(); }};
    auto const asks = ap::request{[&] { return clock.call(); }} | ap::starts_on(sim);
    sim.advance(5s);
    CHECK(asks.call() == sim.now());
}

TEST_CASE("a timer of the simulation leaves what it asks in virtual time") {
    ap::testing::simulation sim;
    ap::request const late =
        ap::request{[] { return ap::request{[] { return 1; }} | ap::after(1h); }} | ap::after(1h) | ap::starts_on(sim);
    ap::future<int> f = late.submit();
    sim.advance(119min);
    CHECK_FALSE(f.ready());
    sim.advance(1min);
    CHECK(std::move(f).get() == 1);
}

TEST_CASE("a request that names an executor leaves the simulation that asks it") {
    ap::testing::simulation sim;
    ap::thread_pool pool{{.threads = 1, .claimable = false}};
    auto const away = ap::request{[] { return ap::own_time_scope::active(); }} | ap::starts_on(pool);
    auto const asks = ap::request{[&] { return away.call(); }} | ap::starts_on(sim);
    CHECK(asks.call() == false);
}
