// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that sends a second copy of a slow ask, and takes the answer that comes first.

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/policy/detail/attempts.hpp"
#include "antiphon/policy/detail/hedging_ask.hpp"
#include "antiphon/policy/detail/optional_core.hpp"
#include "antiphon/policy/failure_predicate.hpp"
#include "antiphon/policy/percentile.hpp"
#include "antiphon/policy/retry_budget.hpp"

namespace antiphon {

namespace detail {

class hedging;

}  // namespace detail

/// When a hedge sends its next copy: a fixed time, or a percentile of the latency that its pipeline has measured.
class hedge_delay {
public:
    template <class Rep, class Period>
    constexpr hedge_delay(std::chrono::duration<Rep, Period> fixed) noexcept : fixed_{saturating_cast(fixed)} {}
    constexpr hedge_delay(percentile measured) noexcept : measured_{measured} {}
    [[nodiscard]] constexpr duration fixed() const noexcept { return fixed_; }
    [[nodiscard]] constexpr std::optional<percentile> const& measured() const noexcept { return measured_; }

private:
    duration fixed_{};
    std::optional<percentile> measured_{};
};

/// `request | hedge{.after = 80ms}`: sends the ask, and another copy of it each time `after` passes without an answer, up to
/// `max_attempts` in all. The first success is the answer, and stop is requested on the rest; their late answers are dropped. With
/// `after` zero all are sent at once.
/// A failure that is not transient ends it at once. A transient one sends the next copy immediately, or after its `retry_after()`; a
/// negative one means no more copies. When all have failed, the first copy's failure is the answer, with the number of copies in `attempts()`.
/// A percentile is read from how long the asks of this pipeline value and its copies took in the last half minute, at least 1 ms; until
/// there are enough of them (20 for the 95th) no time makes it send a copy. Failures that are faster than it are not measured.
/// Only for requests that may be repeated; arguments that cannot be copied mean one copy. The handler runs on the pool even for `call()`.
/// **Threads**: copies run side by side, where the request runs. `retry_if` is asked where a failure arrives, never on the timer thread.
/// **Errors**: what `retry_if` throws is the ask's failure. Nonsense is refused with `std::invalid_argument` by `|`.
/// **Time**: the executor's clock. **Cost**: one timer; the first copy is part of the ask, each further one is an allocation. A
/// percentile takes 21 kB a pipeline, and a lock at the beginning and end of an ask.
/// **Source**: gRFC A6; Finagle's BackupRequestFilter; Dean and Barroso, "The Tail at Scale", CACM 56, 2013.
struct hedge {
    hedge_delay after = percentile(0.95);
    int max_attempts = 2;  ///< copies in all
    std::optional<double> max_extra_load{};  ///< copies per ask over ten seconds, up to 1, in thousandths; none: no limit
    failure_predicate retry_if{};  ///< whether another copy may follow a failure: `is_transient` unless given
    retry_budget budget = retry_budget::unlimited();  ///< gates all but the first; shared with others, on purpose

    using antiphon_policy = void;
    template <class Signature, class Repeat, class Handler>
    [[nodiscard]] auto operator()(request<Signature, Repeat, Handler> r) const;
    /// **Errors**: refuses nonsense with `std::invalid_argument`.
    void check() const {
        detail::require(after.fixed() >= duration::zero(), "hedge.after: must not be negative");
        detail::require(max_attempts >= 1, "hedge.max_attempts: must be at least 1");
        detail::require(!max_extra_load || *max_extra_load == 0 || (*max_extra_load >= 0.001 && *max_extra_load <= 1),
                        "hedge.max_extra_load: must be 0, or from 0.001 to 1");
    }
};

namespace detail {

/// What the copies of one hedged request have measured.
class hedge_meter final : public counted {
public:
    explicit hedge_meter(percentile wanted) noexcept : window_{wanted} {}
    void record(time_point now, duration took) noexcept {
        parking_lock::scope const hold{lock_};
        window_.record(now, took);
    }
    [[nodiscard]] std::optional<duration> read(time_point now) noexcept {
        parking_lock::scope const hold{lock_};
        return window_.read(now);
    }

private:
    parking_lock lock_;
    latency_window window_;
};

/// A hedge in its pipeline: copies of the request share what it measures.
class hedging {
public:
    static constexpr bool abandons = true;
    template <class Layer, class... A>
    using ask = hedging_ask<Layer, A...>;

    explicit hedging(hedge options) : options_{std::move(options)} {
        if (options_.after.measured()) meter_ = optional_core<hedge_meter>{new hedge_meter{*options_.after.measured()}};
        if (options_.max_extra_load) extra_ = retry_budget::bucket{.percent = *options_.max_extra_load, .min_per_second = 0};
    }

    class one;

private:
    hedge options_;
    optional_core<hedge_meter> meter_;
    retry_budget extra_ = retry_budget::unlimited();
};

/// One ask's side of it.
class hedging::one {
public:
    one(hedging const& of) : policy_{of} {}  // NOLINT: the policy's ask is made of its policy
    void begin(any_executor const& where) noexcept {
        if (policy_.meter_ || policy_.extra_.timed() || policy_.options_.budget.timed()) began_ = where.now();
        policy_.extra_.ask(began_);
        policy_.options_.budget.ask(began_);
        after_ = policy_.meter_ ? policy_.meter_->read(began_) : policy_.options_.after.fixed();
    }
    [[nodiscard]] std::optional<duration> after() const noexcept { return after_; }
    [[nodiscard]] std::uint32_t most() const noexcept { return static_cast<std::uint32_t>(policy_.options_.max_attempts); }
    [[nodiscard]] bool is_transient(failure const& why) const { return policy_.options_.retry_if(why); }
    /// Whether another copy may be sent, which is thereby paid for.
    [[nodiscard]] bool allows(any_executor const& where) noexcept {
        retry_budget const& budget = policy_.options_.budget;
        time_point const now = policy_.extra_.timed() || budget.timed() ? where.now() : time_point{};
        if (!policy_.extra_.could_allow(now) || !budget.allow(now)) return false;
        return policy_.extra_.allow(now);
    }
    void succeeded(any_executor const& where) noexcept {
        policy_.options_.budget.succeeded();
        if (policy_.meter_) record(where.now());
    }
    void failed(any_executor const& where, bool counts) noexcept {
        if (counts) policy_.options_.budget.failed();
        if (!policy_.meter_ || !after_) return;
        time_point const now = where.now();
        if (saturating_sub(now, began_) >= *after_) record(now);
    }

private:
    void record(time_point now) noexcept { policy_.meter_->record(now, saturating_sub(now, began_)); }

    hedging policy_;
    time_point began_{};
    std::optional<duration> after_;
};

}  // namespace detail

template <class Signature, class Repeat, class Handler>
auto hedge::operator()(request<Signature, Repeat, Handler> r) const {
    static_assert(
        !std::is_same_v<Repeat, repeat::unsafe>,
        "antiphon: hedge sends a request several times, and this one is unsafe to repeat: say idempotent(request) if it is not");
    check();
    return detail::wrap_shared(detail::hedging{*this}, std::move(r));
}

}  // namespace antiphon
