// SPDX-License-Identifier: BSL-1.0
#pragma once
// The engine of a thread pool: where its work waits, who runs it, and the order in which everything ends.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <thread>
#include <type_traits>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/errc.hpp"
#include "antiphon/core/lifetime.hpp"
#include "antiphon/core/priority.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/detail/crew.hpp"
#include "antiphon/execution/detail/pool_queues.hpp"
#include "antiphon/execution/detail/pool_room.hpp"
#include "antiphon/execution/detail/reference_stock.hpp"
#include "antiphon/execution/detail/thread_name.hpp"
#include "antiphon/execution/fork.hpp"
#include "antiphon/execution/fork_line.hpp"
#include "antiphon/execution/here.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/execution/thread_pool_options.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/execution/work_queue.hpp"

namespace antiphon::detail {

/// A forked call that a worker has taken, as what it runs next.
class taken_call final : public work_item {
public:
    [[nodiscard]] work_item* hold(forked_call& call, fork_line& mine) noexcept {
        call_ = &call;
        mine_ = &mine;
        return this;
    }
    void run() noexcept override { fork_line::run(*call_, mine_); }
    void reject(errc, rejection) noexcept override { run(); }  // never asked: its forker waits for it

private:
    forked_call* call_ = nullptr;
    fork_line* mine_ = nullptr;
};

/// Referred to by the pool, by its executors and by every worker thread.
///
/// `phase_` goes open → draining (only what the pool's own work posts is taken) → stopping (nothing is, and workers leave). Who passes it by
/// a hair loses nothing: the inbox is closed by the exchange that empties it, the backlog under its lock, and what lies in its own
/// ring when it leaves a worker rejects itself.
///
/// **Order of memory**: `phase_` is seq_cst throughout. A worker lies down and then looks at the phase; a drain changes the phase and then
/// looks whether all lie down: one of both sees the other. The counts of a shut-down are relaxed: joining the workers orders them.
class pool_core : public counted {
public:
    explicit pool_core(thread_pool_options&& options)
        : workers_{options.threads},
          options_{std::move(options)},
          queues_{options_.threads},
          room_{options_.queue_capacity},
          lines_{options_.threads, crew_} {}

    /// Starts the workers; if one cannot be started, ends those that were and rethrows.
    void start() {
        ANTIPHON_TRY {
            for (; started_ < options_.threads; ++started_) {
                worker& w = workers_[started_];
                w.core = this;
                w.queue = &queues_.of(started_);
                if (options_.threads > 1 && !room_.bounded()) w.direct = w.queue;
                w.line = &lines_[started_];
                ::new (static_cast<void*>(w.thread))
                    std::thread{[self = shared_core<pool_core>::another(*this), &w] { self->work(w); }};
            }
        }
        ANTIPHON_CATCH_ALL {
            shut_down(duration::zero());
            ANTIPHON_RETHROW;
        }
    }

    [[nodiscard]] thread_pool_options const& options() const noexcept { return options_; }
    /// See reference_stock.
    [[nodiscard]] bool lends() const noexcept { return current() == phase::open; }
    [[nodiscard]] bool forked() const noexcept { return fork_generation() != generation_; }
    [[nodiscard]] fork_lines& lines() noexcept { return lines_; }
    [[nodiscard]] std::size_t pending() noexcept {
        if (forked()) return 0;
        std::size_t const count = queues_.count();
        crew_.call_one();  // counting moves jobs
        return count;
    }

    /// `ordered`: its `how_urgent` is worth asking.
    void post(work_item& item, bool ordered = false) noexcept {
        if (forked()) return item.reject(errc::forked, rejection::in_place);
        if (worker* const me = mine; me != nullptr && me->core == this && me->direct != nullptr && !ordered) {
            if (current() == phase::stopping) return item.reject(errc::shut_down, rejection::in_place);
            if (queues_.put_own(item, *me->direct)) return crew_.call_one();
        }
        post_slowly(item, ordered);
    }

    shut_down_counts shut_down(duration drain_for) noexcept {
        if (forked()) return shut_down_in_child();
        if (place_scope::inside(this) || closer_.load(std::memory_order_relaxed) == this_thread()) {
            // Inside the pool's own work, or inside a callback of work that this very thread rejects: waiting could not end.
            stop_and_reject();
            return counts(running());
        }
        time_point const until = saturating_add(clock::now(), drain_for);
        // The pool may be gone when this returns: destroyed by another thread that shuts down too, or inside its own work.
        closing_reference const self{shared_core<pool_core>::another(*this)};
        if (!begin_closing()) {
            // acquire pairs with the release store of joined
            while (joined_.load(std::memory_order_acquire) == 0)
                futex_wait(joined_, 0);
            return counts();
        }
        drain(until);
        stop_and_reject();
        for (std::size_t i = 0; i < started_; ++i) {
            handle(workers_[i]).join();
            detail::destroy_at(&handle(workers_[i]));
        }
        closer_.store(nullptr, std::memory_order_relaxed);
        joined_.store(1, std::memory_order_release);  // pairs with the acquire above
        futex_wake_all(joined_);
        return counts();
    }

    /// True when nothing was queued and nobody ran anything, at some moment of this call. False: the moment did not come, or cannot.
    [[nodiscard]] bool wait_until_idle(time_point until) noexcept {
        if (forked() || place_scope::inside(this) || closer_.load(std::memory_order_relaxed) == this_thread()) return false;
        idlers_.fetch_add(1, std::memory_order_seq_cst);  // before the looks: see lain_down()
        bool idle = false;
        for (;;) {
            std::uint32_t const seen = quiet_.load(std::memory_order_seq_cst);  // before the looks, which `tell` follows
            bool const ends = current() != phase::open;
            // acquire pairs with the release store of joined
            idle = ends ? joined_.load(std::memory_order_acquire) != 0 : all_is_quiet();
            if (idle || (until != time_point::max() && clock::now() >= until)) break;
            // Shut down from inside, and nobody has come yet who joins the threads: perhaps our own caller is to be the one. relaxed: where
            // begin_closing has ended the open phase, `current` has seen what it set before
            if (ends && !closing_.load(std::memory_order_relaxed)) break;
            ends ? futex_wait_until(joined_, 0, until) : futex_wait_until(quiet_, seen, until);
        }
        idlers_.fetch_sub(1, std::memory_order_relaxed);  // too many tell, at worst
        return idle;
    }

    /// For a destructor inside the pool's own work: lets go of threads that nobody will join.
    void detach_unless_joined() noexcept {
        if (forked() || !begin_closing()) return;
        for (std::size_t i = 0; i < started_; ++i)
            handle(workers_[i]).detach();
        for (std::size_t i = 0; i < started_; ++i)
            detail::destroy_at(&handle(workers_[i]));
        closer_.store(nullptr, std::memory_order_relaxed);
        joined_.store(1, std::memory_order_release);  // pairs with the acquire in shut_down()
        futex_wake_all(joined_);
    }

private:
    enum class phase : unsigned char {
        open,
        draining,
        stopping
    };
    /// Nothing of the core stays in the stock of a thread that shuts it down.
    struct closing_reference {
        shared_core<pool_core> held;
        ~closing_reference() { reference_stock<pool_core>::give_back(*held); }
    };
    struct alignas(64) worker {
        pool_core* core = nullptr;
        worker_queue* queue = nullptr;
        worker_queue* direct = nullptr;  ///< the same, where its jobs may go there without further questions
        fork_line* line = nullptr;
        running_slot running;
        taken_call taken;
        std::uint64_t seen = 0;  ///< what was offered to fork at the last look
        alignas(std::thread) unsigned char thread[sizeof(std::thread)];
    };

    static std::thread& handle(worker& w) noexcept { return *std::launder(reinterpret_cast<std::thread*>(w.thread)); }
    static void const* this_thread() noexcept {
        static constinit thread_local char self = 0;
        return &self;
    }
    // The phase, as everybody sees it. A plain load on most machines.
    [[nodiscard]] phase current() const noexcept { return phase_.load(std::memory_order_seq_cst); }

    // --- posting ---------------------------------------------------------------------------------------------------------

    void post_slowly(work_item& item, bool ordered) noexcept {
        if (room_.bounded() && !enter(item)) return;
        ordered ? put_ordered(item) : put(item);
    }

    /// Where the queue has a capacity: true if the item may be put there; else it was dealt with.
    [[nodiscard]] bool enter(work_item& item) noexcept {
        for (;;) {
            phase const now = current();
            bool const own = place_scope::inside(this);
            if (now == phase::stopping || (now == phase::draining && !own)) return refuse(item, errc::shut_down);
            if (room_.take()) return true;
            if (timer_thread::is_current()) {  // it may neither sleep nor run what is posted: its jobs go beyond the capacity
                room_.take_beyond();
                return true;
            }
            if (options_.when_full == full_policy::reject) return refuse(item, errc::resource_exhausted);
            if (options_.when_full == full_policy::caller_runs || own) {
                place_scope const here{this};
                item.run();
                return false;
            }
            room_.wait([this] { return current() == phase::open; });
        }
    }
    static bool refuse(work_item& item, errc why) noexcept {
        item.reject(why, rejection::in_place);
        return false;
    }
    void put(work_item& item) noexcept {
        worker* const me = mine != nullptr && mine->core == this ? mine : nullptr;
        if (me != nullptr && current() == phase::stopping) return item.reject(errc::shut_down, rejection::in_place);
        switch (queues_.put(item, me != nullptr ? me->queue : nullptr)) {
            case pool_queues::placed::first: return call_soon();
            case pool_queues::placed::following: return;  // whoever put the first there has called somebody
            case pool_queues::placed::own: return crew_.call_one();
            case pool_queues::placed::refused: break;
        }
        // Closed: what the pool's own work posts is taken until the stop.
        if (!place_scope::inside(this) || !queues_.put_late(item)) return item.reject(errc::shut_down, rejection::in_place);
        crew_.call_one();
    }
    void put_ordered(work_item& item) noexcept {
        urgency const how = item.how_urgent();
        if (ordered_queue::is_ordinary(how)) return put(item);
        if (!queues_.put_ordered(item, how, place_scope::inside(this))) return item.reject(errc::shut_down, rejection::in_place);
        crew_.call_one();
    }
    /// A wake-up costs its caller microseconds; a worker that is about to finish a job comes by itself within a fraction of one.
    void call_soon() noexcept {
        for (int glance = 0; glance < glances; ++glance) {
            crew::state const now = crew_.look();
            if (!crew::unattended(now)) return;
            if (crew::sleepers(now) == started_) break;
            ANTIPHON_SPIN_HINT();
            if (queues_.nothing_arrived()) return;
        }
        crew_.call_one();
    }

    // --- working ---------------------------------------------------------------------------------------------------------

    void work(worker& self) noexcept {
        name_this_thread(options_.name.c_str());
        worker_place = this;
        running_slot::mine = &self.running;
        mine = &self;
        place_scope const here{this};
        place_scope::line = self.line;
        worker_queue& queue = *self.queue;
        bool const bounded = room_.bounded();
        for (phase now = current(); now != phase::stopping;) {
            bool moved = false;
            work_item* item = queues_.next(queue, moved);
            if (moved) crew_.call_one();
            if (item == nullptr && (item = search(self)) == nullptr) break;
            if (item == &self.taken) {
                item->run();  // part of a job that is counted elsewhere
                now = current();
            } else {
                now = run(*item, queue, bounded);
            }
        }
        // relaxed: whoever wants the sum joins this thread
        rejected_.fetch_add(queues_.rest(queue).reject_all(errc::shut_down), std::memory_order_relaxed);
        // thread_local destructors may post yet, and this may be gone by then
        mine = nullptr;
        running_slot::mine = nullptr;
        worker_place = nullptr;
    }
    phase run(work_item& item, worker_queue& queue, bool bounded) noexcept {
        if (bounded) room_.give_back();
        queue.running = &item;
        item.run();
        phase const now = current();
        // relaxed, both: as above
        if (now != phase::open) (now == phase::draining ? drained_ : stopped_).fetch_add(1, std::memory_order_relaxed);
        return now;
    }
    /// For a worker that has found nothing: looks for a while, if nobody else does, and then sleeps until called. Null when the pool stops.
    [[nodiscard]] work_item* search(worker& self) noexcept {
        bool searching = false;
        while (current() != phase::stopping) {
            work_item* item = find(self, pool_queues::manners::leave);
            if (item == nullptr && (searching || (searching = crew_.start_search()))) item = look_around(self);
            if (item != nullptr) {
                if (searching && crew_.end_search() && there_is_something()) crew_.call_one();
                return item;
            }
            if (crew_.lie_down(searching) && there_is_something()) {
                crew_.get_up();
            } else {
                lain_down();
                crew_.sleep();
            }
            searching = true;
        }
        return nullptr;
    }
    /// Of those who wait for quiet either this one sees that they do, or they see that it sleeps: each writes first and then looks,
    /// all seq_cst (lie_down, and phase_ or idlers_).
    void lain_down() noexcept {
        if (current() != phase::open || idlers_.load(std::memory_order_seq_cst) != 0) tell(quiet_);
    }
    [[nodiscard]] bool there_is_something() const noexcept { return !queues_.empty() || !lines_.empty(); }
    [[nodiscard]] work_item* look_around(worker& self) noexcept {
        for (int glance = 0; glance < glances; ++glance) {
            ANTIPHON_SPIN_HINT();
            if (work_item* const item = find(self, pool_queues::manners::leave)) return item;
        }
        time_point const until = saturating_add(clock::now(), patience);
        do {
            std::this_thread::yield();
            if (work_item* const item = find(self, pool_queues::manners::second_look)) return item;
        } while (current() != phase::stopping && clock::now() < until);
        return find(self, pool_queues::manners::take);
    }
    [[nodiscard]] work_item* find(worker& self, pool_queues::manners how) noexcept {
        if (work_item* const item = queues_.next_ordered(true)) return item;
        worker_queue& queue = *self.queue;
        bool moved = false;
        work_item* item = queues_.fetch(queue, moved);
        if (item == nullptr) item = queues_.steal(queue, how, moved);
        if (moved) crew_.call_one();
        if (item == nullptr) item = queues_.next_ordered(false);
        if (item != nullptr) return item;
        forked_call* const part = lines_.take(queue.index, how != pool_queues::manners::take, self.seen);
        return part != nullptr ? self.taken.hold(*part, *self.line) : nullptr;
    }

    // --- ending ----------------------------------------------------------------------------------------------------------

    /// True for the one thread that is to end the pool.
    bool begin_closing() noexcept {
        if (closing_.exchange(true, std::memory_order_relaxed)) return false;  // relaxed: who is not the first waits for `joined_`
        closer_.store(this_thread(), std::memory_order_relaxed);  // only ever compared with the reader's own thread
        phase expected = phase::open;
        phase_.compare_exchange_strong(expected, phase::draining, std::memory_order_seq_cst);
        queues_.close();
        crew_.call_one();
        room_.wake_all();
        return true;
    }
    void drain(time_point until) noexcept {
        for (;;) {
            std::uint32_t const seen = quiet_.load(std::memory_order_seq_cst);  // before the looks, which `tell` follows
            if (current() != phase::draining || all_is_quiet()) return;
            if (until != time_point::max() && clock::now() >= until) return;
            futex_wait_until(quiet_, seen, until);
        }
    }
    /// Nothing waits and nobody runs: all lie down, there was nothing, and nobody has got up meanwhile. What a thread that lends itself has
    /// forked is no matter: it joins that itself.
    [[nodiscard]] bool all_is_quiet() noexcept {
        crew::state const before = crew_.look();
        return crew::sleepers(before) == started_ && queues_.empty() && crew_.look() == before;
    }
    void stop_and_reject() noexcept {
        bool const first = phase_.exchange(phase::stopping, std::memory_order_seq_cst) != phase::stopping;
        work_queue left = queues_.seal();
        rejected_.fetch_add(left.size(), std::memory_order_relaxed);  // see work()
        if (first) crew_.dismiss();
        room_.wake_all();
        tell(quiet_);
        if (first)
            for (std::size_t i = 0; i < options_.threads; ++i)
                workers_[i].running.request_stop();
        left.reject_all(errc::shut_down);
    }
    shut_down_counts shut_down_in_child() noexcept {
        phase_.store(phase::stopping, std::memory_order_seq_cst);
        return {.rejected = queues_.seal_in_child().reject_all(errc::forked)};
    }
    static void tell(std::atomic<std::uint32_t>& word) noexcept {
        word.fetch_add(1, std::memory_order_seq_cst);
        futex_wake_all(word);
    }
    /// `still_running` are counted as stopped; once the workers have left there are none.
    [[nodiscard]] shut_down_counts counts(std::size_t still_running = 0) const noexcept {
        return {.drained = drained_.load(std::memory_order_relaxed),
                .stopped = stopped_.load(std::memory_order_relaxed) + still_running,
                .rejected = rejected_.load(std::memory_order_relaxed)};
    }
    [[nodiscard]] std::size_t running() const noexcept {
        crew::state const now = crew_.look();
        std::size_t const idle = crew::sleepers(now) + crew::searchers(now);
        return idle < started_ ? started_ - idle : 0;
    }

    /// Looks, some 20 ns apart, before something dear: a yield, a wake-up.
    static constexpr int glances = 8;
    /// How long a worker looks around before it sleeps: as long as it would take to wake it.
    static constexpr duration patience = std::chrono::microseconds{25};

    static constinit inline thread_local worker* mine = nullptr;

    // Read by all, hardly ever written; apart from the count of references, which changes all the time.
    alignas(64) std::atomic<phase> phase_{phase::open};
    std::uint32_t const generation_ = fork_generation();
    std::size_t started_ = 0;
    /// A member, so that they are freed when another one cannot be made. Threads that are left at the end are a forked child's
    /// shadows or were detached: they are forgotten, the handles own nothing.
    class owned_workers {
    public:
        explicit owned_workers(std::size_t count) : all_{new worker[count]} {}
        ~owned_workers() { delete[] all_; }
        owned_workers(owned_workers const&) = delete;
        owned_workers& operator=(owned_workers const&) = delete;
        [[nodiscard]] worker& operator[](std::size_t i) const noexcept { return all_[i]; }

    private:
        worker* const all_;
    };
    owned_workers workers_;
    thread_pool_options const options_;
    pool_queues queues_;
    alignas(64) crew crew_;
    alignas(64) pool_room room_;
    fork_lines lines_;

    alignas(64) std::atomic<std::uint32_t> quiet_{0};  ///< a word to sleep on until nobody works
    std::atomic<std::uint32_t> idlers_{0};  ///< how many sleep on it but for a drain
    std::atomic<bool> closing_{false};
    std::atomic<void const*> closer_{nullptr};
    std::atomic<std::uint32_t> joined_{0};
    std::atomic<std::size_t> drained_{0}, stopped_{0}, rejected_{0};
};

}  // namespace antiphon::detail
