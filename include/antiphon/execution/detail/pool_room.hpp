// SPDX-License-Identifier: BSL-1.0
#pragma once
// The capacity of a pool's queue: how many jobs wait, and posters that wait for room.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/thread_pool_options.hpp"

namespace antiphon::detail {

/// A place is taken before a job is queued and given back when the job begins. A pool without a capacity never touches this.
///
/// `waiting_` against `taken_`: a poster counts itself and then looks for room; who gives a place back looks afterwards whether
/// anybody waits. Both are seq_cst, so one of both sees the other. `changes_` is what posters sleep on; it is read before the look.
class pool_room {
public:
    explicit pool_room(std::size_t capacity) noexcept : capacity_{capacity} {}

    [[nodiscard]] bool bounded() const noexcept { return capacity_ != thread_pool_options::unbounded; }
    [[nodiscard]] bool full() const noexcept { return taken_.load(std::memory_order_seq_cst) >= capacity_; }

    /// False when full.
    [[nodiscard]] bool take() noexcept {
        std::size_t taken = taken_.load(std::memory_order_relaxed);
        while (taken < capacity_)
            // relaxed: only the number counts, the jobs travel by their queues
            if (taken_.compare_exchange_weak(taken, taken + 1, std::memory_order_relaxed, std::memory_order_relaxed)) return true;
        return false;
    }
    void take_beyond() noexcept { taken_.fetch_add(1, std::memory_order_relaxed); }  // as above
    void give_back() noexcept {
        taken_.fetch_sub(1, std::memory_order_seq_cst);
        if (waiting_.load(std::memory_order_seq_cst) == 0) return;
        changes_.fetch_add(1, std::memory_order_release);  // pairs with `wait`: who reads the new value sees the place
        futex_wake_one(changes_);
    }

    /// Sleeps while it is full and `worth_it()`; may return early.
    template <class WorthIt>
    void wait(WorthIt worth_it) noexcept {
        waiting_.fetch_add(1, std::memory_order_seq_cst);
        // acquire pairs with `give_back` and `wake_all`; an old value is no harm, the kernel compares it itself
        std::uint32_t const seen = changes_.load(std::memory_order_acquire);
        if (full() && worth_it()) futex_wait(changes_, seen);
        waiting_.fetch_sub(1, std::memory_order_relaxed);  // only the number counts
    }
    /// After what makes it not worth waiting was stored: everybody looks again, and sees that.
    void wake_all() noexcept {
        changes_.fetch_add(1, std::memory_order_release);  // pairs with `wait`
        futex_wake_all(changes_);
    }

private:
    std::size_t const capacity_;
    std::atomic<std::size_t> taken_{0};
    std::atomic<std::uint32_t> waiting_{0};
    std::atomic<std::uint32_t> changes_{0};
};

}  // namespace antiphon::detail
