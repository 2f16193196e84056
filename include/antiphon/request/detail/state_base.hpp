// SPDX-License-Identifier: BSL-1.0
#pragma once
// Everything about an ask except its result: the words that its threads meet at, and what they may do there.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "antiphon/core/node_cache.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/here.hpp"
#include "antiphon/request/detail/consumer.hpp"
#include "antiphon/request/detail/state_ptr.hpp"
#include "antiphon/request/detail/waiter.hpp"
#include "antiphon/fwd.hpp"

namespace antiphon::detail {

class context_data;

/// While work is dropped, which may be inside a destructor under the user's lock: for those who are destroyed by it and have somebody
/// to tell.
class dropping_scope {
public:
    explicit dropping_scope(rejection how) noexcept : outer_{std::exchange(dropping_, how == rejection::dropped)} {}
    ~dropping_scope() { dropping_ = outer_; }
    dropping_scope(dropping_scope const&) = delete;
    dropping_scope& operator=(dropping_scope const&) = delete;
    [[nodiscard]] static delivery now() noexcept { return dropping_ ? delivery::dropped : delivery::nested; }

private:
    bool outer_;
    static constinit inline thread_local bool dropping_ = false;
};

/// Everything about an ask except its result.
///
/// `slot_`, who is told: 0 (nobody) → consumer(+4) | waiter+2 (attached, by exchange against 0) → 0 (a waiter only: it left, or it
/// was taken out to be woken) and, once, anything → 1 (ready, by the completer's exchange). Whoever takes a waiter out of the
/// slot owes it exactly one signal, and a leaving waiter that finds itself taken waits for it: so nobody signals a frame
/// that is gone. The exchange to 1 releases the result to whoever reads 1 or finds its attachment refused.
///
/// `word_`, who runs it: `queued`: some executor's queue holds the node. `runnable`: the next step is due, and whoever
/// clears this bit (the executor's thread, a claiming waiter, a stop request) is the one that performs it. A claimed node
/// stays behind in its queue as a husk; if it becomes runnable again before the queue comes to it, the husk is the entry.
///
/// References: the producer's (given up after `publish`), the consumer's (the future, a link), the queue's (while `queued`).
class state_base : public work_item, public recycled {
public:
    // relaxed: the caller holds one already
    void retain(std::uint32_t times = 1) noexcept { refs_.fetch_add(times, std::memory_order_relaxed); }
    /// Before the state is shared.
    void retain_first() noexcept { refs_.store(refs_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
    void release(std::uint32_t times = 1) noexcept {
        // The only holder left needs no exchange: nobody else can add a reference. acquire, and acq_rel, pair with the other
        // holders' decrements: the last one sees all their uses.
        if (refs_.load(std::memory_order_acquire) == times || refs_.fetch_sub(times, std::memory_order_acq_rel) == times) destroy();
    }

    [[nodiscard]] bool ready() const noexcept { return slot_.load(std::memory_order_acquire) == is_ready; }
    [[nodiscard]] bool stop_requested() const noexcept { return (word_.load(std::memory_order_seq_cst) & stopped) != 0; }
    [[nodiscard]] any_executor const& executor() const noexcept { return executor_; }
    [[nodiscard]] context_data const* context() const noexcept {
        return reinterpret_cast<context_data const*>(context_ & ~std::uintptr_t{is_anew});
    }
    /// Before `begin`, by whoever made it in the context of the handler that asks: this is an ask of its own, and its attempts are
    /// counted from 1.
    void ask_anew() noexcept { context_ |= is_anew; }
    /// The reference that came with the context is the caller's from now on, and there is no context any more. False: it is none to `owner`.
    [[nodiscard]] bool take_context_of(state_base const& owner) noexcept;
    [[nodiscard]] bool asked_anew() const noexcept { return (context_ & is_anew) != 0; }
    /// Which attempt of the ask around it this is, from 1.
    [[nodiscard]] std::uint32_t attempt_around() const noexcept;

    /// True: `c` will be told. False: the answer is here already, and is visible.
    [[nodiscard]] bool attach(consumer& c) noexcept { return attach_word(reinterpret_cast<std::uintptr_t>(&c)); }
    /// The same for one behind which nobody waits.
    [[nodiscard]] bool attach_end(consumer& c) noexcept { return attach_word(reinterpret_cast<std::uintptr_t>(&c) | is_end); }
    /// Before the state is shared.
    void attach_first(consumer& c) noexcept { slot_.store(reinterpret_cast<std::uintptr_t>(&c), std::memory_order_relaxed); }
    void attach_first_end(consumer& c) noexcept {
        slot_.store(reinterpret_cast<std::uintptr_t>(&c) | is_end, std::memory_order_relaxed);
    }

    /// Asks this and everything it waits for to stop. Iterative along chains.
    void request_stop() noexcept;

    /// Blocks until ready, or until a moment of the executor's clock. With such a limit nothing is claimed, but by workers of
    /// the pool that it is queued on.
    [[nodiscard]] wait_end wait(time_point until = time_point::max());

    /// Lets the next step be performed by `where`, or by a waiter.
    void schedule(any_executor const& where) noexcept;
    void schedule() noexcept { schedule(executor_); }
    /// The same at the end of a step, whose caller holds a reference: for others to go first.
    void reschedule() noexcept;

    /// Starts the ask. Once, after its consumer was attached or has its future, by somebody who holds a reference meanwhile.
    virtual void begin() noexcept {}
    /// Instead, by the same, and before anybody asked it to stop: it never runs, and its consumer hears nothing.
    virtual void dismiss() noexcept { release(); }

    /// To be called before `begin` where nobody else knows this, nor anything that waits for it, until that has returned.
    void begin_unshared() noexcept { word_.store(word_.load(std::memory_order_relaxed) | unshared, std::memory_order_relaxed); }

    /// The first hand-over: the queue's reference and the bits were set when the state was made.
    void hand_over() noexcept;
    void hand_to(any_executor const& where) noexcept;
    /// Performs the next step in this thread's trampoline.
    void bounce(delivery how) noexcept;
    /// The same for the only step that there is, which is due in no other thread and does not touch this after its answer is published.
    void bounce_once(delivery how) noexcept;
    /// Whether the thread that comes along is the right one.
    [[nodiscard]] static bool runs_anywhere(any_executor const& e) noexcept { return !e || e.runs_in_place(); }
    /// The rule for every continuation: in the completing thread when it is in the right place and nothing of the user's
    /// is below, else through the executor; without an executor, in the completing thread.
    void continue_after(delivery how) noexcept {
        if (stays_here(how)) bounce(how);
    }
    /// True: it is for this thread to do so. False: the executor has it.
    [[nodiscard]] bool stays_here(delivery how) noexcept;

    void run() noexcept final;
    void reject(errc why, rejection how) noexcept final;
    [[nodiscard]] urgency how_urgent() const noexcept final;

    /// Of a pinned state: the entry by which its steps come now, and the place where.
    struct new_place {
        work_item const* entry = nullptr;
        void const* place = nullptr;
    };
    /// For a pinned state, which has left the executor of its own node: the next step by way of another node.
    /// The entry may lie in that executor's queue still, as a husk, after somebody else has taken its step: then the husk is the entry.
    void schedule_as(work_item& entry, std::atomic<bool>& in_queue, any_executor const& where) noexcept;
    void run_pinned(work_item const& entry, std::atomic<bool>& in_queue) noexcept;
    void reject_pinned(work_item const& entry, std::atomic<bool>& in_queue, errc why, rejection how) noexcept;

    /// From now on only its executors run it.
    void pin() noexcept { mark(pinned); }
    [[nodiscard]] bool is_pinned() const noexcept { return (bits() & pinned) != 0; }
    void unpin() noexcept { word_.fetch_and(~pinned, std::memory_order_seq_cst); }

    /// While a handler runs that was given the promise of its own ask, a drop of that promise only leaves a mark.
    void guard_promise() noexcept { mark(guarded); }
    enum class promise_fate {
        kept,
        dropped,
        fulfilled
    };
    [[nodiscard]] promise_fate unguard_promise() noexcept {
        // acq_rel pairs with defer_discard: one of the two comes later, and sees what the other has done
        std::uint32_t const old = word_.fetch_and(~guarded, std::memory_order_acq_rel);
        return (old & settled) != 0 ? promise_fate::fulfilled : (old & broken) != 0 ? promise_fate::dropped : promise_fate::kept;
    }
    /// For the ask: true when its handler, which has answered through the promise, still runs: what it consists of is destroyed by
    /// the guard's end.
    // acq_rel pairs with unguard_promise
    [[nodiscard]] bool defer_discard() noexcept { return (word_.fetch_or(settled, std::memory_order_acq_rel) & guarded) != 0; }
    /// For the promise's destructor: true when its drop is decided later, by the guard's end.
    [[nodiscard]] bool defer_broken_promise() noexcept { return (word_.fetch_or(broken, std::memory_order_acq_rel) & guarded) != 0; }

    /// Whether a blocked thread sleeps on this answer or on one that depends on it: then it is sent to look again.
    /// Called by the thread that is about to perform or has just scheduled the next step.
    void wake_waiter() noexcept;
    /// The same for a thread that sleeps on this very answer. Any thread that holds a reference.
    void wake_own_waiter() noexcept;
    /// The same, for the thread that is performing a step now, which nobody else can complete meanwhile.
    void wake_waiter_downstream() noexcept { signal_downstream(this); }

    /// Whether the answer may be given up before the work ends; then what is upstream is not claimed by outsiders.
    [[nodiscard]] virtual bool may_abandon() const noexcept { return false; }
    /// Whether the answer of `end` waits for this one and cannot be given without it. For the thread that begins this, while it
    /// waits for nothing yet.
    [[nodiscard]] bool holds_up(state_base const& end) noexcept;
    /// As far down as nobody can be finished before this is: what wakes waiters may start there. Every link on the way remembers
    /// it, so that however a chain grows, and from whichever end it is walked, a link is walked once.
    [[nodiscard]] state_base* farthest_downstream() noexcept;

    /// What a thread that needs this answer can do about it. `claim`: it may run unstarted work of claimable executors.
    [[nodiscard]] assistance help(bool claim) noexcept;

protected:
    enum : std::uint32_t {
        queued = 1,
        runnable = 2,
        stopped = 4,
        wake_awaited = 8,
        pinned = 16,
        guarded = 32,
        broken = 64,
        settled = 128,
        under_way = 256,
        unasked = 512,  ///< made, but `begin` has not handed it over
        unshared = 1024,  ///< while its asker begins it, nobody else knows it
        handing = 1u << 11,  ///< one of those who are handing it to an executor now; they are counted in ten bits
        handers = 1023u << 11,
        waking = 1u << 21,  ///< one of those who walk downstream now; they are counted in the bits from here on
        wakers = ~(waking - 1),
    };

    state_base(any_executor&& executor, context_data const* context, std::uint32_t references, std::uint32_t word) noexcept;
    ~state_base();

    /// Makes the result visible and tells the consumer; the producer's reference is given up, and perhaps others.
    void publish(delivery how, std::uint32_t references = 1) noexcept;

    /// The one that clears `runnable` performs the step; returns what was there.
    std::uint32_t take_runnable(std::uint32_t bits) noexcept;
    /// The node was taken out of its queue, with the step if that is due here.
    std::uint32_t leave_queue() noexcept;
    /// For a stop request: takes the first step, so that nobody performs it; never a later one.
    [[nodiscard]] bool take_first_step() noexcept;
    void mark_begun() noexcept { mark(under_way); }
    void mark(std::uint32_t bits) noexcept { word_.fetch_or(bits, std::memory_order_seq_cst); }
    [[nodiscard]] std::uint32_t bits() const noexcept { return word_.load(std::memory_order_seq_cst); }
    [[nodiscard]] bool at_home() const noexcept {
        void const* const place = executor_.place();
        return place != nullptr && place == place_scope::current();
    }

    virtual void destroy() noexcept = 0;
    virtual void step(delivery how) noexcept = 0;
    /// The same with the queue's reference, which is given up, too.
    virtual void step_from_queue(delivery how) noexcept {
        step(how);
        release();
    }
    virtual void refuse(errc why, delivery how) noexcept = 0;
    /// First stop request, before the answer is known. Returns a reference to what should be stopped next, or null.
    virtual state_base* on_stop() noexcept { return nullptr; }
    /// A reference to what this waits for, or null.
    virtual state_base* upstream() noexcept { return nullptr; }
    /// What this thread can do for the place where the next step is due.
    virtual assistance assist_place() noexcept { return executor_.assist(); }
    [[nodiscard]] virtual new_place moved() noexcept { return {}; }
    /// Whoever took a step that turned out to be due elsewhere gives it back.
    virtual void put_back() noexcept { schedule(); }
    /// For states with several inputs: `help_input` for each.
    virtual assistance help_inputs(bool) noexcept { return assistance::none; }
    [[nodiscard]] static assistance help_input(state_base& input, bool claim) noexcept;

private:
    static constexpr std::uintptr_t is_ready = 1;
    static constexpr std::uintptr_t is_waiter = 2;
    static constexpr std::uintptr_t is_end = 4;  ///< of a consumer: there is nobody downstream
    static constexpr std::uintptr_t is_anew = 1;  ///< of the context
    static waiter* waiter_of(std::uintptr_t slot) noexcept { return reinterpret_cast<waiter*>(slot & ~is_waiter); }
    /// The consumer with somebody downstream, null when the slot holds none.
    static consumer* passage_of(std::uintptr_t slot) noexcept {
        return (slot & (is_ready | is_waiter | is_end)) == 0 ? reinterpret_cast<consumer*>(slot) : nullptr;
    }
    [[nodiscard]] bool attach_word(std::uintptr_t c) noexcept {
        std::uintptr_t expected = 0;
        // release pairs with the completer's exchange (c's fields), acquire with its result
        return slot_.compare_exchange_strong(expected, c, std::memory_order_acq_rel, std::memory_order_acquire);
    }

    class alarm;
    class fan;
    [[nodiscard]] wait_end wait(time_point until, alarm* limit);
    class walk;
    [[nodiscard]] assistance help(bool claim, walk& from) noexcept;
    [[nodiscard]] assistance help_queued(bool claim) noexcept;
    [[nodiscard]] assistance help_moved() noexcept;
    [[nodiscard]] bool is_current(work_item const& entry) noexcept { return (bits() & pinned) != 0 && moved().entry == &entry; }
    /// The step, if it is due by this entry. The state may move on before it is taken: then it is given back.
    [[nodiscard]] bool take_pinned(work_item const& entry) noexcept;
    [[nodiscard]] static waiter* find_waiter(state_base* at) noexcept;
    void handed() noexcept;
    void wake_counted(std::uint32_t seen) noexcept;
    [[nodiscard]] bool claim_alone() noexcept;
    static void signal_downstream(state_base* at) noexcept {
        if (waiter* w = find_waiter(at)) w->signal();
    }
    void await_wakers() noexcept;
    [[nodiscard]] bool take_own_step() noexcept;
    [[nodiscard]] bool attach(waiter& w) noexcept {
        std::uintptr_t expected = 0;
        return slot_.compare_exchange_strong(expected, reinterpret_cast<std::uintptr_t>(&w) | is_waiter, std::memory_order_seq_cst,
                                             std::memory_order_acquire);
    }
    /// Leaves the slot; whoever took the waiter out before owes it a signal, which is awaited.
    void detach(waiter& w) noexcept {
        std::uintptr_t expected = reinterpret_cast<std::uintptr_t>(&w) | is_waiter;
        // relaxed: what follows is ordered by the signal, or by the next look
        if (!slot_.compare_exchange_strong(expected, 0, std::memory_order_relaxed, std::memory_order_relaxed)) w.sleep();
    }

    std::atomic<std::uintptr_t> slot_{0};
    std::atomic<std::uint32_t> refs_;
    std::atomic<std::uint32_t> word_;
    any_executor executor_;
    std::uintptr_t context_;  ///< where it is, and `is_anew`
};

}  // namespace antiphon::detail
