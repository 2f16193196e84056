// SPDX-License-Identifier: BSL-1.0
#pragma once
// Who runs an ask: hand-over to an executor, the claim of a step, the trampoline, stop requests, publication.

#include <atomic>
#include <cstdint>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/default_pool.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/detail/context_data.hpp"
#include "antiphon/request/detail/waiter.hpp"
#include "antiphon/request/trampoline.hpp"

namespace antiphon::detail {

inline void state_base::request_stop() noexcept {
    retain();
    for (state_base* at = this; at != nullptr;) {
        state_base* further = nullptr;
        // seq_cst, against link::set followed by stop_requested: one of both sees the other
        if ((at->word_.fetch_or(stopped, std::memory_order_seq_cst) & stopped) == 0 && !at->ready()) further = at->on_stop();
        at->release();
        at = further;
    }
}

inline void state_base::schedule(any_executor const& where) noexcept {
    retain(2);  // the queue's; and one that keeps this, of which `where` may be part, until `execute` has returned
    std::uint32_t old = word_.load(std::memory_order_relaxed);
    // release pairs with the step's acquire. Waiters that register and look again are met in `handed`.
    while (
        !word_.compare_exchange_weak(old, (old | queued | runnable) + handing, std::memory_order_acq_rel, std::memory_order_relaxed)) {
    }
    (old & queued) == 0 ? hand_to(where) : release();
    handed();
    release();
}

inline void state_base::reschedule() noexcept {
    void const* const place = executor_.place();
    // A worker that is about to return to its queue comes to the step by itself. A waiter that was woken to look whether it may run it
    // would be woken at every turn, and mostly for nothing.
    if (place == nullptr || worker_of_place() != place || !place_scope::only(place) || !trampoline::none()) return schedule();
    retain();
    // as in schedule; a waiter that registers just now claims it or leaves it to the worker
    (word_.fetch_or(queued | runnable, std::memory_order_seq_cst) & queued) == 0 ? hand_to(executor_) : release();
}

inline void state_base::hand_over() noexcept {
    if (std::uint32_t const begun = word_.load(std::memory_order_relaxed); (begun & unshared) != 0) {
        word_.store(begun & ~(unasked | unshared), std::memory_order_relaxed);
        executor_ ? hand_to(executor_) : run();
    } else if (executor_) {
        hand_to(executor_);
        word_.fetch_and(~std::uint32_t{unasked}, std::memory_order_seq_cst);
        wake_waiter();  // a delayed ask may have one already
    } else {
        word_.fetch_and(~std::uint32_t{unasked}, std::memory_order_seq_cst);
        run();
    }
}

inline void state_base::hand_to(any_executor const& where) noexcept {
    work job = work_of(*this, context());
    ANTIPHON_TRY { where.execute(std::move(job)); }
    ANTIPHON_CATCH_ALL {
        // The executor was given the job and let go of it while throwing: the ask is decided.
    }
}

inline void state_base::bounce(delivery how) noexcept {
    retain();
    // as in schedule
    if ((word_.fetch_or(queued | runnable, std::memory_order_seq_cst) & queued) != 0) {
        wake_waiter();
        release();
    } else if (!trampoline::run(*this, how != delivery::tail) && executor_.claimable()) {
        wake_waiter();  // this thread comes to it later, perhaps after a wait of its own: others may take it
    }
}

inline void state_base::bounce_once(delivery how) noexcept {
    // Nobody else could take the step while this thread performs it: so nobody need be told that it is due.
    trampoline::idle() ? trampoline::start([this, how] { step(how); }, how != delivery::tail) : bounce(how);
}

inline bool state_base::stays_here(delivery how) noexcept {
    bool const anywhere = runs_anywhere(executor_);
    if (how == delivery::dropped || (anywhere && timer_thread::is_current())) {
        schedule(default_pool().get_executor());
        return false;
    }
    if (anywhere || (how == delivery::tail && at_home())) return true;
    schedule();
    return false;
}

inline void state_base::run() noexcept {
    std::uint32_t const old = leave_queue();
    if ((old & runnable) == 0) return release();
    trampoline::barrier const closed{this};
    step_from_queue(closed.nested() ? delivery::nested : delivery::tail);
}

inline void state_base::reject(errc why, rejection how) noexcept {
    dropping_scope const during{how};
    std::uint32_t const old = leave_queue();
    if ((old & runnable) != 0) refuse(why, how == rejection::dropped ? delivery::dropped : delivery::nested);
    release();
}

inline void state_base::schedule_as(work_item& entry, std::atomic<bool>& in_queue, any_executor const& where) noexcept {
    retain(2);  // as in schedule: one is the queue's, one keeps `where`
    std::uint32_t old = word_.load(std::memory_order_relaxed);
    while (!word_.compare_exchange_weak(old, (old | runnable) + handing, std::memory_order_acq_rel, std::memory_order_relaxed)) {
    }
    // The husk sees the step, or we see that it has left the queue: if run_pinned's look at `word_` (take_runnable, release) came before
    // the exchange above (acquire), its `false` came before this one.
    if (!in_queue.exchange(true, std::memory_order_seq_cst)) {
        work job = work_of(entry, context());
        ANTIPHON_TRY { where.execute(std::move(job)); }
        ANTIPHON_CATCH_ALL {
            // as in hand_to
        }
    } else {
        release();
    }
    handed();
    release();
}

inline void state_base::run_pinned(work_item const& entry, std::atomic<bool>& in_queue) noexcept {
    in_queue.store(false, std::memory_order_seq_cst);
    if (take_pinned(entry)) {
        trampoline::barrier const closed;
        step(delivery::tail);
    }
    release();
}

inline void state_base::reject_pinned(work_item const& entry, std::atomic<bool>& in_queue, errc why, rejection how) noexcept {
    dropping_scope const during{how};
    in_queue.store(false, std::memory_order_seq_cst);
    if (take_pinned(entry)) refuse(why, how == rejection::dropped ? delivery::dropped : delivery::nested);
    release();
}

inline void state_base::publish(delivery how, std::uint32_t references) noexcept {
    // acq_rel: release pairs with ready/attach/wait; acquire makes the consumer's fields visible
    std::uintptr_t const old = slot_.exchange(is_ready, std::memory_order_acq_rel);
    if (old == 0) {
    } else if ((old & is_waiter) != 0) {
        waiter_of(old)->signal();
    } else {
        reinterpret_cast<consumer*>(old & ~is_end)->on_ready(*this, how);
    }
    release(references);
}

inline std::uint32_t state_base::take_runnable(std::uint32_t bits) noexcept {
    // acq_rel pairs with schedule: the step sees what whoever made it due has written; and with the next taker of the bit
    std::uint32_t const old = word_.fetch_and(~bits, std::memory_order_acq_rel);
    if ((old & runnable) != 0 && (old & wakers) != 0) await_wakers();
    return old;
}

inline std::uint32_t state_base::leave_queue() noexcept {
    std::uint32_t old = word_.load(std::memory_order_relaxed);
    std::uint32_t cleared = 0;
    do {
        cleared = (old & pinned) != 0 ? queued : queued | runnable;  // a pinned state's step is due elsewhere
        // as in take_runnable
    } while (!word_.compare_exchange_weak(old, old & ~cleared, std::memory_order_acq_rel, std::memory_order_relaxed));
    if ((old & cleared & runnable) != 0 && (old & wakers) != 0) await_wakers();
    return old & cleared;
}

inline bool state_base::take_own_step() noexcept {
    std::uint32_t const old = take_runnable(runnable);
    if ((old & runnable) == 0) return false;
    if ((old & pinned) == 0) return true;
    put_back();
    return false;
}

inline bool state_base::take_first_step() noexcept {
    std::uint32_t old = word_.load(std::memory_order_relaxed);
    do {
        if ((old & runnable) == 0 || (old & under_way) != 0) return false;
        // as in take_runnable
    } while (!word_.compare_exchange_weak(old, old & ~runnable, std::memory_order_acq_rel, std::memory_order_relaxed));
    if ((old & wakers) != 0) await_wakers();
    return true;
}

inline bool state_base::take_pinned(work_item const& entry) noexcept {
    if (!is_current(entry) || (take_runnable(runnable) & runnable) == 0) return false;
    if (is_current(entry)) return true;
    put_back();
    return false;
}

}  // namespace antiphon::detail
