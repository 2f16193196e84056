// SPDX-License-Identifier: BSL-1.0
#pragma once
// The shared state of one ask: who waits for it, what it waits for, and the claim that lets exactly one thread run it.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/lifetime.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/default_pool.hpp"
#include "antiphon/execution/here.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/request/answer.hpp"
#include "antiphon/request/link.hpp"
#include "antiphon/request/trampoline.hpp"
#include "antiphon/fwd.hpp"

namespace antiphon {

/// How urgent an ask is. A pool prefers the more urgent, then the one whose deadline is nearer.
enum class priority {
    idle = -2,
    low = -1,
    normal = 0,
    high = 1,
    urgent = 2
};

}  // namespace antiphon

namespace antiphon::detail {

class state_base;
class context_data;

/// From where an answer is delivered.
enum class delivery {
    tail,     ///< the library's own loop: nothing of the user's is below, in the place the completer runs for
    nested,   ///< inside somebody's call (`set_value`, a timer)
    dropped,  ///< inside a destructor of `work`, perhaps under the user's lock: nothing of the user's may run here
};

/// Keeps an answer that has several inputs from being published while a walk, which began at one of the inputs and knows nothing
/// of the others, passes through.
class gate {
public:
    /// False: it is closed.
    [[nodiscard]] bool enter() noexcept {
        // seq_cst against `close`: one of both sees the other
        if ((word_.fetch_add(one, std::memory_order_seq_cst) & closed) == 0) return true;
        leave();
        return false;
    }
    void leave() noexcept {
        // release pairs with the load in `close`; only the address is used afterwards
        std::uint32_t const old = word_.fetch_sub(one, std::memory_order_release);
        if ((old & closed) != 0 && old < 2 * one) futex_wake_all(word_);
    }
    /// Nobody enters any more, and who is inside has left.
    void close() noexcept {
        for (std::uint32_t seen = word_.fetch_or(closed, std::memory_order_seq_cst) | closed; seen >= one;
             seen = word_.load(std::memory_order_acquire))
            futex_wait(word_, seen);
    }

private:
    static constexpr std::uint32_t closed = 1, one = 2;
    std::atomic<std::uint32_t> word_{0};
};

/// What is told, once, that a state is ready. At most one a state.
class consumer {
public:
    virtual void on_ready(state_base& source, delivery how) noexcept = 0;
    /// The state whose answer depends on this one; null where there is none.
    virtual state_base* downstream() noexcept { return nullptr; }
    /// Not null where that state has other inputs too: then it is looked at inside the gate only.
    virtual gate* passage() noexcept { return nullptr; }
    /// Whether `downstream` stays unfinished, and with it alive, for as long as the state that has this consumer is unfinished.
    [[nodiscard]] virtual bool steadfast() noexcept { return false; }
    /// `end` lies further down than `downstream`, and everything on the way there is steadfast: later walks go there at once.
    virtual void remember([[maybe_unused]] state_base& end) noexcept {}

protected:
    ~consumer() = default;
};

/// A thread that sleeps until a state is ready or has changed. Lives in the waiter's frame.
class waiter {
public:
    /// The last touch: the sleeper may be gone before the kernel has been told its address.
    void signal() noexcept {
        signaled_.store(1, std::memory_order_release);  // pairs with `signaled`
        futex_wake_one(signaled_);
    }
    [[nodiscard]] bool signaled() const noexcept { return signaled_.load(std::memory_order_acquire) != 0; }
    /// False when `until` came first.
    bool sleep_until(time_point until) noexcept {
        while (!signaled())
            if (!futex_wait_until(signaled_, 0, until)) return signaled();
        return true;
    }
    void sleep() noexcept { static_cast<void>(sleep_until(time_point::max())); }

private:
    std::atomic<std::uint32_t> signaled_{0};
};

/// The answer of a wait.
enum class wait_end {
    ready,
    timed_out,
    would_deadlock,
    forked
};

/// Everything about an ask except its result.
///
/// `slot_`, who is told: 0 (nobody) → consumer | waiter+2 (attached, by exchange against 0) → 0 (a waiter only: it left, or it
/// was taken out to be woken) and, once, anything → 1 (ready, by the completer's exchange). Whoever takes a waiter out of the
/// slot owes it exactly one signal, and a leaving waiter that finds itself taken waits for it: so nobody signals a frame
/// that is gone. The exchange to 1 releases the result to whoever reads 1 or finds its attachment refused.
///
/// `word_`, who runs it: `queued`: some executor's queue holds the node. `runnable`: the next step is due, and whoever
/// clears this bit (the executor's thread, a claiming waiter, a stop request) is the one that performs it. A claimed node
/// stays behind in its queue as a husk; if it becomes runnable again before the queue comes to it, the husk is the entry.
///
/// References: the producer's (given up after `publish`), the consumer's (the future, a link), the queue's (while `queued`).
class state_base : public work_item {
public:
    void retain() noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }  // relaxed: the caller holds one already
    void release() noexcept {
        // The only holder left needs no exchange: nobody else can add a reference. acquire, and acq_rel, pair with the other
        // holders' decrements: the last one sees all their uses.
        if (refs_.load(std::memory_order_acquire) == 1 || refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy();
    }

    [[nodiscard]] bool ready() const noexcept { return slot_.load(std::memory_order_acquire) == is_ready; }
    [[nodiscard]] bool stop_requested() const noexcept { return (word_.load(std::memory_order_seq_cst) & stopped) != 0; }
    [[nodiscard]] any_executor const& executor() const noexcept { return executor_; }
    [[nodiscard]] context_data const* context() const noexcept { return context_; }

    /// True: `c` will be told. False: the answer is here already, and is visible.
    [[nodiscard]] bool attach(consumer& c) noexcept {
        std::uintptr_t expected = 0;
        // release pairs with the completer's exchange (c's fields), acquire with its result
        return slot_.compare_exchange_strong(expected, reinterpret_cast<std::uintptr_t>(&c), std::memory_order_acq_rel,
                                             std::memory_order_acquire);
    }
    /// Before the state is shared, and before it has begun, so that it cannot be ready.
    void attach_first(consumer& c) noexcept { slot_.store(reinterpret_cast<std::uintptr_t>(&c), std::memory_order_relaxed); }

    /// Asks this and everything it waits for to stop. Iterative along chains.
    void request_stop() noexcept {
        retain();
        for (state_base* at = this; at != nullptr;) {
            state_base* further = nullptr;
            // seq_cst, against link::set followed by stop_requested: one of both sees the other
            if ((at->word_.fetch_or(stopped, std::memory_order_seq_cst) & stopped) == 0 && !at->ready()) further = at->on_stop();
            at->release();
            at = further;
        }
    }

    /// Blocks until ready, or until a moment of the executor's clock. With such a limit nothing is claimed, but by workers of
    /// the pool that it is queued on.
    [[nodiscard]] wait_end wait(time_point until = time_point::max());

    /// Lets the next step be performed by `where`, or by a waiter.
    void schedule(any_executor const& where) noexcept {
        retain();
        word_.fetch_add(handing, std::memory_order_relaxed);  // ordered by the next
        // seq_cst, against a waiter that registers and then looks again (wait); release pairs with the step's acquire
        if ((word_.fetch_or(queued | runnable, std::memory_order_seq_cst) & queued) == 0) {
            retain();  // the queue's; the first keeps this, of which `where` may be part, until `execute` has returned
            hand_to(where);
        }
        word_.fetch_sub(handing, std::memory_order_seq_cst);
        wake_waiter();  // last: what it looks for, the node or its executor's own work, is in its queue by now
        release();
    }
    void schedule() noexcept { schedule(executor_); }

    /// Starts the ask. Once, after its consumer was attached or has its future, by somebody who holds a reference meanwhile.
    virtual void begin() noexcept {}

    /// The first hand-over: the queue's reference and the bits were set when the state was made.
    void hand_over() noexcept {
        if (executor_) {
            hand_to(executor_);
            word_.fetch_and(~std::uint32_t{unasked}, std::memory_order_seq_cst);
            wake_waiter();  // a delayed ask may have one already
        } else {
            word_.fetch_and(~std::uint32_t{unasked}, std::memory_order_seq_cst);
            run();
        }
    }
    void hand_to(any_executor const& where) noexcept {
        work job{*this};
        ANTIPHON_TRY { where.execute(std::move(job)); }
        ANTIPHON_CATCH_ALL {
            // The executor was given the job and let go of it while throwing: the ask is decided.
        }
    }
    /// Performs the next step in this thread's trampoline.
    void bounce() noexcept {
        retain();
        // as in schedule
        if ((word_.fetch_or(queued | runnable, std::memory_order_seq_cst) & queued) != 0) {
            wake_waiter();
            release();
        } else if (!trampoline::run(*this) && executor_.claimable()) {
            wake_waiter();  // this thread comes to it later, perhaps after a wait of its own: others may take it
        }
    }
    /// Whether the thread that comes along is the right one.
    [[nodiscard]] static bool runs_anywhere(any_executor const& e) noexcept { return !e || e.runs_in_place(); }
    /// The rule for every continuation: in the completing thread when it is in the right place and nothing of the user's
    /// is below, else through the executor; without an executor, in the completing thread.
    void continue_after(delivery how) noexcept {
        bool const anywhere = runs_anywhere(executor_);
        if (how == delivery::dropped || (anywhere && timer_thread::is_current())) {
            schedule(default_pool().get_executor());
        } else if (anywhere || (how == delivery::tail && at_home())) {
            bounce();
        } else {
            schedule();
        }
    }

    void run() noexcept final {
        std::uint32_t const old = leave_queue();
        if ((old & runnable) != 0) {
            trampoline::barrier const closed{this};
            step(delivery::tail);
        }
        release();
    }
    void reject(errc why, rejection how) noexcept final {
        std::uint32_t const old = leave_queue();
        if ((old & runnable) != 0) refuse(why, how == rejection::dropped ? delivery::dropped : delivery::nested);
        release();
    }

    /// Of a pinned state: the entry by which its steps come now, and the place where.
    struct new_place {
        work_item const* entry = nullptr;
        void const* place = nullptr;
    };
    /// For a pinned state, which has left the executor of its own node: the next step by way of another node.
    /// The entry may lie in that executor's queue still, as a husk, after somebody else has taken its step: then the husk is the entry.
    void schedule_as(work_item& entry, std::atomic<bool>& in_queue, any_executor const& where) noexcept {
        retain();
        word_.fetch_add(handing, std::memory_order_relaxed);  // ordered by the next
        mark(runnable);
        // seq_cst against take_pinned: the husk sees the step, or has left the queue
        if (!in_queue.exchange(true, std::memory_order_seq_cst)) {
            retain();  // as in schedule: one is the queue's, one keeps `where`
            work job{entry};
            ANTIPHON_TRY { where.execute(std::move(job)); }
            ANTIPHON_CATCH_ALL {
                // as in hand_to
            }
        }
        word_.fetch_sub(handing, std::memory_order_seq_cst);
        wake_waiter();
        release();
    }
    void run_pinned(work_item const& entry, std::atomic<bool>& in_queue) noexcept {
        in_queue.store(false, std::memory_order_seq_cst);
        if (take_pinned(entry)) {
            trampoline::barrier const closed;
            step(delivery::tail);
        }
        release();
    }
    void reject_pinned(work_item const& entry, std::atomic<bool>& in_queue, errc why, rejection how) noexcept {
        in_queue.store(false, std::memory_order_seq_cst);
        if (take_pinned(entry)) refuse(why, how == rejection::dropped ? delivery::dropped : delivery::nested);
        release();
    }

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
        std::uint32_t const old = word_.fetch_and(~guarded, std::memory_order_seq_cst);
        return (old & settled) != 0 ? promise_fate::fulfilled : (old & broken) != 0 ? promise_fate::dropped : promise_fate::kept;
    }
    /// For the ask: true when its handler, which has answered through the promise, still runs: what it consists of is destroyed by
    /// the guard's end.
    [[nodiscard]] bool defer_discard() noexcept { return (word_.fetch_or(settled, std::memory_order_seq_cst) & guarded) != 0; }
    /// For the promise's destructor: true when its drop is decided later, by the guard's end.
    [[nodiscard]] bool defer_broken_promise() noexcept { return (word_.fetch_or(broken, std::memory_order_seq_cst) & guarded) != 0; }

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
        handing = 1u << 12,  ///< one of those who are handing it to an executor now; they are counted in four bits
        handers = 15u << 12,
        waking = 1u << 16,  ///< one of those who walk downstream now; they are counted in the bits from here on
        wakers = ~(waking - 1),
    };

    state_base(any_executor executor, context_data const* context, std::uint32_t references, std::uint32_t word) noexcept;
    ~state_base();

    /// Makes the result visible and tells the consumer; the producer's reference is given up.
    void publish(delivery how) noexcept {
        // acq_rel: release pairs with ready/attach/wait; acquire makes the consumer's fields visible
        std::uintptr_t const old = slot_.exchange(is_ready, std::memory_order_seq_cst);
        if (old == 0) {
        } else if ((old & is_waiter) != 0) {
            waiter_of(old)->signal();
        } else {
            reinterpret_cast<consumer*>(old)->on_ready(*this, how);
        }
        release();
    }

    /// The one that clears `runnable` performs the step; returns what was there.
    std::uint32_t take_runnable(std::uint32_t bits) noexcept {
        std::uint32_t const old = word_.fetch_and(~bits, std::memory_order_seq_cst);
        if ((old & runnable) != 0 && (old & wakers) != 0) await_wakers();
        return old;
    }
    /// The node was taken out of its queue, with the step if that is due here.
    std::uint32_t leave_queue() noexcept {
        std::uint32_t old = word_.load(std::memory_order_relaxed);
        std::uint32_t cleared = 0;
        do {
            cleared = (old & pinned) != 0 ? queued : queued | runnable;  // a pinned state's step is due elsewhere
        } while (!word_.compare_exchange_weak(old, old & ~cleared, std::memory_order_seq_cst, std::memory_order_relaxed));
        if ((old & cleared & runnable) != 0 && (old & wakers) != 0) await_wakers();
        return old & cleared;
    }
    /// For a stop request: takes the first step, so that nobody performs it; never a later one.
    [[nodiscard]] bool take_first_step() noexcept {
        std::uint32_t old = word_.load(std::memory_order_relaxed);
        do {
            if ((old & runnable) == 0 || (old & under_way) != 0) return false;
        } while (!word_.compare_exchange_weak(old, old & ~runnable, std::memory_order_seq_cst, std::memory_order_relaxed));
        if ((old & wakers) != 0) await_wakers();
        return true;
    }
    void mark_begun() noexcept { mark(under_way); }
    void mark(std::uint32_t bits) noexcept { word_.fetch_or(bits, std::memory_order_seq_cst); }
    [[nodiscard]] std::uint32_t bits() const noexcept { return word_.load(std::memory_order_seq_cst); }
    [[nodiscard]] bool at_home() const noexcept {
        void const* const place = executor_.place();
        return place != nullptr && place == place_scope::current();
    }

    virtual void destroy() noexcept = 0;
    virtual void step(delivery how) noexcept = 0;
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
    static waiter* waiter_of(std::uintptr_t slot) noexcept { return reinterpret_cast<waiter*>(slot & ~is_waiter); }

    class alarm;
    class fan;
    [[nodiscard]] wait_end wait(time_point until, alarm* limit);
    class walk;
    [[nodiscard]] assistance help(bool claim, walk& from) noexcept;
    [[nodiscard]] assistance help_queued(bool claim) noexcept;
    [[nodiscard]] assistance help_moved() noexcept;
    [[nodiscard]] bool is_current(work_item const& entry) noexcept { return (bits() & pinned) != 0 && moved().entry == &entry; }
    /// The step, if it is due by this entry. The state may move on before it is taken: then it is given back.
    [[nodiscard]] bool take_pinned(work_item const& entry) noexcept {
        if (!is_current(entry) || (take_runnable(runnable) & runnable) == 0) return false;
        if (is_current(entry)) return true;
        put_back();
        return false;
    }
    [[nodiscard]] static waiter* find_waiter(state_base* at) noexcept;
    static void signal_downstream(state_base* at) noexcept {
        if (waiter* w = find_waiter(at)) w->signal();
    }
    void await_wakers() noexcept;
    [[nodiscard]] bool attach(waiter& w) noexcept {
        std::uintptr_t expected = 0;
        return slot_.compare_exchange_strong(expected, reinterpret_cast<std::uintptr_t>(&w) | is_waiter, std::memory_order_seq_cst,
                                             std::memory_order_seq_cst);
    }
    /// Leaves the slot; whoever took the waiter out before owes it a signal, which is awaited.
    void detach(waiter& w) noexcept {
        std::uintptr_t expected = reinterpret_cast<std::uintptr_t>(&w) | is_waiter;
        if (!slot_.compare_exchange_strong(expected, 0, std::memory_order_seq_cst, std::memory_order_acquire)) w.sleep();
    }

    std::atomic<std::uintptr_t> slot_{0};
    std::atomic<std::uint32_t> refs_;
    std::atomic<std::uint32_t> word_;
    any_executor executor_;
    context_data const* context_;
};

/// An intrusive pointer to a state.
template <class S = state_base>
class state_ptr {
public:
    state_ptr() noexcept = default;
    /// Adopts one reference.
    explicit state_ptr(S* adopted) noexcept : state_{adopted} {}
    state_ptr(state_ptr&& other) noexcept : state_{std::exchange(other.state_, nullptr)} {}
    state_ptr& operator=(state_ptr&& other) noexcept {
        state_ptr{std::move(other)}.swap(*this);
        return *this;
    }
    ~state_ptr() {
        if (state_ != nullptr) state_->release();
    }
    void swap(state_ptr& other) noexcept { std::swap(state_, other.state_); }
    [[nodiscard]] S* get() const noexcept { return state_; }
    [[nodiscard]] S* release() noexcept { return std::exchange(state_, nullptr); }
    S* operator->() const noexcept { return state_; }
    S& operator*() const noexcept { return *state_; }
    explicit operator bool() const noexcept { return state_ != nullptr; }

private:
    S* state_ = nullptr;
};

/// What an ask inherits from the asks around it: deadline, attempt, priority, observer. Part of the state that introduced it, which
/// it keeps alive.
class context_data {
public:
    explicit context_data(state_base& owner) noexcept : owner_{&owner} {}
    void retain() const noexcept { owner_->retain(); }
    void release() const noexcept { owner_->release(); }

    time_point deadline = time_point::max();
    std::uint32_t attempt = 1;
    antiphon::priority priority = antiphon::priority::normal;
    void const* metadata = nullptr;
    antiphon::observer* observer = nullptr;  // kept alive by the state that introduced it

    void inherit(context_data const* outer) noexcept {
        if (outer == nullptr) return;
        deadline = outer->deadline;
        attempt = outer->attempt;
        priority = outer->priority;
        metadata = outer->metadata;
        observer = outer->observer;
    }

private:
    state_base* owner_;
};

inline state_base::state_base(any_executor executor, context_data const* context, std::uint32_t references, std::uint32_t word) noexcept
    : refs_{references}, word_{word}, executor_{std::move(executor)}, context_{context} {
    if (context_ != nullptr) context_->retain();
}
inline state_base::~state_base() {
    if (context_ != nullptr) context_->release();
}

inline state_base* state_base::farthest_downstream() noexcept {
    auto const steadfast_consumer = [](state_base& s) noexcept -> consumer* {
        std::uintptr_t const found = s.slot_.load(std::memory_order_seq_cst);
        if (found == 0 || (found & (is_ready | is_waiter)) != 0) return nullptr;
        consumer* const told = reinterpret_cast<consumer*>(found);
        return told->steadfast() ? told : nullptr;
    };
    state_base* end = this;
    std::size_t steps = 0;
    for (consumer* told = steadfast_consumer(*end); told != nullptr; told = steadfast_consumer(*end), ++steps)
        end = told->downstream();
    if (steps < 2) return end;
    for (state_base* at = this; at != end;) {
        consumer* const told = steadfast_consumer(*at);
        if (told == nullptr) break;  // the chain has grown, and another walk remembered an end beyond this one
        at = told->downstream();
        told->remember(*end);
    }
    return end;
}

inline bool state_base::holds_up(state_base const& end) noexcept {
    for (state_base* at = this; at != nullptr && !at->may_abandon();) {
        if (at == &end) return true;
        std::uintptr_t const found = at->slot_.load(std::memory_order_seq_cst);
        if (found == 0 || (found & (is_ready | is_waiter)) != 0) return false;
        consumer& told = *reinterpret_cast<consumer*>(found);
        if (told.passage() != nullptr) return false;
        at = told.downstream();
    }
    return false;
}

inline waiter* state_base::find_waiter(state_base* at) noexcept {
    // From gate to gate, hand over hand: what lies behind the last one stays unpublished.
    struct {
        gate* held = nullptr;
        void move_to(gate* further) noexcept {
            if (gate* const behind = std::exchange(held, further)) behind->leave();
        }
    } passing;
    waiter* sleeper = nullptr;
    while (at != nullptr) {
        at = at->farthest_downstream();
        std::uintptr_t found = at->slot_.load(std::memory_order_seq_cst);
        if (found == 0 || found == is_ready) break;
        if ((found & is_waiter) != 0) {
            bool const taken = at->slot_.compare_exchange_strong(found, 0, std::memory_order_seq_cst, std::memory_order_seq_cst);
            if (taken) sleeper = waiter_of(found);
            break;
        }
        auto& told = *reinterpret_cast<consumer*>(found);
        if (gate* const ahead = told.passage()) {
            if (!ahead->enter()) break;
            passing.move_to(ahead);
        }
        at = told.downstream();
    }
    passing.move_to(nullptr);
    return sleeper;
}

inline void state_base::wake_waiter() noexcept {
    std::uintptr_t const found = slot_.load(std::memory_order_seq_cst);
    if (found == 0 || found == is_ready) return;
    if ((found & is_waiter) != 0) return wake_own_waiter();
    // States downstream live as long as this one is unfinished. While this walker is counted and `runnable` was still there,
    // whoever takes the step waits: so the walk is safe. Without `runnable` somebody performs the step already: nobody need be woken.
    waiter* sleeper = nullptr;
    if ((word_.fetch_add(waking, std::memory_order_seq_cst) & runnable) != 0) sleeper = find_waiter(this);
    // release pairs with await_wakers
    std::uint32_t const old = word_.fetch_sub(waking, std::memory_order_seq_cst);
    if ((old & wakers) == waking && (old & wake_awaited) != 0) futex_wake_all(word_);
    if (sleeper != nullptr) sleeper->signal();
}

inline void state_base::wake_own_waiter() noexcept {
    std::uintptr_t found = slot_.load(std::memory_order_seq_cst);
    // One that left meanwhile needs no signal, and one that came later looks for itself.
    if ((found & is_waiter) != 0 && slot_.compare_exchange_strong(found, 0, std::memory_order_seq_cst, std::memory_order_seq_cst))
        waiter_of(found)->signal();
}

inline void state_base::await_wakers() noexcept {
    for (std::uint32_t seen = word_.fetch_or(wake_awaited, std::memory_order_seq_cst) | wake_awaited; (seen & wakers) != 0;
         seen = word_.load(std::memory_order_acquire))
        futex_wait(word_, seen);
}

inline assistance state_base::help_queued(bool claim) noexcept {
    if ((bits() & unasked) != 0) return executor_.assist();  // not yet: its clock may have to be driven on until it is begun
    if ((bits() & pinned) != 0) return help_moved();
    void const* const place = executor_.place();
    bool const own_worker = place != nullptr && worker_of_place() == place;
    bool const may_run = own_worker || (claim && executor_.claimable());
    if (!may_run && !trampoline::holds(*this)) return (bits() & handers) != 0 ? assistance::none : assist_place();
    if ((take_runnable(runnable) & runnable) != 0) {
        trampoline::barrier const closed;
        place_scope const lent{place};
        step(delivery::tail);
    }
    return assistance::progress;
}

inline assistance state_base::help_moved() noexcept {
    new_place const now = moved();
    if (now.place == nullptr || worker_of_place() != now.place) return (bits() & handers) != 0 ? assistance::none : assist_place();
    if (take_pinned(*now.entry)) {
        trampoline::barrier const closed;
        place_scope const lent{now.place};
        step(delivery::tail);
    }
    return assistance::progress;
}

/// How far a waiter has come along a long chain: it looks again from there, not from the beginning.
class state_base::walk {
public:
    struct position {
        state_ptr<> at;
        bool claim;
    };
    [[nodiscard]] position begin(state_base& from, bool claim) noexcept {
        if (reached_ && !reached_->ready()) {
            reached_->retain();
            return {state_ptr<>{reached_.get()}, claim_};
        }
        reached_ = {};
        from.retain();
        return {state_ptr<>{&from}, claim};
    }
    void keep(state_base& at, bool claim, std::size_t steps) noexcept {
        if (steps < worth_it) return;
        at.retain();
        reached_ = state_ptr<>{&at};
        claim_ = claim;
    }

    any_executor simulated;  ///< the clock on the way that must be driven on, if there is one

private:
    static constexpr std::size_t worth_it = 16;
    state_ptr<> reached_;
    bool claim_ = false;
};

inline assistance state_base::help(bool claim) noexcept {
    walk once;
    return help(claim, once);
}

inline assistance state_base::help(bool claim_all, walk& from) noexcept {
    auto [at, claim] = from.begin(*this, claim_all);
    for (std::size_t steps = 0;; ++steps) {
        if (at->ready()) return at.get() == this ? assistance::progress : assistance::none;
        if ((at->bits() & runnable) != 0) {
            from.keep(*at, claim, steps);
            return at->help_queued(claim);
        }
        if (at->executor_.own_clock()) from.simulated = at->executor_;
        bool const beyond = claim && !at->may_abandon();
        if (state_ptr<> further{at->upstream()}) {
            claim = beyond;
            at = std::move(further);
            continue;
        }
        from.keep(*at, claim, steps);
        assistance found = at->help_inputs(beyond);
        // One that has moved, and of which no step is due, runs, or is on its way: it says when there is something to do.
        if (found == assistance::none && (at->bits() & pinned) == 0) found = at->assist_place();
        if (found == assistance::none && executor_.assist() == assistance::progress) return assistance::progress;
        if (found != assistance::none || !from.simulated) return found;
        // Nothing can be done about a bare promise but to let the simulation go on; about another executor's work, to wait.
        found = from.simulated.assist();
        return found == assistance::progress || !at->executor_ ? found : assistance::none;
    }
}

/// A thread's way into states with several inputs. What lies too deep is put off for the outermost one, so that the stack does not
/// grow with the depth. A wait inside a step that is run on the way begins anew.
class state_base::fan {
public:
    fan() noexcept : outer_{std::exchange(top_, this)} {}
    ~fan() { top_ = outer_; }
    fan(fan const&) = delete;
    fan& operator=(fan const&) = delete;

    [[nodiscard]] static assistance help(state_base& input, bool claim) noexcept {
        if (top_ != nullptr) return top_->go_into(input, claim);
        fan first;
        return first.go_into(input, claim);
    }

private:
    struct branch {
        state_ptr<> at;
        bool claim;
        branch* next;
    };
    [[nodiscard]] assistance go_into(state_base& input, bool claim) noexcept {
        if (depth_ == deepest) {
            // Without memory for it, it is not helped: it still has its executor.
            if (auto* const put_off = new (std::nothrow) branch{{}, claim, later_}) {
                input.retain();
                put_off->at = state_ptr<>{&input};
                later_ = put_off;
            }
            return assistance::none;
        }
        ++depth_;
        assistance found = input.help(claim);
        --depth_;
        while (depth_ == 0 && later_ != nullptr) {
            branch* const now = std::exchange(later_, later_->next);
            ++depth_;
            if (found != assistance::progress && now->at->help(now->claim) == assistance::progress) found = assistance::progress;
            --depth_;
            delete now;
        }
        return found;
    }

    static constexpr int deepest = 64;
    static constinit inline thread_local fan* top_ = nullptr;
    fan* outer_;
    int depth_ = 0;
    branch* later_ = nullptr;
};

inline assistance state_base::help_input(state_base& input, bool claim) noexcept { return fan::help(input, claim); }

/// Ends a wait by the executor's own clock. Lives in the waiter's frame; after `rang` it is not touched.
class state_base::alarm final : private timer {
public:
    alarm(state_base& s, time_point moment) : state_{&s} {
        state_->retain();
        state_->executor_.arm(*this, moment);
    }
    ~alarm() {
        if (state_->executor_.disarm(*this)) {
            state_->release();
        } else {
            while (!rang())
                futex_wait(rang_, 0);
        }
    }
    alarm(alarm const&) = delete;
    alarm& operator=(alarm const&) = delete;
    [[nodiscard]] bool rang() const noexcept { return rang_.load(std::memory_order_acquire) != 0; }  // pairs with fire

private:
    void fire() noexcept override {
        state_base* const s = state_;
        rang_.store(1, std::memory_order_seq_cst);  // seq_cst against a waiter that registers and looks again
        futex_wake_one(rang_);
        s->wake_own_waiter();
        s->release();
    }
    state_base* state_;
    std::atomic<std::uint32_t> rang_{0};
};

inline wait_end state_base::wait(time_point until) {
    bool const claim = until == time_point::max();
    if (claim || !executor_.own_clock()) return wait(until, nullptr);
    if (executor_.now() >= until) return ready() ? wait_end::ready : wait_end::timed_out;
    alarm limit{*this, until};
    return wait(time_point::max(), &limit);
}

inline wait_end state_base::wait(time_point until, alarm* limit) {
    bool const claim = until == time_point::max() && limit == nullptr;
    fan const outermost;
    for (walk along;;) {
        for (;;) {
            if (ready()) return wait_end::ready;
            if (executor_.forked()) return wait_end::forked;
            if (limit != nullptr ? limit->rang() : !claim && clock::now() >= until) return wait_end::timed_out;
            assistance const found = help(claim, along);
            if (found == assistance::would_deadlock) return wait_end::would_deadlock;
            if (found == assistance::none) break;
        }
        waiter sleeper;
        if (!attach(sleeper)) {
            // Ready, or somebody waits already: another thread, or a frame below this one, which would wait for itself.
            return ready() ? wait_end::ready : wait_end::would_deadlock;
        }
        // What became runnable before the attachment is seen now; what becomes so later finds the waiter (schedule).
        assistance const found = limit != nullptr && limit->rang() ? assistance::progress : help(claim, along);
        if (found != assistance::none) {
            detach(sleeper);
            if (found == assistance::would_deadlock && !ready()) return wait_end::would_deadlock;
            continue;
        }
        if (!sleeper.sleep_until(until)) detach(sleeper);
    }
}

/// The ask that this thread is beginning and will then wait for without a limit: the innermost `call()`, until it waits.
class awaited_ask {
public:
    explicit awaited_ask(state_base const& root) noexcept : outer_{std::exchange(current_, &root)} {}
    ~awaited_ask() { current_ = outer_; }
    awaited_ask(awaited_ask const&) = delete;
    awaited_ask& operator=(awaited_ask const&) = delete;
    [[nodiscard]] static state_base const* current() noexcept { return current_; }

private:
    state_base const* outer_;
    static constinit inline thread_local state_base const* current_ = nullptr;
};

/// A state with its result.
template <class R>
class state : public state_base {
public:
    /// Decides the ask by the result that `make` returns. What it throws becomes the failure.
    template <class Make>
    void decide(Make&& make, delivery how) noexcept {
        ANTIPHON_TRY { ::new (static_cast<void*>(detail::addressof(result_))) result<R>(std::forward<Make>(make)()); }
        ANTIPHON_CATCH_ALL { ::new (static_cast<void*>(detail::addressof(result_))) result<R>(failure::current()); }
        discard();
        this->publish(how);
    }
    void complete(result<R>&& answer, delivery how) noexcept {
        decide([&]() -> result<R>&& { return std::move(answer); }, how);
    }
    void fail(failure why, delivery how) noexcept {
        decide([&] { return result<R>(std::move(why)); }, how);
    }
    /// Decides the ask by the immediate answer that `make` gives.
    template <class Make>
    void answer_now(Make&& make, delivery how) noexcept {
        decide([&] { return immediate_result<R>(std::forward<Make>(make)); }, how);
    }
    /// Once ready.
    [[nodiscard]] result<R>& get() noexcept { return result_; }
    [[nodiscard]] result<R> take() noexcept {
        ANTIPHON_TRY { return std::move(result_); }
        ANTIPHON_CATCH_ALL { return failure::current(); }
    }

protected:
    state(any_executor executor, context_data const* context, std::uint32_t references, std::uint32_t word) noexcept
        : state_base{std::move(executor), context, references, word} {}
    ~state() {
        if (this->ready()) result_.~result<R>();
    }
    /// The answer is known: the handler and its arguments may go, before anybody hears of it.
    virtual void discard() noexcept {}

    union {
        result<R> result_;
    };
};

}  // namespace antiphon::detail
