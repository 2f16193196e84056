// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/random.hpp>
#include <antiphon/execution/timers.hpp>

#include <algorithm>
#include <chrono>
#include <latch>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "catch_compat.hpp"
#include "support/child.hpp"
#include "support/probe.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;
using probes::bell;

namespace {

ap::time_point at(int tick) { return ap::time_point{} + std::chrono::milliseconds{tick}; }

}  // namespace

TEST_CASE("a timer queue gives its timers back in the order of their moments") {
    ap::timer_queue queue;
    bell late, soon, middle;
    queue.push(late, at(3));
    queue.push(soon, at(1));
    queue.push(middle, at(2));
    CHECK(queue.next() == at(1));
    CHECK(queue.pop_due(at(3)) == &soon);
    CHECK(queue.pop_due(at(3)) == &middle);
    CHECK(queue.pop_due(at(3)) == &late);
    CHECK(queue.pop_due(at(3)) == nullptr);
    CHECK(queue.empty());
}

TEST_CASE("timers for the same moment come in the order of arming") {
    ap::timer_queue queue;
    std::vector<std::unique_ptr<bell>> all;
    for (int i = 0; i < 50; ++i)
        queue.push(*all.emplace_back(std::make_unique<bell>()), at(1));
    for (auto const& t : all)
        CHECK(queue.pop_due(at(1)) == t.get());
}

TEST_CASE("a timer that is not due stays in its queue") {
    ap::timer_queue queue;
    bell t;
    queue.push(t, at(2));
    CHECK(queue.pop_due(at(1)) == nullptr);
    CHECK(queue.next() == at(2));
    CHECK(queue.pop() == &t);
}

TEST_CASE("a timer for the end of time is never due") {
    ap::timer_queue queue;
    bell t;
    queue.push(t, ap::time_point::max());
    CHECK(queue.pop_due(ap::time_point::max()) == nullptr);
    CHECK_FALSE(queue.empty());
    queue.remove(t);
    CHECK(queue.empty());
}

TEST_CASE("a timer queue agrees with a sorted list through random pushes and removals") {
    ap::random_source random{7};
    ap::timer_queue queue;
    std::vector<std::unique_ptr<bell>> nodes;
    std::vector<bell*> model;
    for (int round = 0; round < 3000; ++round) {
        auto const dice = random() % 8;
        if (dice < 4) {
            bell& t = *nodes.emplace_back(std::make_unique<bell>());
            queue.push(t, at(static_cast<int>(random() % 100)));
            model.push_back(&t);
        } else if (!model.empty() && dice < 6) {
            auto const victim = model.begin() + static_cast<std::ptrdiff_t>(random() % model.size());
            queue.remove(**victim);
            CHECK((*victim)->back == nullptr);
            model.erase(victim);
        } else if (!model.empty()) {
            auto const first = std::min_element(model.begin(), model.end(), [](bell* a, bell* b) {
                return a->when != b->when ? a->when < b->when : a->order < b->order;
            });
            REQUIRE(queue.pop() == *first);
            model.erase(first);
        }
    }
    std::sort(model.begin(), model.end(),
              [](bell* a, bell* b) { return a->when != b->when ? a->when < b->when : a->order < b->order; });
    for (bell* t : model)
        REQUIRE(queue.pop() == t);
    CHECK(queue.empty());
}

TEST_CASE("the timer thread fires a timer no earlier than its moment") {
    std::optional<ap::time_point> fired;
    bell t{[&] { fired = ap::clock::now(); }};
    ap::time_point const when = ap::clock::now() + 3ms;
    ap::timer_thread::process().arm(t, when);
    t.wait();
    CHECK(*fired >= when);
}

TEST_CASE("a moment already past fires on the timer thread and not inside arm") {
    std::thread::id where;
    bool is_timer_thread = false;
    bell t{[&] {
        where = std::this_thread::get_id();
        is_timer_thread = ap::timer_thread::is_current();
    }};
    ap::timer_thread::process().arm(t, ap::clock::now() - 1h);
    t.wait();
    CHECK(where != std::this_thread::get_id());
    CHECK(is_timer_thread);
    CHECK_FALSE(ap::timer_thread::is_current());
}

TEST_CASE("a timer that was disarmed in time does not fire") {
    auto t = std::make_unique<bell>();
    ap::timer_thread::process().arm(*t, ap::clock::now() + 1h);
    CHECK(ap::timer_thread::process().disarm(*t));
    CHECK(t->fired == 0);
    t.reset();  // and may be destroyed
    bell later;
    ap::timer_thread::process().arm(later, ap::clock::now());
    later.wait();
}

TEST_CASE("disarming a timer that has fired, or was never armed, reports false") {
    bell t;
    CHECK_FALSE(ap::timer_thread::process().disarm(t));
    ap::timer_thread::process().arm(t, ap::clock::now());
    t.wait();
    CHECK_FALSE(ap::timer_thread::process().disarm(t));
}

TEST_CASE("a timer for the end of time can be armed and disarmed") {
    bell t;
    ap::timer_thread::process().arm(t, ap::time_point::max());
    CHECK(ap::timer_thread::process().disarm(t));
}

TEST_CASE("a timer may be armed again after it fired") {
    bell t;
    for (int i = 0; i < 3; ++i) {
        ap::timer_thread::process().arm(t, ap::clock::now());
        t.fired.wait(i);
    }
    CHECK(t.fired == 3);
}

TEST_CASE("an earlier timer overtakes the one the timer thread sleeps for") {
    bell far, near;
    ap::timer_thread::process().arm(far, ap::clock::now() + 1h);
    ap::timer_thread::process().arm(near, ap::clock::now() + 1ms);
    near.wait();
    CHECK(far.fired == 0);
    CHECK(ap::timer_thread::process().disarm(far));
}

TEST_CASE("a timer may destroy itself when it fires") {
    struct suicidal final : ap::timer {
        explicit suicidal(std::latch& l) : done{l} {}
        void fire() noexcept override {
            std::latch& l = done;
            delete this;
            l.count_down();
        }
        std::latch& done;
    };
    std::latch done{1};
    ap::timer_thread::process().arm(*new suicidal{done}, ap::clock::now());
    done.wait();
}

#if ANTIPHON_HAS_FORK

TEST_CASE("a child can disarm what its parent armed, which does not fire there") {
    bell t;
    ap::timer_thread::process().arm(t, ap::clock::now() + 1h);
    CHECK(in_child([&] { return ap::timer_thread::process().disarm(t) && !ap::timer_thread::process().disarm(t); }));
    CHECK(ap::timer_thread::process().disarm(t));
}

#if CHILD_MAY_START_THREADS

TEST_CASE("timers fire in a child process too") {
    bell first;
    ap::timer_thread::process().arm(first, ap::clock::now());
    first.wait();
    CHECK(in_child([] {
        bell t;
        ap::timer_thread::process().arm(t, ap::clock::now() + 1ms);
        t.wait();
        return t.fired == 1;
    }));
}

#endif
#endif
