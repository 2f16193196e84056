// SPDX-License-Identifier: BSL-1.0
#pragma once
// How many retries and hedges a whole client may send: shared on purpose, so that a failing server is not buried under repeats.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "antiphon/core/arithmetic.hpp"
#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/policy/detail/optional_core.hpp"

namespace antiphon {

namespace detail {

/// Amounts are counted in thousandths, so that 0.75 is 0.75.
inline constexpr std::int64_t budget_scale = 1000;
[[nodiscard]] inline std::int64_t to_thousandths(double amount) noexcept {
    return static_cast<std::int64_t>(detail::llround(amount * static_cast<double>(budget_scale)));
}

/// Both forms; `is_bucket_` says which. One is created as one form and stays that.
class budget_core final : public counted {
public:
    budget_core(std::uint32_t most, std::uint32_t ratio) noexcept : is_bucket_{false}, level_{pack(most, most)}, ratio_{ratio} {}
    budget_core(std::int64_t deposit, std::int64_t reserve, duration ttl) noexcept : is_bucket_{true} {
        set_bucket(deposit, reserve, ttl);
    }
    [[nodiscard]] bool is_bucket() const noexcept { return is_bucket_; }

    // --- throttle: `level_` holds the tokens (low half) and their maximum (high half), so that both change as one.
    // relaxed everywhere: nothing but the numbers themselves is told from one thread to another.
    template <class Change>
    void change_level(Change change) noexcept {
        std::uint64_t seen = level_.load(std::memory_order_relaxed);
        for (;;) {
            std::uint64_t const next = change(tokens(seen), most(seen));
            if (next == seen || level_.compare_exchange_weak(seen, next, std::memory_order_relaxed)) return;
        }
    }
    void succeed() noexcept {
        std::uint64_t const gain = ratio_.load(std::memory_order_relaxed);
        change_level([=](std::uint64_t t, std::uint64_t m) { return pack(t + gain < m ? t + gain : m, m); });
    }
    void fail() noexcept {
        constexpr auto one = static_cast<std::uint64_t>(budget_scale);
        change_level([](std::uint64_t t, std::uint64_t m) { return pack(t > one ? t - one : 0, m); });
    }
    void resize(std::uint64_t to, std::uint32_t ratio) noexcept {
        ratio_.store(ratio, std::memory_order_relaxed);
        change_level([=](std::uint64_t t, std::uint64_t m) { return pack(t * to / m, to); });
    }
    [[nodiscard]] bool above_half() const noexcept {
        std::uint64_t const seen = level_.load(std::memory_order_relaxed);
        return 2 * tokens(seen) > most(seen);
    }
    [[nodiscard]] std::int64_t level() const noexcept {
        return static_cast<std::int64_t>(tokens(level_.load(std::memory_order_relaxed)));
    }

    // --- bucket: a ring of slots over `ttl`; what was put into a slot is forgotten with it.
    void deposit(time_point now) noexcept {
        parking_lock::scope const hold{lock_};
        slide(now);
        put(deposit_);
    }
    [[nodiscard]] bool withdraw(time_point now) noexcept {
        parking_lock::scope const hold{lock_};
        slide(now);
        if (sum_ + reserve_ < budget_scale) return false;
        put(-budget_scale);
        return true;
    }
    [[nodiscard]] std::int64_t balance(time_point now) noexcept {
        parking_lock::scope const hold{lock_};
        slide(now);
        return sum_ + reserve_;
    }
    void set_bucket(std::int64_t deposit, std::int64_t reserve, duration ttl) noexcept {
        parking_lock::scope const hold{lock_};
        deposit_ = deposit;
        reserve_ = reserve;
        slot_length_ = ttl / static_cast<duration::rep>(slots);
    }

private:
    static constexpr std::size_t slots = 10;
    static constexpr std::uint64_t pack(std::uint64_t tokens, std::uint64_t most) noexcept { return most << 32 | tokens; }
    static constexpr std::uint64_t tokens(std::uint64_t level) noexcept { return level & 0xFFFFFFFFu; }
    static constexpr std::uint64_t most(std::uint64_t level) noexcept { return level >> 32; }

    void put(std::int64_t amount) noexcept {
        ring_[at_] += amount;
        sum_ += amount;
    }
    /// The ring begins at the first moment it hears of.
    void slide(time_point now) noexcept {
        if (!begun_) {
            begun_ = true;
            slot_end_ = saturating_add(now, slot_length_);
        }
        if (now < slot_end_) return;
        auto const passed = saturating_sub(now, slot_end_) / slot_length_ + 1;
        for (duration::rep i = 0; i < passed && i < static_cast<duration::rep>(slots); ++i) {
            at_ = (at_ + 1) % slots;
            sum_ -= ring_[at_];
            ring_[at_] = 0;
        }
        slot_end_ = saturating_add(slot_end_, passed * slot_length_);
    }

    bool const is_bucket_;
    std::atomic<std::uint64_t> level_{0};
    std::atomic<std::uint32_t> ratio_{0};
    parking_lock lock_;
    // Guarded by lock_:
    std::array<std::int64_t, slots> ring_{};
    std::size_t at_ = 0;
    std::int64_t sum_ = 0;
    std::int64_t deposit_ = 0;
    std::int64_t reserve_ = 0;
    duration slot_length_{1};
    time_point slot_end_{};
    bool begun_ = false;
};

}  // namespace detail

/// `retry_budget shared{{.max_tokens = 10}}; retry{.budget = shared}; hedge{.budget = shared}`.
/// Two forms. `throttle`: failures take tokens, successes give some back, and while half of them or fewer are left nothing is
/// repeated. `bucket`: every ask deposits, every repeat withdraws, so that repeats are at most `percent` of the asks, and
/// `min_per_second` besides. Copies are handles to one budget. Nothing ever waits for it.
/// **Threads**: any. **Errors**: nonsense is refused with `std::invalid_argument`, naming the field.
/// **Cost**: a throttle is one atomic word, a bucket a short lock. **Time**: the moments it is given: the asks' executors' clocks.
/// **Source**: gRFC A6, "Throttling retry attempts and hedged RPCs"; Finagle's RetryBudget.
class retry_budget {
public:
    struct throttle {
        int max_tokens = 10;       ///< up to 1,000,000; tokens start there
        double token_ratio = 0.1;  ///< what a success gives back, in thousandths; a failure takes 1
    };
    struct bucket {
        double percent = 0.2;                    ///< a fraction, in thousandths: repeats per ask
        double min_per_second = 10;              ///< repeats allowed however few the asks, in thousandths
        any_duration ttl = std::chrono::seconds{10};  ///< 1 to 60 seconds: how long a deposit counts
    };

    retry_budget() : retry_budget{throttle{}} {}
    retry_budget(throttle form) : core_{new detail::budget_core{checked(form), ratio(form)}} {}
    retry_budget(bucket form) : core_{new detail::budget_core{checked(form), reserve(form), form.ttl}} {}
    /// None: allows everything, and counts nothing. What was moved from is this too.
    [[nodiscard]] static retry_budget unlimited() noexcept { return retry_budget{detail::optional_core<detail::budget_core>{}}; }

    /// Changes the numbers; the tokens keep their share of the maximum. **Errors**: refuses one that is not a throttle.
    void configure(throttle form) {
        detail::require(core_ && !core_->is_bucket(), "retry_budget::configure: this one is not a throttle");
        std::uint32_t const most = checked(form);
        core_->resize(most, ratio(form));
    }
    /// Changes the numbers; what was deposited and withdrawn stays. **Errors**: refuses one that is not a bucket.
    void configure(bucket form) {
        detail::require(timed(), "retry_budget::configure: this one is not a bucket");
        std::int64_t const deposit = checked(form);
        core_->set_bucket(deposit, reserve(form), form.ttl);
    }

    // For policies:
    /// Whether `ask` and `allow` look at their moment.
    [[nodiscard]] bool timed() const noexcept { return core_ && core_->is_bucket(); }
    /// An ask was made.
    void ask(time_point now) const noexcept {
        if (timed()) core_->deposit(now);
    }
    /// It, or an attempt of it, succeeded.
    void succeeded() const noexcept {
        if (core_ && !core_->is_bucket()) core_->succeed();
    }
    /// An attempt failed transiently, or the other side asked not to be asked again.
    void failed() const noexcept {
        if (core_ && !core_->is_bucket()) core_->fail();
    }
    /// Whether one more may be sent; a bucket is one poorer then.
    [[nodiscard]] bool allow(time_point now) const noexcept {
        if (!core_) return true;
        return core_->is_bucket() ? core_->withdraw(now) : core_->above_half();
    }
    /// Whether `allow` would say yes now.
    [[nodiscard]] bool could_allow(time_point now) const noexcept {
        if (!core_) return true;
        return core_->is_bucket() ? core_->balance(now) >= detail::budget_scale : core_->above_half();
    }
    /// Tokens, or the repeats that the bucket could pay for.
    [[nodiscard]] double balance(time_point now) const noexcept {
        if (!core_) return std::numeric_limits<double>::infinity();
        return static_cast<double>(core_->is_bucket() ? core_->balance(now) : core_->level()) /
               static_cast<double>(detail::budget_scale);
    }

private:
    explicit retry_budget(detail::optional_core<detail::budget_core> core) noexcept : core_{std::move(core)} {}
    static std::uint32_t checked(throttle const& form) {
        detail::require(form.max_tokens >= 1 && form.max_tokens <= 1'000'000, "retry_budget.max_tokens: must be from 1 to 1000000");
        return static_cast<std::uint32_t>(form.max_tokens) * static_cast<std::uint32_t>(detail::budget_scale);
    }
    static std::uint32_t ratio(throttle const& form) {
        detail::require(form.token_ratio >= 0.001 && form.token_ratio <= 1'000'000,
                        "retry_budget.token_ratio: must be from 0.001 to 1000000");
        return static_cast<std::uint32_t>(detail::to_thousandths(form.token_ratio));
    }
    static std::int64_t checked(bucket const& form) {
        detail::require(form.percent == 0 || (form.percent >= 0.001 && form.percent <= 1),
                        "retry_budget.percent: must be 0, or from 0.001 to 1");
        return detail::to_thousandths(form.percent);
    }
    static std::int64_t reserve(bucket const& form) {
        detail::require(form.min_per_second == 0 || (form.min_per_second >= 0.001 && form.min_per_second <= 1e9),
                        "retry_budget.min_per_second: must be 0, or from 0.001 to 1000000000");
        detail::require(form.ttl >= std::chrono::seconds{1} && form.ttl <= std::chrono::seconds{60},
                        "retry_budget.ttl: must be from 1 to 60 seconds");
        double const seconds = std::chrono::duration<double>(form.ttl).count();
        return detail::to_thousandths(form.min_per_second * seconds);
    }

    detail::optional_core<detail::budget_core> core_;
};

static_assert(sizeof(retry_budget) == sizeof(void*));

}  // namespace antiphon
