// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that asks again when an attempt failed in a way that may pass.

#include <atomic>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/request/observer.hpp"
#include "antiphon/policy/backoff.hpp"
#include "antiphon/policy/detail/attempts.hpp"
#include "antiphon/policy/detail/repeating_ask.hpp"
#include "antiphon/policy/failure_predicate.hpp"
#include "antiphon/policy/retry_budget.hpp"

namespace antiphon {

namespace detail {

template <class Layer, class... A>
class retrying_ask;
template <bool Unsafe>
struct retrying;

}  // namespace detail

/// `request | retry{.max_attempts = 4, .backoff = {.initial = 50ms}}`: asks again, after a back-off, while attempts fail in a way
/// that `retry_if` calls transient. The last failure is what the caller sees, with `attempts()` set, and `executed()` the worst of all
/// attempts. A request that is `repeat::unsafe` is asked again only after a failure that is `executed::no`; arguments that cannot be
/// copied make one attempt the last.
/// A failure's `retry_after()` replaces the back-off exactly, and the next back-off is the first one again; a negative one ends it. If
/// the deadline would come first, the failure comes at once. Stop, or the executor's end, during a back-off ends it there and then:
/// `cancelled`, `shut_down`.
/// **Threads**: attempts run where the request runs; without an executor, those of `call()` in the calling thread. `retry_if` is asked
/// where a failure arrives, never on the timer thread.
/// **Errors**: what `retry_if` throws is the ask's failure. Nonsense is refused with `std::invalid_argument` by `|`.
/// **Time**: the executor's clock and randomness. **Cost**: the first attempt is part of the ask; each further one is an allocation.
/// **Source**: gRFC A6.
struct retry {
    int max_attempts = 3;  ///< the first one included
    antiphon::backoff backoff{};
    failure_predicate retry_if{};          ///< `is_transient` unless given
    retry_budget budget = retry_budget::unlimited();  ///< shared with others, on purpose

    using antiphon_policy = void;
    template <class Signature, class Repeat, class Handler>
    [[nodiscard]] auto operator()(request<Signature, Repeat, Handler> r) const {
        check();
        return detail::wrap_shared(detail::retrying<std::is_same_v<Repeat, repeat::unsafe>>{*this}, std::move(r));
    }
    /// **Errors**: refuses nonsense with `std::invalid_argument`.
    void check() const {
        detail::require(max_attempts >= 1, "retry.max_attempts: must be at least 1");
        backoff.check();
    }
};

namespace detail {

template <bool Unsafe>
struct retrying : retry {
    static constexpr bool abandons = false;
    static constexpr bool unsafe = Unsafe;
    template <class Layer, class... A>
    using ask = retrying_ask<Layer, A...>;
};

template <class Layer, class... A>
class retrying_ask : public repeating_ask<typename Layer::result_type, question<Layer, typename Layer::signature, A...>> {
    using asked = question<Layer, typename Layer::signature, A...>;
    using base = repeating_ask<typename Layer::result_type, asked>;

public:
    using R = typename Layer::result_type;
    template <class L, class... X>
    retrying_ask(any_executor executor_for, context_data const* outer, L&& layer, X&&... args)
        : base{std::move(executor_for), outer, std::forward<L>(layer), std::forward<X>(args)...}, policy_(layer.policy()) {}

protected:
    ~retrying_ask() = default;

private:
    using policy_type = typename Layer::policy_type;

    void outset() noexcept override {
        if (policy_.budget.timed()) policy_.budget.ask(this->executor().now());
    }
    void mark_tried(context_data& context) noexcept override {
        if (context.tried == nullptr) context.tried = &tried_;
    }
    [[nodiscard]] bool last_attempt() const noexcept override {
        return !asked::repeatable || this->attempt() + 1 >= static_cast<std::uint32_t>(policy_.max_attempts);
    }
    [[nodiscard]] bool passes(delivery how) noexcept override {
        result<R>& answer = this->peek_answer().get();
        if (!answer) return false;
        policy_.budget.succeeded();
        state_ptr<state<R>> const used = this->take_answer();
        this->complete_from(answer, how);
        return true;
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
        state_ptr<state<R>> const failed = this->take_answer();
        end(std::move(failed->get()).error(), how);
    }

    [[nodiscard]] bool judge(delivery how) noexcept override {
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
        bool const may = transient && !unwanted && asked::repeatable && (!policy_type::unsafe || why.executed() == executed::no) &&
                         this->attempt() < static_cast<std::uint32_t>(policy_.max_attempts);
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
            failure const gone = std::move(passed_over->get()).error();  // its queue's entry may keep the ask for longer
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

}  // namespace detail

}  // namespace antiphon
