// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that asks again and again, a period apart, and hands over each answer.

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/invoke.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/policy/detail/attempts.hpp"
#include "antiphon/policy/detail/optional_core.hpp"
#include "antiphon/policy/detail/repeating_ask.hpp"

namespace antiphon {

namespace detail {

/// A callable that may be told one answer after the other: it returns nothing, or whether to go on.
template <class F, class R>
concept hears_answers = std::is_invocable_v<F&, result<R>> && (std::is_void_v<std::invoke_result_t<F&, result<R>>> ||
                                                               std::is_convertible_v<std::invoke_result_t<F&, result<R>>, bool>);
template <class F, class R>
[[nodiscard]] bool tell_answer(F& f, result<R>&& answer) {
    if constexpr (std::is_void_v<std::invoke_result_t<F&, result<R>>>) {
        antiphon::detail::invoke(f, std::move(answer));
        return true;
    } else {
        return static_cast<bool>(antiphon::detail::invoke(f, std::move(answer)));
    }
}

}  // namespace detail

/// What happens to the ticks that pass while an ask, or what hears its answer, is still busy. Asks never overlap.
enum class missed_ticks {
    skip,   ///< they are left out: the next ask is at the next tick of the grid that began with the series
    delay,  ///< the first is made up for at once, and the later ones are counted from there
    burst,  ///< all are made up for, one right after the other, until the series is back on its grid
};

/// The parameter of a series that hears its answers: any callable that takes a `result<R>` and returns nothing, or false to end it.
/// **Cost**: a callable that is given to a series is kept as it is; only a spelled request of a series makes one of these of it.
template <class R>
class answer_sink {
public:
    template <class F>
        requires(!std::same_as<std::remove_cvref_t<F>, answer_sink> && detail::hears_answers<std::decay_t<F>, R>)
    answer_sink(F&& f) : held_{new holder<std::decay_t<F>>{std::forward<F>(f)}} {}
    /// Copies share the callable.
    bool operator()(result<R> answer) const { return held_->tell(std::move(answer)); }

private:
    struct base : counted {
        virtual ~base() = default;
        virtual bool tell(result<R>&& answer) = 0;
    };
    template <class F>
    struct holder final : base {
        template <class G>
        explicit holder(G&& g) : f(std::forward<G>(g)) {}
        bool tell(result<R>&& answer) override { return detail::tell_answer<F, R>(f, std::move(answer)); }
        F f;
    };
    detail::optional_core<base> held_;
};

namespace detail {

/// The handler of a series around the handler of one ask.
template <class Inner, class Signature = typename Inner::signature>
class recurring;

/// A series: `period` and `rule` say when the next ask is due.
template <class Layer, class Sink, class... A>
class recurring_ask;

/// The last argument is what hears the answers.
template <class Layer, class Given, class Kept = types<>>
struct split_sink;
template <class Layer, class Last, class... A>
struct split_sink<Layer, types<Last>, types<A...>> {
    using type = recurring_ask<Layer, std::decay_t<Last>, A...>;
};
template <class Layer, class First, class Second, class... Rest, class... A>
struct split_sink<Layer, types<First, Second, Rest...>, types<A...>> : split_sink<Layer, types<Second, Rest...>, types<A..., First>> {};

template <class Inner, class R, class... P>
class recurring<Inner, R(P...)> {
public:
    using asked_signature = R(P...);
    using asked_result = R;
    using result_type = std::uint64_t;
    static constexpr bool hears_answers = true;  ///< its last argument does
    using signature = std::uint64_t(P..., answer_sink<R>);
    template <class... A>
    using ask = typename split_sink<recurring, types<A...>>::type;

    recurring(duration period, missed_ticks rule, Inner inner) : period_{period}, rule_{rule}, inner_(std::move(inner)) {}

    [[nodiscard]] any_executor const* executor() const noexcept { return inner_.executor(); }
    [[nodiscard]] constexpr bool abandons() const noexcept { return inner_.abandons(); }
    [[nodiscard]] bool empty() const noexcept { return inner_.empty(); }
    [[nodiscard]] recurring const& layer() const& noexcept { return *this; }
    [[nodiscard]] recurring&& layer() && noexcept { return std::move(*this); }
    [[nodiscard]] auto const& inner() const& noexcept { return inner_.layer(); }
    [[nodiscard]] auto&& inner() && noexcept { return std::move(inner_).layer(); }
    [[nodiscard]] Inner&& inside() && noexcept { return std::move(inner_); }
    [[nodiscard]] duration period() const noexcept { return period_; }
    [[nodiscard]] missed_ticks rule() const noexcept { return rule_; }

    template <class Self, class... A>
    [[nodiscard]] static state_ptr<state<result_type>> make(Self&& self, any_executor&& executor, context_data const* context,
                                                            A&&... args) {
        return state_ptr<state<result_type>>{
            new heap_ask<ask<A...>>{std::move(executor), context, std::forward<Self>(self), std::forward<A>(args)...}};
    }

private:
    duration period_;
    missed_ticks rule_;
    ANTIPHON_NO_UNIQUE_ADDRESS Inner inner_;
};

template <class Inner, class Signature>
struct sharing<recurring<Inner, Signature>> {
    using type = recurring<typename sharing<Inner>::type, Signature>;
    [[nodiscard]] static type apply(recurring<Inner, Signature>&& r) {
        duration const period = r.period();
        missed_ticks const rule = r.rule();
        return {period, rule, sharing<Inner>::apply(std::move(r).inside())};
    }
};

template <class Layer, class Sink, class... A>
class recurring_ask : public repeating_ask<std::uint64_t, question<Layer, typename Layer::asked_signature, A...>> {
    using asked = question<Layer, typename Layer::asked_signature, A...>;
    using base = repeating_ask<std::uint64_t, asked>;
    using answer_type = typename Layer::asked_result;
    static_assert(asked::repeatable, "antiphon: every asks with the same arguments again and again: they must be copyable");

public:
    template <class L, class... X>
    recurring_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... given)
        : recurring_ask{std::index_sequence_for<A...>{}, std::move(executor_for), outer, std::forward<L>(layer),
                        std::forward_as_tuple(std::forward<X>(given)...)} {}

protected:
    ~recurring_ask() = default;

private:
    template <std::size_t... I, class L, class Given>
    recurring_ask(std::index_sequence<I...>, any_executor&& executor_for, context_data const* outer, L&& layer, Given&& given)
        : base{std::move(executor_for), outer, std::forward<L>(layer), std::get<I>(std::forward<Given>(given))...},
          period_{layer.period()},
          rule_{layer.rule()},
          sink_(std::get<sizeof...(I)>(std::forward<Given>(given))) {}

    void outset() noexcept override { tick_ = this->executor().now(); }
    [[nodiscard]] bool last_attempt() const noexcept override { return false; }
    /// What hears the answers is a continuation: it runs in the executor's place.
    [[nodiscard]] bool must_move(delivery how) const noexcept override {
        return how != delivery::tail || !(state_base::runs_anywhere(this->executor()) || this->at_home()) || timer_thread::is_current();
    }
    [[nodiscard]] bool judge(delivery how) noexcept override { return tell(how) && await_tick(how); }
    void refused_to_judge(errc why, delivery how) noexcept override {
        if (how == delivery::dropped) return this->continue_after(how);
        if (tell(how)) end(failure{why, executed::maybe}, how);
    }
    void end(failure why, delivery how) noexcept override {
        state_ptr<state<answer_type>> const done = this->take_answer();
        this->stop_requested() && why.code() == errc::cancelled ? finish(how) : this->fail(std::move(why), how);
    }
    /// Stopping is how a series ends: its answer is how many answers it gave.
    void finish(delivery how) noexcept { this->complete(result<std::uint64_t>{told_}, how); }

    /// False: the series has ended.
    [[nodiscard]] bool tell(delivery how) noexcept {
        bool more = false;
        ANTIPHON_TRY {
            state_ptr<state<answer_type>> const came = this->take_answer();
            ambient_context const inherited{this->context()};
            ++told_;
            more = tell_answer<Sink, answer_type>(sink_, came->take());
        }
        ANTIPHON_CATCH_ALL {
            end(failure::current(), how);
            return false;
        }
        if (!more || this->stop_requested()) {
            finish(how);
            return false;
        }
        return true;
    }
    /// True: it is due.
    [[nodiscard]] bool await_tick(delivery how) noexcept {
        time_point const now = this->executor().now();
        duration const since = saturating_sub(now, tick_);
        duration steps = period_;
        if (rule_ == missed_ticks::skip && since > period_) steps = (since / period_ + (since % period_ != duration::zero())) * period_;
        if (rule_ == missed_ticks::delay && since > period_) steps = since;
        tick_ = saturating_add(tick_, steps);
        if (this->until() != time_point::max() && tick_ >= this->until()) {
            end(failure{errc::deadline_exceeded, executed::maybe}, how);
            return false;
        }
        if (tick_ <= now) return true;
        this->pause_until(tick_, how);
        return false;
    }

    duration period_;
    missed_ticks rule_;
    Sink sink_;
    time_point tick_{};  ///< the one whose ask is under way, or awaited
    std::uint64_t told_ = 0;
};

}  // namespace detail

/// `(poll | every(1s)).submit(args..., [](result<int> answer) { ... })`: asks at once, then at each tick, and hands over each answer,
/// until stop is requested (the future is dropped), or until the callable returns false. Of a request `R(Args...)` it makes a request
/// `std::uint64_t(Args..., answer_sink<R>)`, the series, with every verb, and other policies go around it: the answer of a series is
/// how many answers it gave. Asks of a series never overlap; `missed_ticks` says what becomes of the ticks that were missed.
/// **Threads**: the callable is called on the request's executor, one answer after the other.
/// **Errors**: a failed ask is an answer, and the series goes on. What the callable throws ends it, as its failure; so do a deadline
/// and the executor's end. A period that is not positive is refused with `std::invalid_argument`.
/// **Time**: the executor's clock; ticks are counted from the beginning, so that they do not drift.
/// **Cost**: a series is one allocation, and one for each ask after the first.
class every {
public:
    using antiphon_policy = void;

    template <class Rep, class Period>
    explicit constexpr every(std::chrono::duration<Rep, Period> period, missed_ticks rule = missed_ticks::skip)
        : period_{saturating_cast(period)}, rule_{rule} {
        detail::require(period_ > duration::zero(), "every: the period must be positive");
    }
    template <class Signature, class Repeat, class Handler>
    [[nodiscard]] auto operator()(request<Signature, Repeat, Handler> r) const {
        using shared = typename detail::sharing<Handler>::type;
        return detail::request_access::make<Repeat>(
            detail::recurring<shared>{period_, rule_, detail::sharing<Handler>::apply(detail::request_access::handler(std::move(r)))});
    }

private:
    duration period_;
    missed_ticks rule_;
};

}  // namespace antiphon
