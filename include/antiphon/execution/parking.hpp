// SPDX-License-Identifier: BSL-1.0
#pragma once
// Sleeping on a 32-bit word until it changes or a moment comes, and a small lock made of that.

#include <atomic>
#include <cstdint>

#include "antiphon/core/config.hpp"
#include "antiphon/core/time.hpp"

#if ANTIPHON_HAS_FUTEX
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#else
#include <thread>
#endif

namespace antiphon {

/// Sleeps until `word` differs from `expected` and somebody wakes it; may return early, so look again.
/// **Threads**: any. Orders nothing by itself: load the word with acquire afterwards, against the waker's release store.
inline void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept;
/// The same with an end: false when `until` has come (`time_point::max()` never comes). **Time**: `clock`.
inline bool futex_wait_until(std::atomic<std::uint32_t>& word, std::uint32_t expected, time_point until) noexcept;
/// Wake one or all sleepers. Only the address is used: the word may be gone already, as a waiter's frame is once it saw the change.
inline void futex_wake_one(std::atomic<std::uint32_t>& word) noexcept;
inline void futex_wake_all(std::atomic<std::uint32_t>& word) noexcept;

/// Lets other threads of this processor run.
inline void yield_processor() noexcept;

/// Looks whether `done()` for about as long as a wake-up across processors takes: first some glances 20 ns apart, then giving way between
/// them. A wait that is likely to be short begins like this. False when it is time to sleep, at the latest at `until`.
template <class Done>
[[nodiscard]] bool await_briefly(Done done, time_point until = time_point::max()) noexcept {
    for (int glance = 0; glance < 8; ++glance) {
        if (done()) return true;
        ANTIPHON_SPIN_HINT();
    }
    time_point const brief = saturating_add(clock::now(), std::chrono::microseconds{25});
    do {
        yield_processor();
        if (done()) return true;
    } while (clock::now() < (until < brief ? until : brief));
    return false;
}

#if ANTIPHON_HAS_FUTEX

inline void yield_processor() noexcept { ::sched_yield(); }

static_assert(sizeof(std::atomic<std::uint32_t>) == 4 && std::atomic<std::uint32_t>::is_always_lock_free);

inline void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
    futex_wait_until(word, expected, time_point::max());
}

inline bool futex_wait_until(std::atomic<std::uint32_t>& word, std::uint32_t expected, time_point until) noexcept {
    ::timespec at{};
    bool const limited = until != time_point::max();
    if (limited) {
        auto const since = until.time_since_epoch();
        if (since <= duration::zero()) return word.load(std::memory_order_relaxed) != expected;
        auto const whole = std::chrono::duration_cast<std::chrono::seconds>(since);
        at.tv_sec = static_cast<decltype(at.tv_sec)>(whole.count());
        at.tv_nsec = static_cast<decltype(at.tv_nsec)>(std::chrono::nanoseconds{since - whole}.count());
    }
    int const saved = errno;
    // FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time, which is what steady_clock counts.
    long const slept =
        ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, expected, limited ? &at : nullptr, nullptr, FUTEX_BITSET_MATCH_ANY);
    bool const timed_out = slept != 0 && errno == ETIMEDOUT;
    errno = saved;
    return !timed_out;
}

namespace detail {

inline void futex_wake(std::atomic<std::uint32_t>& word, int how_many) noexcept {
    int const saved = errno;
    ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, how_many, nullptr, nullptr, 0);
    errno = saved;
}

}  // namespace detail

inline void futex_wake_one(std::atomic<std::uint32_t>& word) noexcept { detail::futex_wake(word, 1); }
inline void futex_wake_all(std::atomic<std::uint32_t>& word) noexcept { detail::futex_wake(word, INT_MAX); }

#else

inline void yield_processor() noexcept { std::this_thread::yield(); }

inline void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
    word.wait(expected, std::memory_order_relaxed);
}

inline bool futex_wait_until(std::atomic<std::uint32_t>& word, std::uint32_t expected, time_point until) noexcept {
    if (until == time_point::max()) {
        word.wait(expected, std::memory_order_relaxed);
        return true;
    }
    // The standard has no timed wait on an atomic: look again at growing intervals, 2 ms at most.
    duration pause = std::chrono::microseconds{20};
    while (word.load(std::memory_order_relaxed) == expected) {
        time_point const now = clock::now();
        if (now >= until) return false;
        duration const left = until - now;
        std::this_thread::sleep_for(left < pause ? left : pause);
        if (pause < std::chrono::milliseconds{2}) pause *= 2;
    }
    return true;
}

inline void futex_wake_one(std::atomic<std::uint32_t>& word) noexcept { word.notify_one(); }
inline void futex_wake_all(std::atomic<std::uint32_t>& word) noexcept { word.notify_all(); }

#endif

/// A lock of one word: spins briefly, then sleeps in the kernel. Not recursive.
/// **Threads**: any. **Cost**: one exchange to take and one to give back when nobody competes.
class parking_lock {
public:
    constexpr parking_lock() noexcept = default;
    parking_lock(parking_lock const&) = delete;
    parking_lock& operator=(parking_lock const&) = delete;

    [[nodiscard]] bool try_lock() noexcept {
        std::uint32_t seen = is_free;
        // acquire pairs with the release in unlock()
        return word_.compare_exchange_strong(seen, is_held, std::memory_order_acquire, std::memory_order_relaxed);
    }
    void lock() noexcept {
        if (!try_lock()) lock_slowly();
    }
    void unlock() noexcept {
        // release pairs with the acquires in try_lock() and lock_slowly()
        if (word_.exchange(is_free, std::memory_order_release) == is_contended) futex_wake_one(word_);
    }

    /// Frees it in a forked child, where its holder may not exist. **Threads**: only while there is no other.
    void reset_after_fork() noexcept { word_.store(is_free, std::memory_order_relaxed); }

    /// Holds the lock for a block; `unlock` and `lock` may open a gap in it.
    class scope {
    public:
        explicit scope(parking_lock& l) noexcept : lock_{&l} { lock_->lock(); }
        scope(scope const&) = delete;
        scope& operator=(scope const&) = delete;
        ~scope() {
            if (held_) lock_->unlock();
        }
        void unlock() noexcept {
            held_ = false;
            lock_->unlock();
        }
        void lock() noexcept {
            lock_->lock();
            held_ = true;
        }

    private:
        parking_lock* lock_;
        bool held_ = true;
    };

private:
    // free -> held: nobody sleeps. -> contended: somebody may sleep, so whoever frees it wakes one; the woken one takes it as
    // contended again, since it cannot know whether others still sleep.
    static constexpr std::uint32_t is_free = 0, is_held = 1, is_contended = 2;

    void lock_slowly() noexcept {
        for (int spin = 0; spin < 40; ++spin) {
            ANTIPHON_SPIN_HINT();
            if (word_.load(std::memory_order_relaxed) == is_free && try_lock()) return;
        }
        // acquire pairs with the release in unlock()
        while (word_.exchange(is_contended, std::memory_order_acquire) != is_free)
            futex_wait(word_, is_contended);
    }

    std::atomic<std::uint32_t> word_{is_free};
};

}  // namespace antiphon
