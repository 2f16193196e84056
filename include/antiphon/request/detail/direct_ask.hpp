// SPDX-License-Identifier: BSL-1.0
#pragma once
// The handler at the core of a request, and the state of one ask for it: one allocation that is job, arguments and result.

#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

#include "antiphon/core/invoke.hpp"
#include "antiphon/core/lifetime.hpp"
#include "antiphon/execution/here.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/detail/handler.hpp"
#include "antiphon/request/host.hpp"
#include "antiphon/request/observer.hpp"

namespace antiphon::detail {

/// Lets a pool's shut-down reach an ask whose handler can notice it.
class stop_registration final : public stoppable {
public:
    explicit stop_registration(state_base& ask) noexcept : ask_{&ask} {}
    void request_stop() noexcept override { ask_->request_stop(); }
    void retain() noexcept override { ask_->retain(); }
    void release() noexcept override { ask_->release(); }

private:
    state_base* ask_;
};

/// Registers what runs on this worker, while it runs.
class running_scope {
public:
    explicit running_scope(stoppable& what) noexcept : slot_{running_slot::mine} {
        if (slot_ != nullptr) outer_ = slot_->enter(what);
    }
    ~running_scope() {
        if (slot_ != nullptr) slot_->leave(outer_);
    }
    running_scope(running_scope const&) = delete;
    running_scope& operator=(running_scope const&) = delete;

private:
    running_slot* slot_;
    stoppable* outer_ = nullptr;
};

/// What a handler's lead needs in its ask; `settle` comes before the handler is called.
template <lead Lead>
struct lead_source {
    explicit lead_source(state_base&) noexcept {}
    void settle(state_base const&) noexcept {}
    void request_stop() noexcept {}
};
template <>
struct lead_source<lead::stop_token> {
    explicit lead_source(state_base& ask) : entry{ask} {}
    void settle(state_base const&) noexcept {}
    void request_stop() noexcept { source.request_stop(); }
    [[nodiscard]] std::stop_token get() const noexcept { return source.get_token(); }
    std::stop_source source;
    stop_registration entry;
};
template <>
struct lead_source<lead::context> {
    explicit lead_source(state_base& ask) noexcept : held{ask.executor(), ask.context()}, entry{ask} {}
    void settle(state_base const& ask) noexcept {
        if (ask.asked_anew()) held.begin_anew();
    }
    void request_stop() noexcept { held.request_stop(); }
    [[nodiscard]] antiphon::context const& get() const noexcept { return held; }
    antiphon::context held;
    stop_registration entry;
};

template <class Leaf, class... Kept>
class direct_ask;

/// An ask with an allocation of its own.
template <class Ask>
class heap_ask final : public Ask {
public:
    using Ask::Ask;

private:
    void destroy() noexcept override { delete this; }
};

/// A handler with its form: the innermost layer of every request whose signature is deduced.
template <class F, class Signature, lead Lead, bool WithPromise>
class leaf;
template <class F, class R, class... P, lead Lead, bool WithPromise>
class leaf<F, R(P...), Lead, WithPromise> {
public:
    using result_type = R;
    using signature = R(P...);
    static constexpr lead first = Lead;
    static constexpr bool with_promise = WithPromise;
    template <class... A>
    using ask = direct_ask<leaf, kept_t<P, A>...>;

    template <class G>
    explicit leaf(std::in_place_t, G&& f) : f_(std::forward<G>(f)) {}

    [[nodiscard]] static any_executor const* executor() noexcept { return nullptr; }
    /// Whether an ask may be answered before its handler has ended.
    [[nodiscard]] static constexpr bool abandons() noexcept { return false; }
    [[nodiscard]] bool empty() const noexcept { return is_null(f_); }
    [[nodiscard]] leaf const& layer() const& noexcept { return *this; }
    [[nodiscard]] leaf&& layer() && noexcept { return std::move(*this); }
    [[nodiscard]] F&& callable() && noexcept { return std::move(f_); }

    /// A new ask, not begun, with the consumer's reference.
    template <class Self, class... A>
    [[nodiscard]] static state_ptr<state<R>> make(Self&& self, any_executor executor, context_data const* context, A&&... args) {
        return state_ptr<state<R>>{
            new heap_ask<ask<A...>>{std::move(executor), context, std::forward<Self>(self), std::forward<A>(args)...}};
    }

    /// The handler's own answer. `source` supplies its lead; a trailing promise comes after the arguments.
    template <class Source, class... A>
    decltype(auto) invoke(Source& source, A&&... args) const {
        if constexpr (WithPromise) {
            return invoke_as(types<P..., promise<R>>{}, source, std::forward<A>(args)...);
        } else {
            return invoke_as(types<P...>{}, source, std::forward<A>(args)...);
        }
    }

    using answer = typename decltype([] {
        if constexpr (WithPromise && Lead == lead::nothing) {
            return std::invoke_result<F const&, P..., promise<R>>{};
        } else if constexpr (WithPromise && Lead == lead::stop_token) {
            return std::invoke_result<F const&, std::stop_token, P..., promise<R>>{};
        } else if constexpr (WithPromise) {
            return std::invoke_result<F const&, context const&, P..., promise<R>>{};
        } else if constexpr (Lead == lead::nothing) {
            return std::invoke_result<F const&, P...>{};
        } else if constexpr (Lead == lead::stop_token) {
            return std::invoke_result<F const&, std::stop_token, P...>{};
        } else {
            return std::invoke_result<F const&, context const&, P...>{};
        }
    }())::type;
    /// Whether the answer is there once the handler has returned.
    static constexpr bool immediate = !WithPromise && answer_traits<answer>::immediate;

private:
    template <class Source, class... Q, class... A>
    decltype(auto) invoke_as(types<Q...>, Source& source, A&&... args) const {
        if constexpr (Lead == lead::nothing) {
            return antiphon::detail::invoke(f_, as_parameter<F, Q>(std::forward<A>(args))...);
        } else {
            return antiphon::detail::invoke(f_, source.get(), as_parameter<F, Q>(std::forward<A>(args))...);
        }
    }

    ANTIPHON_NO_UNIQUE_ADDRESS F f_;
};

/// Runs a handler that is given the promise of its own ask; `end` destroys what the ask consists of. A drop of the promise while it
/// runs is decided when it has returned: what it throws says more than that.
template <class R, class Run, class End>
void run_with_promise(state<R>& ask, Run&& run, End&& end, delivery how) noexcept {
    ask.guard_promise();
    failure why{errc::broken_promise, executed::maybe};
    bool threw = false;
    ANTIPHON_TRY { run(promise_access::make<R>(ask)); }
    ANTIPHON_CATCH_ALL {
        why = failure::current();
        threw = true;
    }
    switch (ask.unguard_promise()) {
        case state_base::promise_fate::dropped: return ask.fail(std::move(why), how);
        case state_base::promise_fate::fulfilled: end(); break;
        case state_base::promise_fate::kept: break;
    }
    // The answer comes from where the promise went; the exception has nobody else to go to.
    if (threw) ask.executor().unhandled(why.exception());
}

/// The base of an ask: slim when nothing is awaited.
template <class Leaf>
using ask_base = std::conditional_t<Leaf::immediate, state<typename Leaf::result_type>, host_state<typename Leaf::result_type>>;

/// One ask for a handler. References: producer, consumer, queue; it is made runnable and queued, `begin` hands it over.
template <class Leaf, class... Kept>
class direct_ask : public ask_base<Leaf> {
    using base = ask_base<Leaf>;

public:
    using R = typename Leaf::result_type;

    template <class L, class... A>
    direct_ask(any_executor executor, context_data const* context, L&& handler, A&&... args)
        : base{std::move(executor), context, 3, state_base::queued | state_base::runnable | state_base::unasked},
          source_{*this},
          payload_{std::forward<L>(handler), std::tuple<Kept...>(std::forward<A>(args)...)} {}

    void begin() noexcept override { this->hand_over(); }
    void dismiss() noexcept override {
        detail::destroy_at(detail::addressof(payload_));
        this->release();  // the queue's reference
        this->release();  // the producer's
    }

protected:
    ~direct_ask() {}

    void step(delivery how) noexcept override {
        if constexpr (!Leaf::immediate) {
            if (this->started_) return this->go_on(how);
            this->started_ = true;
            this->mark_begun();
        }
        if (payload_.handler.empty()) return this->fail(empty_request(), how);
        if (context_data const* c = this->context()) {
            if (c->deadline != time_point::max() && c->deadline <= this->executor().now())
                return this->fail(failure{errc::deadline_exceeded, executed::no}, how);
            if (c->observer != nullptr) c->observer->started(this->attempt_around());
        }
        source_.settle(*this);
        ambient_context const inherited{this->context()};
        if constexpr (Leaf::with_promise) {
            run_with_promise<R>(
                *this,
                [&](promise<R> reply) {
                    running_scope const during{*this};
                    static_cast<void>(call(std::move(reply)));
                },
                [&] { detail::destroy_at(detail::addressof(payload_)); }, how);
        } else if constexpr (Leaf::immediate && Leaf::first == lead::nothing) {
            this->answer_now([&]() -> decltype(auto) { return call(); }, how);
        } else if constexpr (Leaf::immediate) {
            run_stoppable(how);
        } else {
            this->answer_with([&]() -> decltype(auto) { return call(); }, how);
        }
    }
    void refuse(errc why, delivery how) noexcept override {
        if constexpr (!Leaf::immediate) {
            if (this->started_) return this->refuse_further(why, how);
        }
        this->fail(failure{why, executed::no}, how);
    }
    state_base* on_stop() noexcept override {
        if (this->take_first_step()) {
            if (this->ready()) {  // that was not the first step but the one that tells a callback
                this->schedule();
                return nullptr;
            }
            this->fail(failure{errc::cancelled, executed::no}, delivery::nested);
            return nullptr;
        }
        source_.request_stop();
        return this->upstream();
    }
    void discard() noexcept override {
        if constexpr (Leaf::with_promise) {
            if (this->defer_discard()) return;
        }
        detail::destroy_at(detail::addressof(payload_));
    }

private:
    struct payload {
        ANTIPHON_NO_UNIQUE_ADDRESS Leaf handler;
        ANTIPHON_NO_UNIQUE_ADDRESS std::tuple<Kept...> args;
    };
    template <class... Reply>
    decltype(auto) call(Reply&&... reply) {
        return std::apply(
            [&](Kept&... args) -> decltype(auto) {
                return std::as_const(payload_.handler).invoke(source_, std::move(args)..., std::forward<Reply>(reply)...);
            },
            payload_.args);
    }
    void run_stoppable(delivery how) noexcept {
        this->answer_now(
            [&]() -> decltype(auto) {
                running_scope const during{source_.entry};
                return call();
            },
            how);
    }
    ANTIPHON_NO_UNIQUE_ADDRESS lead_source<Leaf::first> source_;
    union {
        payload payload_;
    };
};

}  // namespace antiphon::detail
