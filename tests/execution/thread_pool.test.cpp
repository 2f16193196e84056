// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/any_executor.hpp>
#include <antiphon/execution/thread_pool.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <latch>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "catch_compat.hpp"
#include "support/child.hpp"
#include "support/probe.hpp"

#if ANTIPHON_HAS_THREAD_NAMES
#include <pthread.h>
#endif

namespace ap = antiphon;
using namespace std::chrono_literals;
using probes::job;

namespace {

/// Keeps one worker busy until released.
class occupied {
public:
    explicit occupied(ap::thread_pool& pool) {
        pool.get_executor().execute(blocker_.to_work());
        running_.wait();
    }
    ~occupied() { release(); }
    void release() {
        if (!std::exchange(released_, true)) go_.count_down();
        blocker_.wait();
    }

private:
    std::latch running_{1}, go_{1};
    bool released_ = false;
    job blocker_{[this] {
        running_.count_down();
        go_.wait();
    }};
};

/// Jobs that note the order of their running.
struct noted final : ap::work_item {
    noted(std::vector<char>& o, char n, ap::urgency u) : order{&o}, name{n}, how{u} {}
    void run() noexcept override {
        if (name != '.') order->push_back(name);  // '.' is one of many
    }
    void reject(ap::errc, ap::rejection) noexcept override {}
    [[nodiscard]] ap::urgency how_urgent() const noexcept override { return how; }
    std::vector<char>* order;
    char name;
    ap::urgency how;
};

/// A running request whose handler listens to stop.
struct obedient final : ap::stoppable {
    void request_stop() noexcept override { stop.count_down(); }
    void retain() noexcept override { ++refs; }
    void release() noexcept override { --refs; }
    std::latch stop{1};
    std::atomic<int> refs{0};
};

}  // namespace

TEST_CASE("a pool runs everything that is posted") {
    ap::thread_pool pool{{.threads = 4, .name = "four"}};
    CHECK(pool.thread_count() == 4);
    std::latch all{1000};
    for (int i = 0; i < 1000; ++i)
        pool.get_executor().execute([&] { all.count_down(); });
    all.wait();
}

TEST_CASE("a pool of one thread runs its jobs in the order of posting") {
    ap::thread_pool pool{{.threads = 1}};
    std::vector<int> order;
    std::latch all{100};
    for (int i = 0; i < 100; ++i)
        pool.get_executor().execute([&, i] {
            order.push_back(i);
            all.count_down();
        });
    all.wait();
    CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("a pool of one thread runs what its jobs post behind what was posted before") {
    ap::thread_pool pool{{.threads = 1}};
    std::vector<int> order;
    std::latch all{600}, posted{1};
    auto const e = pool.get_executor();
    e.execute([&] {
        posted.wait();
        for (int i = 300; i < 600; ++i)
            e.execute([&, i] {
                order.push_back(i);
                all.count_down();
            });
    });
    for (int i = 0; i < 300; ++i)
        e.execute([&, i] {
            order.push_back(i);
            all.count_down();
        });
    posted.count_down();
    all.wait();
    CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("a job may block until another worker has run what it posted") {
    ap::thread_pool pool{{.threads = 2}};
    for (int round = 0; round < 20; ++round) {
        job outer{[&] {
            std::latch child{1};
            pool.get_executor().execute([&] { child.count_down(); });
            child.wait();
        }};
        pool.get_executor().execute(outer.to_work());
        outer.wait();
        CHECK(outer.ran);
    }
}

TEST_CASE("jobs that post themselves for ever do not keep others from running") {
    ap::thread_pool pool{{.threads = 2}};
    std::atomic<bool> enough{false};
    struct again final : ap::work_item {
        again(ap::thread_pool& p, std::atomic<bool>& e) : pool{&p}, enough{&e} {}
        void run() noexcept override {
            if (!*enough) pool->get_executor().execute(ap::work{*this});
        }
        void reject(ap::errc, ap::rejection) noexcept override {}
        ap::thread_pool* pool;
        std::atomic<bool>* enough;
    };
    again one{pool, enough}, two{pool, enough}, three{pool, enough};
    for (again* each : {&one, &two, &three})
        pool.get_executor().execute(ap::work{*each});
    job outsider;
    pool.get_executor().execute(outsider.to_work());
    outsider.wait();
    enough = true;
    CHECK(outsider.ran);
    CHECK(pool.shut_down(ap::duration::max()).rejected == 0);
}

TEST_CASE("a pool prefers priorities, then deadlines, then the order of posting, and lets the patient wait") {
    using level = ap::priority;
    ap::time_point const now = ap::clock::now();
    std::vector<char> order;
    ap::thread_pool pool{{.threads = 1}};
    noted all[] = {{order, 'i', {.level = level::idle}},
                   {order, 'p', {.deadline = now + 1h, .patient = true}},
                   {order, 'n', {}},
                   {order, 'l', {.level = level::low}},
                   {order, 'm', {}},
                   {order, 'e', {.deadline = now + 3h}},
                   {order, 'd', {.deadline = now + 2h}},
                   {order, 'h', {.level = level::high}},
                   {order, 'u', {.level = level::urgent}}};
    {
        occupied busy{pool};
        for (noted& each : all)
            pool.get_executor().execute(ap::work::ordered(each));
        CHECK(pool.pending() == 9);
    }
    pool.shut_down(ap::duration::max());
    CHECK(std::string(order.begin(), order.end()) == "uhdenmpli");
}

TEST_CASE("a flood of ordinary work does not starve what is idle, nor one of urgent work what is ordinary") {
    std::vector<char> order;
    ap::thread_pool pool{{.threads = 1}};
    std::vector<std::unique_ptr<noted>> all;
    auto const post = [&](char name, ap::priority level) {
        all.push_back(std::make_unique<noted>(order, name, ap::urgency{.level = level}));
        pool.get_executor().execute(ap::work::ordered(*all.back()));
    };
    {
        occupied busy{pool};
        post('i', ap::priority::idle);
        post('n', ap::priority::normal);
        for (int i = 0; i < 200; ++i)
            post('.', ap::priority::urgent);
        post('u', ap::priority::urgent);
        for (int i = 0; i < 200; ++i)
            post('.', ap::priority::normal);
        post('o', ap::priority::normal);
    }
    pool.shut_down(ap::duration::max());
    CHECK(std::string(order.begin(), order.end()) == "niuo");
}

TEST_CASE("priorities count within the capacity of a pool and are rejected by its shut-down") {
    std::vector<char> order;
    ap::thread_pool pool{{.threads = 1, .queue_capacity = 2, .when_full = ap::full_policy::reject}};
    noted first{order, 'a', {.level = ap::priority::urgent}}, second{order, 'b', {.level = ap::priority::idle}};
    job excess;
    std::latch running{1};
    obedient request;
    pool.get_executor().execute([&] {
        ap::stoppable* const outer = ap::running_slot::mine->enter(request);
        running.count_down();
        request.stop.wait();
        ap::running_slot::mine->leave(outer);
    });
    running.wait();
    pool.get_executor().execute(ap::work::ordered(first));
    pool.get_executor().execute(ap::work::ordered(second));
    pool.get_executor().execute(excess.to_work());
    CHECK(excess.why == ap::errc::resource_exhausted);
    CHECK(pool.shut_down().rejected == 2);
    noted late{order, 'c', {.level = ap::priority::urgent}};
    pool.get_executor().execute(ap::work::ordered(late));
    CHECK(order.empty());
}

TEST_CASE("the workers of a pool run at the same time") {
    ap::thread_pool pool{{.threads = 3}};
    std::latch together{3}, done{3};
    for (int i = 0; i < 3; ++i)
        pool.get_executor().execute([&] {
            together.arrive_and_wait();
            done.count_down();
        });
    done.wait();
}

TEST_CASE("a job knows whose worker runs it") {
    ap::thread_pool pool{{.threads = 1}};
    ap::any_executor const any = pool.get_executor();
    CHECK(ap::thread_pool::current() == nullptr);
    bool worker = false, place = false, slot = false;
    job look{[&] {
        worker = ap::thread_pool::current() == any.place();
        place = ap::place_scope::current() == any.place();
        slot = ap::running_slot::mine != nullptr;
    }};
    any.execute(look.to_work());
    look.wait();
    CHECK((worker && place && slot));
}

TEST_CASE("a pool says whether its work may be claimed") {
    ap::thread_pool open{{.threads = 1}}, closed{{.threads = 1, .claimable = false}};
    CHECK(open.get_executor().claimable());
    CHECK_FALSE(closed.get_executor().claimable());
}

#if ANTIPHON_HAS_THREAD_NAMES
TEST_CASE("the threads of a pool carry its name, cut to what the system keeps") {
    ap::thread_pool pool{{.threads = 1, .name = "a-rather-long-name"}};
    char name[32] = {};
    job look{[&] { ::pthread_getname_np(::pthread_self(), name, sizeof name); }};
    pool.get_executor().execute(look.to_work());
    look.wait();
    CHECK(std::string{name} == "a-rather-long-n");
}
#endif

TEST_CASE("an exception that leaves a callback goes to the hook of the pool") {
    static std::atomic<int> heard{0};
    ap::thread_pool pool{{.threads = 1, .unhandled = [](std::exception_ptr) { ++heard; }}};
    pool.get_executor().unhandled(nullptr);
    CHECK(heard == 1);
}

TEST_CASE("a full pool that rejects fails work in place as resource exhausted") {
    ap::thread_pool pool{{.threads = 1, .queue_capacity = 1, .when_full = ap::full_policy::reject}};
    occupied busy{pool};
    job fits, excess;
    pool.get_executor().execute(fits.to_work());
    pool.get_executor().execute(excess.to_work());
    CHECK(excess.rejected);
    CHECK(excess.why == ap::errc::resource_exhausted);
    CHECK(pool.pending() == 1);
    busy.release();
    fits.wait();
    CHECK(fits.ran);
}

TEST_CASE("a full pool may let its callers run their work") {
    ap::thread_pool pool{{.threads = 1, .queue_capacity = 1, .when_full = ap::full_policy::caller_runs}};
    occupied busy{pool};
    job fits;
    std::thread::id where;
    job excess{[&] { where = std::this_thread::get_id(); }};
    pool.get_executor().execute(fits.to_work());
    pool.get_executor().execute(excess.to_work());
    CHECK(where == std::this_thread::get_id());
    busy.release();
    fits.wait();
}

TEST_CASE("a full pool that blocks takes the work once there is room") {
    ap::thread_pool pool{{.threads = 1, .queue_capacity = 1}};
    job fits, waits;
    std::thread poster;
    {
        occupied busy{pool};
        pool.get_executor().execute(fits.to_work());
        poster = std::thread{[&] { pool.get_executor().execute(waits.to_work()); }};
    }
    poster.join();
    waits.wait();
    CHECK((fits.ran && waits.ran));
}

TEST_CASE("a full pool that blocks does not block its own worker") {
    ap::thread_pool pool{{.threads = 1, .queue_capacity = 1}};
    job queued, excess;
    bool nested = false;
    job outer{[&] {
        pool.get_executor().execute(queued.to_work());
        pool.get_executor().execute(excess.to_work());
        nested = excess.ran && !queued.ran;
    }};
    pool.get_executor().execute(outer.to_work());
    queued.wait();
    CHECK(nested);
}

TEST_CASE("a timer that posts to a full pool does not block") {
    ap::thread_pool pool{{.threads = 1, .queue_capacity = 1}};
    job fits, from_timer;
    {
        occupied busy{pool};
        pool.get_executor().execute(fits.to_work());
        probes::bell t{[&] { pool.get_executor().execute(from_timer.to_work()); }};
        ap::timer_thread::process().arm(t, ap::clock::now());
        t.wait();
        CHECK(pool.pending() == 2);
    }
    from_timer.wait();
    CHECK(from_timer.ran);
}

TEST_CASE("destroying a pool lets everything queued run") {
    std::atomic<int> ran{0};
    {
        ap::thread_pool pool{{.threads = 2}};
        for (int i = 0; i < 500; ++i)
            pool.get_executor().execute([&] { ++ran; });
    }
    CHECK(ran == 500);
}

TEST_CASE("destroying a pool without a drain rejects what is queued") {
    job queued;
    std::latch running{1};
    obedient request;
    {
        ap::thread_pool pool{{.threads = 1, .drain_for = ap::duration::zero()}};
        pool.get_executor().execute([&] {
            ap::stoppable* const outer = ap::running_slot::mine->enter(request);
            running.count_down();
            request.stop.wait();
            ap::running_slot::mine->leave(outer);
        });
        running.wait();
        pool.get_executor().execute(queued.to_work());
    }
    CHECK(queued.rejected);
    CHECK(queued.why == ap::errc::shut_down);
    CHECK(request.refs == 0);
}

TEST_CASE("a shut-down without a drain counts what it stopped and what it rejected") {
    ap::duration const no_time = GENERATE(ap::duration::zero(), ap::duration{-1h}, ap::duration::min());
    ap::thread_pool pool{{.threads = 1}};
    std::latch running{1};
    obedient request;
    pool.get_executor().execute([&] {
        ap::stoppable* const outer = ap::running_slot::mine->enter(request);
        running.count_down();
        request.stop.wait();
        ap::running_slot::mine->leave(outer);
    });
    running.wait();
    std::vector<std::unique_ptr<job>> queued;
    for (int i = 0; i < 5; ++i)
        pool.get_executor().execute(queued.emplace_back(std::make_unique<job>())->to_work());
    auto const counts = pool.shut_down(no_time);
    CHECK(counts.drained == 0);
    CHECK(counts.stopped == 1);
    CHECK(counts.rejected == 5);
    CHECK(pool.shut_down().stopped == 1);  // again, in the same thread: nothing anew
    for (auto const& j : queued)
        CHECK((j->rejected && j->why == ap::errc::shut_down && j->how == ap::rejection::in_place));
}

TEST_CASE("a shut-down that drains runs what is queued and what that posts") {
    ap::thread_pool pool{{.threads = 1}};
    std::atomic<int> ran{0};
    std::latch closing{1};
    auto const e = pool.get_executor();
    e.execute([&] {
        closing.wait();
        e.execute([&] {
            ++ran;
            e.execute([&] { ++ran; });
        });
    });
    std::thread outside{[&] {
        for (;;) {  // until the shut-down has begun
            job refused;
            e.execute(refused.to_work());
            if (refused.rejected) break;
            std::this_thread::yield();
            closing.try_wait();
            // a job taken before that must have run by the time `refused` is gone: the worker is busy until `closing` opens
            if (!refused.decided) {
                closing.count_down();
                refused.wait();
                return;
            }
        }
        closing.count_down();
    }};
    auto const counts = pool.shut_down(ap::duration::max());
    outside.join();
    CHECK(ran == 2);
    CHECK(counts.rejected == 0);
    CHECK(counts.stopped == 0);
    CHECK(counts.drained >= 3);
}

TEST_CASE("work from outside is refused as shut down from the beginning of a drain on") {
    ap::thread_pool pool{{.threads = 1}};
    auto busy = std::make_unique<occupied>(pool);
    std::thread closer{[&] { pool.shut_down(ap::duration::max()); }};
    std::vector<std::unique_ptr<job>> tried;
    do {
        pool.get_executor().execute(tried.emplace_back(std::make_unique<job>())->to_work());
        std::this_thread::yield();
    } while (!tried.back()->rejected);
    CHECK(tried.back()->why == ap::errc::shut_down);
    busy.reset();
    closer.join();
    tried.pop_back();
    for (auto const& j : tried)
        CHECK(j->ran);
}

TEST_CASE("a poster blocked on a full pool is refused by its shut-down") {
    ap::thread_pool pool{{.threads = 1, .queue_capacity = 1}};
    job fits, waits;
    auto busy = std::make_unique<occupied>(pool);
    pool.get_executor().execute(fits.to_work());
    std::thread poster{[&] { pool.get_executor().execute(waits.to_work()); }};
    std::thread closer{[&] { pool.shut_down(ap::duration::max()); }};
    waits.wait();
    CHECK((waits.rejected && waits.why == ap::errc::shut_down));
    busy.reset();
    poster.join();
    closer.join();
    CHECK(fits.ran);
}

TEST_CASE("a second shut-down changes nothing and reports the same counts") {
    ap::thread_pool pool{{.threads = 1}};
    job one;
    pool.get_executor().execute(one.to_work());
    one.wait();
    auto const first = pool.shut_down(ap::duration::max());
    auto const second = pool.shut_down();
    CHECK(first.drained == second.drained);
    CHECK(first.rejected == second.rejected);
}

TEST_CASE("shut-downs from several threads all return after the last job") {
    ap::thread_pool pool{{.threads = 2}};
    std::atomic<int> ran{0};
    for (int i = 0; i < 200; ++i)
        pool.get_executor().execute([&] { ++ran; });
    std::vector<std::thread> closers;
    std::atomic<int> complete{0};
    for (int t = 0; t < 4; ++t)
        closers.emplace_back([&] {
            pool.shut_down(ap::duration::max());
            if (ran == 200) ++complete;
        });
    for (std::thread& t : closers)
        t.join();
    CHECK(complete == 4);
}

TEST_CASE("the callback of rejected work may shut the pool down again") {
    ap::thread_pool pool{{.threads = 1}};
    job queued;
    queued.on_reject = [&] { pool.shut_down(); };
    std::latch running{1};
    obedient request;
    pool.get_executor().execute([&] {
        ap::stoppable* const outer = ap::running_slot::mine->enter(request);
        running.count_down();
        request.stop.wait();
        ap::running_slot::mine->leave(outer);
    });
    running.wait();
    pool.get_executor().execute(queued.to_work());
    CHECK(pool.shut_down().rejected == 1);
}

TEST_CASE("a worker may shut down its own pool, which rejects the queue and returns") {
    ap::thread_pool pool{{.threads = 1}};
    job queued;
    bool rejected_then = false;
    std::latch posted{1};
    job closer{[&] {
        posted.wait();
        pool.shut_down(ap::duration::max());
        rejected_then = queued.rejected;
    }};
    pool.get_executor().execute(closer.to_work());
    pool.get_executor().execute(queued.to_work());
    posted.count_down();
    closer.wait();
    CHECK(rejected_then);
    auto const counts = pool.shut_down();
    CHECK(counts.stopped == 1);
    CHECK(counts.rejected == 1);
}

TEST_CASE("a job may destroy its own pool without a crash or a hang") {
    auto pool = std::make_unique<ap::thread_pool>(ap::thread_pool_options{.threads = 2});
    job last{[&] { pool.reset(); }};
    pool->get_executor().execute(last.to_work());
    last.wait();
    CHECK(pool == nullptr);
}

TEST_CASE("the handle of a pool outlives it, and then work is rejected as shut down") {
    std::optional<ap::any_executor> handle;
    {
        ap::thread_pool pool{{.threads = 1}};
        handle = pool.get_executor();
    }
    job one;
    handle->execute(one.to_work());
    CHECK(one.rejected);
    CHECK(one.why == ap::errc::shut_down);
}

#if ANTIPHON_HAS_FORK

TEST_CASE("in a child process a pool of the parent rejects work as forked") {
    ap::thread_pool pool{{.threads = 2}};
    CHECK_FALSE(pool.get_executor().forked());
    CHECK(in_child([&] {
        job one;
        pool.get_executor().execute(one.to_work());
        return pool.get_executor().forked() && one.rejected && one.why == ap::errc::forked;
    }));
}

TEST_CASE("in a child process a pool of the parent can be destroyed") {
    auto pool = std::make_unique<ap::thread_pool>(ap::thread_pool_options{.threads = 2});
    CHECK(in_child([&] {
        pool.reset();
        return true;
    }));
}

TEST_CASE("in a child process shutting down rejects what the parent had queued as forked") {
    ap::thread_pool pool{{.threads = 1}};
    occupied busy{pool};
    job queued;
    pool.get_executor().execute(queued.to_work());
    CHECK(in_child([&] {
        auto const counts = pool.shut_down(ap::duration::max());
        return counts.rejected == 1 && queued.rejected && queued.why == ap::errc::forked;
    }));
    busy.release();
    queued.wait();
    CHECK(queued.ran);
}

#if CHILD_MAY_START_THREADS

TEST_CASE("a child process can make pools of its own") {
    CHECK(in_child([] {
        ap::thread_pool pool{{.threads = 2}};
        job one;
        pool.get_executor().execute(one.to_work());
        one.wait();
        return one.ran.load();
    }));
}

#endif
#endif

namespace antiphon {

static_assert(!std::is_copy_constructible_v<thread_pool>);

}  // namespace antiphon

TEST_CASE("whoever waits until a pool is idle sees what its jobs, and those that they posted, have done") {
    ap::thread_pool pool{{.threads = 2}};
    std::vector<int> seen(100);  // not atomic
    for (int& each : seen)
        pool.get_executor().execute(ap::work{[&each, where = pool.get_executor()] { where.execute(ap::work{[&each] { each = 1; }}); }});
    CHECK(pool.wait_until_idle());
    CHECK(std::count(seen.begin(), seen.end(), 1) == 100);
    CHECK(pool.pending() == 0);
}

TEST_CASE("a pool without work is idle at once, and goes on afterwards") {
    ap::thread_pool pool{{.threads = 2}};
    CHECK(pool.wait_until_idle());
    std::atomic<bool> ran{false};
    pool.get_executor().execute(ap::work{[&] { ran = true; }});
    CHECK(pool.wait_until_idle(std::chrono::hours::max()));
    CHECK(ran);
}

TEST_CASE("a pool that works is not idle within the limit") {
    ap::thread_pool pool{{.threads = 2}};
    occupied one{pool};
    CHECK_FALSE(pool.wait_until_idle(0s));
    CHECK_FALSE(pool.wait_until_idle(0.001s));
    one.release();
    CHECK(pool.wait_until_idle());
}

TEST_CASE("waiting until one's own pool is idle is refused") {
    ap::thread_pool pool{{.threads = 1}};
    std::optional<bool> idle;
    job asks{[&] { idle = pool.wait_until_idle(); }};
    pool.get_executor().execute(asks.to_work());
    asks.wait();
    CHECK(idle == false);
}

TEST_CASE("a pool that was shut down from inside is not waited for: nobody has come yet to join its threads") {
    ap::thread_pool pool{{.threads = 2}};
    job closes{[&] { static_cast<void>(pool.shut_down()); }};
    pool.get_executor().execute(closes.to_work());
    closes.wait();
    CHECK_FALSE(pool.wait_until_idle());
    static_cast<void>(pool.shut_down());
    CHECK(pool.wait_until_idle());
}

TEST_CASE("a pool that was shut down is idle") {
    ap::thread_pool pool{{.threads = 2}};
    static_cast<void>(pool.shut_down(0.5s));
    CHECK(pool.wait_until_idle());
}
