// SPDX-License-Identifier: BSL-1.0
#pragma once
// Work with a priority or a deadline: which of it goes before the ordinary, which waits, and why nothing waits for ever.

#include <cstddef>
#include <cstdint>

#include "antiphon/core/priority.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/detail/moment_heap.hpp"
#include "antiphon/execution/work_queue.hpp"

namespace antiphon::detail {

/// Fifteen ranks, three a priority, the more urgent priority first:
///   1. with a deadline, the earliest first;
///   2. without one, the oldest first; of normal priority that is *ordinary* work, which waits elsewhere;
///   3. patient, by the end of its slack, and from that moment on in the first rank of its priority, by its deadline. The slack is three
///      quarters of the time that is left when it arrives: the last quarter is for running.
/// The best rank that has work goes first, but a rank that was passed over `patience` times has the next turn. So every rank
/// starts one job of `patience + 1` at least, whatever comes above it, and inside a rank every job's moment comes.
///
/// **Threads**: none by itself. **Errors**: without memory a job with a deadline is treated as one without. **Cost**: no
/// allocation without deadlines; O(log n) with.
/// **Source**: Liu, Layland, "Scheduling algorithms for multiprogramming in a hard-real-time environment", JACM 20, 1973.
class ordered_queue {
public:
    static constexpr unsigned patience = 63;

    ordered_queue() noexcept = default;
    ordered_queue(ordered_queue const&) = delete;
    ordered_queue& operator=(ordered_queue const&) = delete;

    [[nodiscard]] static bool is_ordinary(urgency const& how) noexcept {
        return how.level == priority::normal && how.deadline == time_point::max();
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// Whether `now` matters to `pop`.
    [[nodiscard]] bool has_patient() const noexcept { return (filled_ & patient_ranks) != 0; }

    /// `now` matters to patient work.
    void push(work_item& item, urgency const& how, time_point now) noexcept {
        unsigned const due = 3 * level_of(how);
        ++size_;
        if (how.deadline == time_point::max()) return queue(due + plain, item);
        time_point const slack_end = how.patient ? slack(now, how.deadline) : time_point::min();
        bool const waits = slack_end > now;
        put(due + (waits ? patient : 0), {waits ? slack_end : how.deadline, how.deadline, arrivals_++, &item});
    }
    /// The next job; null where that is one of the ordinary work, or there is nothing. `ordinary_waits`: there may be some.
    [[nodiscard]] work_item* pop(bool ordinary_waits, time_point now) noexcept {
        end_slack(now);
        if (filled_ == 0) return nullptr;
        unsigned const waiting = filled_ | (ordinary_waits ? 1u << ordinary : 0u);
        unsigned const chosen = choose(waiting);
        for (unsigned r = chosen + 1; r < ranks; ++r)
            passed_[r] += (waiting >> r) & 1u;
        passed_[chosen] = 0;
        return (filled_ >> chosen & 1u) != 0 ? take(chosen) : nullptr;
    }
    /// Everything, in no order that matters.
    [[nodiscard]] work_queue take_all() noexcept {
        work_queue all;
        for (unsigned r = 0; r < ranks; ++r)
            while ((filled_ >> r & 1u) != 0)
                all.push(*take(r));
        return all;
    }

private:
    static constexpr unsigned plain = 1, patient = 2;
    static constexpr unsigned ranks = 15, ordinary = 7;
    static constexpr unsigned patient_ranks = 0b100'100'100'100'100;

    [[nodiscard]] static unsigned level_of(urgency const& how) noexcept {
        int const below_urgent = static_cast<int>(priority::urgent) - static_cast<int>(how.level);
        return below_urgent < 0 ? 0 : below_urgent > 4 ? 4 : static_cast<unsigned>(below_urgent);
    }
    [[nodiscard]] static time_point slack(time_point now, time_point deadline) noexcept {
        return saturating_add(now, saturating_sub(deadline, now) / 4 * 3);
    }
    [[nodiscard]] unsigned choose(unsigned waiting) const noexcept {
        unsigned best = ranks;
        for (unsigned r = ranks; r-- != 0;)
            if ((waiting >> r & 1u) != 0) best = r;
        for (unsigned r = best + 1; r < ranks; ++r)
            if ((waiting >> r & 1u) != 0 && passed_[r] >= patience) return r;
        return best;
    }
    void end_slack(time_point now) noexcept {
        if (!has_patient()) return;
        for (unsigned r = patient; r < ranks; r += 3)
            while ((filled_ >> r & 1u) != 0 && !timed_[r].empty() && timed_[r].top().moment <= now) {
                moment_heap::entry ended = timed_[r].pop();
                ended.moment = ended.deadline;
                if (timed_[r].empty()) filled_ &= ~(1u << r);
                put(r - patient, ended);
            }
    }
    void put(unsigned rank, moment_heap::entry const& e) noexcept {
        if (!timed_[rank].push(e)) return queue(rank - rank % 3 + plain, *e.item);
        filled_ |= 1u << rank;
    }
    void queue(unsigned rank, work_item& item) noexcept {
        untimed_[rank / 3].push(item);
        filled_ |= 1u << rank;
    }
    [[nodiscard]] work_item* take(unsigned rank) noexcept {
        --size_;
        bool const timed = rank % 3 != plain;
        work_item* const item = timed ? timed_[rank].pop().item : untimed_[rank / 3].pop();
        if (timed ? timed_[rank].empty() : untimed_[rank / 3].empty()) filled_ &= ~(1u << rank);
        return item;
    }

    moment_heap timed_[ranks];
    work_queue untimed_[ranks / 3];
    unsigned passed_[ranks] = {};
    unsigned filled_ = 0;  ///< a bit a rank that has work
    std::size_t size_ = 0;
    std::uint64_t arrivals_ = 0;
};

}  // namespace antiphon::detail
