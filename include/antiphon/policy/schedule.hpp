// SPDX-License-Identifier: BSL-1.0
#pragma once
// Delivery windows: when an ask may start, when its answer is due, how urgent it is.

#include <atomic>
#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/default_pool.hpp"
#include "antiphon/execution/timer.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/policy/detail/expiring_ask.hpp"

namespace antiphon {

namespace detail {

/// `Policy::starts(now)` is the moment before which the ask does not start.
///
/// The armed timer holds a reference. Exactly one of `fire` and the stop request that disarms it begins what is inside.
template <class Layer, class... A>
class delayed_ask : public layer_ask<Layer, A...>, private timer {
public:
    using R = typename Layer::result_type;
    template <class L, class... X>
    delayed_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : layer_ask<Layer, A...>{std::move(executor_for), outer, std::forward<L>(layer), std::forward<X>(args)...},
          policy_(layer.policy()) {}

protected:
    ~delayed_ask() = default;
    void start() noexcept override {
        time_point const now = this->executor().now();
        time_point const start = policy_.starts(now);
        if (start <= now) return this->begin_inner();
        this->retain();
        ANTIPHON_TRY { this->executor().arm(*this, start); }
        ANTIPHON_CATCH_ALL {
            this->release();
            return this->begin_stopped();
        }
        // seq_cst against on_stop: either it finds the timer armed, or its request is seen here
        phase_.store(armed, std::memory_order_seq_cst);
        if (this->stop_requested()) cancel();
    }
    void answered(result<R>& answer, delivery how) noexcept override { this->complete_from(answer, how); }
    state_base* on_stop() noexcept override {
        if (phase_.load(std::memory_order_seq_cst) == armed) cancel();
        return this->upstream();
    }
    void step(delivery) noexcept override { this->begin_inner(); }
    void refuse(errc, delivery) noexcept override { this->begin_stopped(); }

private:
    enum : unsigned {
        unarmed,
        armed
    };

    void fire() noexcept override {
        state_ptr<> const timers_reference{this};
        if (state_base::runs_anywhere(this->executor()) && timer_thread::is_current()) {
            this->schedule(default_pool().get_executor());  // no handler runs on the timer's thread
        } else {
            this->begin_inner();
        }
    }
    void cancel() noexcept {
        if (!this->executor().disarm(*this)) return;
        state_ptr<> const timers_reference{this};
        this->begin_stopped();
    }

    typename Layer::policy_type policy_;
    std::atomic<unsigned> phase_{unarmed};
};

/// Changes the urgency that is inherited, and nothing else.
template <class Layer, class... A>
class prioritised_ask : public layer_ask<Layer, A...> {
public:
    using R = typename Layer::result_type;
    template <class L, class... X>
    prioritised_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : layer_ask<Layer, A...>{std::move(executor_for), outer, std::forward<L>(layer), std::forward<X>(args)...},
          urgency_{layer.policy().urgency} {}

protected:
    ~prioritised_ask() = default;
    void start() noexcept override {
        this->inherited().priority = urgency_;
        this->begin_inner();
    }
    void answered(result<R>& answer, delivery how) noexcept override { this->complete_from(answer, how); }

private:
    priority urgency_;
};

struct with_priority {
    using antiphon_policy = void;
    static constexpr bool abandons = false;
    template <class Layer, class... A>
    using ask = prioritised_ask<Layer, A...>;
    priority urgency;
};

}  // namespace detail

/// `request | after(2s)`: starts that much later; zero starts at once.
/// **Errors**: a negative delay is refused with `std::invalid_argument`.
/// **Time**: the executor's clock, from the moment its layer starts. **Cost**: one timer.
class after {
public:
    using antiphon_policy = void;
    static constexpr bool abandons = false;
    template <class Layer, class... A>
    using ask = detail::delayed_ask<Layer, A...>;

    template <class Rep, class Period>
    explicit constexpr after(std::chrono::duration<Rep, Period> delay) : delay_{saturating_cast(delay)} {
        detail::require(delay_ >= duration::zero(), "after: the delay must not be negative");
    }
    [[nodiscard]] constexpr time_point starts(time_point now) const noexcept { return saturating_add(now, delay_); }
    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::wrap(*this, std::move(r));
    }

private:
    duration delay_;
};

/// `request | at(moment)`: does not start before; a moment that has passed starts at once.
/// **Time**: a moment of the executor's clock. **Cost**: one timer.
class at {
public:
    using antiphon_policy = void;
    static constexpr bool abandons = false;
    template <class Layer, class... A>
    using ask = detail::delayed_ask<Layer, A...>;

    explicit constexpr at(time_point when) noexcept : when_{when} {}
    [[nodiscard]] constexpr time_point starts(time_point) const noexcept { return when_; }
    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::wrap(*this, std::move(r));
    }

private:
    time_point when_;
};

/// `request | within(1h)`: answered by then, started at any moment before that suits the executor.
/// **Errors**: `errc::deadline_exceeded` when the window closes; not negative (`std::invalid_argument`).
/// **Time**: the executor's clock, from the moment its layer starts.
class within {
public:
    using antiphon_policy = void;
    static constexpr bool abandons = true;
    static constexpr bool patient = true;
    template <class Layer, class... A>
    using ask = detail::expiring_ask<Layer, A...>;

    template <class Rep, class Period>
    explicit constexpr within(std::chrono::duration<Rep, Period> window) : window_{saturating_cast(window)} {
        detail::require(window_ >= duration::zero(), "within: the window must not be negative");
    }
    [[nodiscard]] constexpr time_point expires(time_point now) const noexcept { return saturating_add(now, window_); }
    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::wrap(*this, std::move(r));
    }

private:
    duration window_;
};

/// `request | priority::high`: how urgent the ask, and what it asks in turn, is to the executor.
template <class Signature, class Repeat, class Handler>
[[nodiscard]] auto operator|(request<Signature, Repeat, Handler> r, priority urgency) {
    return detail::wrap(detail::with_priority{urgency}, std::move(r));
}

}  // namespace antiphon
