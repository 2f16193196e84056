// SPDX-License-Identifier: BSL-1.0
#pragma once
// An ask through a limit on concurrency.

#include <atomic>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/timer.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/policy/detail/guarding_ask.hpp"
#include "antiphon/policy/detail/limit_core.hpp"

namespace antiphon::detail {

/// Is kept alive by everything that is inside the ask, and tells it when that is gone.
class work_inside {
protected:
    work_inside(bool gives_up) noexcept : work_{*this}, gives_up_{gives_up} {}
    ~work_inside() = default;

    class work final : public state_base {
    public:
        explicit work(work_inside& owner) noexcept : state_base{any_executor{}, nullptr, 1, 0}, owner_{&owner} {}

    private:
        void destroy() noexcept override { owner_->work_ended(); }
        void step(delivery) noexcept override {}
        void refuse(errc, delivery) noexcept override {}
        work_inside* owner_;
    };
    virtual void work_ended() noexcept = 0;

    work work_;
    bool gives_up_;  ///< something inside may answer before its handler has ended
};

/// The permit goes back when what is inside answers, or, where something inside may answer while its handler runs on, when nothing is
/// left of what is inside: `inside_` says that there is one to give back.
///
/// In line, exactly one of three takes it out, by the core's lock: who makes room, a stop request, the timer. The armed timer holds a
/// reference; `phase_` collects bits: `armed` (arming has returned) and `left` (it has left the line), and whoever sets the second of
/// them disarms.
template <class Layer, class... A>
class limited_ask : private work_inside, public guarding_ask<Layer, A...>, private limit_waiter, private timer {
    using policy_type = typename Layer::policy_type;

public:
    using R = typename Layer::result_type;
    template <class L, class... X>
    limited_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : work_inside{layer.inner().abandons()},
          guarding_ask<Layer, A...>{static_cast<state_base&>(this->work_), std::move(executor_for), outer, std::forward<L>(layer),
                                    std::forward<X>(args)...},
          limit_(layer.policy()) {
        this->retain();  // the work's
        this->work_.release();  // it is what is inside that keeps it
    }

protected:
    ~limited_ask() = default;
    void start() noexcept override {
        if (this->stop_requested()) return this->turn_away_stopped();
        context_data const* const c = this->context();
        bool const may_queue = c == nullptr || c->may_queue;
        switch (limit_.core().enter(*this, may_queue, limit_.place())) {
            case limit_core::entry::inside: return go_in();
            case limit_core::entry::refused:
                return this->turn_away(failure{errc::overloaded, executed::no}, delivery::nested,
                                       may_queue || limit_.max_queue() == 0 ? policy_type::name : "load_shed");
            case limit_core::entry::in_line: return wait();
        }
    }
    void answered(result<R>& answer, delivery how) noexcept override {
        if constexpr (policy_type::learns)
            limit_.core().learn(answer ? nullptr : &answer.error(), saturating_sub(this->executor().now(), began_), this->inside_with(),
                                how);
        if (!this->gives_up_) limit_.core().leave(*this, how);
        this->complete_from(answer, how);
    }
    state_base* on_stop() noexcept override {
        if (this->admitted()) return this->upstream();
        if (limit_.core().leave_line(*this)) leave_with(failure{errc::cancelled, executed::no});
        return nullptr;
    }
    void step(delivery how) noexcept override {
        if (!this->stop_requested()) return go_in();
        limit_.core().leave(*this, how);
        this->turn_away_stopped(how);
    }
    void refuse(errc why, delivery how) noexcept override {
        limit_.core().leave(*this, how);
        this->turn_away(failure{why, executed::no}, how);
    }

private:
    enum : unsigned {
        armed = 1,
        left = 2
    };

    void go_in() noexcept {
        inside_ = true;
        if constexpr (policy_type::learns) began_ = this->executor().now();
        this->admit();
    }
    /// The line may have let it in already; whoever began it keeps it alive.
    void wait() noexcept {
        duration const longest = limit_.max_wait();
        if (longest != duration::max()) {
            gives_up_at_ = saturating_add(this->executor().now(), longest);
            this->retain();
            ANTIPHON_TRY { this->executor().arm(*this, gives_up_at_); }
            ANTIPHON_CATCH_ALL {
                this->release();
                if (limit_.core().leave_line(*this)) this->turn_away(failure::current(executed::no), delivery::nested);
                return;
            }
            // acq_rel pairs with leave_line_behind
            if ((phase_.fetch_or(armed, std::memory_order_acq_rel) & left) != 0) disarm();
        }
        // Against on_stop by the core's lock: it finds this in line, or its request is seen here.
        if (this->stop_requested() && limit_.core().leave_line(*this)) leave_with(failure{errc::cancelled, executed::no});
    }
    void granted(delivery how) noexcept override {
        leave_line_behind();
        if (how == delivery::dropped || timer_thread::is_current()) {
            this->continue_after(how);
        } else {
            step(how);
        }
    }
    void leave_line_behind() noexcept {
        // acq_rel pairs with wait
        if ((phase_.fetch_or(left, std::memory_order_acq_rel) & armed) != 0) disarm();
    }
    void leave_with(failure why) noexcept {
        leave_line_behind();
        this->turn_away(std::move(why), delivery::nested);
    }
    void disarm() noexcept {
        if (this->executor().disarm(*this)) this->release();
    }
    void fire() noexcept override {
        state_ptr<> const timers_reference{static_cast<state_base*>(static_cast<guarding_ask<Layer, A...>*>(this))};
        if (!limit_.core().leave_line(*this, true)) return;
        // Before its time a timer fires only because its executor ends.
        bool const ends = this->executor().now() < gives_up_at_;
        this->turn_away(failure{ends ? errc::shut_down : errc::overloaded, executed::no}, delivery::nested, policy_type::name);
    }
    void work_ended() noexcept override {
        if (this->gives_up_ && inside_) limit_.core().leave(*this, dropping_scope::now());
        this->release();
    }

    policy_type limit_;
    bool inside_ = false;
    std::atomic<unsigned> phase_{0};
    time_point gives_up_at_{};
    time_point began_{};
};

}  // namespace antiphon::detail
