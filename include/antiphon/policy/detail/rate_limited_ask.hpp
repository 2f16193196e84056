// SPDX-License-Identifier: BSL-1.0
#pragma once
// An ask through a rate limit.

#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "antiphon/core/arithmetic.hpp"
#include "antiphon/core/config.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/default_pool.hpp"
#include "antiphon/execution/timer.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/policy/detail/guarding_ask.hpp"
#include "antiphon/policy/detail/rate_core.hpp"

namespace antiphon::detail {

/// How many permits an ask takes; found before its arguments go further inside.
class rate_price {
protected:
    template <class Policy, class... X>
    explicit rate_price(Policy const& policy, X const&... args) noexcept {
        ANTIPHON_TRY { permits_ = policy.price(args...); }
        ANTIPHON_CATCH_ALL { unpriced_ = failure::current(executed::no); }
        if (permits_ < 0)
            unpriced_ = failure{errc::invalid_argument, executed::no, "rate_limit: the cost of an ask must not be negative"};
    }
    std::int64_t permits_ = 0;
    std::optional<failure> unpriced_;
};

/// The armed timer holds a reference. `armed_` is set when arming has returned; a stop request that sees it disarms, and exactly one of
/// `fire` and a successful disarm goes on: until then the permits are reserved, and it gives them back or starts.
template <class Layer, class... A>
class rate_limited_ask : private rate_price, public guarding_ask<Layer, A...>, private timer {
public:
    using R = typename Layer::result_type;
    template <class L, class... X>
    rate_limited_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : rate_price{layer.policy(), std::as_const(args)...},
          guarding_ask<Layer, A...>{std::move(executor_for), outer, std::forward<L>(layer), std::forward<X>(args)...},
          limit_(layer.policy().limit()) {}

protected:
    ~rate_limited_ask() = default;
    void start() noexcept override {
        if (this->stop_requested()) return this->turn_away_stopped();
        if (unpriced_) return this->turn_away(std::move(*unpriced_), delivery::nested);
        time_point const now = this->executor().now();
        rate_core::reservation const made = limit_.core().reserve(now, permits_, longest(now));
        if (!made.granted) return refuse_now(made.wait);
        if (made.wait <= duration::zero()) return this->admit();
        made_ = made;
        starts_ = saturating_add(now, made.wait);
        this->retain();
        ANTIPHON_TRY { this->executor().arm(*this, starts_); }
        ANTIPHON_CATCH_ALL {
            this->release();
            return give_up(failure::current(executed::no));
        }
        // seq_cst against on_stop: either it finds the timer armed, or its request is seen here
        armed_.store(true, std::memory_order_seq_cst);
        if (this->stop_requested()) cancel();
    }
    void answered(result<R>& answer, delivery how) noexcept override { this->complete_from(answer, how); }
    state_base* on_stop() noexcept override {
        if (this->admitted()) return this->upstream();
        if (armed_.load(std::memory_order_seq_cst)) cancel();
        return nullptr;
    }
    void step(delivery how) noexcept override {
        if (this->stop_requested()) return give_up(failure{errc::cancelled, executed::no}, how);
        limit_.core().start();
        this->admit();
    }
    void refuse(errc why, delivery how) noexcept override { give_up(failure{why, executed::no}, how); }

private:
    [[nodiscard]] duration longest(time_point now) const noexcept {
        context_data const* const c = this->context();
        if (c == nullptr) return limit_.max_wait();
        if (!c->may_queue) return duration::zero();
        return detail::smaller(limit_.max_wait(), saturating_sub(c->deadline, now));
    }
    void refuse_now(duration wait) noexcept {
        bool const shed = this->context() != nullptr && !this->context()->may_queue && limit_.max_wait() > duration::zero();
        this->turn_away(failure{shed ? errc::overloaded : errc::resource_exhausted, executed::no}.with_retry_after(wait),
                        delivery::nested, shed ? "load_shed" : "rate_limit");
    }
    void give_up(failure why, delivery how = delivery::nested) noexcept {
        limit_.core().give_back(this->executor().now(), permits_, made_);
        this->turn_away(std::move(why), how);
    }
    void fire() noexcept override {
        state_ptr<> const timers_reference{static_cast<state_base*>(this)};
        // Before its time a timer fires only because its executor ends.
        if (this->executor().now() < starts_) return give_up(failure{errc::shut_down, executed::no});
        if (state_base::runs_anywhere(this->executor()) && timer_thread::is_current()) {
            this->schedule(default_pool().get_executor());  // no handler runs on the timer's thread
        } else {
            step(delivery::nested);
        }
    }
    void cancel() noexcept {
        if (!this->executor().disarm(*this)) return;
        state_ptr<> const timers_reference{static_cast<state_base*>(this)};
        give_up(failure{errc::cancelled, executed::no});
    }

    std::remove_cvref_t<decltype(std::declval<typename Layer::policy_type const&>().limit())> limit_;
    rate_core::reservation made_{};
    time_point starts_{};
    std::atomic<bool> armed_{false};
};

}  // namespace antiphon::detail
