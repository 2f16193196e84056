// SPDX-License-Identifier: BSL-1.0
#pragma once
// An ask that gives up at a moment: what timeout, deadline and within have in common.

#include <atomic>
#include <utility>

#include "antiphon/core/time.hpp"
#include "antiphon/execution/timer.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/request/observer.hpp"

namespace antiphon::detail {

/// `Policy::expires(now)` is the moment; `time_point::max()` for never.
///
/// `phase_` collects bits: `answered_inside` (the inner answer came), `expired` (the timer fired). Whoever sets the first of the
/// two decides the ask. `armed` is set once arming has returned: the one of `start` and `answered` that comes second disarms.
/// The armed timer holds a reference.
template <class Layer, class... A>
class expiring_ask : public layer_ask<Layer, A...>, private timer {
public:
    using R = typename Layer::result_type;
    template <class L, class... X>
    expiring_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : layer_ask<Layer, A...>{std::move(executor_for), outer, std::forward<L>(layer), std::forward<X>(args)...},
          policy_(layer.policy()) {}

protected:
    ~expiring_ask() = default;
    void start() noexcept override {
        time_point const now = this->executor().now();
        time_point const own = policy_.expires(now);
        time_point& until = this->inherited().deadline;
        if (own < until) {
            until = own;
            this->inherited().patient = Layer::policy_type::patient;
        }
        if (until == time_point::max()) return this->begin_inner();
        if (until <= now) return refuse_now(failure{errc::deadline_exceeded, executed::no});
        if (this->stop_requested()) return this->begin_stopped();
        this->retain();
        ANTIPHON_TRY { this->executor().arm(*this, until); }
        ANTIPHON_CATCH_ALL {
            this->release();
            return refuse_now(failure::current(executed::no));
        }
        // acq_rel pairs with `answered`: a stop request may have answered while this was arming
        if ((phase_.fetch_or(armed, std::memory_order_acq_rel) & answered_inside) != 0) disarm();
        this->begin_inner();
    }
    void answered(result<R>& answer, delivery how) noexcept override {
        // acq_rel pairs with `start` and `fire`
        unsigned const before = phase_.fetch_or(answered_inside, std::memory_order_acq_rel);
        if ((before & expired) == 0) {
            if ((before & armed) != 0) disarm();
            this->complete_from(answer, how);
        } else if (!answer && answer.error().executed() == executed::no) {
            never_ran_.store(true, std::memory_order_release);  // pairs with `fire`
        } else if (observer* const o = this->inherited().observer; o != nullptr && (answer || answer.error() != errc::cancelled)) {
            o->late_reply(late_answer{answer});  // one that obeyed the stop is none
        }
    }
    [[nodiscard]] bool may_abandon() const noexcept override { return true; }
    gate* passage() noexcept override { return &walks_; }

private:
    enum : unsigned {
        armed = 1,
        answered_inside = 2,
        expired = 4
    };

    void refuse_now(failure why) noexcept {
        if ((phase_.fetch_or(expired, std::memory_order_acq_rel) & answered_inside) == 0) expire(std::move(why));
        this->begin_stopped();
    }
    void disarm() noexcept {
        if (this->executor().disarm(*this)) this->release();
    }
    void fire() noexcept override {
        state_ptr<> const timers_reference{this};
        state_ptr<> const inner{this->upstream()};
        // A result that is ready beats an expired timer; its `answered` is on the way.
        if (inner && inner->ready()) return;
        // acq_rel pairs with `answered`
        if ((phase_.fetch_or(expired, std::memory_order_acq_rel) & answered_inside) != 0) return;
        if (inner) inner->request_stop();
        // What had not started was answered inside request_stop, in this thread.
        bool const never_ran = never_ran_.load(std::memory_order_acquire);
        expire(failure{errc::deadline_exceeded, never_ran ? executed::no : executed::maybe});
    }
    /// Answers while what is inside may go on, and may be looking for a waiter on this side.
    void expire(failure why) noexcept {
        walks_.close();
        this->fail(std::move(why), delivery::nested);
    }

    typename Layer::policy_type policy_;
    std::atomic<unsigned> phase_{0};
    std::atomic<bool> never_ran_{false};
    gate walks_;
};

}  // namespace antiphon::detail
