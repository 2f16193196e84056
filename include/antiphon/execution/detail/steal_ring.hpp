// SPDX-License-Identifier: BSL-1.0
#pragma once
// A worker's own jobs, oldest first, of which others may take half.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "antiphon/core/work.hpp"

namespace antiphon::detail {

/// A ring between two counters that only grow: job i lies in slot i mod capacity while head_ ≤ i < tail_. Its owner moves the tail, and
/// whoever takes jobs moves the head past them by one exchange; that exchange is what makes them the taker's.
///
/// Why nothing is taken twice or lost: a thief reads slots first and moves the head from the value that it saw before. The owner
/// writes a slot anew only after it has seen a head beyond the job that was there. So if what a thief read was overwritten, the head
/// had moved, and as it never comes back to an old value (64 bits), the thief's exchange fails, and what it read is forgotten.
/// What a job consists of comes to the thief by `tail_`: release in `push`, acquire in `steal`.
/// **Threads**: `push` and `pop` are the owner's; everything else is anybody's.
/// **Cost**: no allocation; one exchange a push (it must be ordered against `empty`), one compare-exchange a pop or a steal.
/// **Source**: the run queues of Go's scheduler, runtime/proc.go.
class steal_ring {
public:
    static constexpr std::size_t capacity = 256;

    /// False when there is no room.
    [[nodiscard]] bool push(work_item& item) noexcept {
        std::uint64_t const tail = tail_.load(std::memory_order_relaxed);  // the owner's own
        // acquire pairs with the takers' release: they have read the slot before it is written again
        if (tail - head_.load(std::memory_order_acquire) >= capacity) return false;
        slot(tail).store(&item, std::memory_order_relaxed);
        publish(tail + 1);
        return true;
    }
    /// Moves up to `most` jobs here, the oldest first.
    template <class Queue>
    void push(Queue& from, std::size_t most) noexcept {
        std::uint64_t const tail = tail_.load(std::memory_order_relaxed);
        std::size_t const room = capacity - static_cast<std::size_t>(tail - head_.load(std::memory_order_acquire));  // as above
        std::size_t count = 0;
        for (; count < most && count < room && !from.empty(); ++count)
            slot(tail + count).store(from.pop(), std::memory_order_relaxed);
        if (count != 0) publish(tail + count);
    }
    /// The oldest job; null when there is none.
    [[nodiscard]] work_item* pop() noexcept {
        std::uint64_t const tail = tail_.load(std::memory_order_relaxed);
        // acquire, as in `push`: who finds nothing may go on with steal_into
        std::uint64_t head = head_.load(std::memory_order_acquire);
        while (head != tail) {
            work_item* const item = slot(head).load(std::memory_order_relaxed);
            // release: who reads this head must not find a tail before it (look). acquire: as above, if there is nothing any more
            if (head_.compare_exchange_weak(head, head + 1, std::memory_order_release, std::memory_order_acquire)) return item;
        }
        return nullptr;
    }

    /// Takes half, the larger one: the oldest for the caller, the others into `mine`, whose owner it is, and where it has just found
    /// nothing to pop.
    [[nodiscard]] work_item* steal_into(steal_ring& mine) noexcept {
        for (;;) {
            auto const [head, size] = look();
            if (size == 0) return nullptr;
            std::uint64_t const count = size - size / 2;
            std::uint64_t const tail = mine.tail_.load(std::memory_order_relaxed);
            work_item* const first = slot(head).load(std::memory_order_relaxed);
            for (std::uint64_t i = 1; i < count; ++i)
                mine.slot(tail + i - 1).store(slot(head + i).load(std::memory_order_relaxed), std::memory_order_relaxed);
            if (!take(head, count)) continue;
            if (count > 1) mine.publish(tail + count - 1);
            return first;
        }
    }
    /// The oldest job; null when there is none.
    [[nodiscard]] work_item* steal() noexcept {
        for (;;) {
            auto const [head, size] = look();
            if (size == 0) return nullptr;
            work_item* const item = slot(head).load(std::memory_order_relaxed);
            if (take(head, 1)) return item;
        }
    }

    struct sight {
        std::uint64_t head;  ///< never the same again once a job was taken
        std::uint64_t size;  ///< at most the capacity
    };
    [[nodiscard]] sight look() const noexcept {
        std::uint64_t const head = head_.load(std::memory_order_acquire);  // before the tail, so that it is not beyond it
        // acquire pairs with `publish`; seq_cst against it: who is about to sleep either sees the job or is seen, see crew
        std::uint64_t const size = tail_.load(std::memory_order_seq_cst) - head;
        return {head, size <= capacity ? size : capacity};  // more only if the head is old: then nothing is taken by it
    }
    [[nodiscard]] bool empty() const noexcept { return look().size == 0; }

private:
    std::atomic<work_item*>& slot(std::uint64_t i) noexcept { return slots_[i % capacity]; }
    void publish(std::uint64_t tail) noexcept { tail_.store(tail, std::memory_order_seq_cst); }  // see look()
    bool take(std::uint64_t head, std::uint64_t count) noexcept {
        // release pairs with the owner's acquire in `push`
        return head_.compare_exchange_strong(head, head + count, std::memory_order_release, std::memory_order_relaxed);
    }

    std::atomic<std::uint64_t> head_{0};
    std::atomic<std::uint64_t> tail_{0};
    std::atomic<work_item*> slots_[capacity]{};
};

}  // namespace antiphon::detail
