// SPDX-License-Identifier: BSL-1.0
#pragma once
// Where many threads leave jobs and one takes all of them at once: a stack of the jobs themselves, which can be closed.

#include <atomic>
#include <cstdint>

#include "antiphon/core/work.hpp"
#include "antiphon/execution/work_queue.hpp"

namespace antiphon::detail {

/// `head_`: null (empty) ⇄ the newest job, whose `next` is the one before it; from either → `closed`, for ever.
/// Jobs leave all together, so that a job that comes back at the same address (ABA) changes nothing: whoever takes the head takes
/// what hangs on it then.
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
        work_item* head = head_.load(std::memory_order_relaxed);
        do {
            if (head == closed()) return outcome::closed;
            item.next = head;
            // release pairs with `take` and `close`, through the exchanges of later pushes too; seq_cst against `empty`, see crew
        } while (!head_.compare_exchange_weak(head, &item, std::memory_order_seq_cst, std::memory_order_relaxed));
        return head == nullptr ? outcome::first : outcome::following;
    }

    /// Everything, oldest first.
    [[nodiscard]] work_queue take() noexcept {
        work_item* head = head_.load(std::memory_order_relaxed);
        // acquire pairs with the release of every push whose job it gets; release with `empty`: who finds nothing because it was taken,
        // sees that its taker is up (crew)
        while (head != nullptr && head != closed())
            if (head_.compare_exchange_weak(head, nullptr, std::memory_order_acq_rel, std::memory_order_relaxed)) return turned(head);
        return {};
    }
    /// The same, and from now on pushes are refused.
    [[nodiscard]] work_queue close() noexcept {
        work_item* const head = head_.exchange(closed(), std::memory_order_acquire);  // as in `take`
        return turned(head != closed() ? head : nullptr);
    }

    [[nodiscard]] bool empty() const noexcept {
        // seq_cst against `push`: who is about to sleep either sees the job or is seen, see crew
        work_item* const head = head_.load(std::memory_order_seq_cst);
        return head == nullptr || head == closed();
    }

private:
    static work_item* closed() noexcept { return reinterpret_cast<work_item*>(std::uintptr_t{1}); }
    static work_queue turned(work_item* newest) noexcept {
        work_queue jobs;
        while (newest != nullptr) {
            work_item* const older = newest->next;
            jobs.push_front(*newest);
            newest = older;
        }
        return jobs;
    }

    std::atomic<work_item*> head_{nullptr};
};

}  // namespace antiphon::detail
