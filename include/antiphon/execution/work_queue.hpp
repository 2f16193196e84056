// SPDX-License-Identifier: BSL-1.0
#pragma once
// Jobs in the order of their arrival, linked through the jobs themselves: for those who write execution contexts.

#include <cstddef>
#include <utility>

#include "antiphon/core/errc.hpp"
#include "antiphon/core/work.hpp"

namespace antiphon {

/// **Threads**: none by itself. **Cost**: no allocation, everything O(1).
class work_queue {
public:
    constexpr work_queue() noexcept = default;
    work_queue(work_queue&& other) noexcept
        : first_{std::exchange(other.first_, nullptr)},
          last_{std::exchange(other.last_, nullptr)},
          size_{std::exchange(other.size_, 0)} {}
    work_queue& operator=(work_queue&&) = delete;
    void swap(work_queue& other) noexcept {
        std::swap(first_, other.first_);
        std::swap(last_, other.last_);
        std::swap(size_, other.size_);
    }

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    void push(work_item& item) noexcept {
        item.next = nullptr;
        (last_ != nullptr ? last_->next : first_) = &item;
        last_ = &item;
        ++size_;
    }
    /// Before all others: for turning a stack round, and for giving back what was taken.
    void push_front(work_item& item) noexcept {
        item.next = first_;
        first_ = &item;
        if (last_ == nullptr) last_ = &item;
        ++size_;
    }
    /// All jobs of `later`, behind those that are here; leaves it empty.
    void append(work_queue& later) noexcept {
        if (later.empty()) return;
        (last_ != nullptr ? last_->next : first_) = std::exchange(later.first_, nullptr);
        last_ = std::exchange(later.last_, nullptr);
        size_ += std::exchange(later.size_, 0);
    }
    /// The oldest job; null when there is none.
    [[nodiscard]] work_item* pop() noexcept {
        work_item* const item = first_;
        if (item == nullptr) return nullptr;
        first_ = item->next;
        if (first_ == nullptr) last_ = nullptr;
        --size_;
        item->next = nullptr;
        return item;
    }

    /// Rejects every job, oldest first; returns how many. Never under a lock: whatever follows a rejection may happen here.
    std::size_t reject_all(errc why, rejection how = rejection::in_place) noexcept {
        std::size_t count = 0;
        for (work_item* item = pop(); item != nullptr; item = pop(), ++count)
            item->reject(why, how);
        return count;
    }

private:
    work_item* first_ = nullptr;
    work_item* last_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace antiphon
