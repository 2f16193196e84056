// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/schedule.hpp"

#include <chrono>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

TEST_CASE("after: the handler starts that much later") {
    ap::testing::simulation sim{1};
    auto const start = sim.now();
    auto f = (ap::request{[&] { return sim.now() - start; }} | ap::after(1h) | ap::starts_on(sim)).submit();
    sim.advance(59min);
    CHECK_FALSE(f.ready());
    sim.advance(1min);
    CHECK(std::move(f).get().value() == 1h);
}

TEST_CASE("after: no delay starts at once") {
    ap::testing::simulation sim{1};
    auto const start = sim.now();
    CHECK((ap::request{[&] { return sim.now() - start; }} | ap::after(0s) | ap::starts_on(sim)).call().value() == 0s);
}

TEST_CASE("after: a delay without end is ended by a stop request") {
    ap::testing::simulation sim{1};
    bool ran = false;
    auto f = (ap::request{[&] { ran = true; }} | ap::after(ap::duration::max()) | ap::starts_on(sim)).submit();
    sim.run();
    CHECK_FALSE(f.ready());
    f.request_stop();
    sim.run();
    REQUIRE(f.ready());
    auto r = std::move(f).get();
    CHECK(r.error() == ap::errc::cancelled);
    CHECK(r.error().executed() == ap::executed::no);
    CHECK_FALSE(ran);
}

TEST_CASE("after: a stop request during the delay frees the timer at once") {
    ap::testing::simulation sim{1};
    auto const start = sim.now();
    {
        auto dropped = (ap::request{[] {}} | ap::after(1h) | ap::starts_on(sim)).submit();
    }
    sim.run();
    CHECK(sim.now() == start);
    CHECK(sim.pending() == 0);
}

TEST_CASE("after: a delay that outlasts a timeout around it fails without running") {
    ap::testing::simulation sim{1};
    bool ran = false;
    auto r = (ap::request{[&] { ran = true; }} | ap::after(2s) | ap::timeout{.limit = 1s} | ap::starts_on(sim)).call();
    CHECK(r.error() == ap::errc::deadline_exceeded);
    CHECK_FALSE(ran);
}

TEST_CASE("after: without an executor a call is delayed and then runs in the calling thread") {
    auto const here = std::this_thread::get_id();
    CHECK((ap::request{[] { return std::this_thread::get_id(); }} | ap::after(1ms)).call().value() == here);
}

TEST_CASE("after: with the inline executor no handler runs on the timer thread") {
    auto f =
        (ap::request{[] { return ap::timer_thread::is_current(); }} | ap::after(1ms) | ap::starts_on(ap::inline_executor{})).submit();
    CHECK_FALSE(std::move(f).get().value());
}

TEST_CASE("after: a worker that waits for a delayed ask on its own pool runs it when its time has come") {
    ap::thread_pool one{{.threads = 1}};
    auto delayed = ap::request{[] { return 3; }} | ap::after(1ms) | ap::starts_on(one);
    auto outer = ap::request{[&] { return delayed.call().value(); }} | ap::starts_on(one);
    CHECK(outer.submit().get().value() == 3);
}

TEST_CASE("at: the handler starts at that moment, or at once when it has passed") {
    ap::testing::simulation sim{1};
    auto const start = sim.now();
    ap::request stamp{[&] { return sim.now() - start; }};
    auto f = (stamp | ap::at(start + 2h) | ap::starts_on(sim)).submit();
    sim.run();
    CHECK(std::move(f).get().value() == 2h);
    CHECK((stamp | ap::at(start + 1h) | ap::starts_on(sim)).call().value() == 2h);
}

TEST_CASE("within: the answer comes inside the window, or the ask fails when it closes") {
    ap::testing::simulation sim{1};
    auto const start = sim.now();
    CHECK((ap::request{[] { return 1; }} | ap::within(30min) | ap::starts_on(sim)).call().value() == 1);
    ap::promise<void> never;
    auto r = (ap::request{[&] { return never.get_future(); }} | ap::within(30min) | ap::starts_on(sim)).call();
    CHECK(r.error() == ap::errc::deadline_exceeded);
    CHECK(sim.now() - start == 30min);
}

TEST_CASE("within: the window is the handler's deadline") {
    ap::testing::simulation sim{1};
    ap::request left{[](ap::context const& c) { return c.remaining(); }};
    CHECK((left | ap::within(1h) | ap::starts_on(sim)).call().value() == 1h);
}

TEST_CASE("within: a window without end sets no deadline, and one without length has closed") {
    ap::testing::simulation sim{1};
    ap::request left{[](ap::context const& c) { return c.remaining(); }};
    CHECK((left | ap::within(ap::duration::max()) | ap::starts_on(sim)).call().value() == ap::duration::max());
    auto const closed = (left | ap::within(0s) | ap::starts_on(sim)).call();
    CHECK(closed.error() == ap::errc::deadline_exceeded);
    CHECK(closed.error().executed() == ap::executed::no);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("after: a negative delay is refused") { CHECK_THROWS_AS(ap::after(-1s), std::invalid_argument); }
TEST_CASE("within: a negative window is refused") { CHECK_THROWS_AS(ap::within(-1s), std::invalid_argument); }
#endif

TEST_CASE("priority: the handler sees how urgent its ask is, and so do the asks it makes") {
    ap::testing::simulation sim{1};
    ap::request seen{[](ap::context const& c) { return c.priority(); }};
    CHECK(seen.call().value() == ap::priority::normal);
    CHECK((seen | ap::priority::high | ap::starts_on(sim)).call().value() == ap::priority::high);
    auto outer = ap::request{[&] { return seen.call().value(); }} | ap::priority::idle | ap::starts_on(sim);
    CHECK(outer.call().value() == ap::priority::idle);
}

namespace {

/// A pool of one thread that begins when the test has asked for everything, and the order in which it ran that.
class held_pool {
public:
    held_pool() {
        auto hold = ap::request{[this] {
                        held_.count_down();
                        go_.wait();
                    }} |
                    ap::starts_on(pool_);
        hold.submit().detach();
        held_.wait();
    }
    ~held_pool() { release(); }
    /// A request that notes its letter.
    auto note(char letter) {
        return ap::request{[this, letter] { order_ += letter; }};
    }
    ap::thread_pool& pool() { return pool_; }
    std::string const& release() {
        if (!released_) go_.count_down();
        released_ = true;
        pool_.shut_down(ap::duration::max());
        return order_;
    }

private:
    std::latch held_{1}, go_{1};
    bool released_ = false;
    std::string order_;
    ap::thread_pool pool_{{.threads = 1, .claimable = false}};
};

}  // namespace

TEST_CASE("priority: a pool runs the more urgent ask first") {
    held_pool held;
    (held.note('n') | ap::starts_on(held.pool())).submit().detach();
    (held.note('l') | ap::priority::low | ap::starts_on(held.pool())).submit().detach();
    (held.note('u') | ap::priority::urgent | ap::starts_on(held.pool())).submit().detach();
    (held.note('i') | ap::priority::idle | ap::starts_on(held.pool())).submit().detach();
    (held.note('h') | ap::starts_on(held.pool()) | ap::priority::high).submit().detach();
    CHECK(held.release() == "uhnli");
}

TEST_CASE("deadline: within a priority a pool runs the earliest first, and before what has none") {
    held_pool held;
    ap::time_point const now = ap::clock::now();
    (held.note('n') | ap::starts_on(held.pool())).submit().detach();
    (held.note('2') | ap::deadline{now + 2h} | ap::starts_on(held.pool())).submit().detach();
    (held.note('1') | ap::timeout{.limit = 1h} | ap::starts_on(held.pool())).submit().detach();
    (held.note('0') | ap::deadline{now + 3h} | ap::priority::high | ap::starts_on(held.pool())).submit().detach();
    CHECK(held.release() == "012n");
}

TEST_CASE("within: a pool lets the patient wait for what is urgent and what is ordinary, but not for lower priorities") {
    held_pool held;
    (held.note('l') | ap::priority::low | ap::starts_on(held.pool())).submit().detach();
    (held.note('p') | ap::within(1h) | ap::starts_on(held.pool())).submit().detach();
    (held.note('n') | ap::starts_on(held.pool())).submit().detach();
    (held.note('u') | ap::priority::urgent | ap::starts_on(held.pool())).submit().detach();
    CHECK(held.release() == "unpl");
}

TEST_CASE("within: a shorter limit inside it is not patient, a longer one is") {
    held_pool held;
    (held.note('p') | ap::timeout{.limit = 2h} | ap::within(1h) | ap::starts_on(held.pool())).submit().detach();
    (held.note('n') | ap::starts_on(held.pool())).submit().detach();
    (held.note('t') | ap::timeout{.limit = 30min} | ap::within(1h) | ap::starts_on(held.pool())).submit().detach();
    CHECK(held.release() == "tnp");
}

TEST_CASE("priority: what an ask does next on its pool is as urgent as the ask") {
    held_pool held;
    auto ask = ap::request{[&held] { return (held.note('v') | ap::starts_on(held.pool())).submit(); }};
    (ask | ap::priority::urgent | ap::starts_on(held.pool())).submit().detach();
    (held.note('n') | ap::starts_on(held.pool())).submit().detach();
    CHECK(held.release() == "vn");
}
