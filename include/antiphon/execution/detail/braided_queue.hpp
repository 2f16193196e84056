// SPDX-License-Identifier: BSL-1.0
#pragma once
// Jobs in the order of their arrival, linked in several strands, so that who takes one after another does not wait for each in turn.

#include <cstddef>
#include <cstdint>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/work_queue.hpp"

namespace antiphon::detail {

/// A `work_queue` for jobs that have left the caches, or lie in another processor's. In a single list the address of each job is known only
/// when the one before it has come from there; here it hangs on the one `strands` before it, and is fetched ahead.
///
/// Job i, counted from the first that ever came, belongs to strand i mod `strands`, in which it hangs on job i - `strands`. What a strand's
/// two words say, its oldest job and its newest, counts while `size_` says that it has any.
/// **Threads**: none by itself. **Cost**: no allocation; everything O(1).
class braided_queue {
public:
    static constexpr std::size_t strands = 4;

    braided_queue() noexcept = default;
    braided_queue(braided_queue&& other) noexcept { swap(other); }
    braided_queue& operator=(braided_queue&&) = delete;

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    void push(work_item& item) noexcept {
        std::size_t const at = (oldest_ + size_) % strands;
        (size_ < strands ? first_[at] : last_[at]->next) = &item;
        last_[at] = &item;
        ++size_;
    }
    /// Before all others: for turning a stack round.
    void push_front(work_item& item) noexcept {
        std::size_t const at = --oldest_ % strands;
        if (size_ < strands) {
            last_[at] = &item;
        } else {
            item.next = first_[at];
        }
        first_[at] = &item;
        ++size_;
    }
    /// The oldest job; null when there is none.
    [[nodiscard]] work_item* pop() noexcept {
        if (size_ == 0) return nullptr;
        std::size_t const at = oldest_++ % strands;
        work_item* const item = first_[at];
        if (size_-- > strands) {
            first_[at] = item->next;
            // Both lines: an ask of an executor and a few captures is longer than one.
            ANTIPHON_PREFETCH(item->next);
            ANTIPHON_PREFETCH(reinterpret_cast<void const*>(reinterpret_cast<std::uintptr_t>(item->next) + 64));
        }
        return item;
    }
    /// All jobs of `later`, behind those that are here; leaves it empty.
    void append(braided_queue& later) noexcept {
        std::size_t const count = later.size_ < strands ? later.size_ : strands;
        for (std::size_t i = 0; i != count; ++i) {
            std::size_t const from = (later.oldest_ + i) % strands;
            std::size_t const at = (oldest_ + size_ + i) % strands;
            (size_ + i < strands ? first_[at] : last_[at]->next) = later.first_[from];
            last_[at] = later.last_[from];
        }
        size_ += std::exchange(later.size_, 0);
    }
    /// The same into an ordinary queue.
    void move_to(work_queue& end) noexcept {
        while (work_item* const item = pop())
            end.push(*item);
    }
    void swap(braided_queue& other) noexcept {
        for (std::size_t i = 0; i != strands; ++i) {
            std::swap(first_[i], other.first_[i]);
            std::swap(last_[i], other.last_[i]);
        }
        std::swap(oldest_, other.oldest_);
        std::swap(size_, other.size_);
    }

private:
    work_item* first_[strands] = {};
    work_item* last_[strands] = {};
    std::size_t oldest_ = 0;
    std::size_t size_ = 0;
};

}  // namespace antiphon::detail
