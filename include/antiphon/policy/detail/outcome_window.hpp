// SPDX-License-Identifier: BSL-1.0
#pragma once
// How the calls of a sliding window ended, with sums that are always at hand.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "antiphon/core/time.hpp"
#include "antiphon/policy/sliding_window.hpp"

namespace antiphon::detail {

struct outcome {
    bool failed = false;
    bool slow = false;
};

struct outcome_sums {
    std::uint32_t calls = 0;
    std::uint32_t failed = 0;
    std::uint32_t slow = 0;

    void add(outcome o) noexcept {
        ++calls;
        failed += o.failed;
        slow += o.slow;
    }
    void take(outcome_sums const& o) noexcept {
        calls -= o.calls;
        failed -= o.failed;
        slow -= o.slow;
    }
};

/// A ring of calls, or of seconds. **Threads**: none by itself. **Cost**: no allocation after the first.
class outcome_window {
public:
    explicit outcome_window(sliding_window window) : timed_{window.timed()} {
        timed_ ? seconds_.resize(window.size()) : calls_.resize(window.size());
    }

    void add(outcome o, time_point now) noexcept {
        if (timed_) {
            slide(now);
            seconds_[at_].add(o);
        } else {
            if (sums_.calls == calls_.size()) sums_.take(of(calls_[at_]));
            calls_[at_] = o;
            at_ = (at_ + 1) % calls_.size();
        }
        sums_.add(o);
    }
    /// Forgets what is too old by `now`. A clock that goes back, as another executor's may, forgets nothing.
    void slide(time_point now) noexcept {
        if (!timed_) return;
        std::int64_t const second = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
        if (sums_.calls == 0 && second > second_) second_ = second;
        for (std::size_t steps = 0; second_ < second && steps != seconds_.size(); ++steps, ++second_) {
            at_ = (at_ + 1) % seconds_.size();
            sums_.take(seconds_[at_]);
            seconds_[at_] = {};
        }
        if (second_ < second) second_ = second;
    }
    void clear() noexcept {
        for (outcome_sums& each : seconds_)
            each = {};
        sums_ = {};
        at_ = 0;
    }
    [[nodiscard]] outcome_sums const& sums() const noexcept { return sums_; }

private:
    static outcome_sums of(outcome o) noexcept { return {1, o.failed, o.slow}; }

    bool timed_;
    std::vector<outcome> calls_;
    std::vector<outcome_sums> seconds_;
    outcome_sums sums_;
    std::size_t at_ = 0;
    std::int64_t second_ = 0;
};

}  // namespace antiphon::detail
