// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/unique_function.hpp>
#include <antiphon/execution/inline_executor.hpp>
#include <antiphon/execution/manual_executor.hpp>
#include <antiphon/execution/strand.hpp>
#include <antiphon/execution/thread_pool.hpp>
#include <antiphon/request/future.hpp>
#include <antiphon/request/promise.hpp>
#include <antiphon/request/ready_future.hpp>
#include <antiphon/request/request.hpp>
#include <antiphon/request/shared_future.hpp>
#include <antiphon/request/sleep.hpp>
#include <antiphon/request/starts_on.hpp>
#include <antiphon/request/task.hpp>
#include <antiphon/testing/simulation.hpp>

#include <chrono>
#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/allocations.hpp"
#include "support/values.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

template <class T, class... A>
ap::future<T> answered(A&&... args) {
    ap::promise<T> p;
    auto f = p.get_future();
    p.set_value(std::forward<A>(args)...);
    return f;
}
ap::future<int> failed(ap::errc why = ap::errc::aborted) {
    ap::promise<int> p;
    auto f = p.get_future();
    p.set_failure(why);
    return f;
}
/// An executor that notes what it is given and runs it when told.
struct refusing_executor {
    void execute(ap::work job) const { std::move(job).reject(ap::errc::resource_exhausted); }
};
struct dropping_executor {
    void execute(ap::work) const {}
};
constexpr int million = 1'000'000;

}  // namespace

TEST_CASE("an empty future answers failed_precondition to everything") {
    ap::future<int> empty;
    CHECK_FALSE(empty.valid());
    CHECK_FALSE(empty.ready());
    CHECK_FALSE(empty.wait());
    CHECK_FALSE(empty.wait_for(1h));
    CHECK_FALSE(empty.wait_until(ap::time_point::max()));
    empty.request_stop();
    CHECK(ap::future<int>{}.get().error() == ap::errc::failed_precondition);
    CHECK(ap::future<int>{}.then([](int x) { return x; }).get().error() == ap::errc::failed_precondition);
    CHECK(ap::future<int>{}.or_else([](ap::failure const&) { return 1; }).get().error() == ap::errc::failed_precondition);
    ap::future<int>{}.detach();
    std::optional<ap::failure> seen;
    ap::future<int>{}.on_complete([&](ap::result<int> r) { seen = r.error(); });
    CHECK((seen && *seen == ap::errc::failed_precondition));
}

TEST_CASE("a consumed or moved-from future is empty") {
    auto f = answered<int>(1);
    CHECK(std::move(f).get().value() == 1);
    CHECK_FALSE(f.valid());
    CHECK(std::move(f).get().error() == ap::errc::failed_precondition);
    auto a = answered<int>(2);
    ap::future<int> b{std::move(a)};
    CHECK_FALSE(a.valid());
    a.swap(b);
    CHECK(std::move(a).get().value() == 2);
}

TEST_CASE("assigning over a future drops the ask that it had") {
    ap::promise<int> p;
    auto f = p.get_future();
    f = answered<int>(1);
    CHECK(p.stop_requested());
    CHECK(std::move(f).get().value() == 1);
}

TEST_CASE("waiting ends when another thread answers") {
    ap::promise<int> p;
    auto f = p.get_future();
    std::thread producer{[&] { p.set_value(8); }};
    CHECK(f.wait());
    CHECK(f.ready());
    CHECK(std::move(f).get().value() == 8);
    producer.join();
}

TEST_CASE("a wait with zero, negative or past limits only looks") {
    ap::promise<int> p;
    auto f = p.get_future();
    CHECK_FALSE(f.wait_for(0ms));
    CHECK_FALSE(f.wait_for(-1h));
    CHECK_FALSE(f.wait_for(ap::duration::min()));
    CHECK_FALSE(f.wait_until(ap::clock::now() - 1h));
    CHECK_FALSE(f.wait_until(ap::time_point::min()));
    p.set_value(1);
    CHECK(f.wait_for(-1h));
    CHECK(f.wait_until(ap::time_point::min()));
}

TEST_CASE("a wait that is too short ends without an answer and can be repeated") {
    ap::promise<int> p;
    auto f = p.get_future();
    CHECK_FALSE(f.wait_for(1us));
    CHECK_FALSE(f.wait_until(ap::clock::now() + 1us));
    std::thread producer{[&] { p.set_value(8); }};
    CHECK(f.wait_for(ap::duration::max()));
    producer.join();
}

TEST_CASE("an infinite limit is for ever, however far away now is") {
    ap::promise<int> p;
    auto f = p.get_future();
    std::thread producer{[&] { p.set_value(8); }};
    CHECK(f.wait_for(std::chrono::hours::max()));
    CHECK(f.wait_until(ap::time_point::max()));
    producer.join();
}

TEST_CASE("then takes the value and gives what its function returns") {
    CHECK(answered<int>(20).then([](int x) { return std::to_string(x + 1); }).get().value() == "21");
    CHECK(answered<void>().then([] { return 3; }).get().value() == 3);
    int target = 1;
    CHECK(&answered<int&>(target).then([](int& x) -> int& { return x; }).get().value() == &target);
    CHECK(answered<test::move_only>(4).then([](test::move_only m) { return m; }).get().value().read() == 4);
    CHECK(answered<int>(1).then([](int) {}).get().has_value());
}

TEST_CASE("then flattens results, futures, tasks and requests") {
    CHECK(answered<int>(1).then([](int x) -> ap::result<int> { return x + 1; }).get().value() == 2);
    CHECK(answered<int>(1).then([](int) -> ap::result<int> { return ap::errc::not_found; }).get().error() == ap::errc::not_found);
    CHECK(answered<int>(1).then([](int x) { return answered<int>(x + 2); }).get().value() == 3);
    CHECK(answered<int>(1).then([](int x) -> ap::task<int> { co_return x + 3; }).get().value() == 4);
    CHECK(answered<int>(1).then([](int x) { return ap::request{[x] { return x + 4; }}; }).get().value() == 5);
    CHECK(answered<int>(1).then([](int) { return ap::future<int>{}; }).get().error() == ap::errc::failed_precondition);
}

TEST_CASE("a failure passes by then, untouched and unseen") {
    bool ran = false;
    auto const r = failed().then([&](int x) { return ran = true, x; }).then([](int x) { return x; }).get();
    CHECK(r.error() == ap::errc::aborted);
    CHECK_FALSE(ran);
}

TEST_CASE("or_else takes the failure, and a value passes by") {
    bool ran = false;
    CHECK(answered<int>(5).or_else([&](ap::failure const&) { return ran = true, 1; }).get().value() == 5);
    CHECK_FALSE(ran);
    CHECK(failed().or_else([](ap::failure const& e) { return e == ap::errc::aborted ? 1 : 2; }).get().value() == 1);
    CHECK(failed().or_else([](ap::failure) -> ap::result<int> { return ap::errc::not_found; }).get().error() == ap::errc::not_found);
    CHECK(failed().or_else([](ap::failure const&) { return answered<int>(7); }).get().value() == 7);
    ap::manual_executor desk;
    auto elsewhere = failed().or_else(desk, [](ap::failure const&) { return 3; });
    CHECK(desk.run() == 1);
    CHECK(std::move(elsewhere).get().value() == 3);
}

TEST_CASE("a callback gets the result once and its future is gone") {
    int calls = 0;
    ap::promise<int> p;
    auto f = p.get_future();
    std::move(f).on_complete([&](ap::result<int> r) { calls += r.value(); });
    CHECK_FALSE(f.valid());
    CHECK(calls == 0);
    p.set_value(1);
    CHECK(calls == 1);
    failed().on_complete([&](ap::result<int> r) { calls += r ? 10 : 1; });
    CHECK(calls == 2);
}

TEST_CASE("a callback may be asked for elsewhere") {
    ap::manual_executor desk;
    void const* place = nullptr;
    answered<int>(1).on_complete(desk, [&](ap::result<int>) { place = ap::place_scope::current(); });
    CHECK(place == nullptr);
    CHECK(desk.run() == 1);
    CHECK(place == desk.get_executor().place());
}

TEST_CASE("continuations without an executor run where they are attached, when the answer is there already") {
    bool ran = false;
    auto f = answered<int>(1).then([&](int x) { return ran = true, x; });
    CHECK(ran);
    CHECK(f.ready());
}

TEST_CASE("a continuation runs on the executor that it names, and the rest of the chain too") {
    ap::manual_executor desk;
    std::vector<void const*> places;
    auto f = answered<int>(1).then(desk, [&](int x) { return places.push_back(ap::place_scope::current()), x; }).then([&](int x) {
        return places.push_back(ap::place_scope::current()), x;
    });
    CHECK_FALSE(f.ready());
    CHECK(desk.run() == 1);
    CHECK(f.ready());
    void const* const place = desk.get_executor().place();
    CHECK(places == std::vector<void const*>{place, place});
}

TEST_CASE("a continuation on the inline executor has run when the answer is known") {
    ap::promise<int> p;
    auto f = p.get_future().then(ap::inline_executor{}, [](int x) { return x + 1; });
    p.set_value(1);
    CHECK(f.ready());
}

TEST_CASE("a continuation that its executor refuses fails without having run, and what passes by is not touched by that") {
    bool ran = false;
    auto const r = answered<int>(1).then(refusing_executor{}, [&](int x) { return ran = true, x; }).get();
    CHECK(r.error() == ap::errc::resource_exhausted);
    CHECK(r.error().executed() == ap::executed::no);
    CHECK_FALSE(ran);
    CHECK(failed().then(refusing_executor{}, [](int x) { return x; }).get().error() == ap::errc::aborted);
    CHECK(answered<int>(3).or_else(refusing_executor{}, [](ap::failure const&) { return 1; }).get().value() == 3);
    CHECK(failed().or_else(refusing_executor{}, [](ap::failure const&) { return 1; }).get().error() == ap::errc::resource_exhausted);
}

TEST_CASE("a continuation that its executor drops fails as cancelled") {
    CHECK(answered<int>(1).then(dropping_executor{}, [](int x) { return x; }).get().error() == ap::errc::cancelled);
}

TEST_CASE("a callback that its executor refuses runs in the refusing thread") {
    std::thread::id where;
    answered<int>(1).on_complete(refusing_executor{}, [&](ap::result<int> r) {
        CHECK(r.value() == 1);
        where = std::this_thread::get_id();
    });
    CHECK(where == std::this_thread::get_id());
}

TEST_CASE("a callback that its executor drops runs on the default pool") {
    ap::promise<void const*> place;
    auto where = place.get_future();
    answered<int>(1).on_complete(dropping_executor{}, [&](ap::result<int>) { place.set_value(ap::worker_of_place()); });
    CHECK(std::move(where).get().value() == ap::default_pool().get_executor().place());
}

TEST_CASE("dropping a future asks what it waits for to stop and does not block") {
    ap::promise<int> p;
    {
        auto f = p.get_future().then([](int x) { return x; }).then([](int x) { return x; });
    }
    CHECK(p.stop_requested());
    p.set_value(1);
}

TEST_CASE("a stopped chain does not run its functions, and still ends") {
    ap::promise<int> p;
    bool ran = false;
    auto f = p.get_future().then([&](int x) { return ran = true, x; });
    f.request_stop();
    CHECK(p.stop_requested());
    p.set_value(1);
    CHECK(std::move(f).get().error() == ap::errc::cancelled);
    CHECK_FALSE(ran);
}

TEST_CASE("stop travels into the answer that a chain was flattened to") {
    ap::promise<int> inner;
    auto f = answered<int>(1).then([&](int) { return inner.get_future(); });
    CHECK_FALSE(inner.stop_requested());
    f.request_stop();
    CHECK(inner.stop_requested());
    inner.set_value(4);
    CHECK(std::move(f).get().value() == 4);
}

TEST_CASE("an answer that is flattened after the stop hears of it at once") {
    ap::manual_executor desk;
    ap::promise<int> inner;
    ap::future<int>* own = nullptr;
    auto f = (ap::request{[&] {
                  own->request_stop();
                  return inner.get_future();
              }} |
              ap::starts_on(desk))
                 .submit();
    own = &f;
    desk.run();
    CHECK(inner.stop_requested());
    inner.set_value(1);
    CHECK(std::move(f).get().value() == 1);
}

TEST_CASE("a detached ask runs on") {
    ap::manual_executor desk;
    bool ran = false;
    (ap::request{[&] { ran = true; }} | ap::starts_on(desk)).submit().detach();
    desk.run();
    CHECK(ran);
}

TEST_CASE("an ask that is dropped before it starts does not run") {
    ap::manual_executor desk;
    bool ran = false;
    {
        auto f = (ap::request{[&] { ran = true; }} | ap::starts_on(desk)).submit();
    }
    desk.run();
    CHECK_FALSE(ran);
}

TEST_CASE("functions, values and asks are all destroyed with their chain") {
    {
        ap::promise<test::counted> p;
        auto f = p.get_future().then([c = test::counted{1}](test::counted v) { return v; });
        p.set_value(2);
        CHECK(std::move(f).get().value().read() == 2);
    }
    {
        ap::promise<test::counted> p;
        p.get_future().on_complete([c = test::counted{1}](ap::result<test::counted>) {});
    }
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("the function of a continuation is destroyed before its answer is published") {
    auto const token = std::make_shared<int>(0);
    ap::promise<int> p;
    auto f = p.get_future().then([token](int x) { return x; });
    CHECK(token.use_count() == 2);
    p.set_value(1);
    CHECK(f.ready());
    CHECK(token.use_count() == 1);
}

TEST_CASE("a chain of a million links uses constant stack, also on an inline executor") {
    for (bool const in_place : {false, true}) {
        ap::promise<int> head;
        auto f = head.get_future();
        for (int i = 0; i < million; ++i)
            f = in_place ? std::move(f).then(ap::inline_executor{}, [](int x) { return x + 1; })
                         : std::move(f).then([](int x) { return x + 1; });
        head.set_value(0);
        CHECK(std::move(f).get().value() == million);
    }
}

TEST_CASE("a chain of a million links on a pool, a manual executor or a strand uses constant stack") {
    ap::thread_pool pool{{.threads = 1}};
    ap::manual_executor desk;
    for (ap::any_executor const& e :
         {ap::any_executor{pool.get_executor()}, ap::any_executor{ap::strand{pool}}, ap::any_executor{desk.get_executor()}}) {
        ap::promise<int> head;
        auto f = head.get_future().then(e, [](int x) { return x + 1; });
        for (int i = 1; i < million; ++i)
            f = std::move(f).then([](int x) { return x + 1; });
        head.set_value(0);
        desk.run();
        CHECK(std::move(f).get().value() == million);
    }
}

TEST_CASE("a failure passes by a million links, and a value by a million alternatives, in constant stack") {
    ap::promise<int> broken, fine;
    auto b = broken.get_future(), f = fine.get_future();
    for (int i = 0; i < million; ++i) {
        b = std::move(b).then([](int x) { return x; });
        f = std::move(f).or_else([](ap::failure const&) { return 0; });
    }
    broken.set_failure(ap::errc::data_loss);
    fine.set_value(3);
    CHECK(std::move(b).get().error() == ap::errc::data_loss);
    CHECK(std::move(f).get().value() == 3);
}

TEST_CASE("a chain of a million links whose head is broken ends in constant stack") {
    auto f = [] {
        ap::promise<int> head;
        auto chain = head.get_future();
        for (int i = 0; i < million; ++i)
            chain = std::move(chain).then([](int x) { return x; });
        return chain;
    }();
    CHECK(std::move(f).get().error() == ap::errc::broken_promise);
}

TEST_CASE("a chain of a million links whose tail is dropped ends in constant stack") {
    ap::promise<int> head;
    {
        auto f = head.get_future();
        for (int i = 0; i < million; ++i)
            f = std::move(f).then([c = test::counted{}](int x) { return x; });
    }
    CHECK(head.stop_requested());
    head.set_value(1);
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("a blocking wait inside a trampolined continuation runs what it waits for, and only that") {
    ap::promise<int> head;
    std::vector<int> order;
    ap::future<int> unrelated, needed;
    ap::promise<int> second;
    auto awaited = second.get_future().then([&](int x) { return order.push_back(1), x + 1; });
    ap::promise<int> third;
    auto other = third.get_future().then([&](int x) { return order.push_back(3), x; });
    auto outer = head.get_future().then([&](int x) {
        third.set_value(1);
        second.set_value(x);
        int const y = std::move(awaited).get().value();
        order.push_back(2);
        return y;
    });
    head.set_value(4);
    CHECK(std::move(outer).get().value() == 5);
    CHECK(std::move(other).get().value() == 1);
    CHECK(order == std::vector<int>{1, 2, 3});
}

TEST_CASE("waiting for a bare promise from inside a handler of a pool ends when it is answered") {
    ap::thread_pool one{{.threads = 1}};
    ap::promise<int> p;
    auto f = p.get_future();
    auto waiting = (ap::request{[&] { return std::move(f).get().value(); }} | ap::starts_on(one)).submit();
    p.set_value(3);
    CHECK(std::move(waiting).get().value() == 3);
}

TEST_CASE("a future is awaited in a task without an allocation") {
    ap::request sum{[]() -> ap::task<std::size_t> {
        auto a = answered<int>(1);
        ap::promise<int> p;
        auto b = p.get_future();
        std::size_t const before = test::allocations();
        p.set_value(2);
        int const both = (co_await std::move(a)).value() + (co_await std::move(b)).value();
        co_return test::allocations() - before + static_cast<std::size_t>(both);
    }};
    CHECK(sum.call().value() == 3);
}

TEST_CASE("an empty future is awaited without suspending") {
    ap::request r{[]() -> ap::task<bool> { co_return (co_await ap::future<int>{}).error() == ap::errc::failed_precondition; }};
    CHECK(r.call().value());
}

namespace {
struct foreign {
    struct promise_type {
        foreign get_return_object() { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::terminate(); }
    };
};
}  // namespace

TEST_CASE("a future is awaited in any coroutine, resumed where the answer is given") {
    ap::promise<int> p;
    int seen = 0;
    auto const waits = [](ap::future<int> f, int& out) -> foreign { out = (co_await std::move(f)).value(); };
    waits(p.get_future(), seen);
    CHECK(seen == 0);
    p.set_value(6);
    CHECK(seen == 6);
    waits(answered<int>(7), seen);
    CHECK(seen == 7);
}

TEST_CASE("a future is one pointer, and a continuation one allocation at most") {
    STATIC_REQUIRE(sizeof(ap::future<int>) == 8);
    STATIC_REQUIRE(sizeof(ap::result<int>) <= 40);
    ap::promise<int> p;
    auto f = p.get_future();
    CHECK(test::allocations_of([&] { f = std::move(f).then([](int x) { return x; }); }) == 1);
    CHECK(test::allocations_of([&] { p.set_value(1); }) == 0);
    CHECK(test::allocations_of([&] { static_cast<void>(std::move(f).get()); }) == 0);
}

TEST_CASE("a wait on a simulation's ask runs virtual time up to its limit") {
    ap::testing::simulation sim;
    auto const start = sim.now();
    auto f = (ap::request{[]() -> ap::task<int> {
                  co_await ap::sleep_for(1h);
                  co_return 1;
              }} |
              ap::starts_on(sim))
                 .submit();
    CHECK_FALSE(f.wait_for(10min));
    CHECK(sim.now() == start + 10min);
    CHECK_FALSE(f.wait_until(start + 20min));
    CHECK(sim.now() == start + 20min);
    CHECK(f.wait());
    CHECK(sim.now() == start + 1h);
}

TEST_CASE("a wait on a simulation that could never end says would_deadlock") {
    ap::testing::simulation sim;
    std::optional<ap::promise<int>> kept;
    auto f = (ap::request{[&](ap::promise<int> p) { kept = std::move(p); }} | ap::starts_on(sim)).submit();
    CHECK_FALSE(f.wait());
    CHECK(std::move(f).get().error() == ap::errc::would_deadlock);
}

#if ANTIPHON_EXCEPTIONS

TEST_CASE("what a continuation throws becomes its failure, an int as well") {
    CHECK(answered<int>(1).then([](int) -> int { throw std::runtime_error{"x"}; }).get().error().executed() == ap::executed::yes);
    CHECK(answered<int>(1).then([](int) -> int { throw 3; }).get().error().exception() != nullptr);
    CHECK(answered<int>(1).then([](int) -> ap::future<int> { throw 3; }).get().error().exception() != nullptr);
    CHECK(failed().or_else([](ap::failure const&) -> int { throw 3; }).get().error().exception() != nullptr);
}

namespace {
int thrown = 0;
struct noticing_executor {
    void execute(ap::work job) const { std::move(job)(); }
    void unhandled(std::exception_ptr) const { ++thrown; }
};
struct throwing_executor {
    void execute(ap::work) const { throw std::runtime_error{"no room"}; }
};
}  // namespace

TEST_CASE("what a callback throws goes to the executor's unhandled hook") {
    thrown = 0;
    answered<int>(1).on_complete(noticing_executor{}, [](ap::result<int>) { throw 3; });
    CHECK(thrown == 1);
}

TEST_CASE("a continuation whose executor throws is decided all the same") {
    CHECK(answered<int>(1).then(throwing_executor{}, [](int x) { return x; }).get().error() == ap::errc::cancelled);
}

TEST_CASE("a value whose move throws on the way out becomes a failure") {
    ap::promise<test::throwing_move> p;
    auto f = p.get_future();
    p.set_value(3);
    {
        test::throwing_move::armed const now;
        CHECK(std::move(f).get().error().exception() != nullptr);
    }
    ap::promise<test::throwing_move> q;
    auto g = q.get_future().then([](test::throwing_move m) { return m; });
    {
        test::throwing_move::armed const now;
        q.set_value(3);
    }
    CHECK(std::move(g).get().error().exception() != nullptr);
}

TEST_CASE("attaching a continuation without memory throws and loses nothing") {
    ap::promise<test::counted> p;
    {
        auto f = p.get_future();
        test::failing_allocations const none;
        CHECK_THROWS_AS(std::move(f).then([](test::counted c) { return c; }), std::bad_alloc);
    }
    p.set_value(1);
    CHECK(test::counted::alive() == 0);
}

#endif

namespace {

/// Runs its work while somebody waits for it. The second time that it is asked, the waiter has taken its seat: then `seated` is called.
struct nosy_executor {
    struct shared_state {
        ap::work job;
        int asked = 0;
        std::function<void()> seated;
    };
    std::shared_ptr<shared_state> state = std::make_shared<shared_state>();
    void execute(ap::work job) const { state->job = std::move(job); }
    [[nodiscard]] ap::assistance assist() const noexcept {
        if (++state->asked == 1) return ap::assistance::none;
        if (auto const call = std::exchange(state->seated, nullptr)) {
            ap::work kept = std::exchange(state->job, ap::work{});
            call();
            state->job = std::move(kept);
            return ap::assistance::progress;
        }
        if (!state->job) return ap::assistance::none;
        std::exchange(state->job, ap::work{})();
        return ap::assistance::progress;
    }
};

}  // namespace

TEST_CASE("a second wait for one future is refused while the first lasts, which ends as it should") {
    nosy_executor const place;
    ap::future<int> answer = (ap::request{[] { return 7; }} | ap::starts_on(place)).submit();
    bool second = true;
    bool second_with_limit = true;
    place.state->seated = [&] {
        second = answer.wait();
        second_with_limit = answer.wait_for(1h);
    };
    CHECK(answer.wait());
    CHECK_FALSE(second);
    CHECK_FALSE(second_with_limit);
    CHECK(std::move(answer).get() == 7);
}

TEST_CASE("a continuation behind one that passes the answer on does not run inside set_value either") {
    ap::thread_pool pool{{.threads = 1, .claimable = false}};
    ap::promise<int> answer;
    bool inside = true, seen = false;  // the pool's thread's
    auto last = answer.get_future().or_else([](ap::failure const&) { return 0; }).then(pool, [&](int x) {
        seen = inside;
        return x;
    });
    pool.get_executor().execute(ap::work{[&] {
        answer.set_value(1);
        inside = false;
    }});
    CHECK(std::move(last).get().value() == 1);
    CHECK_FALSE(seen);
}

TEST_CASE("then gives a function of the result whatever came, and takes its answer") {
    auto const told = [](ap::result<int> r) { return r ? std::to_string(*r) : r.error().message(); };
    CHECK(answered<int>(3).then(told).get() == "3");
    CHECK(failed().then(told).get() == "aborted");
    CHECK(answered<void>().then([](ap::result<void> const& r) { return r.has_value(); }).get() == true);
    CHECK(failed().then([](ap::result<long>&& r) { return r.value_or(5); }).get() == 5L);
}

TEST_CASE("what a function of the result returns is flattened") {
    ap::promise<int> later;
    auto f = failed().then([&](ap::result<int>) { return later.get_future(); });
    CHECK_FALSE(f.ready());
    later.set_value(4);
    CHECK(std::move(f).get() == 4);
}

TEST_CASE("a function of the result runs after a stop as well, and a refused one does not") {
    ap::promise<int> p;
    auto tidied = p.get_future().then([](ap::result<int> r) { return r == 1; });
    tidied.request_stop();
    CHECK(p.stop_requested());
    p.set_value(1);
    CHECK(std::move(tidied).get() == true);

    ap::manual_executor::executor_type closed = ap::manual_executor{}.get_executor();
    auto const never = [](ap::result<int>) { FAIL("run"); };
    CHECK(answered<int>(1).then(closed, never).get() == ap::errc::shut_down);
    CHECK(failed().then(closed, never).get() == ap::errc::aborted);
}

namespace antiphon {

static_assert(sizeof(future<int>) == sizeof(void*));
static_assert(std::is_nothrow_move_constructible_v<future<int>> && !std::is_copy_constructible_v<future<int>>);

}  // namespace antiphon

TEST_CASE("wait_until takes a moment of the system's clock, as far away by the executor's") {
    ap::testing::simulation sim;
    auto const start = sim.now();
    auto f = (ap::request{[]() -> ap::task<int> {
                  co_await ap::sleep_for(2h);
                  co_return 1;
              }} |
              ap::starts_on(sim))
                 .submit();
    CHECK_FALSE(f.wait_until(std::chrono::system_clock::now() + 1h));
    CHECK(sim.now() <= start + 1h);
    CHECK_FALSE(f.wait_until(std::chrono::system_clock::now() - 1h));
    CHECK_FALSE(f.wait_until(start + 1.5s));
    CHECK(f.wait_until(std::chrono::system_clock::time_point::max()));
    CHECK_FALSE(ap::future<int>{}.wait_until(std::chrono::system_clock::now()));
}

#if ANTIPHON_EXCEPTIONS

namespace {
std::exception_ptr missed;
struct missing_executor {
    void execute(ap::work job) const { std::move(job)(); }
    void unhandled(std::exception_ptr e) const { missed = std::move(e); }
};
bool missed_a_null_callback() {
    try {
        if (missed) std::rethrow_exception(std::exchange(missed, nullptr));
    } catch (ap::request_error const& e) {
        return e.why() == ap::errc::failed_precondition && e.why().message() == "the callback is null";
    }
    return false;
}
using pointer = int (*)(int);
}  // namespace

TEST_CASE("a null continuation is a failure, failed_precondition, however it is null") {
    CHECK(answered<int>(1).then(pointer{nullptr}).get().error() == ap::errc::failed_precondition);
    CHECK(answered<int>(1).then(std::function<int(int)>{}).get().error() == ap::errc::failed_precondition);
    CHECK(answered<int>(1).then(ap::unique_function<int(int)>{}).get().error().message() == "the callback is null");
    CHECK(answered<int>(1).then(std::function<int(ap::result<int>)>{}).get().error() == ap::errc::failed_precondition);
    CHECK(failed().or_else(std::function<int(ap::failure)>{}).get().error() == ap::errc::failed_precondition);
    CHECK(ap::make_future(1).then(pointer{nullptr}).get().error() == ap::errc::failed_precondition);
    CHECK(answered<int>(1).share().then(std::function<int(ap::result<int> const&)>{}).get().error() == ap::errc::failed_precondition);
}

TEST_CASE("what passes by a null continuation does not notice") {
    CHECK(failed().then(pointer{nullptr}).get().error() == ap::errc::aborted);
    CHECK(answered<int>(1).or_else(std::function<int(ap::failure)>{}).get().value() == 1);
}

TEST_CASE("a null callback is told to the executor's unhandled hook, however it is null") {
    answered<int>(1).on_complete(missing_executor{}, static_cast<void (*)(ap::result<int>)>(nullptr));
    CHECK(missed_a_null_callback());
    answered<int>(1).on_complete(missing_executor{}, std::function<void(ap::result<int>)>{});
    CHECK(missed_a_null_callback());
    ap::request const plain = ap::request{[](int x) { return x; }} | ap::starts_on(missing_executor{});
    plain.submit(1, static_cast<void (*)(ap::result<int>)>(nullptr));
    CHECK(missed_a_null_callback());
    ap::request<int(int)> const spelled = plain;
    spelled.submit(1, std::function<void(ap::result<int>)>{});
    CHECK(missed_a_null_callback());
    ap::request const coroutine = ap::request{[](int x) -> ap::task<int> { co_return x; }} | ap::starts_on(missing_executor{});
    coroutine.submit(1, ap::unique_function<void(ap::result<int>)>{});
    CHECK(missed_a_null_callback());
}

#endif
