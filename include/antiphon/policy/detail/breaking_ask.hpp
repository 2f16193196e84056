// SPDX-License-Identifier: BSL-1.0
#pragma once
// An ask through a circuit breaker.

#include <optional>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/default_pool.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/policy/detail/breaker_core.hpp"
#include "antiphon/policy/detail/guarding_ask.hpp"

namespace antiphon::detail {

/// What the user has to say about answers and transitions is asked where the answer arrives, or, from the timer's thread and out of
/// dropped work, in a step of its own: `prepared_` tells that step from one that has yet to go in. One thread after the other.
template <class Layer, class... A>
class breaking_ask : public guarding_ask<Layer, A...> {
    using policy_type = typename Layer::policy_type;

public:
    using R = typename Layer::result_type;
    template <class L, class... X>
    breaking_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : guarding_ask<Layer, A...>{std::move(executor_for), outer, std::forward<L>(layer), std::forward<X>(args)...},
          breaker_(layer.policy()) {}

protected:
    ~breaking_ask() = default;
    void start() noexcept override {
        if (breaker_.tells() && timer_thread::is_current()) return this->continue_after(delivery::nested);
        go_in(delivery::nested);
    }
    void answered(result<R>& answer, delivery how) noexcept override {
        ended_ = this->executor().now();
        if (breaker_.asks(answer ? nullptr : &answer.error()) && (how == delivery::dropped || timer_thread::is_current())) {
            this->prepare([&] { return std::move(answer); });
            prepared_ = true;
            return this->continue_after(how);
        }
        if (std::optional<failure> thrown = judge(answer)) return this->fail(std::move(*thrown), how);
        this->complete_from(answer, how);
    }
    void step(delivery how) noexcept override {
        if (!prepared_) return go_in(how);
        if (std::optional<failure> thrown = judge(this->get())) this->get() = std::move(*thrown);
        this->publish(how);
    }
    void refuse(errc why, delivery how) noexcept override {
        if (!prepared_) {
            this->turn_away(failure{why, executed::no}, how);
        } else if (how == delivery::dropped) {
            this->schedule(default_pool().get_executor());
        } else {
            step(how);
        }
    }

private:
    void go_in(delivery how) noexcept {
        if (this->stop_requested()) return this->turn_away_stopped(how);
        began_ = this->executor().now();
        breaker_core::admission const given = breaker_.core().admit(began_, mine_);
        if (given.changed) breaker_.tell(*given.changed, this->executor());
        if (!given.admitted) {
            failure why{errc::circuit_open, executed::no};
            if (given.retry_after) why.with_retry_after(*given.retry_after);
            return this->turn_away(std::move(why), how, "circuit_breaker");
        }
        epoch_ = given.epoch;
        this->admit();
    }
    /// What the user's predicate threw, if it did: that counts as a failure.
    [[nodiscard]] std::optional<failure> judge(result<R> const& answer) noexcept {
        std::optional<failure> thrown;
        std::optional<outcome> how = outcome{false, breaker_.is_slow(saturating_sub(ended_, began_))};
        if (!answer) {
            ANTIPHON_TRY { breaker_.judge(answer.error(), this->stop_requested(), how); }
            ANTIPHON_CATCH_ALL {
                thrown = failure::current(answer.error().executed());
                how->failed = true;
            }
        }
        if (auto const changed = breaker_.core().record(epoch_, mine_, how, ended_)) breaker_.tell(*changed, this->executor());
        return thrown;
    }

    policy_type breaker_;
    std::uint64_t epoch_ = 0;
    time_point began_{};
    time_point ended_{};
    breaker_core::probe mine_;
    bool prepared_ = false;
};

}  // namespace antiphon::detail
