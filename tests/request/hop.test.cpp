// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/inline_executor.hpp>
#include <antiphon/execution/manual_executor.hpp>
#include <antiphon/execution/strand.hpp>
#include <antiphon/execution/thread_pool.hpp>
#include <antiphon/request/hop.hpp>
#include <antiphon/request/promise.hpp>
#include <antiphon/request/request.hpp>
#include <antiphon/request/sleep.hpp>
#include <antiphon/request/starts_on.hpp>
#include <antiphon/request/task.hpp>
#include <antiphon/testing/simulation.hpp>

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/values.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

void const* here() { return ap::place_scope::current(); }

}  // namespace

TEST_CASE("resume_on moves a task to an executor, where it also resumes from then on") {
    ap::manual_executor home, away;
    ap::promise<int> p;
    std::vector<void const*> places;
    auto f = (ap::request{[&]() -> ap::task<int> {
                  places.push_back(here());
                  co_await ap::resume_on(away);
                  places.push_back(here());
                  int const x = (co_await p.get_future()).value();
                  places.push_back(here());
                  co_return x;
              }} |
              ap::starts_on(home))
                 .submit();
    CHECK(home.run() == 1);
    CHECK(away.run() == 1);
    p.set_value(3);
    CHECK(home.run() == 0);
    CHECK(away.run() == 1);
    CHECK(std::move(f).get().value() == 3);
    void const* const first = home.get_executor().place();
    void const* const then = away.get_executor().place();
    CHECK(places == std::vector<void const*>{first, then, then});
}

TEST_CASE("what continues a moved task runs on the request's own executor") {
    ap::manual_executor home, away;
    void const* place = nullptr;
    auto f = (ap::request{[&]() -> ap::task<int> {
                  co_await ap::resume_on(away);
                  co_return 1;
              }} |
              ap::starts_on(home))
                 .submit()
                 .then([&](int x) {
                     place = here();
                     return x;
                 });
    home.run();
    away.run();
    home.run();
    CHECK(f.ready());
    CHECK(place == home.get_executor().place());
}

TEST_CASE("resume_on takes an executor too, and an inline one changes nothing but the place") {
    ap::request r{[]() -> ap::task<int> {
        for (int i = 0; i < 1'000'000; ++i)
            co_await ap::resume_on(ap::inline_executor{});
        co_return 1;
    }};
    CHECK(r.call().value() == 1);
}

TEST_CASE("reschedule lets those who wait in the queue go first") {
    ap::manual_executor desk;
    std::vector<int> order;
    auto const f = (ap::request{[&]() -> ap::task<void> {
                        order.push_back(1);
                        co_await ap::reschedule();
                        order.push_back(3);
                    }} |
                    ap::starts_on(desk))
                       .submit();
    auto const g = (ap::request{[&] { order.push_back(2); }} | ap::starts_on(desk)).submit();
    CHECK(desk.run() == 3);
    CHECK(order == std::vector<int>{1, 2, 3});
}

TEST_CASE("a million reschedules use constant stack, on a pool, a manual executor and in the calling thread") {
    ap::request r{[]() -> ap::task<int> {
        for (int i = 0; i < 1'000'000; ++i)
            co_await ap::reschedule();
        co_return 1;
    }};
    ap::thread_pool pool{{.threads = 1}};
    ap::manual_executor desk;
    CHECK((r | ap::starts_on(pool)).call().value() == 1);
    auto f = (r | ap::starts_on(desk)).submit();
    desk.run();
    CHECK(std::move(f).get().value() == 1);
    CHECK(r.call().value() == 1);
}

TEST_CASE("without an executor a rescheduled task goes on") {
    ap::promise<int> p;
    auto f = p.get_future().then([](int x) -> ap::task<int> {
        co_await ap::reschedule();
        co_return x + 1;
    });
    p.set_value(1);
    CHECK(std::move(f).get().value() == 2);
}

TEST_CASE("a task that would move to an executor that is shut down is destroyed and fails with that code") {
    std::optional<ap::manual_executor> gone{std::in_place};
    auto const e = gone->get_executor();
    gone.reset();
    ap::manual_executor home;
    auto f = (ap::request{[&](test::counted) -> ap::task<int> {
                  co_await ap::resume_on(e);
                  co_return 1;
              }} |
              ap::starts_on(home))
                 .submit(test::counted{1});
    home.run();
    CHECK(std::move(f).get().error() == ap::errc::shut_down);
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("a stop request does not take a moved task away from where it is queued") {
    ap::manual_executor home, away;
    void const* place = nullptr;
    auto f = (ap::request{[&]() -> ap::task<int> {
                  co_await ap::resume_on(away);
                  place = here();
                  co_return 1;
              }} |
              ap::starts_on(home))
                 .submit();
    home.run();
    f.request_stop();
    home.run();
    CHECK_FALSE(f.ready());
    CHECK(away.run() == 1);
    CHECK(std::move(f).get().value() == 1);
    CHECK(place == away.get_executor().place());
}

TEST_CASE("the driver of a simulation drives a task that moves there from a pool") {
    ap::testing::simulation sim;
    ap::thread_pool pool{{.threads = 1}};
    auto const r = ap::request{[&]() -> ap::task<int> {
                       co_await ap::resume_on(sim);
                       co_await ap::sleep_for(1h);
                       co_return 1;
                   }} |
                   ap::starts_on(pool);
    for (int i = 0; i < 200; ++i)
        REQUIRE(r.call().value() == 1);
}

TEST_CASE("waiting on a strand for a task that moves to that very strand would deadlock, and says so") {
    ap::thread_pool pool{{.threads = 2}};
    ap::strand const strand{pool};
    auto const comes = ap::request{[&]() -> ap::task<int> {
                           co_await ap::resume_on(strand);
                           co_return 1;
                       }} |
                       ap::starts_on(pool);
    auto const waits = ap::request{[&] { return comes.submit().get().error() == ap::errc::would_deadlock; }} | ap::starts_on(strand);
    CHECK(waits.submit().get().value());
}
