// SPDX-License-Identifier: BSL-1.0
#pragma once
// Jobs by moment, the earliest first; equal moments in the order of arrival.

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "antiphon/core/time.hpp"
#include "antiphon/core/work.hpp"

namespace antiphon::detail {

/// A binary heap in one array, which grows and never shrinks.
/// **Threads**: none by itself. **Errors**: `push` says when there is no memory to grow. **Cost**: O(log n).
class moment_heap {
public:
    struct entry {
        time_point moment;
        time_point deadline;
        std::uint64_t arrival;
        work_item* item;
    };

    moment_heap() noexcept = default;
    moment_heap(moment_heap const&) = delete;
    moment_heap& operator=(moment_heap const&) = delete;
    ~moment_heap() { delete[] entries_; }

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] entry const& top() const noexcept { return entries_[0]; }

    [[nodiscard]] bool push(entry const& added) noexcept {
        if (size_ == room_ && !grow()) return false;
        std::size_t at = size_++;
        for (std::size_t above = (at - 1) / 2; at != 0 && before(added, entries_[above]); at = above, above = (at - 1) / 2)
            entries_[at] = entries_[above];
        entries_[at] = added;
        return true;
    }
    entry pop() noexcept {
        entry const first = entries_[0];
        entry const last = entries_[--size_];
        std::size_t at = 0;
        for (std::size_t below = 1; below < size_; below = 2 * at + 1) {
            if (below + 1 < size_ && before(entries_[below + 1], entries_[below])) ++below;
            if (!before(entries_[below], last)) break;
            entries_[at] = entries_[below];
            at = below;
        }
        entries_[at] = last;
        return first;
    }

private:
    static bool before(entry const& a, entry const& b) noexcept {
        return a.moment != b.moment ? a.moment < b.moment : a.arrival < b.arrival;
    }
    bool grow() noexcept {
        std::size_t const more = room_ != 0 ? 2 * room_ : 16;
        entry* const wider = new (std::nothrow) entry[more];
        if (wider == nullptr) return false;
        for (std::size_t i = 0; i < size_; ++i)
            wider[i] = entries_[i];
        delete[] std::exchange(entries_, wider);
        room_ = more;
        return true;
    }

    entry* entries_ = nullptr;
    std::size_t size_ = 0;
    std::size_t room_ = 0;
};

}  // namespace antiphon::detail
