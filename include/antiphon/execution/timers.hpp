// SPDX-License-Identifier: BSL-1.0
#pragma once
// Firing timers in order: a heap of them, and the process-wide thread that sleeps until the next.

#include <atomic>
#include <cstdint>
#include <thread>
#include <type_traits>

#include "antiphon/core/config.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/detail/reference_stock.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/timer.hpp"

#if ANTIPHON_HAS_FORK
#include <pthread.h>
#endif

namespace antiphon {

/// Armed timers, earliest first; equal moments in the order of arming. A pairing heap over the nodes themselves.
/// **Threads**: none by itself. **Cost**: no allocation; `push` and `next` are O(1), taking one out is O(log n) amortised.
/// **Source**: Fredman, Sedgewick, Sleator, Tarjan, "The pairing heap", Algorithmica 1, 1986.
class timer_queue {
public:
    /// Numbers its timers from `first_order`.
    constexpr explicit timer_queue(std::uint64_t first_order = 0) noexcept : order_{first_order} {}
    timer_queue(timer_queue const&) = delete;
    timer_queue& operator=(timer_queue const&) = delete;

    [[nodiscard]] bool empty() const noexcept { return root_ == nullptr; }
    /// The earliest moment, `time_point::max()` when there is none.
    [[nodiscard]] time_point next() const noexcept { return root_ != nullptr ? root_->when : time_point::max(); }

    void push(timer& t, time_point when) noexcept {
        t.when = when;
        t.order = order_++;
        t.child = t.sibling = nullptr;
        set_root(root_ != nullptr ? meld(root_, &t) : &t);
    }
    /// Takes out a timer that is in this queue.
    void remove(timer& t) noexcept {
        timer* const below = combine(t.child);
        if (&t == root_) {
            set_root(below);
        } else {
            *t.back = t.sibling;
            if (t.sibling != nullptr) t.sibling->back = t.back;
            if (below != nullptr) set_root(meld(root_, below));
        }
        t.child = t.sibling = nullptr;
        t.back = nullptr;
    }
    /// The earliest timer if its moment has come, taken out; null if not. `time_point::max()` never comes.
    [[nodiscard]] timer* pop_due(time_point now) noexcept {
        if (root_ == nullptr || root_->when > now || root_->when == time_point::max()) return nullptr;
        return pop();
    }
    /// The earliest timer, due or not, taken out; null when there is none.
    [[nodiscard]] timer* pop() noexcept {
        timer* const first = root_;
        if (first != nullptr) remove(*first);
        return first;
    }
    /// Forgets every timer without touching one, and numbers from `first_order`.
    void abandon(std::uint64_t first_order) noexcept {
        root_ = nullptr;
        order_ = first_order;
    }

private:
    static bool before(timer const& a, timer const& b) noexcept { return a.when != b.when ? a.when < b.when : a.order < b.order; }
    static timer* meld(timer* a, timer* b) noexcept {
        if (before(*b, *a)) {
            timer* const t = a;
            a = b;
            b = t;
        }
        b->sibling = a->child;
        if (b->sibling != nullptr) b->sibling->back = &b->sibling;
        a->child = b;
        b->back = &a->child;
        a->sibling = nullptr;
        return a;
    }
    /// Melds a list of siblings: in pairs from the left, then all together from the right.
    static timer* combine(timer* first) noexcept {
        timer* pairs = nullptr;
        while (first != nullptr) {
            timer* const a = first;
            timer* const b = a->sibling;
            first = b != nullptr ? b->sibling : nullptr;
            timer* const pair = b != nullptr ? meld(a, b) : a;
            pair->sibling = pairs;
            pairs = pair;
        }
        timer* whole = nullptr;
        while (pairs != nullptr) {
            timer* const pair = pairs;
            pairs = pair->sibling;
            pair->sibling = nullptr;
            whole = whole != nullptr ? meld(whole, pair) : pair;
        }
        return whole;
    }
    void set_root(timer* t) noexcept {
        root_ = t;
        if (t != nullptr) {
            t->back = &root_;
            t->sibling = nullptr;
        }
    }

    timer* root_ = nullptr;
    std::uint64_t order_;
};

/// The thread that fires timers for every executor without a clock of its own. It starts with the first timer and is never
/// joined: its state is constant-initialised and never destroyed, so neither exit nor static destructors can meet it half gone.
/// **Threads**: any. **Errors**: `arm` throws `std::system_error` when the thread cannot be started, and then `t` is not armed.
/// **Cost**: one lock; a system call only when the timer is the new earliest. The thread sleeps until the earliest one, and wakes for
/// nothing else: a disarmed timer that it sleeps for costs one wake-up.
/// **Time**: `clock`, which steps of the wall clock do not move. Moments are kept exactly, not rounded to ticks; a timer fires no earlier, and as
/// late as the kernel wakes the thread (some 50 µs on Linux). After a stall those that are due fire one after the other, earliest moment first.
/// After `fork()` the child starts afresh: timers of the parent never fire there, and disarming them succeeds.
class timer_thread {
public:
    constexpr timer_thread() noexcept = default;
    timer_thread(timer_thread const&) = delete;
    timer_thread& operator=(timer_thread const&) = delete;

    [[nodiscard]] static timer_thread& process() noexcept;
    /// Whether the calling thread is the timer thread, or one like it: it must not block, and no continuation of the user's runs on it.
    [[nodiscard]] static bool is_current() noexcept { return current_; }
    /// Makes the calling thread one like it: for threads of the library that complete asks, as those of a network do.
    static void take_after() noexcept { current_ = detail::keeps_no_stock = true; }

    /// `t.fire()` runs on the timer thread at `when` or soon after, never inside `arm`. `time_point::max()` never comes.
    void arm(timer& t, time_point when) {
        start();
        bool wake = false;
        {
            parking_lock::scope const hold{lock_};
            queue_.push(t, when);
            if (when < asleep_until_) {
                asleep_until_ = when;
                signal_.fetch_add(1, std::memory_order_relaxed);  // under the lock, as every access but the kernel's
                wake = true;
            }
        }
        if (wake) futex_wake_one(signal_);
    }
    /// True: `t` was armed and will not fire, and may be destroyed. False: it fired, or is about to.
    bool disarm(timer& t) noexcept {
        parking_lock::scope const hold{lock_};
        if (t.back == nullptr) return false;
        if (t.order >> generation_shift == generation_) {
            queue_.remove(t);
        } else {
            t.back = nullptr;  // armed before a fork, in a heap that this process has abandoned
        }
        return true;
    }

private:
    static constexpr unsigned generation_shift = 48;
    // none -> starting -> running; a failed start goes back to none.
    static constexpr std::uint32_t none = 0, starting = 1, running = 2;

    void start() {
        // relaxed, all: it only decides who starts it; what threads share with it is under the lock
        std::uint32_t seen = started_.load(std::memory_order_relaxed);
        while (seen != running) {
            if (seen == starting) {
                futex_wait(started_, starting);
                seen = started_.load(std::memory_order_relaxed);
            } else if (started_.compare_exchange_strong(seen, starting, std::memory_order_relaxed)) {
                start_thread();
                return;
            }
        }
    }
    void start_thread() {
        ANTIPHON_TRY {
            std::thread{[this] { main(); }}.detach();
        }
        ANTIPHON_CATCH_ALL {
            settle(none);
            ANTIPHON_RETHROW;
        }
        settle(running);
    }
    void settle(std::uint32_t state) noexcept {
        started_.store(state, std::memory_order_relaxed);  // see start()
        futex_wake_all(started_);
    }
    [[noreturn]] void main() noexcept {
        current_ = detail::keeps_no_stock = true;
        parking_lock::scope hold{lock_};
        for (;;) {
            if (timer* const due = queue_.pop_due(clock::now())) {
                hold.unlock();
                due->fire();
                hold.lock();
                continue;
            }
            asleep_until_ = queue_.next();
            std::uint32_t const seen = signal_.load(std::memory_order_relaxed);
            time_point const until = asleep_until_;
            hold.unlock();
            futex_wait_until(signal_, seen, until);
            hold.lock();
            asleep_until_ = time_point::min();  // awake: nobody needs to wake it
        }
    }
#if ANTIPHON_HAS_FORK
    static bool const forks_are_watched_;
    /// Runs in a child's only thread, where the lock may be held for ever and the heap half linked.
    static void forget() noexcept;
#endif

    static constinit inline thread_local bool current_ = false;

    parking_lock lock_;
    // Guarded by lock_:
    timer_queue queue_;
    std::uint64_t generation_ = 0;
    time_point asleep_until_ = time_point::min();
    std::atomic<std::uint32_t> signal_{0};
    // By itself:
    std::atomic<std::uint32_t> started_{none};
};

static_assert(std::is_trivially_destructible_v<timer_thread>);

namespace detail {

inline constinit timer_thread the_timer_thread{};

}  // namespace detail

inline timer_thread& timer_thread::process() noexcept { return detail::the_timer_thread; }

#if ANTIPHON_HAS_FORK

// Before anybody can be found starting the thread by a fork.
inline bool const timer_thread::forks_are_watched_ = ::pthread_atfork(nullptr, nullptr, &timer_thread::forget) == 0;

inline void timer_thread::forget() noexcept {
    timer_thread& t = process();
    t.lock_.reset_after_fork();
    ++t.generation_;
    t.queue_.abandon(t.generation_ << generation_shift);
    t.asleep_until_ = time_point::min();
    t.signal_.store(0, std::memory_order_relaxed);  // relaxed, all three: there is no other thread
    t.started_.store(none, std::memory_order_relaxed);
}

#endif

}  // namespace antiphon
