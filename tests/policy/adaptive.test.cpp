// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/adaptive.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"
#include "support/allocations.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

/// A simulation's executor where every hand-over takes time on its clock.
class slow_door {
public:
    slow_door(ap::testing::simulation& sim, ap::duration& hand_off) : sim_{&sim}, hand_off_{&hand_off} {}
    void execute(ap::work job) const {
        sim_->get_executor().execute(ap::work{[job = std::move(job), sim = sim_, at = sim_->now() + *hand_off_]() mutable {
            sim->run_until(at);
            std::move(job)();
        }});
    }
    [[nodiscard]] ap::time_point now() const { return sim_->now(); }
    void arm(ap::timer& t, ap::time_point when) const { sim_->get_executor().arm(t, when); }
    bool disarm(ap::timer& t) const noexcept { return sim_->get_executor().disarm(t); }
    [[nodiscard]] std::uint64_t random() const { return sim_->random(); }
    [[nodiscard]] void const* place() const noexcept { return sim_->get_executor().place(); }
    ap::assistance assist() const noexcept { return sim_->get_executor().assist(); }

private:
    ap::testing::simulation* sim_;
    ap::duration* hand_off_;
};

/// What a program in the simulation sees of an adaptive request: its handler takes `service`, a hand-over `hand_off`.
struct bench {
    explicit bench(ap::adaptive_options options = {.explore = 0}) : policy{options} {}

    auto handler() {
        return ap::request{[this](int x) {
            sim.run_until(sim.now() + service);
            return x;
        }};
    }
    template <class Request>
    void call(Request const& r, int times = 1) {
        sim.get_executor().execute(ap::work{[&] {
            for (int i = 0; i != times; ++i)
                CHECK(r.call(i).value() == i);
        }});
        sim.run();
    }

    ap::testing::simulation sim{5};
    ap::duration hand_off = 5us;
    ap::duration service = 1us;
    ap::adaptive policy;
    slow_door door{sim, hand_off};
};

}  // namespace

TEST_CASE("adaptive: the first call is handed over, to be measured") {
    bench b;
    b.call(b.handler() | b.policy | ap::starts_on(b.door));
    auto const m = b.policy.metrics();
    CHECK(m.handed_over == 1);
    CHECK(m.in_place == 0);
    CHECK(m.service == 1us);
    CHECK(m.hand_off == 5us);
}

TEST_CASE("adaptive: a call shorter than a hand-off runs in the calling thread, and costs none") {
    bench b;
    auto const r = b.handler() | b.policy | ap::starts_on(b.door);
    b.call(r);
    auto const start = b.sim.now();
    b.call(r, 10);
    CHECK(b.policy.metrics().in_place == 10);
    CHECK(b.policy.metrics().handed_over == 1);
    CHECK(b.sim.now() - start == 10us);
}

TEST_CASE("adaptive: a call longer than a hand-off is handed over") {
    bench b;
    b.service = 6us;
    b.call(b.handler() | b.policy | ap::starts_on(b.door), 10);
    CHECK(b.policy.metrics().in_place == 0);
    CHECK(b.policy.metrics().handed_over == 10);
}

TEST_CASE("adaptive: it follows a service that becomes slow, and one that becomes fast again") {
    bench b;
    auto const r = b.handler() | b.policy | ap::starts_on(b.door);
    b.call(r, 10);
    b.service = 1ms;
    b.call(r, 10);
    CHECK(b.policy.metrics().in_place == 10);  // nine fast ones, and the one that showed it
    b.service = 1us;
    b.call(r, 100);
    CHECK(b.policy.metrics().in_place > 40);
}

TEST_CASE("adaptive: exploring measures the hand-off anew") {
    bench b{{.explore = 0.1}};
    auto const r = b.handler() | b.policy | ap::starts_on(b.door);
    b.call(r, 10);
    b.hand_off = 500ns;
    b.call(r, 500);
    CHECK(b.policy.metrics().hand_off < 1us);
    auto const before = b.policy.metrics().in_place;
    b.call(r, 100);
    CHECK(b.policy.metrics().in_place == before);
}

TEST_CASE("adaptive: the same seed decides alike") {
    auto const run = [] {
        bench b{{.explore = 0.3}};
        b.call(b.handler() | b.policy | ap::starts_on(b.door), 200);
        return b.policy.metrics().in_place;
    };
    auto const first = run();
    CHECK(first > 100);
    CHECK(first < 180);
    CHECK(run() == first);
}

TEST_CASE("adaptive: submit is always handed over") {
    bench b;
    auto const r = b.handler() | b.policy | ap::starts_on(b.door);
    b.call(r, 3);
    b.sim.get_executor().execute(ap::work{[&] {
        bool answered = false;
        r.submit(1, [&](ap::result<int>) { answered = true; });
        CHECK_FALSE(answered);
        auto f = r.submit(2);
        CHECK_FALSE(f.ready());
        CHECK(std::move(f).get().value() == 2);
    }});
    b.sim.run();
    CHECK(b.policy.metrics().in_place == 2);
}

TEST_CASE("adaptive: a call that may be given up is handed over") {
    bench b;
    auto const r = b.handler() | b.policy | ap::timeout{.limit = 1s} | ap::starts_on(b.door);
    b.call(r, 5);
    CHECK(b.policy.metrics().handed_over == 5);
}

TEST_CASE("adaptive: a limit inside it does not keep a call from running in place") {
    bench b;
    auto const r = b.handler() | ap::timeout{.limit = 1s} | b.policy | ap::starts_on(b.door);
    b.call(r, 5);
    CHECK(b.policy.metrics().in_place == 4);
}

TEST_CASE("adaptive: under other layers, and behind an erased request, a call still runs in place") {
    bench b;
    ap::request<int(int)> const erased = b.handler() | b.policy | ap::priority::high;
    b.call(erased | ap::observe(ap::hooks{}) | ap::starts_on(b.door), 5);
    CHECK(b.policy.metrics().in_place == 4);
}

TEST_CASE("adaptive: an ask made inside a call that runs in place is not taken for it") {
    bench b;
    ap::adaptive inner;
    auto const leaf = ap::request{[](int x) { return x; }} | inner | ap::starts_on(b.door);
    ap::request outer{[&](int x) { return leaf.submit(x); }};
    b.call(outer | b.policy | ap::starts_on(b.door), 5);
    CHECK(inner.metrics().in_place == 0);
    CHECK(inner.metrics().handed_over == 5);
}

TEST_CASE("adaptive: a handler that waits goes on on the executor") {
    bench b;
    ap::request sleeper{[&](int x) -> ap::task<int> {
        co_await ap::sleep_for(b.service);
        co_return x;
    }};
    b.call(sleeper | b.policy | ap::starts_on(b.door), 3);
    CHECK(b.policy.metrics().service >= 1us);
    CHECK(b.sim.pending() == 0);
}

TEST_CASE("adaptive: an executor whose place matters is not entered") {
    bench b;
    ap::manual_executor desk;
    std::thread worker{[&] {
        while (desk.run() == 0 || b.policy.metrics().handed_over != 20)
            std::this_thread::yield();
    }};
    auto const here = std::this_thread::get_id();
    auto const r = ap::request{[&] { return std::this_thread::get_id() == here; }} | b.policy | ap::starts_on(desk);
    for (int i = 0; i != 20; ++i)
        CHECK_FALSE(r.call().value());
    worker.join();
    CHECK(b.policy.metrics().in_place == 0);
}

TEST_CASE("adaptive: an observer around it still hears what happens inside") {
    bench b;
    int started = 0;
    b.call(b.handler() | b.policy | ap::observe(ap::hooks{.started = [&](std::uint32_t n) { started += static_cast<int>(n); }}) |
               ap::starts_on(b.door),
           3);
    CHECK(started == 3);
}

TEST_CASE("adaptive: on a pool every call is answered, and counted once") {
    ap::thread_pool pool{{.threads = 2}};
    ap::adaptive const policy;
    auto const r = ap::request{[](int x) { return 2 * x; }} | policy | ap::starts_on(pool);
    std::atomic<int> wrong{0};
    std::thread other{[&] {
        for (int i = 0; i != 500; ++i)
            wrong += r.call(i).value() != 2 * i;
    }};
    for (int i = 0; i != 500; ++i)
        wrong += r.call(i).value() != 2 * i;
    other.join();
    CHECK(wrong == 0);
    auto const m = policy.metrics();
    CHECK(m.in_place + m.handed_over == 1000);
}

TEST_CASE("adaptive: a failure passes in place as well, and a call takes one allocation") {
    ap::thread_pool pool{{.threads = 1}};
    ap::adaptive const policy;
    auto const r = ap::request{[]() -> ap::result<int> { return ap::errc::not_found; }} | policy | ap::starts_on(pool);
    for (int i = 0; i != 10; ++i)
        CHECK(r.call().error() == ap::errc::not_found);
    CHECK(test::allocations_of([&] { (void)r.call(); }) <= 1);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("adaptive: an exploration outside zero to one is refused") {
    CHECK_THROWS_AS(ap::adaptive{{.explore = 2}}, std::invalid_argument);
}
#endif
