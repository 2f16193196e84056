// SPDX-License-Identifier: BSL-1.0
// Where work runs: locks, cores, timers, pools, strands.
#include <antiphon/execution/any_executor.hpp>
#include <antiphon/execution/default_pool.hpp>
#include <antiphon/execution/here.hpp>
#include <antiphon/execution/manual_executor.hpp>
#include <antiphon/execution/parking.hpp>
#include <antiphon/execution/shared_core.hpp>
#include <antiphon/execution/strand.hpp>
#include <antiphon/execution/thread_pool.hpp>
#include <antiphon/execution/timers.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "awaited_timer.hpp"
#include "explore.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;
using explore::plan;

namespace {

/// Counts what becomes of work: run or dropped, exactly once.
struct ends {
    std::atomic<int> ran{0}, refused{0};
    [[nodiscard]] int all() const { return ran.load() + refused.load(); }
};
class job final : public ap::work_item {
public:
    explicit job(ends& to) : to_{to} {}
    void run() noexcept override {
        to_.ran.fetch_add(1);
        delete this;
    }
    void reject(ap::errc, ap::rejection) noexcept override {
        to_.refused.fetch_add(1);
        delete this;
    }

private:
    ends& to_;
};
/// A core of which threads keep references in stock.
struct lent_core final : ap::counted {
    [[nodiscard]] bool lends() const noexcept { return open.load(); }
    std::atomic<bool> open{true};
};
template <class Executor>
void post_to(Executor const& where, ends& to) {
    where.execute(ap::work{*new job{to}});
}

}  // namespace

EXPLORE("parking_lock: two threads exclude one another, and what one wrote the other sees", {}) {
    ap::parking_lock lock;
    int sum = 0;
    auto const add = [&] {
        ap::parking_lock::scope const hold{lock};
        ++sum;
    };
    std::thread other{[&] {
        add();
        add();
    }};
    add();
    add();
    other.join();
    explore::check(sum == 4, "nothing is lost");
}
EXPLORE("parking_lock: three threads, and nobody sleeps for ever", {.search = plan::way::bounded, .preemptions = 3, .stale_reads = 1}) {
    ap::parking_lock lock;
    int sum = 0;
    auto const add = [&] {
        ap::parking_lock::scope const hold{lock};
        ++sum;
    };
    std::thread a{add}, b{add};
    add();
    a.join();
    b.join();
    explore::check(sum == 3, "nothing is lost");
}
EXPLORE("parking_lock: try_lock either has it or leaves it alone", {.outcomes = {1, 2}}) {
    ap::parking_lock lock;
    int sum = 0;
    std::thread other{[&] {
        if (!lock.try_lock()) return;
        ++sum;
        lock.unlock();
    }};
    {
        ap::parking_lock::scope const hold{lock};
        ++sum;
    }
    other.join();
    explore::outcome(static_cast<unsigned>(sum));
}
EXPLORE("parking_lock: freed by one who then deletes it, it is not touched again", {}) {
    struct guarded {
        ap::parking_lock lock;
        int users = 2;
    };
    auto* const g = new guarded;
    auto const leave = [g] {
        g->lock.lock();
        bool const last = --g->users == 0;
        g->lock.unlock();
        if (last) delete g;
    };
    std::thread other{leave};
    leave();
    other.join();
}
EXPLORE("shared_core: the last of two references deletes, and sees all uses", {}) {
    struct core : ap::counted {
        std::unique_ptr<int> data = std::make_unique<int>(7);
        std::atomic<int> uses{0};
    };
    ap::shared_core<core> a{new core};
    std::thread other{[b = a] { b->uses.fetch_add(*b->data, std::memory_order_relaxed); }};
    a->uses.fetch_add(*a->data, std::memory_order_relaxed);
    {
        ap::shared_core<core> const moved = std::move(a);
    }
    other.join();
}
EXPLORE("running_slot: a stop reaches what runs, before, while or after it enters", {}) {
    struct running final : ap::stoppable {
        void request_stop() noexcept override { stops.fetch_add(1); }
        void retain() noexcept override { refs.fetch_add(1); }
        void release() noexcept override {
            if (refs.fetch_sub(1) == 1) delete this;
        }
        std::atomic<int> stops{0}, refs{1};
    };
    ap::running_slot slot;
    std::thread other{[&] { slot.request_stop(); }};
    auto* const mine = new running;
    auto* const outer = slot.enter(*mine);
    slot.leave(outer);
    mine->release();
    other.join();
}
EXPLORE("running_slot: what enters after a stop is stopped at once", {}) {
    struct running final : ap::stoppable {
        void request_stop() noexcept override { stopped = true; }
        void retain() noexcept override {}
        void release() noexcept override {}
        bool stopped = false;
    };
    ap::running_slot slot;
    std::thread other{[&] { slot.request_stop(); }};
    other.join();
    running mine;
    static_cast<void>(slot.enter(mine));
    explore::check(mine.stopped, "stopped");
    static_cast<void>(slot.leave(nullptr));
}

EXPLORE("timers: one that is armed fires, once", {.search = plan::way::bounded, .stale_reads = 1}) {
    auto const one = std::make_unique<explore::awaited_timer>();
    ap::timer_thread::process().arm(*one, ap::clock::now() + 1ms);
    one->await();
    explore::check(!ap::timer_thread::process().disarm(*one), "it has fired");
}
EXPLORE("timers: disarmed against firing, either it will not fire or it has or will",
        {.search = plan::way::bounded, .stale_reads = 1, .outcomes = {0, 1}}) {
    auto const one = std::make_unique<explore::awaited_timer>();
    ap::timer_thread::process().arm(*one, ap::clock::now() + 1ms);
    bool const stopped = ap::timer_thread::process().disarm(*one);
    if (!stopped) one->await();
    explore::outcome(stopped ? 1 : 0);
}
EXPLORE("timers: an earlier one wakes the timer thread up", {.search = plan::way::bounded, .stale_reads = 1}) {
    auto const early = std::make_unique<explore::awaited_timer>(), late = std::make_unique<explore::awaited_timer>();
    ap::timer_thread::process().arm(*late, ap::clock::now() + 1h);
    auto const until = ap::clock::now() + 1ms;
    ap::timer_thread::process().arm(*early, until);
    early->await();
    explore::check(ap::clock::now() < until + 1h, "not an hour late");
    if (!ap::timer_thread::process().disarm(*late)) late->await();
}
EXPLORE("timers: two threads arm at once, and both fire", {.search = plan::way::bounded, .stale_reads = 0}) {
    auto const one = std::make_unique<explore::awaited_timer>(), two = std::make_unique<explore::awaited_timer>();
    std::thread other{[&] {
        ap::timer_thread::process().arm(*one, ap::clock::now() + 1ms);
        one->await();
    }};
    ap::timer_thread::process().arm(*two, ap::clock::now() + 1ms);
    two->await();
    other.join();
}
EXPLORE("timers: when their thread cannot be started, the next one tries again",
        {.search = plan::way::bounded, .stale_reads = 0, .failing_threads = 1}) {
    auto const one = std::make_unique<explore::awaited_timer>();
    for (;;) {
        try {
            ap::timer_thread::process().arm(*one, ap::clock::now() + 1ms);
            break;
        } catch (std::system_error const&) {
            explore::check(!ap::timer_thread::process().disarm(*one), "not armed");
        }
    }
    one->await();
}

EXPLORE("manual_executor: posting against running loses nothing", {}) {
    ends e;
    ap::manual_executor manual;
    auto const where = manual.get_executor();
    std::thread other{[&] { post_to(where, e); }};
    post_to(where, e);
    manual.run();
    other.join();
    manual.run();
    explore::check(e.ran.load() == 2, "both ran");
}
EXPLORE("manual_executor: posting against its end, the job is run or refused", {.outcomes = {0, 1, 2}}) {
    ends e;
    std::optional<ap::manual_executor> manual{std::in_place};
    std::thread other{[&, where = manual->get_executor()] { post_to(where, e); }};
    post_to(manual->get_executor(), e);
    manual->run();
    manual.reset();
    other.join();
    explore::check(e.all() == 2, "each has one end");
    explore::outcome(static_cast<unsigned>(e.refused.load()));
}

EXPLORE("thread_pool: one worker runs what was posted before it is gone", {.stale_reads = 1}) {
    ends e;
    {
        ap::thread_pool pool{{.threads = 1}};
        post_to(pool.get_executor(), e);
    }
    explore::check(e.ran.load() == 1, "it ran");
}
EXPLORE("thread_pool: a worker that goes to sleep against a job that comes",
        {.search = plan::way::bounded, .preemptions = 3, .stale_reads = 1}) {
    ends e;
    {
        ap::thread_pool pool{{.threads = 1}};
        post_to(pool.get_executor(), e);
        post_to(pool.get_executor(), e);
    }
    explore::check(e.ran.load() == 2, "both ran");
}
EXPLORE("thread_pool: two workers share two jobs, and nobody oversleeps", {.search = plan::way::bounded, .stale_reads = 0}) {
    ends e;
    {
        ap::thread_pool pool{{.threads = 2}};
        post_to(pool.get_executor(), e);
        post_to(pool.get_executor(), e);
    }
    explore::check(e.ran.load() == 2, "both ran");
}
EXPLORE("thread_pool: jobs from two threads all run", {.search = plan::way::bounded, .stale_reads = 1}) {
    ends e;
    {
        ap::thread_pool pool{{.threads = 1}};
        std::thread other{[&, where = pool.get_executor()] { post_to(where, e); }};
        post_to(pool.get_executor(), e);
        other.join();
    }
    explore::check(e.ran.load() == 2, "both ran");
}
EXPLORE("thread_pool: a shut-down against a job, it runs or is refused",
        {.search = plan::way::bounded, .stale_reads = 1, .outcomes = {0, 1}}) {
    ends e;
    ap::thread_pool pool{{.threads = 1}};
    std::thread other{[&, where = pool.get_executor()] { post_to(where, e); }};
    static_cast<void>(pool.shut_down());
    other.join();
    explore::check(e.all() == 1, "one end");
    explore::outcome(static_cast<unsigned>(e.ran.load()));
}
EXPLORE("thread_pool: whoever waits until it is idle sees what the jobs wrote", {.search = plan::way::bounded, .stale_reads = 1}) {
    int written = 0;  // not atomic
    ap::thread_pool pool{{.threads = 1}};
    pool.get_executor().execute(ap::work{[&] { ++written; }});
    explore::check(pool.wait_until_idle(), "it came");
    explore::check(written == 1, "it ran before");
    static_cast<void>(pool.shut_down());
}
EXPLORE("thread_pool: waiting until it is idle ends, whatever is posted or shut down meanwhile",
        {.search = plan::way::bounded, .stale_reads = 1}) {
    ends e;
    ap::thread_pool pool{{.threads = 1}};
    std::thread waits{[&] { explore::check(pool.wait_until_idle(), "it came"); }};
    post_to(pool.get_executor(), e);
    static_cast<void>(pool.shut_down());
    waits.join();
    explore::check(e.all() == 1, "one end");
}
EXPLORE("thread_pool: two shut-downs at once both return when it is over", {.search = plan::way::bounded, .stale_reads = 1}) {
    ends e;
    ap::thread_pool pool{{.threads = 1}};
    post_to(pool.get_executor(), e);
    std::thread other{[&] { static_cast<void>(pool.shut_down()); }};
    static_cast<void>(pool.shut_down());
    explore::check(e.all() == 1, "one end");
    other.join();
}
EXPLORE("thread_pool: a drain with a limit ends, whatever was done by then",
        {.search = plan::way::bounded, .stale_reads = 0, .outcomes = {0, 1}}) {
    ends e;
    ap::thread_pool pool{{.threads = 1}};
    post_to(pool.get_executor(), e);
    auto const counts = pool.shut_down(1ms);
    explore::check(e.all() == 1, "one end");
    explore::check(counts.drained + counts.rejected + counts.stopped <= 1, "counted at most once");
    explore::outcome(static_cast<unsigned>(e.ran.load()));
}
EXPLORE("thread_pool: a full queue makes the poster wait until there is room", {.search = plan::way::bounded, .stale_reads = 0}) {
    ends e;
    {
        ap::thread_pool pool{{.threads = 1, .queue_capacity = 1}};
        for (int i = 0; i < 3; ++i)
            post_to(pool.get_executor(), e);
    }
    explore::check(e.ran.load() == 3, "all ran");
}
EXPLORE("thread_pool: posters that wait for room are let go by a shut-down", {.search = plan::way::bounded, .stale_reads = 0}) {
    ends e;
    ap::thread_pool pool{{.threads = 1, .queue_capacity = 1}};
    std::thread other{[&, where = pool.get_executor()] {
        for (int i = 0; i < 3; ++i)
            post_to(where, e);
    }};
    static_cast<void>(pool.shut_down());
    other.join();
    explore::check(e.all() == 3, "each has one end");
}
EXPLORE("thread_pool: when the second thread cannot be started, the first one ends too",
        {.search = plan::way::bounded, .preemptions = 3, .stale_reads = 0, .failing_threads = 1, .outcomes = {0, 1}}) {
    try {
        ap::thread_pool pool{{.threads = 2}};
        explore::outcome(1);
    } catch (std::system_error const&) {
        explore::outcome(0);
    }
}
EXPLORE("thread_pool: destroyed inside its own job, it lets its thread go", {.search = plan::way::bounded, .stale_reads = 0}) {
    struct holder {
        std::optional<ap::thread_pool> pool;
        std::atomic<std::uint32_t> gone{0};
    } h;
    h.pool.emplace(ap::thread_pool_options{.threads = 1});
    struct ending final : ap::work_item {
        explicit ending(holder& of) : of_{of} {}
        void run() noexcept override {
            of_.pool.reset();
            auto& gone = of_.gone;
            delete this;
            gone.store(1);
            ap::futex_wake_all(gone);
        }
        void reject(ap::errc, ap::rejection) noexcept override { delete this; }
        holder& of_;
    };
    auto const where = h.pool->get_executor();
    where.execute(ap::work{*new ending{h}});
    while (h.gone.load() == 0)
        ap::futex_wait(h.gone, 0);
}
EXPLORE("thread_pool: what is urgent, ordinary and patient against a shut-down, each has one end",
        {.search = plan::way::bounded, .stale_reads = 0}) {
    ends e;
    class urgent final : public ap::work_item {
    public:
        urgent(ends& to, ap::urgency how) : to_{to}, how_{how} {}
        void run() noexcept override {
            to_.ran.fetch_add(1);
            delete this;
        }
        void reject(ap::errc, ap::rejection) noexcept override {
            to_.refused.fetch_add(1);
            delete this;
        }
        [[nodiscard]] ap::urgency how_urgent() const noexcept override { return how_; }

    private:
        ends& to_;
        ap::urgency const how_;
    };
    ap::thread_pool pool{{.threads = 1}};
    std::thread other{[&, where = pool.get_executor()] {
        where.execute(ap::work::ordered(*new urgent{e, {ap::priority::high, ap::time_point::max(), false}}));
        where.execute(ap::work::ordered(*new urgent{e, {ap::priority::normal, ap::clock::now() + 1ms, true}}));
    }};
    post_to(pool.get_executor(), e);
    auto const counts = pool.shut_down();
    other.join();
    explore::check(e.all() == 3, "each has one end");
    explore::check(counts.rejected <= 3, "counted at most once");
}
EXPLORE("default_pool: two threads that ask for it first get the same one", {.search = plan::way::bounded, .stale_reads = 0}) {
    void const* a = nullptr;
    std::thread other{[&] { a = ap::default_pool().get_executor().place(); }};
    void const* const b = ap::default_pool().get_executor().place();
    other.join();
    explore::check(a == b, "the same");
}

EXPLORE("strand: two posters, one job at a time, in order for each", {.search = plan::way::bounded, .stale_reads = 1}) {
    ends e;
    {
        ap::thread_pool pool{{.threads = 1}};
        ap::strand const s{pool};
        std::thread other{[&] { post_to(s, e); }};
        post_to(s, e);
        other.join();
    }
    explore::check(e.ran.load() == 2, "both ran");
}
EXPLORE("strand: over two workers its jobs exclude one another", {.search = plan::way::bounded, .stale_reads = 0}) {
    int sum = 0;
    {
        ap::thread_pool pool{{.threads = 2}};
        ap::strand const s{pool};
        for (int i = 0; i < 3; ++i)
            s.execute(ap::work{[&sum]() noexcept { ++sum; }});
    }
    explore::check(sum == 3, "all ran, one after the other");
}
EXPLORE("strand: a thread that helps against the worker, one of them has the turn",
        {.search = plan::way::bounded, .preemptions = 3, .stale_reads = 0}) {
    int sum = 0;
    {
        ap::thread_pool pool{{.threads = 1}};
        ap::strand const s{pool};
        for (int i = 0; i < 2; ++i)
            s.execute(ap::work{[&sum]() noexcept { ++sum; }});
        static_cast<void>(s.assist());
        static_cast<void>(s.assist());
    }
    explore::check(sum == 2, "both ran");
}
EXPLORE("strand: the pool under it shuts down, and each job has one end", {.search = plan::way::bounded, .stale_reads = 0}) {
    ends e;
    ap::thread_pool pool{{.threads = 1}};
    ap::strand const s{pool};
    std::thread other{[&] { post_to(s, e); }};
    post_to(s, e);
    static_cast<void>(pool.shut_down());
    other.join();
    explore::check(e.all() == 2, "each has one end");
}
EXPLORE("any_executor: a boxed one is shared by its copies, and ends with the last", {}) {
    struct large {
        std::shared_ptr<int> held = std::make_shared<int>(7);
        std::uintptr_t more[2] = {};
        void execute(ap::work job) const { std::move(job).reject(ap::errc::cancelled); }
    };
    ap::any_executor a{large{}};
    std::thread other{[b = a]() mutable {
        ap::any_executor c = b;
        b = ap::any_executor{};
    }};
    a = ap::any_executor{};
    other.join();
}

EXPLORE("reference_stock: threads that keep references, and the end of the context, end the core once",
        {.search = plan::way::bounded, .preemptions = 3}) {
    std::thread one, other;
    {
        ap::shared_core<lent_core> const context{new lent_core};
        auto const copy_again = [mine = context] { ap::shared_core<lent_core> const copy{mine}; };
        one = std::thread{copy_again};
        other = std::thread{copy_again};
        context->open.store(false);
        ap::detail::reference_stock<lent_core>::give_back(*context);
    }
    one.join();
    other.join();
}
