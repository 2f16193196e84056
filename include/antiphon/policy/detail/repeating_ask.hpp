// SPDX-License-Identifier: BSL-1.0
#pragma once
// An ask that asks what is inside it again and again, one at a time, with pauses: what retry and every have in common.

#include <atomic>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "antiphon/core/lifetime.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/timer.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/policy/detail/attempts.hpp"

namespace antiphon::detail {

/// What becomes of an answer is the policy's.
///
/// `phase_` tells who goes on after an attempt: beginning → begun (by who begins it, once `begin` has returned), or beginning →
/// answered (by who answers it before that). Whoever comes second goes on, so that attempts that answer at once are a loop and
/// not a recursion. Everything else belongs to whoever goes on, one thread after the other.
///
/// The armed timer holds a reference. `armed_` is set when arming has returned; a stop request that sees it disarms, and exactly one
/// of `fire` and a successful disarm goes on.
template <class Out, class Question>
class repeating_ask : public host_state<Out>, private timer {
public:
    using R = Out;

    void begin() noexcept final {
        outset();
        if (timer_thread::is_current()) return this->continue_after(delivery::nested);  // arguments are copied elsewhere
        go(delivery::nested);
    }
    void dismiss() noexcept final { this->release(); }  // the destructor knows that it was never answered

protected:
    using inner_result = typename Question::inner_type::result_type;

    template <class... X>
    repeating_ask(any_executor&& executor_for, context_data const* outer, X&&... question)
        : host_state<Out>{std::move(executor_for), outer, 2, 0}, first_context_{*this}, question_(std::forward<X>(question)...) {}
    ~repeating_ask() {
        if (!this->ready()) detail::destroy_at(detail::addressof(question_));
    }

    /// What the attempt about to begin is told of those before it; nothing where each is an ask of its own.
    virtual void mark(context_data&) noexcept {}
    /// Before the first attempt.
    virtual void outset() noexcept {}
    /// Whether the attempt about to begin is known to be the last.
    [[nodiscard]] virtual bool last_attempt() const noexcept = 0;
    /// An attempt has its answer. True: it was the policy's answer, and that has been published.
    [[nodiscard]] virtual bool passes([[maybe_unused]] delivery how) noexcept { return false; }
    /// Whether judging it has to wait for a better place than this thread.
    [[nodiscard]] virtual bool must_move(delivery how) const noexcept = 0;
    /// What follows from the answer. True: the next attempt, at once; otherwise it has ended the ask or begun a pause.
    [[nodiscard]] virtual bool judge(delivery how) noexcept = 0;
    /// The executor refused the place where it was to be judged.
    virtual void refused_to_judge(errc why, delivery how) noexcept = 0;
    /// Ends the ask for a reason that is not an answer, and lets go of the answer.
    virtual void end(failure why, delivery how) noexcept = 0;

    [[nodiscard]] std::uint32_t attempt() const noexcept { return attempt_; }
    /// Of the attempt about to begin, from 1.
    [[nodiscard]] std::uint32_t next_attempt() const noexcept { return attempt_ != most_attempts ? attempt_ + 1 : attempt_; }
    /// The answer that is to be judged.
    [[nodiscard]] state<inner_result>& peek_answer() const noexcept { return *answer_; }
    /// The same; once.
    [[nodiscard]] state_ptr<state<inner_result>> take_answer() noexcept { return std::move(answer_); }
    [[nodiscard]] antiphon::observer* observer() const noexcept {
        return this->context() != nullptr ? this->context()->observer : nullptr;
    }
    [[nodiscard]] time_point until() const noexcept {
        return this->context() != nullptr ? this->context()->deadline : time_point::max();
    }

    /// The next attempt at `moment`.
    void pause_until(time_point moment, delivery how) noexcept {
        wake_ = moment;
        due_ = due::attempt;
        this->retain();
        state_ptr<> const alive{this};  // the timer may fire, and end everything, before this returns
        this->retain();
        ANTIPHON_TRY { this->executor().arm(*this, moment); }
        ANTIPHON_CATCH_ALL {
            this->release();
            return end(failure::current(executed::no), how);
        }
        // seq_cst against on_stop: either it finds the timer armed, or its request is seen here
        armed_.store(true, std::memory_order_seq_cst);
        if (this->stop_requested()) cancel();
    }

    void step(delivery how) noexcept override {
        if (due_ == due::judgement ? !judge(how) : expired(how)) return;
        go(how);
    }
    void refuse(errc why, delivery how) noexcept override {
        due_ == due::judgement ? refused_to_judge(why, how) : end(failure{why, executed::no}, how);
    }
    void discard() noexcept final { detail::destroy_at(detail::addressof(question_)); }

private:
    enum : unsigned char {
        beginning,
        begun,
        answered
    };
    enum class due : unsigned char {
        judgement,
        attempt
    };

    /// Begins attempts until one is under way.
    void go(delivery how) noexcept {
        while (launch(how)) {
            // acq_rel pairs with on_ready
            if (phase_.exchange(begun, std::memory_order_acq_rel) != answered || !proceed(how)) return;
        }
    }
    [[nodiscard]] bool launch(delivery how) noexcept {
        if (this->stop_requested()) {
            end(failure{errc::cancelled, executed::no}, how);
            return false;
        }
        state_ptr<state<inner_result>> fresh;
        ANTIPHON_TRY { fresh = make(); }
        ANTIPHON_CATCH_ALL {
            end(failure::current(executed::no), how);
            return false;
        }
        if (attempt_ != most_attempts) ++attempt_;  // never 0 again: `first_` is of the first one alone
        state_base& inner = *fresh;
        inner.attach_first(*this);
        inner.retain_first();
        state_ptr<> const alive{&inner};
        phase_.store(beginning, std::memory_order_relaxed);  // whoever answers it has it from here
        this->await_next(state_ptr<>{fresh.release()});
        if (this->stop_requested()) inner.request_stop();
        inner.begin();
        return true;
    }
    [[nodiscard]] state_ptr<state<inner_result>> make() {
        if (attempt_ == 0) return ask_in(first_, *this, first_context_);
        auto* const place = new further_attempt<typename Question::slot>{this->executor(), this->context()};
        state_ptr<> const made{place};
        return ask_in(place->slot, *place, place->context);
    }
    [[nodiscard]] state_ptr<state<inner_result>> ask_in(typename Question::slot& slot, state_base& owner, context_data& context) {
        context.inherit_from(*this);
        mark(context);
        return question_.ask(slot, owner, context, last_attempt());
    }

    void on_ready(state_base&, delivery how) noexcept final {
        answer_ = state_ptr<state<inner_result>>{static_cast<state<inner_result>*>(this->take_upstream())};
        if (passes(how)) return;
        // acq_rel pairs with go
        if (phase_.exchange(answered, std::memory_order_acq_rel) == beginning) return;
        if (proceed(how)) {
            due_ = due::attempt;
            this->continue_after(how);
        }
    }
    [[nodiscard]] bool proceed(delivery how) noexcept {
        if (!must_move(how)) return judge(how);
        due_ = due::judgement;
        this->continue_after(how);
        return false;
    }
    /// After a pause, which the machine may have made longer.
    [[nodiscard]] bool expired(delivery how) noexcept {
        if (until() == time_point::max() || this->executor().now() < until()) return false;
        end(failure{errc::deadline_exceeded, executed::no}, how);
        return true;
    }
    void fire() noexcept override {
        state_ptr<> const timers_reference{this};
        armed_.store(false, std::memory_order_relaxed);  // a stop request that still sees it set disarms in vain
        // Before its time a timer fires only because its executor ends.
        if (this->executor().now() < wake_) return end(failure{errc::shut_down, executed::no}, delivery::nested);
        this->continue_after(delivery::nested);
    }
    void cancel() noexcept {
        if (!this->executor().disarm(*this)) return;
        state_ptr<> const timers_reference{this};
        end(failure{errc::cancelled, executed::no}, delivery::nested);
    }
    state_base* on_stop() noexcept final {
        if (armed_.load(std::memory_order_seq_cst)) cancel();
        return this->upstream();
    }

    std::atomic<unsigned char> phase_{beginning};
    std::atomic<bool> armed_{false};
    due due_ = due::attempt;
    static constexpr std::uint32_t most_attempts = static_cast<std::uint32_t>(-1);
    std::uint32_t attempt_ = 0;
    time_point wake_{};
    state_ptr<state<inner_result>> answer_;
    context_data first_context_;
    typename Question::slot first_;
    union {
        Question question_;
    };
};

}  // namespace antiphon::detail
