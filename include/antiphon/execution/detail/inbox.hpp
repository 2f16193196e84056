// SPDX-License-Identifier: BSL-1.0
#pragma once
// Where many threads leave jobs and one takes all of them at once: a stack of the jobs themselves, which can be closed.

#include <atomic>
#include <cstdint>

#include "antiphon/core/config.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/work_queue.hpp"

namespace antiphon::detail {

/// `head_`: null (empty) ⇄ the newest job, whose `next` is the one before it; from either → `closed`, for ever.
/// Jobs leave all together, so that a job that comes back at the same address (ABA) changes nothing: whoever takes the head takes
/// what hangs on it then. A bit beside either, which pushes keep: older jobs than these were set aside, and only `take` clears it.
/// **Threads**: any. **Cost**: no allocation; `push` is one compare-exchange when nobody competes, `take` is O(jobs).
/// **Source**: Treiber, "Systems programming: coping with parallelism", IBM RJ 5118, 1986.
class inbox {
public:
    enum class outcome {
        first,      ///< it was empty before
        following,  ///< there was something
        closed,     ///< refused: the item is still the caller's
    };

    outcome push(work_item& item) noexcept {
        std::uintptr_t head = head_.load(std::memory_order_relaxed);
        do {
            if (head == closed) return outcome::closed;
            item.next = newest(head);
            // release pairs with `take` and `close`, through the exchanges of later pushes too; seq_cst against `empty`, see crew
        } while (!head_.compare_exchange_weak(head, reinterpret_cast<std::uintptr_t>(&item) | (head & aside), std::memory_order_seq_cst,
                                              std::memory_order_relaxed));
        return newest(head) == nullptr ? outcome::first : outcome::following;
    }

    /// Everything, oldest first.
    template <class Queue = work_queue>
    [[nodiscard]] Queue take() noexcept {
        return exchange_for<Queue>(0);
    }
    /// The same, leaving word of it to whoever wants them in order: what is pushed from now on is younger.
    template <class Queue = work_queue>
    [[nodiscard]] Queue set_aside() noexcept {
        return exchange_for<Queue>(aside);
    }
    /// Everything, into the empty `to`, unless older jobs were set aside: false then.
    template <class Queue>
    [[nodiscard]] bool take_oldest(Queue& to) noexcept {
        std::uintptr_t head = head_.load(std::memory_order_relaxed);
        while (newest(head) != nullptr && (head & aside) == 0)
            // as in exchange_for
            if (head_.compare_exchange_weak(head, 0, std::memory_order_acq_rel, std::memory_order_relaxed)) {
                turn(newest(head), to);
                return true;
            }
        return (head & aside) == 0;
    }
    /// Everything, and from now on pushes are refused.
    template <class Queue = work_queue>
    [[nodiscard]] Queue close() noexcept {
        Queue jobs;
        turn(newest(head_.exchange(closed, std::memory_order_seq_cst)), jobs);  // acquire, as in exchange_for
        return jobs;
    }

    [[nodiscard]] bool empty() const noexcept {
        // seq_cst against `push`: who is about to sleep either sees the job or is seen, see crew
        return newest(head_.load(std::memory_order_seq_cst)) == nullptr;
    }

private:
    static constexpr std::uintptr_t closed = 1, aside = 2;
    static_assert(alignof(work_item) > (closed | aside));
    static constexpr std::uintptr_t ahead = 4;  ///< jobs, that `turn` fetches before it comes to them
    static work_item* newest(std::uintptr_t head) noexcept { return reinterpret_cast<work_item*>(head & ~(closed | aside)); }

    template <class Queue>
    [[nodiscard]] Queue exchange_for(std::uintptr_t left) noexcept {
        Queue jobs;
        std::uintptr_t head = head_.load(std::memory_order_relaxed);
        // acquire pairs with the release of every push whose job it gets; release with `empty`: who finds nothing because it was taken, sees
        // that its taker is up (crew)
        while (head != closed && head != left)
            if (head_.compare_exchange_weak(head, left, std::memory_order_acq_rel, std::memory_order_relaxed)) {
                turn(newest(head), jobs);
                break;
            }
        return jobs;
    }
    template <class Queue>
    static void turn(work_item* newest, Queue& jobs) noexcept {
        while (newest != nullptr) {
            work_item* const older = newest->next;
            // Each is known only when the one before it has come from memory; but nodes that were made one after another often lie as far
            // from one another as these two. A wrong guess costs nothing.
            auto const at = reinterpret_cast<std::uintptr_t>(older);
            ANTIPHON_PREFETCH(reinterpret_cast<void const*>(at + ahead * (at - reinterpret_cast<std::uintptr_t>(newest))));
            jobs.push_front(*newest);
            newest = older;
        }
    }

    std::atomic<std::uintptr_t> head_{0};
};

}  // namespace antiphon::detail
