// SPDX-License-Identifier: BSL-1.0
#pragma once
// An ask that sends copies of one question side by side; the first success is its answer.

#include <atomic>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "antiphon/core/lifetime.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/timer.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/request/observer.hpp"
#include "antiphon/policy/detail/attempts.hpp"

namespace antiphon::detail {

/// What happens to it (answers of copies, the timer, a stop request) is noted under `lock_`, and one thread at a time, the actor, goes
/// through the notes: whoever notes something while there is none becomes it. So nothing of the user's runs under the lock, copies
/// that answer inside their own `begin` are a loop, and everything without "guarded" belongs to the actor. An actor that needs a better
/// place goes there as this state's next step, still the actor: no step is due when the ask is decided.
///
/// References: the producer's, the consumer's, the armed timer's, and one for each copy after the first until that copy is gone.
template <class Layer, class... A>
class hedging_ask : public state<typename Layer::result_type>, private timer {
    using asked = question<Layer, typename Layer::signature, A...>;

public:
    using R = typename Layer::result_type;

    template <class L, class... X>
    hedging_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : state<R>{std::move(executor_for), outer, 2, 0},
          policy_(layer.policy()),
          first_context_{*this},
          first_{*this, 1},
          question_{std::forward<L>(layer), std::forward<X>(args)...} {}

    void begin() noexcept final {
        if (timer_thread::is_current()) return this->continue_after(delivery::nested);  // arguments are copied elsewhere
        act(delivery::nested);
    }
    void dismiss() noexcept final { this->release(); }  // the destructor knows that it was never answered

protected:
    ~hedging_ask() {
        if (!this->ready()) detail::destroy_at(detail::addressof(question_));
    }
    void step(delivery how) noexcept override { act(how); }
    void refuse(errc why, delivery how) noexcept override {
        refused_ = failure{why, executed::no};
        act(how);
    }
    void discard() noexcept final { detail::destroy_at(detail::addressof(question_)); }

private:
    using inner_state = state<R>;

    // --- the copies ---------------------------------------------------------------------------------------------------------

    class copy : public consumer {
    public:
        copy(hedging_ask& owner, std::uint32_t number) noexcept : owner_{&owner}, number_{number} {}
        void on_ready(state_base& ask, delivery how) noexcept final { owner_->arrived(*this, static_cast<inner_state&>(ask), how); }
        state_base* downstream() noexcept final { return owner_; }
        gate* passage() noexcept final { return &owner_->walks_; }
        [[nodiscard]] state_ptr<inner_state> take() noexcept {
            return state_ptr<inner_state>{static_cast<inner_state*>(source.take())};
        }

        link<state_base> source;
        copy* behind = nullptr;  ///< among the answers; guarded

    protected:
        ~copy() = default;
        hedging_ask* owner_;

    private:
        std::uint32_t number_;
        friend class hedging_ask;
    };
    class first_copy final : public copy {
    public:
        using copy::copy;
    };
    /// An allocation of its own; it lives as long as its ask, and as long as it is listed.
    class further_copy final : public state_base, public copy {
    public:
        further_copy(hedging_ask& owner, std::uint32_t number) noexcept
            : state_base{any_executor{owner.executor()}, nullptr, 1, 0}, copy{owner, number}, context{*this} {
            owner.retain();
        }
        context_data context;
        typename asked::slot slot;
        further_copy* older = nullptr;  ///< guarded

    private:
        void destroy() noexcept override {
            hedging_ask* const owner = this->owner_;
            delete this;
            owner->release();
        }
        void step(delivery) noexcept override {}
        void refuse(errc, delivery) noexcept override {}
    };

    /// A reference to the unfinished ask of the n-th copy; nothing beyond the last, null where it has come.
    [[nodiscard]] std::optional<state_ptr<>> running(std::size_t n) noexcept {
        parking_lock::scope const hold{lock_};
        if (n == 0) return state_ptr<>{first_.source.acquire()};
        further_copy* at = further_;
        while (at != nullptr && --n != 0)
            at = at->older;
        if (at == nullptr) return {};
        return state_ptr<>{at->source.acquire()};
    }

    // --- what happens to it -----------------------------------------------------------------------------------------------

    void arrived(copy& from, inner_state& answered, delivery how) noexcept {
        lock_.lock();
        if (decided_) {
            lock_.unlock();
            return came_late(from, how);
        }
        from.behind = nullptr;
        *answers_end_ = &from;
        answers_end_ = &from.behind;
        bool const acts = !std::exchange(acting_, true);
        lock_.unlock();
        if (!acts) return;
        // A value needs no place. Anything else may end in a question to the user, or in a copy of the arguments.
        if (!answered.get() && (how == delivery::dropped || timer_thread::is_current())) return this->continue_after(how);
        act(how);
    }
    void fire() noexcept override {
        state_ptr<> const timers_reference{this};
        lock_.lock();
        ++rings_;
        bool const acts = !decided_ && !std::exchange(acting_, true);
        lock_.unlock();
        if (acts) this->continue_after(delivery::nested);
    }
    state_base* on_stop() noexcept final {
        for (std::size_t n = 0;; ++n) {
            std::optional<state_ptr<>> const each = running(n);
            if (!each) break;
            if (*each) (*each)->request_stop();
        }
        lock_.lock();
        bool const acts = !decided_ && !std::exchange(acting_, true);
        lock_.unlock();
        if (acts) act(delivery::nested);
        return nullptr;
    }
    /// After the decision, in the thread that brought it.
    void came_late(copy& from, delivery how) noexcept {
        state_ptr<inner_state> const late = from.take();
        // A copy that obeyed the stop request brings no news.
        result<R>& answer = late->get();
        bool const news = answer.has_value() || answer.error().code() != errc::cancelled;
        if (news && how != delivery::dropped) {
            if (antiphon::observer* const hears = observer()) hears->late_reply(late_answer{answer});
        }
    }

    // --- the actor --------------------------------------------------------------------------------------------------------

    void act(delivery how) noexcept {
        this->retain();
        state_ptr<> const alive{this};
        if (!started_ && !start(how)) return;
        while (copy* const next_answer = note(how)) {
            if (!judge(*next_answer, how)) return;
        }
    }
    /// The next answer, or null when nothing is left to be done: then there is no actor.
    [[nodiscard]] copy* note(delivery how) noexcept {
        for (;;) {
            lock_.lock();
            copy* const found = answers_;
            if (found != nullptr) {
                answers_ = found->behind;
                if (answers_ == nullptr) answers_end_ = &answers_;
                lock_.unlock();
                return found;
            }
            unsigned const rang = std::exchange(rings_, 0u);
            bool const idle = rang == 0 && !(sent_ == back_ && this->stop_requested());
            if (idle) acting_ = false;
            lock_.unlock();
            if (idle || !go_on(rang, how)) return nullptr;
        }
    }
    [[nodiscard]] bool has_answer() noexcept {
        parking_lock::scope const hold{lock_};
        return answers_ != nullptr;
    }
    /// The timer rang, or stop was requested. False: the ask is decided.
    [[nodiscard]] bool go_on(unsigned rang, delivery how) noexcept {
        while (rang != 0 && stale_rings_ != 0) {
            --rang;
            --stale_rings_;
        }
        if (rang != 0) {
            armed_ = false;
            // Before its time it rings only because the executor ends.
            if (!refused_ && this->executor().now() < rings_at_) refused_ = failure{errc::shut_down, executed::no};
            if (more() && send(how)) arm_next(policy_.after());
        }
        return !over(how);
    }

    [[nodiscard]] bool start(delivery how) noexcept {
        started_ = true;
        if (this->stop_requested()) return decide_failed(failure{errc::cancelled, executed::no}, how);
        if (refused_) return decide_failed(std::move(*refused_), how);
        policy_.begin(this->executor());
        if (!send(how)) return false;
        std::optional<duration> const pause = policy_.after();
        if (pause && *pause == duration::zero()) {
            while (more() && send(how)) {
            }
        } else if (more() && !has_answer()) {
            arm_next(pause);
        }
        return true;
    }
    [[nodiscard]] bool more() const noexcept {
        return asked::repeatable && !spent_ && !refused_ && sent_ < policy_.most() && !this->stop_requested();
    }
    /// Sends the next copy. False: it was not sent; the first one's absence has decided the ask.
    [[nodiscard]] bool send(delivery how) noexcept {
        if (sent_ != 0 && !policy_.allows(this->executor())) {
            spent_ = true;
            return false;
        }
        ANTIPHON_TRY { sent_ == 0 ? launch_first() : launch_further(); }
        ANTIPHON_CATCH_ALL {
            spent_ = true;
            failure why = failure::current(executed::no);
            if (sent_ == 0) {
                static_cast<void>(decide_failed(std::move(why), how));
            } else if (!unsent_) {
                unsent_ = std::move(why);
            }
            return false;
        }
        return true;
    }
    void mark_tried(context_data& context) noexcept {
        if (context.tried == nullptr) context.tried = &tried_;
    }
    void launch_first() {
        first_context_.inherit_from(*this);
        mark_tried(first_context_);
        launch(first_, question_.ask(first_slot_, *this, first_context_, !asked::repeatable || policy_.most() == 1));
    }
    void launch_further() {
        std::uint32_t const number = sent_ + 1;
        auto* const made = new further_copy{*this, number};
        state_ptr<> listed{made};
        made->context.inherit_from(*this);
        made->context.attempt += number - 1;
        mark_tried(made->context);
        state_ptr<inner_state> ask = question_.ask(made->slot, *made, made->context, number == policy_.most());
        lock_.lock();
        made->older = std::exchange(further_, made);
        lock_.unlock();
        static_cast<void>(listed.release());
        if (antiphon::observer* const hears = observer()) hears->hedged(number);
        launch(*made, std::move(ask));
    }
    void launch(copy& as, state_ptr<inner_state> ask) noexcept {
        ++sent_;
        state_base& inner = *ask;
        inner.attach_first(as);
        inner.retain();
        state_ptr<> const alive{&inner};
        as.source.set(*ask.release());
        if (this->stop_requested()) inner.request_stop();
        inner.begin();
    }

    /// The next copy after `pause`, if there may be one and it would be in time.
    void arm_next(std::optional<duration> pause) noexcept {
        disarm();
        if (!pause || !more()) return;
        rings_at_ = saturating_add(this->executor().now(), *pause);
        if (this->context() != nullptr && this->context()->deadline != time_point::max() && rings_at_ >= this->context()->deadline)
            return;
        this->retain();
        ANTIPHON_TRY {
            this->executor().arm(*this, rings_at_);
            armed_ = true;
        }
        ANTIPHON_CATCH_ALL {
            if (!unsent_) unsent_ = failure::current(executed::no);
            this->release();
        }
    }
    void disarm() noexcept {
        if (!std::exchange(armed_, false)) return;
        this->executor().disarm(*this) ? this->release() : static_cast<void>(++stale_rings_);
    }

    /// False: the ask is decided.
    [[nodiscard]] bool judge(copy& from, delivery how) noexcept {
        state_ptr<inner_state> const came = from.take();
        ++back_;
        result<R>& answer = came->get();
        if (answer) {
            policy_.succeeded(this->executor());
            close(how);
            this->complete(std::move(answer), how);
            return false;
        }
        failure why = std::move(answer).error();
        executed_ = worse(executed_, why.executed());
        bool transient = false;
        if (!refused_) {
            ANTIPHON_TRY { transient = policy_.is_transient(why); }
            ANTIPHON_CATCH_ALL { return decide_failed(failure::current(executed_), how); }
        }
        std::optional<duration> const told = why.retry_after();
        policy_.failed(this->executor(), transient || (told && *told < duration::zero()));
        if (!transient) return decide_failed(std::move(why), how);
        if (from.number_ == 1) first_failure_ = std::move(why);
        follow(told, how);
        return !over(how);
    }
    /// After a transient failure.
    void follow(std::optional<duration> told, delivery how) noexcept {
        if (told && *told < duration::zero()) {
            spent_ = true;
            disarm();
        } else if (told && *told > duration::zero()) {
            arm_next(told);
        } else if (more() && send(how)) {
            arm_next(policy_.after());
        }
    }
    /// Whether nothing can come any more; then it is decided.
    [[nodiscard]] bool over(delivery how) noexcept {
        if (sent_ != back_ || (armed_ && !this->stop_requested())) return false;
        failure why{errc::cancelled, executed::no};
        if (unsent_) {
            why = std::move(*unsent_);
        } else if (refused_) {
            why = std::move(*refused_);
        } else if (!this->stop_requested() || spent_ || sent_ == policy_.most()) {
            why = std::move(first_failure_);
        }
        static_cast<void>(decide_failed(std::move(why), how));
        return true;
    }
    [[nodiscard]] bool decide_failed(failure why, delivery how) noexcept {
        if (sent_ != 0) why.with_attempts(sent_);
        why.with_executed(worse(executed_, why.executed()));
        close(how);
        this->fail(std::move(why), how);
        return false;
    }
    /// From now on every answer is late. The losers are asked to stop.
    void close(delivery how) noexcept {
        disarm();
        lock_.lock();
        decided_ = true;
        copy* unheard = std::exchange(answers_, nullptr);
        further_copy* left = std::exchange(further_, nullptr);
        lock_.unlock();
        while (unheard != nullptr)
            came_late(*std::exchange(unheard, unheard->behind), how);
        if (sent_ > 1) {
            stop(first_);
            while (left != nullptr) {
                state_ptr<> const listed{left};
                stop(*std::exchange(left, left->older));
            }
            walks_.close();
        }
    }
    static void stop(copy& loser) noexcept {
        if (state_ptr<> const ask{loser.source.acquire()}) ask->request_stop();
    }
    [[nodiscard]] antiphon::observer* observer() const noexcept {
        return this->context() != nullptr ? this->context()->observer : nullptr;
    }

    // --- for those who wait -------------------------------------------------------------------------------------------------

    [[nodiscard]] bool may_abandon() const noexcept override { return true; }
    assistance help_inputs(bool claim) noexcept override {
        std::size_t stuck = 0, waiting = 0;
        for (std::size_t n = 0; !this->ready(); ++n) {
            std::optional<state_ptr<>> const each = running(n);
            if (!each) break;
            if (!*each || (*each)->ready()) continue;
            switch (this->help_input(**each, claim)) {
                case assistance::progress: return assistance::progress;
                case assistance::would_deadlock: ++stuck; break;
                case assistance::none: ++waiting; break;
            }
        }
        return stuck != 0 && waiting == 0 ? assistance::would_deadlock : assistance::none;
    }

    typename Layer::policy_type::one policy_;
    parking_lock lock_;
    // Guarded by lock_:
    bool acting_ = true;  ///< `begin` is the first actor
    bool decided_ = false;
    unsigned rings_ = 0;
    copy* answers_ = nullptr;
    copy** answers_end_ = &answers_;
    further_copy* further_ = nullptr;  ///< newest first; each with a reference
    // The actor's:
    bool started_ = false;
    bool armed_ = false;
    bool spent_ = false;  ///< no more copies, whatever happens
    executed executed_ = executed::no;
    std::uint32_t sent_ = 0;
    std::uint32_t back_ = 0;
    unsigned stale_rings_ = 0;  ///< to come of timers that were disarmed too late
    time_point rings_at_{};
    failure first_failure_{errc::unknown};
    std::optional<failure> unsent_;  ///< why a copy could not be made
    std::optional<failure> refused_;  ///< the executor ends
    gate walks_;
    tried_replicas tried_;
    context_data first_context_;
    first_copy first_;
    typename asked::slot first_slot_;
    union {
        asked question_;
    };
};

}  // namespace antiphon::detail
