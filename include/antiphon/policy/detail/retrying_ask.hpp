// SPDX-License-Identifier: BSL-1.0
#pragma once
// An ask that is made again while its attempts fail in a way that may pass, or end in a value that is not wanted.

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/invoke.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/observer.hpp"
#include "antiphon/policy/detail/attempts.hpp"
#include "antiphon/policy/detail/repeating_ask.hpp"

namespace antiphon::detail {

/// Every value is what was asked for.
struct none_unwanted {};

template <class Layer, class... A>
class retrying_ask : public repeating_ask<typename Layer::result_type, question<Layer, typename Layer::signature, A...>> {
    using asked = question<Layer, typename Layer::signature, A...>;
    using base = repeating_ask<typename Layer::result_type, asked>;

public:
    using R = typename Layer::result_type;
    template <class L, class... X>
    retrying_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : base{std::move(executor_for), outer, std::forward<L>(layer), std::forward<X>(args)...}, policy_(layer.policy()) {}

protected:
    ~retrying_ask() = default;

private:
    using policy_type = typename Layer::policy_type;

    void outset() noexcept override {
        if (policy_.budget.timed()) policy_.budget.ask(this->executor().now());
    }
    void mark(context_data& context) noexcept override {
        context.attempt = this->next_attempt();
        if (context.tried == nullptr) context.tried = &tried_;
    }
    [[nodiscard]] bool last_attempt() const noexcept override {
        return !asked::repeatable || this->attempt() + 1 >= static_cast<std::uint32_t>(policy_.max_attempts);
    }
    [[nodiscard]] bool passes(delivery how) noexcept override {
        if (policy_type::looks_at_values || !this->peek_answer().get()) return false;
        deliver(how);
        return true;
    }
    void deliver(delivery how) noexcept {
        policy_.budget.succeeded();
        state_ptr<state<R>> const used = this->take_answer();
        this->complete_from(used->get(), how);
    }
    [[nodiscard]] bool must_move(delivery how) const noexcept override {
        return how == delivery::dropped || timer_thread::is_current();
    }
    void refused_to_judge(errc, delivery how) noexcept override { give_up(how); }
    void end(failure why, delivery how) noexcept override {
        state_ptr<state<R>> const done = this->take_answer();
        if (this->attempt() != 0) why.with_attempts(this->attempt());
        executed const worst = worse(executed_, why.executed());
        this->fail(std::move(why).with_executed(worst), how);
    }
    void give_up(delivery how) noexcept {
        state_ptr<state<R>> const last = this->take_answer();
        if (last->get()) return this->complete_from(last->get(), how);  // unwanted, but better than none
        end(std::move(last->get()).error(), how);
    }

    [[nodiscard]] bool judge(delivery how) noexcept override {
        if constexpr (policy_type::looks_at_values) {
            if (this->peek_answer().get()) return judge_value(how);
        }
        return judge_failure(how);
    }
    [[nodiscard]] bool may_go_on() const noexcept {
        return asked::repeatable && this->attempt() < static_cast<std::uint32_t>(policy_.max_attempts);
    }
    [[nodiscard]] bool judge_value(delivery how) noexcept {
        executed_ = executed::yes;
        bool again = false;
        ANTIPHON_TRY { again = is_unwanted(); }
        ANTIPHON_CATCH_ALL {
            end(failure::current(executed_), how);
            return false;
        }
        if (!again) {
            deliver(how);
            return false;
        }
        policy_.budget.failed();
        if (policy_type::unsafe || !may_go_on() || this->stop_requested()) {
            give_up(how);
            return false;
        }
        return pause(failure{errc::unavailable, executed::yes, "retry: a value that is not wanted"}, {}, how);
    }
    [[nodiscard]] bool is_unwanted() const {
        using given = std::remove_reference_t<R> const&;
        static_assert(
            std::is_invocable_r_v<bool, decltype((policy_.unwanted)), given>,
            "antiphon: the function given to retry.when() must take the value of the request as const, and say whether to ask again");
        return static_cast<bool>(detail::invoke(policy_.unwanted, static_cast<given>(*this->peek_answer().get())));
    }
    [[nodiscard]] bool judge_failure(delivery how) noexcept {
        failure const& why = this->peek_answer().get().error();
        executed_ = worse(executed_, why.executed());
        bool transient = false;
        ANTIPHON_TRY { transient = policy_.retry_if(why); }
        ANTIPHON_CATCH_ALL {
            end(failure::current(executed_), how);
            return false;
        }
        std::optional<duration> const told = why.retry_after();
        bool const unwanted = told && *told < duration::zero();
        if (transient || unwanted) policy_.budget.failed();
        bool const may = transient && !unwanted && may_go_on() && (!policy_type::unsafe || why.executed() == executed::no);
        if (!may) {
            give_up(how);
            return false;
        }
        if (this->stop_requested()) {
            end(failure{errc::cancelled, executed_}, how);
            return false;
        }
        return pause(why, told, how);
    }
    /// True: without one.
    [[nodiscard]] bool pause(failure const& why, std::optional<duration> told, delivery how) noexcept {
        duration const delay = told ? *told : next_backoff();
        if (told) backoffs_ = 0;
        time_point const now = delay > duration::zero() || this->until() != time_point::max() || policy_.budget.timed()
                                   ? this->executor().now()
                                   : time_point::min();
        time_point const moment = saturating_add(now, delay);
        bool const too_late = this->until() != time_point::max() && moment >= this->until();
        if (too_late || !policy_.budget.allow(now)) {
            give_up(how);
            return false;
        }
        if (antiphon::observer* const hears = this->observer()) hears->retried(this->attempt(), why, delay);
        {
            state_ptr<state<R>> const passed_over = this->take_answer();
            result<R> const gone = passed_over->take();  // its queue's entry may keep the ask for longer
        }
        if (delay <= duration::zero()) return true;
        this->pause_until(moment, how);
        return false;
    }
    [[nodiscard]] duration next_backoff() noexcept {
        ++backoffs_;
        std::uint64_t const chance = policy_.backoff.random() ? this->executor().random() : 0;
        return previous_ = policy_.backoff.delay(backoffs_, previous_, chance);
    }

    policy_type policy_;
    tried_replicas tried_;
    executed executed_ = executed::no;
    std::uint64_t backoffs_ = 0;  ///< in a row
    duration previous_{};
};

}  // namespace antiphon::detail
