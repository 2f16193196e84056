// SPDX-License-Identifier: BSL-1.0
#pragma once
// The ask through a layer of the user's: a function that is given `next`, and asks what is inside as often as it likes.

#include <atomic>
#include <tuple>
#include <type_traits>
#include <utility>

#include "antiphon/core/invoke.hpp"
#include "antiphon/core/lifetime.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/future.hpp"
#include "antiphon/request/layering.hpp"

namespace antiphon::detail {

/// The asks that a layer's function has under way: a stop request reaches those too that nobody waits for through the layer's ask.
class asks_inside {
public:
    class entry {
        friend asks_inside;
        state_base* ask_ = nullptr;
        entry* before_ = nullptr;
        entry* after_ = nullptr;
        entry* stopped_next_ = nullptr;  ///< the one stop request's
    };

    /// Until `remove` the ask is unfinished, and therefore alive.
    void add(entry& e, state_base& ask) noexcept {
        parking_lock::scope const hold{lock_};
        e.ask_ = &ask;
        e.after_ = first_;
        if (first_ != nullptr) first_->before_ = &e;
        first_ = &e;
    }
    void remove(entry& e) noexcept {
        parking_lock::scope const hold{lock_};
        (e.before_ != nullptr ? e.before_->after_ : first_) = e.after_;
        if (e.after_ != nullptr) e.after_->before_ = e.before_;
    }
    /// Once.
    void request_stop() noexcept {
        entry* stopped = nullptr;
        {
            parking_lock::scope const hold{lock_};
            for (entry* e = first_; e != nullptr; e = e->after_) {
                e->ask_->retain();
                e->stopped_next_ = std::exchange(stopped, e);
            }
        }
        while (stopped != nullptr) {
            state_ptr<> const ask{std::exchange(stopped, stopped->stopped_next_)->ask_};
            ask->request_stop();
        }
    }

private:
    parking_lock lock_;
    entry* first_ = nullptr;  // guarded by lock_
};

/// One ask of what is inside, on the list until its answer.
template <class Layer, class... A>
class listed_ask : public layer_ask<Layer, A...>, private asks_inside::entry {
public:
    using R = typename Layer::result_type;
    template <class L, class... X>
    listed_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : layer_ask<Layer, A...>{std::move(executor_for), outer, std::forward<L>(layer), std::forward<X>(args)...},
          owner_{layer.owner},
          list_{layer.list} {}

protected:
    ~listed_ask() = default;
    void start() noexcept override {
        list_->add(*this, *this);
        // After it is listed: the owner's stop request finds it, or is found here.
        owner_->stop_requested() ? this->begin_stopped() : this->begin_inner();
    }
    void answered(result<R>& answer, delivery how) noexcept override {
        list_->remove(*this);
        this->complete_from(answer, how);
    }
    [[nodiscard]] state_base& owner() const noexcept { return *owner_; }

private:
    state_base* owner_;
    asks_inside* list_;
};

/// What a listed ask is made of.
template <class Inner>
struct inside_of {
    using result_type = typename Inner::result_type;
    template <class... A>
    using ask = listed_ask<inside_of, A...>;
    [[nodiscard]] auto const& inner() const noexcept { return handler->layer(); }

    Inner const* handler;
    state_base* owner;
    asks_inside* list;
};

/// One that does not lie in the layer's ask. It keeps that alive.
template <class Ask>
class outlying_ask final : public Ask {
public:
    template <class... X>
    explicit outlying_ask(X&&... x) : Ask{std::forward<X>(x)...} {
        this->owner().retain();
    }

private:
    void destroy() noexcept override {
        state_base& owner = this->owner();
        delete this;
        owner.release();
    }
};

/// Where `next` asks: part of the layer's ask, with room for one ask whose arguments have their parameters' types.
template <class Inner, class Signature>
class next_asks;
template <class Inner, class R, class... P>
class next_asks<Inner, R(P...)> {
    template <class Q>
    using passed = std::conditional_t<std::is_lvalue_reference_v<Q> && !std::is_const_v<std::remove_reference_t<Q>>,
                                      bound_reference<std::remove_reference_t<Q>>, std::remove_cvref_t<Q>>;
    template <class... X>
    static constexpr bool fits = (std::is_same_v<kept_t<P, X>, kept_t<P, passed<P>>> && ...);
    using layer = inside_of<Inner>;

public:
    explicit next_asks(state_base& self) noexcept : self_{&self} {}
    [[nodiscard]] state_base& self() const noexcept { return *self_; }

    template <class... X>
    [[nodiscard]] future<R> ask(Inner const& handler, X&&... x) {
        state_ptr<state<R>> made = make(layer{&handler, self_, &list_}, std::forward<X>(x)...);
        if (self_->asked_anew()) made->ask_anew();
        made->retain();
        state_ptr<> const alive{made.get()};
        alive->begin();
        return future_access::make(std::move(made));
    }
    void request_stop() noexcept { list_.request_stop(); }

private:
    template <class... X>
    [[nodiscard]] state_ptr<state<R>> make(layer const& inside, X&&... x) {
        if constexpr (fits<X...>) {
            // relaxed: only one may have it
            if (!taken_.exchange(true, std::memory_order_relaxed))
                return first_.make(*self_, self_->context(), inside, std::forward<X>(x)...);
        }
        return state_ptr<state<R>>{new outlying_ask<typename layer::template ask<kept_t<P, X>...>>{
            any_executor{self_->executor()}, self_->context(), inside, std::forward<X>(x)...}};
    }

    state_base* self_;
    asks_inside list_;
    std::atomic<bool> taken_{false};
    child_slot<layer, passed<P>...> first_;
};

/// `next`: asks what is inside the layer, on the layer's executor and with its context. Copies ask the same; each keeps the layer's ask
/// and what is inside alive.
template <class Inner, class Signature = typename Inner::signature>
class next_inside;
template <class Inner, class R, class... P>
class next_inside<Inner, R(P...)> {
    using asks = next_asks<Inner, R(P...)>;

public:
    using result_type = R;
    using signature = R(P...);

    next_inside(asks& of, Inner inner) : asks_{&of}, inner_(std::move(inner)) { asks_->self().retain(); }
    next_inside(next_inside const& other) : asks_{other.asks_}, inner_(other.inner_) { asks_->self().retain(); }
    next_inside(next_inside&& other) noexcept : asks_{std::exchange(other.asks_, nullptr)}, inner_(std::move(other.inner_)) {}
    next_inside& operator=(next_inside const&) = delete;
    ~next_inside() {
        if (asks_ != nullptr) asks_->self().release();
    }

    /// A `future<R>` of the answer; with a callback after the arguments, which takes the `result<R>`, nothing.
    template <class... X>
    auto operator()(X&&... x) const {
        if constexpr (sizeof...(X) == sizeof...(P) + 1) {
            ask_and_tell(std::forward_as_tuple(std::forward<X>(x)...), std::index_sequence_for<P...>{});
        } else {
            return ask(std::forward<X>(x)...);
        }
    }

private:
    /// What a T& parameter refers to is the asker's already: it is handed on.
    template <class Q, class X>
    [[nodiscard]] static decltype(auto) pass(X&& x) noexcept {
        if constexpr (std::is_lvalue_reference_v<Q> && !std::is_const_v<std::remove_reference_t<Q>> && std::is_convertible_v<X, Q> &&
                      !reference_wrapping<std::remove_cvref_t<X>>) {
            return hand_on<Q>(x);
        } else {
            return std::forward<X>(x);
        }
    }
    template <class... X>
    [[nodiscard]] future<R> ask(X&&... x) const {
        static_assert(sizeof...(X) == sizeof...(P), "antiphon: next takes the arguments of the request that the layer is put around");
        if constexpr (sizeof...(X) == sizeof...(P)) return ask_all(pass<P>(std::forward<X>(x))...);
    }
    template <class... X>
    [[nodiscard]] future<R> ask_all(X&&... x) const {
        if constexpr ((kept<P, X>::possible && ...)) {
            return asks_->ask(inner_, std::forward<X>(x)...);
        } else {
            (explain_argument<P, X>(), ...);
            return {};
        }
    }
    template <class Given, std::size_t... I>
    void ask_and_tell(Given&& given, std::index_sequence<I...>) const {
        ask(std::get<I>(std::forward<Given>(given))...).on_complete(std::get<sizeof...(I)>(std::forward<Given>(given)));
    }

    asks* asks_;
    Inner inner_;
};

/// It runs the function where it begins, the asking thread, save for the timer thread.
template <class Layer, class... A>
class surrounding_ask : public host_state<typename Layer::result_type> {
    using inner_type = typename Layer::inner_type;
    using next = next_inside<inner_type>;

public:
    using R = typename Layer::result_type;

    template <class L, class... X>
    surrounding_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : host_state<R>{std::move(executor_for), outer, 2, 0},
          source_{*this},
          asks_{*this},
          payload_{std::forward<L>(layer).function(), next{asks_, std::forward<L>(layer).inner()},
                   std::tuple<A...>(std::forward<X>(args)...)} {}

    void begin() noexcept final {
        if (timer_thread::is_current()) return this->continue_after(delivery::nested);
        perform(delivery::nested);
    }

protected:
    ~surrounding_ask() {}

    void step(delivery how) noexcept override { this->started_ ? this->go_on(how) : perform(how); }
    void refuse(errc why, delivery how) noexcept override {
        this->started_ ? this->refuse_further(why, how) : this->fail(failure{why, executed::no}, how);
    }
    state_base* on_stop() noexcept final {
        if (this->take_first_step()) {
            this->fail(failure{errc::cancelled, executed::no}, delivery::nested);
            return nullptr;
        }
        source_.request_stop();
        asks_.request_stop();
        return this->upstream();
    }
    void discard() noexcept final {
        if constexpr (Layer::with_promise) {
            if (this->defer_discard()) return;
        }
        detail::destroy_at(detail::addressof(payload_));
    }

private:
    /// The function may take `next` by reference: so long as there is no answer, it is here.
    struct payload {
        typename Layer::function_type f;
        next inside;
        ANTIPHON_NO_UNIQUE_ADDRESS std::tuple<A...> args;
    };

    void perform(delivery how) noexcept {
        this->started_ = true;
        this->mark_begun();
        if (this->stop_requested()) return this->fail(failure{errc::cancelled, executed::no}, how);
        source_.settle(*this);
        ambient_context const inherited{this->context()};
        if constexpr (Layer::with_promise) {
            run_with_promise<R>(
                *this, [&](promise<R> reply) { static_cast<void>(call(std::move(reply))); },
                [&] { detail::destroy_at(detail::addressof(payload_)); }, how);
        } else {
            this->answer_with([&]() -> decltype(auto) { return call(); }, how);
        }
    }
    template <class... Reply>
    decltype(auto) call(Reply&&... reply) {
        return Layer::call(std::as_const(payload_.f), source_, std::move(payload_.inside), payload_.args,
                           std::forward<Reply>(reply)...);
    }

    ANTIPHON_NO_UNIQUE_ADDRESS lead_source<Layer::first> source_;
    next_asks<inner_type, typename Layer::signature_inside> asks_;
    union {
        payload payload_;
    };
};

}  // namespace antiphon::detail
