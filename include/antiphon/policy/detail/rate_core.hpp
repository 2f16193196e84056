// SPDX-License-Identifier: BSL-1.0
#pragma once
// The permits of a rate limit, cycle by cycle, which its handles and their asks share.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "antiphon/core/arithmetic.hpp"
#include "antiphon/core/config.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/shared_core.hpp"

namespace antiphon::detail {

/// Cycles are counted from the first ask. Every cycle brings `permits`, and no more than that are kept; reservations make them
/// negative. What a waiter gives back is a gap in a cycle to come, which the next ask that needs one takes.
/// **Threads**: any; everything is guarded by one lock. **Cost**: a gap may allocate; without memory for it, it is lost.
class rate_core final : public counted {
public:
    struct reservation {
        bool granted;
        duration wait;       ///< until it may start; when it is refused, until it could have
        std::int64_t cycle;  ///< in which it starts
        std::int64_t last;   ///< of its permits, how many are of that cycle
        std::int64_t left;   ///< how many that cycle still had; -1: they were gaps
        std::uint64_t era = 0;  ///< in which it was made
    };
    struct readings {
        std::uint64_t admitted = 0, delayed = 0, rejected = 0, returned = 0, waiting = 0;
    };

    rate_core(std::int64_t permits, duration per) noexcept : permits_{permits}, per_{per}, available_{permits} {}

    /// From the next cycle on; the current one keeps its end, and what it has left, as far as that is allowed now. What was reserved stays so; what is given
    /// back of it is nobody's.
    void change(time_point now, std::int64_t permits, duration per) noexcept {
        parking_lock::scope const hold{lock_};
        if (begun_) move_to(now);
        permits_ = permits;
        per_ = per;
        available_ = begun_ ? detail::smaller(available_, permits) : permits;
        cycle_ = 0;
        begin_ = saturating_add(end_, -per);
        gaps_.clear();
        ++era_;
    }

    /// Takes `n` permits if they are to be had within `longest`.
    [[nodiscard]] reservation reserve(time_point now, std::int64_t n, duration longest) noexcept {
        parking_lock::scope const hold{lock_};
        move_to(now);
        if (n <= free_now()) {
            available_ -= take_gaps(n, cycle_);
            ++counted_.admitted;
            return {true, duration::zero(), cycle_, n, -1};
        }
        bool const from_gaps = n <= all_gaps();
        reservation made = from_gaps ? in_gaps(now, n) : in_line(now, n);
        made.era = era_;
        made.granted = made.wait <= longest && made.wait != duration::max();
        if (!made.granted) {
            ++counted_.rejected;
            return made;
        }
        from_gaps ? static_cast<void>(take_gaps(n, made.cycle)) : static_cast<void>(available_ -= n);
        ++counted_.admitted;
        ++counted_.delayed;
        ++counted_.waiting;
        return made;
    }
    /// One that had to wait starts.
    void start() noexcept {
        parking_lock::scope const hold{lock_};
        --counted_.waiting;
    }
    /// One that had to wait does not start any more.
    void give_back(time_point now, std::int64_t n, reservation const& made) noexcept {
        parking_lock::scope const hold{lock_};
        move_to(now);
        --counted_.waiting;
        ++counted_.returned;
        if (made.era != era_ || made.cycle < cycle_) return;
        if (made.left >= 0 &&
            available_ + (made.cycle - cycle_) * permits_ == made.left) {  // the last in line: as if it had never been
            available_ = detail::smaller(available_ + n, permits_);
            return;
        }
        // What earlier cycles gave to it is lost: it would not fit into this one.
        ANTIPHON_TRY {
            auto at = gaps_.begin();
            while (at != gaps_.end() && at->cycle < made.cycle)
                ++at;
            if (at != gaps_.end() && at->cycle == made.cycle) {
                at->permits += made.last;
            } else {
                gaps_.insert(at, {made.cycle, made.last});
            }
        }
        ANTIPHON_CATCH_ALL {
            // It is lost: fewer may start than would be allowed, never more.
        }
    }

    [[nodiscard]] std::int64_t available(time_point now) noexcept {
        parking_lock::scope const hold{lock_};
        move_to(now);
        return free_now();
    }
    [[nodiscard]] readings read() noexcept {
        parking_lock::scope const hold{lock_};
        return counted_;
    }

private:
    struct gap {
        std::int64_t cycle;
        std::int64_t permits;
    };

    /// A clock that goes back, as another executor's may, stays in the cycle.
    void move_to(time_point now) noexcept {
        if (!begun_) {
            begun_ = true;
            begin_ = now;
            end_ = saturating_add(now, per_);
        }
        if (now < end_) return;
        auto const passed = saturating_sub(now, end_) / per_ + 1;
        cycle_ += passed;
        end_ = saturating_add(end_, passed * per_);
        available_ = passed > (permits_ - available_) / permits_ ? permits_ : available_ + passed * permits_;
        std::size_t gone = 0;
        while (gone != gaps_.size() && gaps_[gone].cycle < cycle_)
            ++gone;
        gaps_.erase(gaps_.begin(), gaps_.begin() + static_cast<std::ptrdiff_t>(gone));
    }
    [[nodiscard]] std::int64_t free_now() const noexcept {
        std::int64_t const gap_now = !gaps_.empty() && gaps_.front().cycle == cycle_ ? gaps_.front().permits : 0;
        return detail::larger(available_, std::int64_t{0}) + gap_now;
    }
    [[nodiscard]] std::int64_t all_gaps() const noexcept {
        std::int64_t sum = 0;
        for (gap const& each : gaps_)
            sum += each.permits;
        return sum;
    }
    [[nodiscard]] reservation in_gaps(time_point now, std::int64_t n) const noexcept {
        auto at = gaps_.begin();
        std::int64_t before = 0;
        for (; before + at->permits < n; ++at)
            before += at->permits;
        return {true, saturating_sub(saturating_add(begin_, at->cycle * per_), now), at->cycle, n - before, -1};
    }
    [[nodiscard]] reservation in_line(time_point now, std::int64_t n) const noexcept {
        std::int64_t const short_by = n - available_ - permits_;
        std::int64_t const further = short_by > 0 ? (short_by - 1) / permits_ + 1 : 0;
        if (further > duration::max() / per_) return {false, duration::max(), cycle_, 0, -1};
        std::int64_t const before = available_ + further * permits_;
        return {true, saturating_add(saturating_sub(end_, now), further * per_), cycle_ + 1 + further,
                n - detail::larger(before, std::int64_t{0}), before + permits_ - n};
    }
    /// Of `n`, as many as there are up to the cycle `until`; what remains of `n` is the answer.
    std::int64_t take_gaps(std::int64_t n, std::int64_t until) noexcept {
        auto at = gaps_.begin();
        for (; at != gaps_.end() && at->cycle <= until && n != 0; ++at) {
            std::int64_t const taken = detail::smaller(n, at->permits);
            at->permits -= taken;
            n -= taken;
            if (at->permits != 0) break;
        }
        gaps_.erase(gaps_.begin(), at);
        return n;
    }

    parking_lock lock_;
    // Guarded by lock_:
    std::int64_t permits_;
    duration per_;
    std::uint64_t era_ = 0;  ///< grows with every change of these
    bool begun_ = false;
    time_point begin_{};
    time_point end_{};  ///< of the current cycle
    std::int64_t cycle_ = 0;
    std::int64_t available_;
    std::vector<gap> gaps_;  ///< by cycle, none before the current one
    readings counted_;
};

}  // namespace antiphon::detail
