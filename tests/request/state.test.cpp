// SPDX-License-Identifier: BSL-1.0
// The waits and claims of the shared state, seen from outside.
#include <antiphon/execution/default_pool.hpp>
#include <antiphon/execution/manual_executor.hpp>
#include <antiphon/execution/strand.hpp>
#include <antiphon/execution/thread_pool.hpp>
#include <antiphon/request/hop.hpp>
#include <antiphon/request/promise.hpp>
#include <antiphon/request/request.hpp>
#include <antiphon/request/starts_on.hpp>
#include <antiphon/request/state.hpp>
#include <antiphon/request/task.hpp>
#include <antiphon/testing/simulation.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/child.hpp"
#include "support/values.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

int depth(ap::thread_pool& pool, int n) {
    if (n == 0) return 0;
    return (ap::request{[&pool](int k) { return depth(pool, k); }} | ap::starts_on(pool)).call(n - 1).value() + 1;
}
/// Keeps a pool's only thread busy until it goes.
class occupied {
public:
    explicit occupied(ap::thread_pool& pool) {
        ap::promise<void> started;
        auto running = started.get_future();
        busy_ = (ap::request{[this, s = std::make_shared<ap::promise<void>>(std::move(started))] {
                     s->set_value();
                     free_.wait(0);
                 }} |
                 ap::starts_on(pool))
                    .submit();
        running.wait();
    }
    ~occupied() {
        free_ = 1;
        free_.notify_all();
        busy_.wait();
    }

private:
    std::atomic<int> free_{0};
    ap::future<void> busy_;
};

}  // namespace

TEST_CASE("calls inside a one-thread pool end at any depth") {
    ap::thread_pool one{{.threads = 1}};
    CHECK((ap::request{[&] { return depth(one, 200); }} | ap::starts_on(one)).submit().get().value() == 200);
}

TEST_CASE("calls inside a one-thread pool end when strangers may not claim its work") {
    ap::thread_pool one{{.threads = 1, .claimable = false}};
    CHECK((ap::request{[&] { return depth(one, 50); }} | ap::starts_on(one)).submit().get().value() == 50);
}

TEST_CASE("a waiter runs what nobody has started, itself") {
    ap::thread_pool one{{.threads = 1}};
    occupied const busy{one};
    auto const here = std::this_thread::get_id();
    CHECK((ap::request{[] { return std::this_thread::get_id(); }} | ap::starts_on(one)).submit().get().value() == here);
}

TEST_CASE("a claimed ask runs in its pool's place") {
    ap::thread_pool one{{.threads = 1}};
    occupied const busy{one};
    auto const place = (ap::request{[] { return ap::place_scope::current(); }} | ap::starts_on(one)).submit().get().value();
    CHECK(place == one.get_executor().place());
}

TEST_CASE("a waiter with a limit claims nothing") {
    ap::thread_pool one{{.threads = 1}};
    ap::future<int> f;
    {
        occupied const busy{one};
        f = (ap::request{[] { return 1; }} | ap::starts_on(one)).submit();
        CHECK_FALSE(f.wait_for(1ms));
        CHECK_FALSE(f.wait_until(ap::clock::now() + 1ms));
    }
    CHECK(f.wait_for(1h));
}

TEST_CASE("a pool that is not claimable runs its work on its own threads") {
    ap::thread_pool one{{.threads = 1, .claimable = false}};
    auto const here = std::this_thread::get_id();
    for (int i = 0; i < 100; ++i)
        REQUIRE((ap::request{[] { return std::this_thread::get_id(); }} | ap::starts_on(one)).call().value() != here);
}

TEST_CASE("a waiter claims along a chain of continuations") {
    ap::thread_pool one{{.threads = 1}};
    occupied const busy{one};
    auto f = (ap::request{[] { return 1; }} | ap::starts_on(one)).submit().then([](int x) { return x + 1; }).then([&](int x) {
        return (ap::request{[x] { return x + 1; }} | ap::starts_on(one)).submit();
    });
    CHECK(std::move(f).get().value() == 3);
}

TEST_CASE("only what is waited for is claimed") {
    ap::thread_pool one{{.threads = 1}};
    std::atomic<bool> ran{false};
    ap::future<void> unrelated;
    {
        occupied const busy{one};
        unrelated = (ap::request{[&] { ran = true; }} | ap::starts_on(one)).submit();
        CHECK((ap::request{[] { return 1; }} | ap::starts_on(one)).submit().get().value() == 1);
        CHECK_FALSE(ran);
    }
    CHECK(std::move(unrelated).get().has_value());
}

TEST_CASE("blocking on one's own strand would deadlock, and says so") {
    ap::thread_pool pool{{.threads = 2}};
    ap::strand const strand{pool};
    auto const inner = ap::request{[] { return 1; }} | ap::starts_on(strand);
    auto const direct = ap::request{[&] { return inner.call().error() == ap::errc::would_deadlock; }} | ap::starts_on(strand);
    auto const chained =
        ap::request{[&] { return inner.submit().then([](int x) { return x; }).get().error() == ap::errc::would_deadlock; }} |
        ap::starts_on(strand);
    auto const timed = ap::request{[&] { return inner.submit().wait_for(1h); }} | ap::starts_on(strand);
    CHECK(direct.call().value());
    CHECK(chained.call().value());
    CHECK_FALSE(timed.call().value());
}

TEST_CASE("blocking on one's own strand for a task that has suspended would deadlock when it is due") {
    ap::thread_pool pool{{.threads = 2}};
    ap::strand const strand{pool};
    ap::promise<int> p;
    ap::promise<void> waiting;
    auto suspended =
        (ap::request{[&]() -> ap::task<int> { co_return (co_await p.get_future()).value(); }} | ap::starts_on(strand)).submit();
    auto const waits = ap::request{[&] {
                           waiting.set_value();
                           return std::move(suspended).get().error() == ap::errc::would_deadlock;
                       }} |
                       ap::starts_on(strand);
    auto told = waiting.get_future();
    auto f = waits.submit();
    REQUIRE(told.wait());
    p.set_value(1);
    CHECK(std::move(f).get().value());
}

TEST_CASE("blocking inside a manual executor's job on its own queue would deadlock, and says so") {
    ap::manual_executor desk;
    auto const inner = ap::request{[] { return 1; }} | ap::starts_on(desk);
    auto f = (ap::request{[&] { return inner.call().error() == ap::errc::would_deadlock; }} | ap::starts_on(desk)).submit();
    desk.run();
    CHECK(std::move(f).get().value());
}

TEST_CASE("a worker of a one-thread pool may wait for a strand over that pool") {
    ap::thread_pool one{{.threads = 1}};
    ap::strand const strand{one};
    auto const on_strand = ap::request{[](int x) { return x + 1; }} | ap::starts_on(strand);
    auto const outer = ap::request{[&] {
                           int sum = 0;
                           for (int i = 0; i < 100; ++i)
                               sum += on_strand.call(i).value();
                           return sum;
                       }} |
                       ap::starts_on(one);
    CHECK(outer.submit().get().value() == 5050);
}

TEST_CASE("a strand's task that suspends on its pool ends while the pool's only worker waits for it") {
    ap::thread_pool one{{.threads = 1}};
    ap::strand const strand{one};
    auto const leaf = ap::request{[](int x) { return x + 1; }} | ap::starts_on(one);
    auto const middle =
        ap::request{[&](int x) -> ap::task<int> { co_return (co_await leaf.submit(x)).value() + (co_await leaf.submit(x)).value(); }} |
        ap::starts_on(strand);
    auto const outer = ap::request{[&] { return middle.call(1).value(); }} | ap::starts_on(one);
    ap::promise<int> done;
    auto f = done.get_future();
    outer.submit([&](ap::result<int> r) { done.set(std::move(r)); });
    CHECK(std::move(f).get().value() == 4);
}

TEST_CASE("a task that leaves a one-thread pool and comes back ends while the pool's only worker waits for it") {
    ap::thread_pool one{{.threads = 1}}, other{{.threads = 1}};
    auto const round_trip = ap::request{[&]() -> ap::task<int> {
                                co_await ap::resume_on(other);
                                co_await ap::resume_on(one);
                                co_return 3;
                            }} |
                            ap::starts_on(one);
    ap::promise<int> done;
    auto f = done.get_future();
    (ap::request{[&] { return round_trip.call().value(); }} | ap::starts_on(one)).submit([&](ap::result<int> r) {
        done.set(std::move(r));
    });
    REQUIRE(f.wait_for(10s));
    CHECK(std::move(f).get().value() == 3);
}

TEST_CASE("an asynchronous loop a million deep uses constant stack and linear time") {
    ap::thread_pool pool{{.threads = 1}};
    ap::request<int(int)> ask;
    ask = ap::request<int(int)>{[&ask](int n) -> ap::future<int> {
              if (n > 0) return ask.submit(n - 1);
              ap::promise<int> p;
              auto f = p.get_future();
              p.set_value(7);
              return f;
          }} |
          ap::starts_on(pool);
    CHECK(ask.submit(1'000'000).get().value() == 7);
    CHECK(ask.call(1'000'000).value() == 7);
    CHECK(ask.call_for(1h, 1'000'000).get().value() == 7);
}

TEST_CASE("an asynchronous loop a million deep that nobody waits for ends all the same") {
    ap::manual_executor desk;
    ap::request<int(int)> ask;
    ask = ap::request<int(int)>{[&ask](int n) { return n > 0 ? ask.submit(n - 1) : ap::future<int>{}; }} | ap::starts_on(desk);
    auto f = ask.submit(1'000'000);
    desk.run();
    CHECK(std::move(f).get().error() == ap::errc::failed_precondition);
}

TEST_CASE("a stop request reaches a handler that runs on a pool which is shut down") {
    ap::thread_pool pool{{.threads = 1}};
    ap::promise<void> started;
    auto running = started.get_future();
    auto f = (ap::request{[&](std::stop_token stop) {
                  started.set_value();
                  while (!stop.stop_requested())
                      std::this_thread::yield();
                  return 5;
              }} |
              ap::starts_on(pool))
                 .submit();
    REQUIRE(running.wait());
    pool.shut_down();
    CHECK(std::move(f).get().value() == 5);
}

TEST_CASE("asks that a shut-down finds queued fail as shut down, not executed") {
    ap::thread_pool pool{{.threads = 1}};
    std::vector<ap::future<int>> queued;
    ap::promise<void> started;
    auto running = started.get_future();
    auto busy = (ap::request{[&](ap::context const& c) {
                     started.set_value();
                     while (!c.stop_requested())
                         std::this_thread::yield();
                 }} |
                 ap::starts_on(pool))
                    .submit();
    REQUIRE(running.wait());
    for (int i = 0; i < 10; ++i)
        queued.push_back((ap::request{[] { return 1; }} | ap::starts_on(pool)).submit());
    CHECK(pool.shut_down().rejected == 10);
    for (auto& f : queued) {
        auto const r = std::move(f).get();
        CHECK(r.error() == ap::errc::shut_down);
        CHECK(r.error().executed() == ap::executed::no);
    }
    CHECK(std::move(busy).get().has_value());
}

TEST_CASE("queued asks of a manual executor that goes are decided in place, with their continuations") {
    std::optional<ap::manual_executor> desk{std::in_place};
    auto f = (ap::request{[] { return 1; }} | ap::starts_on(*desk)).submit();
    int told = 0;
    (ap::request{[] { return 1; }} | ap::starts_on(*desk)).submit([&](ap::result<int> r) { told += r.error() == ap::errc::shut_down; });
    desk.reset();
    CHECK(f.ready());
    CHECK(std::move(f).get().error() == ap::errc::shut_down);
    CHECK(told == 1);
}

namespace {
struct keeping_executor {
    std::vector<ap::work>* queue;
    void execute(ap::work job) const { queue->push_back(std::move(job)); }
};
}  // namespace

TEST_CASE("dropped work publishes its failure in place, and runs nothing of the user's there") {
    std::vector<ap::work> queue;
    auto const r = ap::request{[] { return 1; }} | ap::starts_on(keeping_executor{&queue});
    auto plain = r.submit();
    ap::promise<void const*> where;
    auto told = where.get_future();
    r.submit([&](ap::result<int> x) { where.set_value(x.error() == ap::errc::cancelled ? ap::worker_of_place() : nullptr); });
    queue.clear();
    CHECK(plain.ready());
    auto const failure = std::move(plain).get().error();
    CHECK(failure == ap::errc::cancelled);
    CHECK(failure.executed() == ap::executed::no);
    CHECK(std::move(told).get().value() == ap::default_pool().get_executor().place());
}

TEST_CASE("work that is rejected decides its ask in place, with the code given") {
    std::vector<ap::work> queue;
    auto f = (ap::request{[] { return 1; }} | ap::starts_on(keeping_executor{&queue})).submit();
    std::move(queue.front()).reject(ap::errc::overloaded);
    CHECK(std::move(f).get().error() == ap::errc::overloaded);
}

TEST_CASE("an ask that was stopped before it ran is decided at once, and its place in the queue is harmless") {
    std::vector<ap::work> queue;
    bool ran = false;
    auto f = (ap::request{[&] { ran = true; }} | ap::starts_on(keeping_executor{&queue})).submit();
    f.request_stop();
    CHECK(f.ready());
    auto const r = std::move(f).get();
    CHECK(r.error() == ap::errc::cancelled);
    CHECK(r.error().executed() == ap::executed::no);
    std::move(queue.front())();
    CHECK_FALSE(ran);
}

#if ANTIPHON_HAS_FORK
TEST_CASE("in a forked child asks of the parent's pool fail as forked, and waits end") {
    ap::thread_pool pool{{.threads = 1}};
    auto const one = ap::request{[] { return 1; }} | ap::starts_on(pool);
    REQUIRE(one.call().value() == 1);
    occupied const busy{pool};
    auto pending = (ap::request{[](ap::promise<int>) { return; }} | ap::starts_on(pool)).submit();
    CHECK(in_child([&] {
        bool const refused = one.submit().get().error() == ap::errc::forked && one.call().error() == ap::errc::forked;
        return refused && std::move(pending).get().error() == ap::errc::forked;
    }));
}
#endif

#if ANTIPHON_EXCEPTIONS
namespace {
struct throwing_executor {
    void execute(ap::work) const { throw 3; }
};
}  // namespace

TEST_CASE("an ask whose executor throws is decided") {
    auto const r = (ap::request{[] { return 1; }} | ap::starts_on(throwing_executor{}));
    CHECK(r.submit().get().error() == ap::errc::cancelled);
    CHECK(r.call().error() == ap::errc::cancelled);
}
#endif
