// SPDX-License-Identifier: BSL-1.0
#pragma once
// The state of a circuit breaker, which its handles and their asks share.

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/policy/detail/outcome_window.hpp"
#include "antiphon/policy/sliding_window.hpp"

namespace antiphon {

/// The words of a circuit breaker: `circuit_breaker::open`, `circuit_breaker::transition`.
struct circuit_breaker_words {
    enum status : std::uint8_t {
        closed,       ///< lets everything through, and measures it
        open,         ///< rejects
        half_open,    ///< lets a few through, to see how they fare
        forced_open,  ///< rejects, until told otherwise
        disabled,     ///< lets everything through, and looks at nothing
        measuring,    ///< lets everything through, and measures, but never opens (`metrics_only`)
    };
    struct transition {
        status from;
        status to;
        std::uint64_t number;  ///< grows; threads may report two in the other order
    };
};

namespace detail {

struct breaker_limits {
    double failure_rate;
    double slow_call_rate;
    std::uint32_t minimum_calls;
    std::uint32_t half_open_calls;
    duration half_open_for;
};

/// `word_` holds the status (three low bits) and the epoch, which counts the states entered: closed → open → half-open → closed or
/// open, and from anywhere to anywhere by hand. It changes under `lock_` only, stored with release; an ask that finds a state which
/// lets everything through (acquire) needs no lock to go in. What an ask brings back counts while the epoch is the one in which it
/// went in. Everything else is guarded by `lock_`, under which nothing of the user's runs.
class breaker_core final : public counted, public circuit_breaker_words {
public:
    /// An ask's place in a half-open breaker. Guarded by the core's lock.
    class probe {
        friend breaker_core;
        probe* older_ = nullptr;
        probe* newer_ = nullptr;
        time_point ends_{};
        bool lent_ = false;
    };
    struct admission {
        bool admitted = true;
        std::uint64_t epoch = 0;
        std::optional<duration> retry_after{};
        std::optional<transition> changed{};
    };
    struct totals {
        std::uint64_t succeeded = 0, failed = 0, slow = 0, ignored = 0, rejected = 0;
    };
    struct readings {
        status state;
        outcome_sums sums;
        totals counted;
        std::uint32_t opened_in_a_row;
    };

    breaker_core(breaker_limits const& limits, sliding_window window, duration first_open_for)
        : limits_{limits}, window_{window}, first_open_for_{first_open_for}, next_open_for_{first_open_for} {}

    [[nodiscard]] status state() const noexcept { return status_of(word_.load(std::memory_order_acquire)); }

    /// `admission::epoch` and `mine` are to be brought back by `record`, once, if it was admitted.
    [[nodiscard]] admission admit(time_point now, probe& mine) noexcept {
        std::uint64_t const seen = word_.load(std::memory_order_acquire);
        if (lets_all_through(status_of(seen))) return {.epoch = epoch_of(seen)};
        parking_lock::scope const hold{lock_};
        admission answer;
        if (status_now() == open && now > open_until_) answer.changed = enter(half_open, now);
        if (status_now() == half_open && !lend(mine, now)) return turn_away(std::move(answer), saturating_sub(oldest_->ends_, now));
        if (status_now() == open) return turn_away(std::move(answer), first_instant_after(now));
        if (status_now() == forced_open) return turn_away(std::move(answer), {});
        answer.epoch = epoch_of(word_.load(std::memory_order_relaxed));
        return answer;
    }
    /// Whether an ask would be let in.
    [[nodiscard]] bool admits(time_point now) noexcept {
        parking_lock::scope const hold{lock_};
        switch (status_now()) {
            case open: return now > open_until_;
            case half_open: return results_.calls + lent_ < limits_.half_open_calls || (oldest_ != nullptr && oldest_->ends_ <= now);
            case forced_open: return false;
            default: return true;
        }
    }
    /// How an ask ended; nothing where it is not to be recorded.
    [[nodiscard]] std::optional<transition> record(std::uint64_t epoch, probe& mine, std::optional<outcome> how,
                                                   time_point now) noexcept {
        parking_lock::scope const hold{lock_};
        if (mine.lent_) give_back(mine);
        count(how);
        if (!how || epoch != epoch_of(word_.load(std::memory_order_relaxed))) return {};
        switch (status_now()) {
            case closed:
                window_.add(*how, now);
                if (window_.sums().calls >= limits_.minimum_calls && too_bad(window_.sums())) return enter(open, now);
                return {};
            case measuring: window_.add(*how, now); return {};
            case half_open:
                results_.add(*how);
                if (results_.calls < limits_.half_open_calls) return {};
                return enter(too_bad(results_) ? open : closed, now);
            default: return {};
        }
    }
    /// By hand.
    [[nodiscard]] std::optional<transition> force(status to) noexcept {
        parking_lock::scope const hold{lock_};
        if (status_now() == to) return {};
        return enter(to, time_point{});
    }
    [[nodiscard]] std::optional<transition> reset() noexcept {
        parking_lock::scope const hold{lock_};
        counted_ = {};
        transition const made = enter(closed, time_point{});
        return made.from != closed ? std::optional{made} : std::nullopt;
    }

    [[nodiscard]] readings read(std::optional<time_point> now) noexcept {
        parking_lock::scope const hold{lock_};
        if (now) window_.slide(*now);
        return {status_now(), status_now() == half_open ? results_ : window_.sums(), counted_, row_};
    }
    /// Which opening in a row the next one will be.
    [[nodiscard]] std::uint32_t next_opening() noexcept {
        parking_lock::scope const hold{lock_};
        return row_ + 1;
    }
    /// How long that one will be.
    void prepare(std::uint32_t opening, duration open_for) noexcept {
        parking_lock::scope const hold{lock_};
        if (row_ + 1 == opening) next_open_for_ = open_for;
    }

private:
    static constexpr std::uint64_t one_epoch = 8;
    static constexpr status status_of(std::uint64_t word) noexcept { return static_cast<status>(word % one_epoch); }
    static constexpr std::uint64_t epoch_of(std::uint64_t word) noexcept { return word / one_epoch; }
    static constexpr bool lets_all_through(status s) noexcept { return s == closed || s == disabled || s == measuring; }
    [[nodiscard]] status status_now() const noexcept { return status_of(word_.load(std::memory_order_relaxed)); }

    transition enter(status to, time_point now) noexcept {
        std::uint64_t const was = word_.load(std::memory_order_relaxed);
        while (oldest_ != nullptr)
            give_back(*oldest_);
        results_ = {};
        window_.clear();
        if (to == open) {
            ++row_;
            open_until_ = saturating_add(now, next_open_for_);
        } else if (to != half_open) {
            row_ = 0;
            next_open_for_ = first_open_for_;
        }
        // release pairs with admit and state
        word_.store((epoch_of(was) + 1) * one_epoch + to, std::memory_order_release);
        return {status_of(was), to, epoch_of(was) + 1};
    }
    [[nodiscard]] bool too_bad(outcome_sums const& s) const noexcept {
        double const calls = s.calls;
        return s.failed / calls >= limits_.failure_rate || s.slow / calls >= limits_.slow_call_rate;
    }
    [[nodiscard]] bool lend(probe& mine, time_point now) noexcept {
        while (oldest_ != nullptr && oldest_->ends_ <= now)
            give_back(*oldest_);
        if (results_.calls + lent_ >= limits_.half_open_calls) return false;
        mine.lent_ = true;
        mine.ends_ = saturating_add(now, limits_.half_open_for);
        mine.newer_ = nullptr;
        mine.older_ = newest_;
        (newest_ != nullptr ? newest_->newer_ : oldest_) = &mine;
        newest_ = &mine;
        ++lent_;
        return true;
    }
    void give_back(probe& p) noexcept {
        (p.older_ != nullptr ? p.older_->newer_ : oldest_) = p.newer_;
        (p.newer_ != nullptr ? p.newer_->older_ : newest_) = p.older_;
        p.lent_ = false;
        --lent_;
    }
    [[nodiscard]] admission turn_away(admission answer, std::optional<duration> retry_after) noexcept {
        ++counted_.rejected;
        answer.admitted = false;
        answer.retry_after = retry_after;
        return answer;
    }
    [[nodiscard]] duration first_instant_after(time_point now) const noexcept {
        return saturating_add(saturating_sub(open_until_, now), duration{1});
    }
    void count(std::optional<outcome> how) noexcept {
        if (!how) {
            ++counted_.ignored;
            return;
        }
        ++(how->failed ? counted_.failed : counted_.succeeded);
        counted_.slow += how->slow;
    }

    std::atomic<std::uint64_t> word_{0};
    breaker_limits const limits_;
    parking_lock lock_;
    // Guarded by lock_:
    outcome_window window_;
    outcome_sums results_;  ///< half-open
    std::uint32_t lent_ = 0;
    probe* oldest_ = nullptr;
    probe* newest_ = nullptr;
    std::uint32_t row_ = 0;  ///< openings without a closing between them
    duration const first_open_for_;
    duration next_open_for_;
    time_point open_until_{};
    totals counted_;
};

}  // namespace detail

}  // namespace antiphon
