// SPDX-License-Identifier: BSL-1.0
// What the parts of pools and asks promise to one another, each pair by itself, with every stale read that C++ allows: weaken one order of theirs,
// and one of these fails. docs/memory_model.md names the partners.
#include <antiphon/antiphon.hpp>
#include <antiphon/execution/detail/crew.hpp>
#include <antiphon/execution/detail/inbox.hpp>
#include <antiphon/execution/detail/pool_queues.hpp>
#include <antiphon/execution/detail/pool_room.hpp>
#include <antiphon/execution/detail/steal_ring.hpp>
#include <antiphon/execution/fork_line.hpp>
#include <antiphon/request/detail/call_loop.hpp>
#include <antiphon/request/detail/context_data.hpp>
#include <antiphon/request/detail/shared_callable.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "awaited_timer.hpp"
#include "explore.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::detail::crew;
using explore::plan;

namespace {

struct job final : ap::work_item {
    void run() noexcept override { ++ran; }
    void reject(ap::errc, ap::rejection) noexcept override {}
    int ran = 0;
};
unsigned run_all(ap::work_queue jobs) {
    unsigned count = 0;
    for (; !jobs.empty(); ++count)
        jobs.pop()->run();
    return count;
}
/// Somebody is on the way to what has just become visible.
void check_attended(crew const& all) { explore::check(!crew::unattended(all.look()), "somebody is on the way"); }

}  // namespace

// --- crew against the queues -----------------------------------------------------------------------------------------------

EXPLORE("orders: who ends a search looks at the inbox, or who posts sees that nobody searches", {.stale_reads = 3}) {
    crew all;
    ap::detail::inbox box;
    job a;
    static_cast<void>(all.lie_down(false));  // somebody sleeps
    static_cast<void>(all.start_search());
    std::thread searcher{[&] {
        if (all.end_search() && !box.empty()) all.call_one();
    }};
    static_cast<void>(box.push(a));
    all.call_one();
    searcher.join();
    check_attended(all);
    static_cast<void>(box.take());
}
EXPLORE("orders: who lies down after a search looks at the inbox, or who posts sees it lie", {.stale_reads = 3}) {
    crew all;
    ap::detail::inbox box;
    job a;
    static_cast<void>(all.start_search());
    std::thread searcher{[&] {
        if (all.lie_down(true) && !box.empty()) all.get_up();
    }};
    static_cast<void>(box.push(a));
    all.call_one();
    searcher.join();
    check_attended(all);
    static_cast<void>(box.take());
}
EXPLORE("orders: who lies down looks at another's ring, or its owner sees it lie", {.stale_reads = 3}) {
    crew all;
    auto const ring = std::make_unique<ap::detail::steal_ring>();
    job a;
    std::thread worker{[&] {
        if (all.lie_down(false) && !ring->empty()) all.get_up();
    }};
    static_cast<void>(ring->push(a));
    all.call_one();
    worker.join();
    check_attended(all);
}
EXPLORE("orders: who lies down looks at what is offered to fork, or is seen to lie", {.stale_reads = 3}) {
    crew all;
    ap::fork_line line;
    line.serve(all, 1);
    ap::forked_call call{[](ap::forked_call&) noexcept {}};
    std::thread worker{[&] {
        if (all.lie_down(false) && !line.empty()) all.get_up();
    }};
    static_cast<void>(line.fork(call));
    worker.join();
    check_attended(all);
    static_cast<void>(line.join(call));
}
EXPLORE("orders: one search begins at a time", {.stale_reads = 2, .outcomes = {1, 2}}) {
    crew all;
    std::atomic<unsigned> searches{0};
    auto const search = [&] {
        if (!all.start_search()) return;
        searches.fetch_add(1);
        explore::check(crew::searchers(all.look()) == 1, "nobody else does");
        static_cast<void>(all.end_search());
    };
    std::thread other{search};
    search();
    other.join();
    explore::outcome(searches.load());
}
EXPLORE("orders: a sleeper is called once, by one of two", {.stale_reads = 2}) {
    crew all;
    static_cast<void>(all.lie_down(false));
    std::thread other{[&] { all.call_one(); }};
    all.call_one();
    other.join();
    explore::check(crew::sleepers(all.look()) == 0 && crew::searchers(all.look()) == 1, "it gets up once");
    all.sleep();  // a permit is there
}
EXPLORE("orders: who lies down and gets up by itself against who calls it, its permit is not left behind", {.stale_reads = 2}) {
    crew all;
    std::thread worker{[&] {
        static_cast<void>(all.lie_down(false));
        all.get_up();
        static_cast<void>(all.end_search());
    }};
    all.call_one();
    worker.join();
    explore::check(crew::sleepers(all.look()) == 0 && crew::searchers(all.look()) == 0, "awake");
    static_cast<void>(all.lie_down(false));
    all.call_one();
    all.sleep();  // not by an old permit: there is one
}
EXPLORE("orders: who is called sees what the caller wrote", {.stale_reads = 2}) {
    crew all;
    int said = 0;
    std::thread sleeper{[&] {
        static_cast<void>(all.lie_down(false));
        all.sleep();
        explore::check(said == 7, "it does");
    }};
    while (!crew::unattended(all.look()))
        std::this_thread::yield();
    said = 7;
    all.call_one();
    sleeper.join();
}
EXPLORE("orders: who is dismissed sees what was written before", {.stale_reads = 2}) {
    crew all;
    int said = 0;
    std::thread sleeper{[&] {
        static_cast<void>(all.lie_down(false));
        all.sleep();
        explore::check(said == 7, "it does");
    }};
    said = 7;
    all.dismiss();
    sleeper.join();
}

/// A worker that empties its inbox by `take`, and somebody who posts a job and waits until nothing waits and nobody works.
template <class Take>
void wait_for_quiet(Take take) {
    crew all;
    ap::detail::inbox box;
    job a;
    std::atomic<bool> ended{false};
    std::thread worker{[&] {
        for (bool searching = false; !ended.load(); searching = true) {
            static_cast<void>(run_all(take(box)));
            if (all.lie_down(searching) && !box.empty()) {
                all.get_up();
            } else {
                all.sleep();
            }
        }
    }};
    static_cast<void>(box.push(a));
    all.call_one();
    for (;;) {
        crew::state const before = all.look();
        if (crew::sleepers(before) == 1 && box.empty() && all.look() == before) break;
        std::this_thread::yield();
    }
    explore::check(a.ran == 1, "it has run");
    ended.store(true);
    all.dismiss();
    worker.join();
}
EXPLORE("orders: who finds that all lie down and nothing waits has not missed who took the last job", {.stale_reads = 3}) {
    wait_for_quiet([](ap::detail::inbox& box) { return box.take(); });
}
EXPLORE("orders: the same of the lone worker that takes its inbox without the lock", {.stale_reads = 3}) {
    wait_for_quiet([](ap::detail::inbox& box) {
        ap::work_queue taken;
        static_cast<void>(box.take_oldest(taken));
        return taken;
    });
}
EXPLORE("orders: who lies down looks at what waits in order, or who posts with a priority sees it lie", {.stale_reads = 3}) {
    crew all;
    ap::detail::pool_queues queues{1};
    job a;
    std::thread worker{[&] {
        if (all.lie_down(false) && !queues.empty()) all.get_up();
    }};
    explore::check(queues.put_ordered(a, {}, false), "it is taken");
    all.call_one();
    worker.join();
    check_attended(all);
    static_cast<void>(queues.seal());
}

// --- the room of a bounded pool ---------------------------------------------------------------------------------------------

EXPLORE("orders: a poster that waits for room against a place given back, it does not oversleep", {.stale_reads = 3}) {
    ap::detail::pool_room room{1};
    static_cast<void>(room.take());
    std::thread poster{[&] {
        while (!room.take())
            room.wait([] { return true; });
    }};
    room.give_back();
    poster.join();
    explore::check(room.full(), "it has the place");
}
EXPLORE("orders: a poster that waits for room against what makes it not worth waiting, it does not oversleep", {.stale_reads = 3}) {
    ap::detail::pool_room room{1};
    static_cast<void>(room.take());
    std::atomic<bool> closed{false};
    std::thread poster{[&] {
        while (!closed.load())
            room.wait([&] { return !closed.load(); });
    }};
    closed.store(true);
    room.wake_all();
    poster.join();
}
EXPLORE("orders: of two posters one has the place, and the other the next", {.search = plan::way::bounded, .preemptions = 3}) {
    ap::detail::pool_room room{1};
    int inside = 0;
    auto const post = [&] {
        while (!room.take())
            room.wait([] { return true; });
        room.give_back();
    };
    std::thread one{post}, two{post};
    one.join();
    two.join();
    explore::check(inside == 0 && !room.full(), "both have left");
}

// --- queues -----------------------------------------------------------------------------------------------------------------

EXPLORE("orders: what is taken at an inbox's end came along with its contents", {}) {
    ap::detail::inbox box;
    job a;
    std::thread other{[&] {
        a.ran = 6;
        static_cast<void>(box.push(a));
    }};
    unsigned const count = run_all(box.close());
    other.join();
    explore::check(a.ran == (count == 1 ? 7 : 6), "as it was posted");
}
EXPLORE("orders: what a thief takes came along with its contents", {}) {
    auto const ring = std::make_unique<ap::detail::steal_ring>();
    job a;
    std::thread thief{[&] {
        if (auto* const got = ring->steal()) got->run();
    }};
    a.ran = 6;
    static_cast<void>(ring->push(a));
    thief.join();
    if (auto* const got = ring->pop()) got->run();
    explore::check(a.ran == 7, "as it was posted");
}
EXPLORE("orders: who steals from a ring that its owner empties finds a job or none", {.stale_reads = 3}) {
    auto const ring = std::make_unique<ap::detail::steal_ring>();
    job a, b;
    std::thread thief{[&] {
        auto const [head, size] = ring->look();
        explore::check(size <= 2 && head <= 2, "no more than there ever were");
    }};
    static_cast<void>(ring->push(a));
    if (auto* const got = ring->pop()) got->run();
    static_cast<void>(ring->push(b));
    if (auto* const got = ring->pop()) got->run();
    thief.join();
}

// --- the end of a pool -------------------------------------------------------------------------------------------------------

EXPLORE("orders: who waits for another's shut-down sees what the pool's work wrote", {.search = plan::way::bounded, .stale_reads = 2}) {
    int written = 0;
    ap::thread_pool pool{{.threads = 1}};
    pool.get_executor().execute(ap::work{[&]() noexcept { written = 7; }});
    auto const end = [&] {
        static_cast<void>(pool.shut_down(ap::duration::max()));
        explore::check(written == 7, "it is over");
    };
    std::thread other{end};
    end();
    other.join();
}
EXPLORE("orders: who waits for another's shut-down is told the same counts", {.search = plan::way::bounded, .stale_reads = 3}) {
    ap::thread_pool pool{{.threads = 1}};
    pool.get_executor().execute(ap::work{[]() noexcept {}});
    ap::shut_down_counts theirs;
    std::thread other{[&] { theirs = pool.shut_down(); }};
    ap::shut_down_counts const mine = pool.shut_down();
    other.join();
    explore::check(mine.drained == theirs.drained && mine.stopped == theirs.stopped && mine.rejected == theirs.rejected, "they are");
}
EXPLORE("orders: two threads that arm the first timers start one thread for them", {.search = plan::way::bounded, .stale_reads = 0}) {
    struct noting final : explore::awaited_timer {
        void fire() noexcept override {
            where = std::this_thread::get_id();
            awaited_timer::fire();
        }
        std::thread::id where;
    };
    auto const one = std::make_unique<noting>(), two = std::make_unique<noting>();
    std::thread other{[&] { ap::timer_thread::process().arm(*one, ap::clock::now() + 1ms); }};
    ap::timer_thread::process().arm(*two, ap::clock::now() + 1ms);
    two->await();
    one->await();
    other.join();
    explore::check(one->where == two->where, "both fire there");
}
EXPLORE("orders: a drain that begins while the last worker lies down ends",
        {.search = plan::way::bounded, .preemptions = 3, .stale_reads = 2}) {
    ap::thread_pool pool{{.threads = 1}};
    static_cast<void>(pool.shut_down(ap::duration::max()));
}

EXPLORE("orders: a pool destroyed inside its own work, which another thread's shut-down stops, is there until that has returned",
        {.search = plan::way::bounded, .stale_reads = 1, .outcomes = {0, 1}}) {
    auto* const pool = new ap::thread_pool{{.threads = 1}};
    bool begun = false;
    auto const answer = (ap::request{[&begun, pool](std::stop_token stop) {
                             begun = true;
                             while (!stop.stop_requested())
                                 std::this_thread::yield();
                             delete pool;
                         }} |
                         ap::starts_on(*pool))
                            .submit();
    static_cast<void>(pool->shut_down());
    if (!begun) delete pool;
    explore::outcome(begun ? 1 : 0);
}

// --- asks: who waits, who runs, who stops --------------------------------------------------------------------------------------

namespace {

/// Where jobs only lie until their waiter comes for them.
class shelf {
public:
    class executor_type {
    public:
        explicit executor_type(shelf& on) noexcept : on_{&on} {}
        void execute(ap::work job) const {
            ap::parking_lock::scope const hold{on_->lock_};
            on_->jobs_.push_back(std::move(job));
        }
        [[nodiscard]] static bool claimable() noexcept { return true; }
        [[nodiscard]] bool operator==(executor_type const&) const noexcept = default;

    private:
        shelf* on_;
    };
    [[nodiscard]] executor_type get_executor() noexcept { return executor_type{*this}; }

private:
    ap::parking_lock lock_;
    std::vector<ap::work> jobs_;
};

}  // namespace

EXPLORE("orders: a waiter registers and looks at the step, or who makes it due sees the waiter", {.stale_reads = 3}) {
    shelf place;
    ap::promise<int> p;
    auto f = p.get_future().then(place.get_executor(), [](int x) { return x + 1; });
    std::thread producer{[p = std::move(p)]() mutable { p.set_value(6); }};
    explore::check(std::move(f).get().value() == 7, "the waiter has claimed it");
    producer.join();
}
EXPLORE("orders: a waiter one link further registers and looks, or who makes the step due sees it",
        {.search = plan::way::bounded, .preemptions = 2, .stale_reads = 2}) {
    shelf place;
    ap::promise<int> p;
    auto f =
        p.get_future().then(place.get_executor(), [](int x) { return x + 1; }).then(ap::inline_executor{}, [](int x) { return x + 1; });
    std::thread producer{[p = std::move(p)]() mutable { p.set_value(5); }};
    explore::check(std::move(f).get().value() == 7, "the waiter has claimed it");
    producer.join();
}
EXPLORE("orders: a waiter of two links registers and looks, or who makes the step due sees it",
        {.search = plan::way::bounded, .preemptions = 2, .stale_reads = 2}) {
    shelf place;
    ap::promise<int> p;
    auto f =
        p.get_future().then(place.get_executor(), [](int x) { return x + 1; }).then(place.get_executor(), [](int x) { return x + 1; });
    std::thread producer{[p = std::move(p)]() mutable { p.set_value(5); }};
    explore::check(std::move(f).get().value() == 7, "the waiter has claimed both");
    producer.join();
}
EXPLORE("orders: a waiter for two answers registers and looks, or who makes a step due sees it",
        {.search = plan::way::bounded, .preemptions = 2, .stale_reads = 2}) {
    shelf place;
    ap::promise<int> p, q;
    auto f = ap::when_all(p.get_future().then(place.get_executor(), [](int x) { return x + 1; }), q.get_future());
    q.set_value(1);
    std::thread producer{[p = std::move(p)]() mutable { p.set_value(6); }};
    explore::check(std::get<0>(std::move(f).get().value()) == 7, "the waiter has claimed it");
    producer.join();
}
namespace {

/// With a clock of its own, whose timers fire in a thread of their own as soon as they are armed.
class bell {
public:
    class executor_type {
    public:
        explicit executor_type(bell& of) noexcept : of_{&of} {}
        void execute(ap::work job) const { std::move(job)(); }
        [[nodiscard]] ap::time_point now() const noexcept { return {}; }
        void arm(ap::timer& t, ap::time_point) const {
            of_->ringer_ = std::thread{[&t] { t.fire(); }};
        }
        [[nodiscard]] bool disarm(ap::timer&) const noexcept { return false; }  // it fires, or has fired

    private:
        bell* of_;
    };
    bell() = default;
    bell(bell const&) = delete;
    bell& operator=(bell const&) = delete;
    ~bell() {
        if (ringer_.joinable()) ringer_.join();
    }
    [[nodiscard]] executor_type get_executor() noexcept { return executor_type{*this}; }

private:
    std::thread ringer_;
};

}  // namespace

EXPLORE("orders: a waiter registers and looks at its alarm, or the alarm that rings sees the waiter", {.stale_reads = 3}) {
    bell clock;
    ap::promise<int> p;
    auto f = p.get_future().then(clock.get_executor(), [](int x) { return x + 1; });
    f.wait_until(ap::time_point{1s});
    explore::check(!f.ready(), "it has given up");
}
EXPLORE("orders: a wait whose answer comes while its alarm rings is over when the alarm is", {.stale_reads = 1}) {
    bell clock;
    ap::promise<int> p;
    auto f = p.get_future().then(clock.get_executor(), [](int x) { return x + 1; });
    std::thread producer{[p = std::move(p)]() mutable { p.set_value(6); }};
    f.wait_until(ap::time_point{1s});
    producer.join();
    explore::check(std::move(f).get().value() == 7, "it is there");
}
EXPLORE("orders: a request for stop sees what is inside, or what comes inside sees the request", {.stale_reads = 3}) {
    ap::promise<int> outer, inner;
    ap::future<int> later = inner.get_future();
    ap::future<int> flat = outer.get_future().then([&](int) { return std::move(later); });
    std::thread first{[p = std::move(outer)]() mutable { p.set_value(1); }};
    flat.request_stop();
    first.join();
    explore::check(inner.stop_requested() || flat.ready(), "it has come through");
    inner.set_value(7);
    static_cast<void>(std::move(flat).get());
}
EXPLORE("orders: a handler that sees a request for stop sees what was written before it", {.stale_reads = 2, .outcomes = {0, 1}}) {
    int said = 0;
    ap::manual_executor manual;
    auto ask = ap::request{[&](ap::context const& c) {
                   while (!c.stop_requested())
                       std::this_thread::yield();
                   return said;
               }} |
               ap::starts_on(manual);
    auto f = ask.submit();
    std::thread runner{[&] { manual.run(); }};
    said = 7;
    f.request_stop();
    runner.join();
    ap::result<int> const r = std::move(f).get();
    explore::check(r ? *r == 7 : r.error() == ap::errc::cancelled, "it does, or never began");
    explore::outcome(r ? 1 : 0);
}
EXPLORE("orders: a stop token taken while the stop comes is stopped, and who sees that sees what was written before",
        {.stale_reads = 2, .outcomes = {0, 1}}) {
    int said = 0;
    ap::manual_executor manual;
    auto ask = ap::request{[&](ap::context const& c) {
                   std::stop_token const token = c.stop_token();
                   while (!token.stop_requested())
                       std::this_thread::yield();
                   return said;
               }} |
               ap::starts_on(manual);
    auto f = ask.submit();
    std::thread runner{[&] { manual.run(); }};
    said = 7;
    f.request_stop();
    runner.join();
    ap::result<int> const r = std::move(f).get();
    explore::check(r ? *r == 7 : r.error() == ap::errc::cancelled, "it is, or never began");
    explore::outcome(r ? 1 : 0);
}
EXPLORE("orders: the last of those who share a call's loop sees all uses of it", {}) {
    auto* const loop = new ap::detail::call_loop_core;
    loop->retain();
    std::thread other{[loop] {
        loop->push(ap::work{[]() noexcept {}});
        loop->release();
    }};
    loop->close();
    loop->release();
    other.join();
}
EXPLORE("orders: the last of those who share a callable sees all uses of it", {}) {
    struct counting {
        mutable std::atomic<int> uses{0};
        counting() = default;
        counting(counting&& other) noexcept : uses{other.uses.load()} {}
        int operator()() const { return uses.fetch_add(1, std::memory_order_relaxed); }
    };
    std::optional<ap::detail::shared_callable<counting>> mine{std::in_place, counting{}};
    std::thread other{[his = *mine] { static_cast<void>(his()); }};
    static_cast<void>((*mine)());
    mine.reset();
    other.join();
}
EXPLORE("orders: a shut-down sees what a worker has entered, or the worker sees the shut-down", {.stale_reads = 3}) {
    struct entered final : ap::stoppable {
        void request_stop() noexcept override { stops.fetch_add(1); }
        void retain() noexcept override {}
        void release() noexcept override {}
        std::atomic<int> stops{0};
    };
    ap::running_slot slot;
    entered outer, inner;
    std::thread stopper{[&] { slot.request_stop(); }};
    auto* const before = slot.enter(outer);
    auto* const first = slot.enter(inner);
    slot.leave(first);
    explore::check(first == &outer, "what was there");
    slot.leave(before);
    stopper.join();
    static_cast<void>(slot.enter(inner));
    explore::check(inner.stops.load() >= 1, "what enters later is stopped at once");
    slot.leave(nullptr);
}
EXPLORE("orders: what runs is stopped, however the shut-down meets what it has entered", {.stale_reads = 3}) {
    struct entered final : ap::stoppable {
        void request_stop() noexcept override { stops.fetch_add(1); }
        void retain() noexcept override {}
        void release() noexcept override {}
        std::atomic<int> stops{0};
    };
    ap::running_slot slot;
    entered outer, inner;
    static_cast<void>(slot.enter(outer));
    std::thread stopper{[&] { slot.request_stop(); }};
    auto* const first = slot.enter(inner);
    slot.leave(first);
    stopper.join();
    explore::check(outer.stops.load() >= 1, "what runs on is told");
    slot.leave(nullptr);
}

EXPLORE("orders: for_each_limited ends with the failure that another thread gave", {.search = plan::way::bounded, .stale_reads = 2}) {
    std::vector<ap::promise<int>> given(2);
    std::vector<ap::future<int>> items;
    for (auto& p : given)
        items.push_back(p.get_future());
    auto f = ap::for_each_limited(std::vector<std::size_t>{0, 1}, 2, [&](std::size_t i) { return std::move(items[i]); });
    std::thread first{[&] { given[0].set_failure({ap::errc::unavailable, ap::executed::no}); }};
    given[1].set_value(1);
    ap::result<void> const r = std::move(f).get();
    explore::check(!r && r.error() == ap::errc::unavailable, "it does");
    first.join();
}
namespace {

/// Twice what it is fed with, read anew each time.
struct fed {
    struct iterator {
        using difference_type = std::ptrdiff_t;
        using value_type = int;
        int const* from;
        int at = 0;
        int operator*() const { return *from; }
        iterator& operator++() {
            ++at;
            return *this;
        }
        bool operator==(iterator const& o) const { return at == o.at; }
    };
    int const* from;
    [[nodiscard]] iterator begin() const { return {from, 0}; }
    [[nodiscard]] iterator end() const { return {from, 2}; }
};

}  // namespace

EXPLORE("orders: for_each_limited goes on to the next item with what the last one's answer brought", {.search = plan::way::bounded}) {
    int next = 1;
    std::vector<ap::promise<int>> given(3);
    std::thread answering;
    auto f = ap::for_each_limited(fed{&next}, 1, [&](int i) {
        auto item = given[static_cast<std::size_t>(i)].get_future();
        if (i == 1) {
            answering = std::thread{[&] {
                next = 2;
                given[1].set_value(1);
            }};
        } else {
            given[2].set_value(2);
        }
        return item;
    });
    explore::check(std::move(f).get().has_value(), "both are answered");
    answering.join();
}
EXPLORE("orders: what one ask has tried belongs to one of two balances", {}) {
    ap::detail::tried_replicas tried;
    int one = 0, two = 0, three = 0;
    bool first = false;
    std::thread other{[&] { first = tried.belongs_to(&one); }};
    bool const second = tried.belongs_to(&two);
    other.join();
    explore::check(first != second, "to one");
    explore::check(tried.belongs_to(first ? &one : &two) && !tried.belongs_to(&three), "for good");
}
EXPLORE("orders: stop_when: an ask that is stopped while it registers with the token, against the token",
        {.search = plan::way::bounded, .preemptions = 3, .stale_reads = 2}) {
    std::stop_source source;
    ap::promise<int> kept;
    ap::manual_executor manual;
    auto ask =
        ap::request{[&](ap::promise<int> p) { kept = std::move(p); }} | ap::stop_when(source.get_token()) | ap::starts_on(manual);
    auto f = ask.submit();
    std::thread runner{[&] { manual.run(); }};
    f.request_stop();
    runner.join();
    manual.run();
    ap::promise<int>{std::move(kept)}.set_value(7);
    ap::result<int> const r = std::move(f).get();
    explore::check(r ? *r == 7 : r.error() == ap::errc::cancelled, "answered, or cancelled");
}

// --- coroutines that move ------------------------------------------------------------------------------------------------------

EXPLORE("orders: a coroutine that moves to another place is run there, and its waiter is told",
        {.search = plan::way::bounded, .stale_reads = 1}) {
    ap::manual_executor here, there;
    auto ask = ap::request{[&]() -> ap::task<int> {
                   co_await ap::resume_on(there);
                   co_return 7;
               }} |
               ap::starts_on(here);
    auto f = ask.submit();
    std::thread runner{[&] {
        here.run();
        there.run();
    }};
    explore::check(std::move(f).get().value() == 7, "it has run");
    runner.join();
}
EXPLORE("orders: a coroutine that moves there and back against two who run its places",
        {.search = plan::way::bounded, .stale_reads = 1}) {
    ap::manual_executor here, there;
    auto ask = ap::request{[&]() -> ap::task<int> {
                   co_await ap::resume_on(there);
                   co_await ap::resume_on(here);
                   co_return 7;
               }} |
               ap::starts_on(here);
    auto f = ask.submit();
    std::thread runner{[&] {
        here.run();
        there.run();
        here.run();
    }};
    there.run();
    runner.join();
    there.run();
    here.run();
    explore::check(std::move(f).get().value() == 7, "it has run");
}
EXPLORE("orders: a coroutine that has moved against the end of its new place", {.search = plan::way::bounded, .stale_reads = 1}) {
    ap::manual_executor here;
    ap::future<int> f;
    {
        ap::manual_executor there;
        auto ask = ap::request{[&]() -> ap::task<int> {
                       co_await ap::resume_on(there);
                       co_return 7;
                   }} |
                   ap::starts_on(here);
        f = ask.submit();
        std::thread runner{[&] { there.run(); }};
        here.run();
        runner.join();
    }
    ap::result<int> const r = std::move(f).get();
    explore::check(r ? *r == 7 : r.error() == ap::errc::shut_down, "it has run, or is told");
}
