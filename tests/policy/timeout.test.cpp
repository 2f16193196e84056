// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/timeout.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"
#include "support/allocations.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

/// A handler that takes as long as it is told, on the virtual clock.
auto slow() {
    return ap::request{[](ap::duration d) -> ap::task<int> {
        co_await ap::sleep_for(d);
        co_return 7;
    }};
}

/// An executor that runs nothing by itself, and whose timers are beyond disarming: they fire when the test says so.
struct late_timers {
    struct desk {
        std::vector<ap::work> jobs;
        ap::timer* armed = nullptr;
        bool fires_when_disarmed = false;
    };
    desk* at;
    void execute(ap::work job) const { at->jobs.push_back(std::move(job)); }
    void arm(ap::timer& t, ap::time_point) const { at->armed = &t; }
    [[nodiscard]] bool disarm(ap::timer&) const {
        if (at->fires_when_disarmed) std::exchange(at->armed, nullptr)->fire();
        return false;
    }
    [[nodiscard]] ap::time_point now() const { return {}; }
};

}  // namespace

TEST_CASE("timeout: a result that is ready beats a timer that has expired and could not be disarmed") {
    for (bool at_once : {false, true}) {
        late_timers::desk desk;
        desk.fires_when_disarmed = at_once;
        auto const alive = std::make_shared<int>(7);
        {
            ap::promise<int> reply;
            auto f = (ap::request{[&reply, alive](ap::promise<int> p) { reply = std::move(p); }} | ap::timeout{.limit = 1s} |
                      ap::starts_on(late_timers{&desk}))
                         .submit();
            REQUIRE(desk.armed != nullptr);
            std::move(desk.jobs.front())();
            reply.set_value(7);
            REQUIRE(f.ready());
            if (!at_once) desk.armed->fire();
            CHECK(std::move(f).get().value() == 7);
            desk.jobs.clear();
        }
        CHECK(alive.use_count() == 1);
    }
}

TEST_CASE("timeout: an answer in time passes unchanged") {
    ap::testing::simulation sim{1};
    auto f = (slow() | ap::timeout{.limit = 100ms} | ap::starts_on(sim)).submit(99ms);
    sim.run();
    CHECK(std::move(f).get().value() == 7);
    CHECK(sim.pending() == 0);
}

TEST_CASE("timeout: an answer cancels its timer, so the clock does not move on") {
    ap::testing::simulation sim{1};
    auto const start = sim.now();
    auto f = (slow() | ap::timeout{.limit = 1h} | ap::starts_on(sim)).submit(5ms);
    sim.run();
    CHECK(sim.now() - start == 5ms);
    CHECK(f.ready());
}

TEST_CASE("timeout: expiry fails the ask at that very moment, although the handler goes on") {
    ap::testing::simulation sim{1};
    auto const start = sim.now();
    bool ended = false;
    ap::request deaf{[&]() -> ap::task<int> {
        // sleeps in many steps, so that stop does not shorten it
        ap::promise<int> later;
        auto answer = later.get_future();
        auto wake = ap::request{[] {}} | ap::after(10s) | ap::starts_on(sim);
        wake.submit([p = std::make_shared<ap::promise<int>>(std::move(later))](ap::result<void>) { p->set_value(1); });
        auto got = co_await std::move(answer);
        ended = true;
        co_return got.value();
    }};
    auto f = (deaf | ap::timeout{.limit = 100ms} | ap::starts_on(sim)).submit();
    sim.advance(100ms);
    REQUIRE(f.ready());
    auto r = std::move(f).get();
    CHECK(r.error() == ap::errc::deadline_exceeded);
    CHECK(r.error().executed() == ap::executed::maybe);
    CHECK(sim.now() - start == 100ms);
    CHECK_FALSE(ended);
    sim.run();
    CHECK(ended);
}

TEST_CASE("timeout: expiry requests stop on the handler") {
    ap::testing::simulation sim{1};
    std::stop_token seen;
    ap::promise<void> never;
    ap::request waits{[&](std::stop_token stop) {
        seen = stop;
        return never.get_future();
    }};
    auto f = (waits | ap::timeout{.limit = 1s} | ap::starts_on(sim)).submit();
    sim.run();
    CHECK(seen.stop_requested());
    CHECK(f.ready());
}

TEST_CASE("timeout: an ask that expires before it started does not run, and says so") {
    ap::testing::simulation sim{1};
    ap::manual_executor desk;
    bool ran = false;
    auto guarded = ap::request{[&] { ran = true; }} | ap::after(2s) | ap::timeout{.limit = 1s} | ap::starts_on(sim);
    auto f = guarded.submit();
    sim.run();
    auto r = std::move(f).get();
    CHECK(r.error() == ap::errc::deadline_exceeded);
    CHECK(r.error().executed() == ap::executed::no);
    CHECK_FALSE(ran);
}

TEST_CASE("timeout: zero, negative and infinite limits mean none") {
    ap::testing::simulation sim{1};
    for (ap::duration limit : {ap::duration::zero(), ap::duration{-1s}, ap::duration::max(), ap::duration::min()}) {
        auto f = (slow() | ap::timeout{.limit = limit} | ap::starts_on(sim)).submit(24h);
        sim.run();
        CHECK(std::move(f).get().value() == 7);
    }
}

TEST_CASE("timeout: an inner limit only shortens an outer one") {
    ap::testing::simulation sim{1};
    ap::request left{[](ap::context const& c) { return c.remaining(); }};
    CHECK((left | ap::timeout{.limit = 1h} | ap::timeout{.limit = 5s} | ap::starts_on(sim)).call().value() == 5s);
    CHECK((left | ap::timeout{.limit = 5s} | ap::timeout{.limit = 1h} | ap::starts_on(sim)).call().value() == 5s);
}

TEST_CASE("timeout: a limit reaches a spelled request whose arguments are converted") {
    ap::testing::simulation sim{1};
    ap::request<ap::duration(std::string_view)> const left = [](ap::context const& c, std::string_view) { return c.remaining(); };
    CHECK((left | ap::timeout{.limit = 5s} | ap::starts_on(sim)).call(std::string{"as passed"}).value() == 5s);
}

TEST_CASE("timeout: the caller's own stop is a cancellation, never a timeout") {
    ap::testing::simulation sim{1};
    auto f = (slow() | ap::after(1s) | ap::timeout{.limit = 10s} | ap::starts_on(sim)).submit(1s);
    f.request_stop();
    sim.run();
    CHECK(std::move(f).get().error() == ap::errc::cancelled);
    CHECK(sim.pending() == 0);
}

TEST_CASE("timeout: nested asks inherit what is left of the time") {
    ap::testing::simulation sim{1};
    ap::request inner{[](ap::context const& c) { return c.remaining(); }};
    ap::request outer{[&] { return (inner | ap::starts_on(sim)).submit(); }};
    auto f = (outer | ap::after(2s) | ap::timeout{.limit = 10s} | ap::starts_on(sim)).submit();
    sim.run();
    CHECK(std::move(f).get().value() == 8s);
}

TEST_CASE("timeout: a call without an executor runs on the pool, so that the caller can give up") {
    std::atomic<bool> stopped{false};
    std::atomic<bool> over{false};
    ap::request obstinate{[&](std::stop_token stop) {
        stopped.wait(false);
        over = stop.stop_requested();
        over.notify_all();
    }};
    auto r = (obstinate | ap::timeout{.limit = 1ms}).call();
    CHECK(r.error() == ap::errc::deadline_exceeded);
    stopped = true;
    stopped.notify_all();
    // On a busy machine the time may be over before the handler starts; then it never does.
    if (r.error().executed() != ap::executed::no) over.wait(false);
    CHECK(over == (r.error().executed() != ap::executed::no));
}

TEST_CASE("timeout: a late answer is destroyed once and reaches nobody") {
    ap::testing::simulation sim{1};
    auto const token = std::make_shared<int>(3);
    ap::promise<std::shared_ptr<int>> later;
    ap::request waits{[&] { return later.get_future(); }};
    int heard = 0;
    (waits | ap::timeout{.limit = 1s} | ap::starts_on(sim)).submit([&](ap::result<std::shared_ptr<int>> r) { heard += r ? 100 : 1; });
    sim.run();
    CHECK(heard == 1);
    later.set_value(token);
    sim.run();
    CHECK(heard == 1);
    CHECK(token.use_count() == 1);
}

TEST_CASE("timeout: the ask and its timer are one allocation") {
    ap::testing::simulation sim{1};
    auto const quick = ap::request{[](int x) { return x; }} | ap::timeout{.limit = 1s} | ap::starts_on(sim);
    (void)quick.call(1);
    CHECK(test::allocations_of([&] { (void)quick.submit(1).get(); }) == 1);
}

TEST_CASE("timeout: a worker that waits on its own pool is not stuck behind the limit") {
    ap::thread_pool one{{.threads = 1}};
    auto inner = ap::request{[] { return 5; }} | ap::timeout{.limit = 1h} | ap::starts_on(one);
    auto outer = ap::request{[&] { return inner.call().value(); }} | ap::starts_on(one);
    CHECK(outer.submit().get().value() == 5);
}
