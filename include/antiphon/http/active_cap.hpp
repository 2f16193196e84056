// SPDX-License-Identifier: BSL-1.0
#pragma once
// How many transfers under way at once are best: found out by trying more and fewer, and keeping what pays. For who writes a client.

#include <algorithm>
#include <cstddef>

#include "antiphon/core/time.hpp"

namespace antiphon::http {

/// Climbs the hill of throughput. A server that is busy answers no more when more is asked at once, only later; one that takes its time
/// answers as much more as is asked. So now and then the cap is doubled, or halved, for a moment: twice as much has to bring a quarter
/// more answers in the same time, half as much may cost a tenth of them. What does not pay is taken back, and tried again later and later.
/// It learns only while somebody waits for room. Where nothing at all ends for a second, more room is made without a trial.
/// **Threads**: one. **Time**: as it is told.
class active_cap {
public:
    active_cap(std::size_t least, std::size_t most) noexcept : least_{std::min(least, most)}, most_{most}, cap_{least_} { measure(); }

    [[nodiscard]] std::size_t now() const noexcept { return cap_; }
    /// Nobody waits for room: what is measured says nothing.
    void rest() noexcept {
        if (!pressed_) return;
        pressed_ = false;
        measure();
    }
    /// Somebody does.
    void press(time_point now) noexcept {
        if (!pressed_) {
            pressed_ = true;
            last_ = now;
        } else if (now >= next()) {
            last_ = now;
            probing_ = false;
            cap_ = doubled();
            measure();
        }
    }
    /// When to `press` again, if nothing ends before.
    [[nodiscard]] time_point next() const noexcept {
        return pressed_ && cap_ < most_ ? saturating_add(last_, stuck) : time_point::max();
    }
    /// A transfer has.
    void ended(time_point now) noexcept {
        if (!pressed_ || least_ == most_) return;
        last_ = now;
        if (settling_ != 0) {  // still of those that the cap before let in
            if (--settling_ == 0) began_ = now;
            return;
        }
        ++count_;
        duration const took = now - began_;
        if (count_ < 2 * cap_ || took < shortest) return;
        decide(static_cast<double>(count_) / std::chrono::duration<double>(took).count());
        measure();
    }

private:
    static constexpr duration stuck = std::chrono::seconds{1};
    static constexpr duration shortest = std::chrono::milliseconds{10};
    static constexpr double worth_more = 1.25;  ///< of a doubled cap
    static constexpr double worth_less = 0.9;  ///< of a halved one
    static constexpr unsigned least_patience = 4, most_patience = 64;

    [[nodiscard]] std::size_t doubled() const noexcept { return cap_ < most_ / 2 ? cap_ * 2 : most_; }
    [[nodiscard]] std::size_t halved() const noexcept { return std::max(cap_ / 2, least_); }
    void measure() noexcept {
        settling_ = cap_;
        count_ = 0;
    }
    void decide(double rate) noexcept {
        if (!probing_) {
            before_ = rate;
            if (patience_ != 0) return void(--patience_);
            return probe();
        }
        probing_ = false;
        bool const more = cap_ > from_;
        // Near the ceiling it is less than doubled, and pays as much less.
        double const ratio = static_cast<double>(cap_) / static_cast<double>(from_);
        if (rate >= before_ * (more ? 1 + (worth_more - 1) * (ratio - 1) : worth_less)) {
            before_ = rate;
            next_patience_ = least_patience;
            return probe();  // further in the same direction
        }
        cap_ = from_;
        upwards_ = !upwards_;
        patience_ = next_patience_;
        next_patience_ = std::min(next_patience_ * 2, most_patience);
    }
    void probe() noexcept {
        if (cap_ == (upwards_ ? most_ : least_)) upwards_ = !upwards_;
        from_ = cap_;
        cap_ = upwards_ ? doubled() : halved();
        probing_ = true;
    }

    std::size_t const least_, most_;
    std::size_t cap_;
    std::size_t from_ = 0;  ///< the cap before the trial
    std::size_t settling_ = 0;  ///< ends that are not counted yet
    std::size_t count_ = 0;
    time_point began_{};
    time_point last_{};  ///< when something ended, or pressing began
    double before_ = 0;  ///< the rate before the trial
    bool pressed_ = false, probing_ = false, upwards_ = true;
    unsigned patience_ = 0;  ///< measurements before the next trial
    unsigned next_patience_ = least_patience;
};

}  // namespace antiphon::http
