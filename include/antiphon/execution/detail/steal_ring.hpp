// SPDX-License-Identifier: BSL-1.0
#pragma once
// A worker's own jobs, of which others may take the older half.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "antiphon/core/work.hpp"

namespace antiphon::detail {

/// A ring in one word: how many jobs there are, and a position, where the oldest of them is. Job i of them lies in slot (position + i) mod
/// capacity. The owner adds at the young end; whoever takes, the owner from either end or a thief from the old one, does so by an exchange of the
/// word, and that exchange is what makes the jobs the taker's.
///
/// Why nothing is taken twice or lost: a thief reads slots first and then exchanges the word that it saw before. A slot is written anew only after
/// the job that was there was taken, and whoever takes moves the position on: by the number of jobs, or, from the young end, by one whole
/// turn, which is the same slot. So if what a thief read was overwritten, the position had moved, and as it does not come back to an old value
/// (48 bits: a thief would have to sleep for hours between two instructions, to wake at the very job), the thief's exchange fails, and
/// what it read is forgotten. What a job consists of comes by the word: release in `push`, acquire by who takes; exchanges in between pass it on.
/// **Threads**: `push` and `pop_beyond` are the owner's; everything else is anybody's.
/// **Cost**: no allocation; one exchange a push (it must be ordered against `empty`), one compare-exchange a pop or a steal.
/// **Source**: the run queues of Go's scheduler, runtime/proc.go, with both ends in one word.
class steal_ring {
public:
    static constexpr std::size_t capacity = 256;

    /// False when there is no room.
    [[nodiscard]] bool push(work_item& item) noexcept {
        // acquire pairs with the takers' release: they have read the slot before it is written again
        std::uint64_t const seen = word_.load(std::memory_order_acquire);
        if (size_of(seen) >= capacity) return false;
        slot(position(seen) + size_of(seen)).store(&item, std::memory_order_relaxed);
        publish(1);
        return true;
    }
    /// Moves up to `most` jobs here, the oldest first.
    template <class Queue>
    void push(Queue& from, std::size_t most) noexcept {
        std::uint64_t const seen = word_.load(std::memory_order_acquire);  // as above
        std::size_t const room = capacity - static_cast<std::size_t>(size_of(seen));
        std::size_t count = 0;
        for (; count < most && count < room && !from.empty(); ++count)
            slot(position(seen) + size_of(seen) + count).store(from.pop(), std::memory_order_relaxed);
        if (count != 0) publish(count);
    }
    /// The oldest job; null when there is none.
    [[nodiscard]] work_item* pop() noexcept {
        return pop_as([](std::uint64_t) { return false; });
    }
    /// The newest one instead, while there are more than `most`.
    [[nodiscard]] work_item* pop_beyond(std::uint64_t most) noexcept {
        return pop_as([most](std::uint64_t size) { return size > most; });
    }

    /// Takes half, the larger one: the oldest for the caller, the others into `mine`, whose owner it is, and where it has just found
    /// nothing to pop.
    [[nodiscard]] work_item* steal_into(steal_ring& mine) noexcept {
        // acquire pairs with `push`
        std::uint64_t seen = word_.load(std::memory_order_acquire);
        std::uint64_t const at = position(mine.word_.load(std::memory_order_acquire));  // as in `push`; empty
        while (size_of(seen) != 0) {
            std::uint64_t const size = size_of(seen), count = size - size / 2;
            work_item* const first = slot(position(seen)).load(std::memory_order_relaxed);
            for (std::uint64_t i = 1; i < count; ++i)
                mine.slot(at + i - 1).store(slot(position(seen) + i).load(std::memory_order_relaxed), std::memory_order_relaxed);
            if (!take(seen, from_the_oldest * count)) continue;
            if (count > 1) mine.publish(count - 1);
            return first;
        }
        return nullptr;
    }
    /// The oldest job; null when there is none.
    [[nodiscard]] work_item* steal() noexcept { return pop(); }

    struct sight {
        std::uint64_t head;  ///< not the same again once a job was taken
        std::uint64_t size;
    };
    [[nodiscard]] sight look() const noexcept {
        // seq_cst against `publish`: who is about to sleep either sees the job or is seen, see crew
        std::uint64_t const seen = word_.load(std::memory_order_seq_cst);
        return {position(seen), size_of(seen)};
    }
    [[nodiscard]] bool empty() const noexcept { return look().size == 0; }

private:
    static constexpr unsigned bits = 16;
    /// What taking one job adds to the word: the position is one further, or a whole turn; the size one less.
    static constexpr std::uint64_t from_the_oldest = (std::uint64_t{1} << bits) - 1;
    static constexpr std::uint64_t from_the_newest = (std::uint64_t{capacity} << bits) - 1;
    static std::uint64_t size_of(std::uint64_t word) noexcept { return word & ((std::uint64_t{1} << bits) - 1); }
    static std::uint64_t position(std::uint64_t word) noexcept { return word >> bits; }

    std::atomic<work_item*>& slot(std::uint64_t i) noexcept { return slots_[i % capacity]; }
    void publish(std::uint64_t count) noexcept { word_.fetch_add(count, std::memory_order_seq_cst); }  // see look()
    bool take(std::uint64_t& seen, std::uint64_t change) noexcept {
        // release pairs with the owner's acquire in `push`; acquire, both, with its release there
        return word_.compare_exchange_weak(seen, seen + change, std::memory_order_acq_rel, std::memory_order_acquire);
    }
    template <class WhetherNewest>
    work_item* pop_as(WhetherNewest newest) noexcept {
        std::uint64_t seen = word_.load(std::memory_order_acquire);  // as in `take`
        while (size_of(seen) != 0) {
            bool const young = newest(size_of(seen));
            work_item* const item = slot(position(seen) + (young ? size_of(seen) - 1 : 0)).load(std::memory_order_relaxed);
            if (take(seen, young ? from_the_newest : from_the_oldest)) return item;
        }
        return nullptr;
    }

    std::atomic<std::uint64_t> word_{0};
    std::atomic<work_item*> slots_[capacity]{};
};

}  // namespace antiphon::detail
