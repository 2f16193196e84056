// SPDX-License-Identifier: BSL-1.0
#pragma once
// What futures attach: continuations, callbacks, awaiters.

#include <atomic>
#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "antiphon/core/lifetime.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/request/detail/nullable.hpp"
#include "antiphon/request/detail/signature.hpp"
#include "antiphon/request/host.hpp"
#include "antiphon/request/link.hpp"
#include "antiphon/request/state.hpp"
#include "antiphon/fwd.hpp"

namespace antiphon::detail {

/// Where the parts of the library reach into a future.
struct future_access {
    template <class T>
    [[nodiscard]] static future<T> make(state_ptr<state<T>> s) noexcept {
        return future<T>{std::move(s)};
    }
    template <class T>
    [[nodiscard]] static state_ptr<state<T>> take(future<T>&& f) noexcept {
        return state_ptr<state<T>>{std::exchange(f.state_, nullptr)};
    }
    template <class T>
    [[nodiscard]] static state<T>* peek(future<T> const& f) noexcept {
        return f.state_;
    }
};

/// A state that somebody outside completes, or that is complete from the beginning.
template <class R>
class plain_state final : public state<R> {
public:
    /// Pending: one reference for the producer, one for the consumer.
    explicit plain_state(any_executor executor = {}, context_data const* context = nullptr) noexcept
        : state<R>{std::move(executor), context, 2, 0} {}

    [[nodiscard]] static state_ptr<state<R>> settled(result<R>&& answer, any_executor executor = {}) {
        auto* const s = new plain_state{std::move(executor)};
        s->complete(std::move(answer), delivery::nested);
        return state_ptr<state<R>>{s};
    }

private:
    void destroy() noexcept override { delete this; }
    void step(delivery) noexcept override {}
    void refuse(errc, delivery) noexcept override {}
};

/// What a continuation's function is for; what it is not for passes by.
enum class reaction {
    value,
    failure,
    either
};

template <class F, class T>
struct value_invocation : std::invoke_result<F, T> {
    static constexpr bool possible = std::is_invocable_v<F, T>;
};
template <class F>
    requires(!takes_result<F, void>)
struct value_invocation<F, void> : std::invoke_result<F> {
    static constexpr bool possible = std::is_invocable_v<F>;
};
template <class F, class T>
    requires(takes_result<F, T>)
struct value_invocation<F, T> : std::invoke_result<F, result<T>> {
    static constexpr bool possible = true;
};

/// Why a wait without a limit ended without an answer.
inline failure why_no_answer(wait_end end) noexcept {
    return end == wait_end::forked ? failure{errc::forked, executed::maybe} : failure{errc::would_deadlock, executed::no};
}
inline failure empty_future() noexcept {
    return {errc::failed_precondition, executed::no, "the future is empty: it was consumed or moved from"};
}

/// The base of a continuation whose function answers at once: one link upstream, and one step. Nothing touches it after its end.
template <class R>
class prompt_state : public state<R>, public consumer {
public:
    state_base* downstream() noexcept final {
        state_base* const known = beyond_.load(std::memory_order_acquire);  // pairs with remember
        return known != nullptr ? known : this;
    }
    [[nodiscard]] bool steadfast() noexcept final { return true; }
    void remember(state_base& end) noexcept final { beyond_.store(&end, std::memory_order_release); }  // pairs with downstream

protected:
    using state<R>::state;
    ~prompt_state() = default;

    state_base* upstream() noexcept final { return up_.acquire(); }
    state_base* on_stop() noexcept final { return up_.acquire(); }
    [[nodiscard]] state_base* take_upstream() noexcept { return up_.take(); }
    void await_first(state_ptr<> source) noexcept { up_.set_first(*source.release()); }

private:
    link<state_base> up_;
    std::atomic<state_base*> beyond_{nullptr};
};
template <class R, bool Immediate>
using continuation_base = std::conditional_t<Immediate, prompt_state<R>, host_state<R>>;

/// The state of `then` and `or_else`: waits for its source, runs F in its place, is decided by what that answers.
template <reaction Kind, class T, class F, class X, class R>
class continuation final : public continuation_base<R, answer_traits<X>::immediate> {
    static constexpr bool immediate = answer_traits<X>::immediate;

public:
    template <class G>
    continuation(any_executor&& executor, context_data const* context, G&& f)
        : continuation_base<R, immediate>{std::move(executor), context, 2, 0}, f_(std::forward<G>(f)) {}

    void attach_to(state_ptr<state<T>> source) noexcept {
        state<T>& s = *source;
        this->await_first(state_ptr<>{source.release()});
        if (!s.attach(*this)) on_ready(s, delivery::nested);
    }

private:
    ~continuation() {}

    [[nodiscard]] static bool passes_by(result<T> const& r) noexcept {
        return Kind != reaction::either && r.has_value() != (Kind == reaction::value);
    }

    void on_ready(state_base& source, delivery how) noexcept override {
        // What passes by needs no place: no user code runs.
        bool const anywhere = first_ && how != delivery::dropped && passes_by(static_cast<state<T>&>(source).get());
        if constexpr (immediate) {
            if (anywhere || this->stays_here(how)) this->bounce_once(how);
        } else if (anywhere) {
            this->bounce(how);
        } else {
            host_base::on_ready(source, how);
        }
    }
    void step(delivery how) noexcept override {
        if constexpr (!immediate) {
            if (!first_) return this->go_on(how);
        }
        result<T>& r = take_source();
        if (passes_by(r)) {
            pass(r, how);
        } else if (Kind != reaction::either && this->stop_requested()) {
            r ? this->fail(failure{errc::cancelled, executed::no}, how) : pass(r, how);
        } else {
            react(r, how);
        }
    }
    void refuse(errc why, delivery how) noexcept override {
        if constexpr (!immediate) {
            if (!first_) return this->refuse_further(why, how);
        }
        result<T>& r = take_source();
        passes_by(r) || (Kind == reaction::either && !r) ? pass(r, how) : this->fail(failure{why, executed::no}, how);
    }

    [[nodiscard]] result<T>& take_source() noexcept {
        first_ = false;
        source_ = static_cast<state<T>*>(this->take_upstream());
        return source_->get();
    }
    void pass(result<T>& r, delivery how) noexcept {
        if constexpr (Kind != reaction::failure) {
            if (!r) this->fail(std::move(r).error(), how);
        } else {
            this->decide([&]() -> result<T>&& { return std::move(r); }, how);
        }
    }
    void react(result<T>& r, delivery how) noexcept {
        ambient_context const inherited{this->context()};
        if constexpr (Kind == reaction::failure) {
            answer([&]() -> decltype(auto) { return call_back(std::move(f_), std::move(r).error()); }, how);
        } else if constexpr (Kind == reaction::either) {
            answer([&]() -> decltype(auto) { return call_back(std::move(f_), std::move(r)); }, how);
        } else if constexpr (std::is_void_v<T>) {
            answer([&]() -> decltype(auto) { return call_back(std::move(f_)); }, how);
        } else {
            answer([&]() -> decltype(auto) { return call_back(std::move(f_), *std::move(r)); }, how);
        }
    }
    template <class Make>
    void answer(Make&& make, delivery how) noexcept {
        if constexpr (immediate) {
            this->answer_now(std::forward<Make>(make), how);
        } else {
            this->answer_with(std::forward<Make>(make), how);
        }
    }
    void discard() noexcept override {
        detail::destroy_at(detail::addressof(f_));
        if (source_ != nullptr) source_->release();
    }
    void destroy() noexcept override { delete this; }

    state<T>* source_ = nullptr;
    bool first_ = true;
    union {
        ANTIPHON_NO_UNIQUE_ADDRESS F f_;
    };
};

template <class F>
struct failure_invocation : std::invoke_result<F, failure> {
    static constexpr bool possible = std::is_invocable_v<F, failure>;
};

template <reaction Kind, class T, class F>
[[nodiscard]] auto attach_continuation(state_ptr<state<T>> source, F&& f, std::optional<any_executor> where = {}) {
    using function = std::decay_t<F>;
    using invocation = std::conditional_t<Kind == reaction::value, value_invocation<function, T>, failure_invocation<function>>;
    if constexpr (Kind == reaction::value) {
        static_assert(invocation::possible, "antiphon: the function given to then() must take the value of the answer");
    } else {
        static_assert(invocation::possible, "antiphon: the function given to or_else() must take a failure");
    }
    if constexpr (!invocation::possible) {
        return future<T>{};
    } else {
        using X = typename invocation::type;
        using R = std::conditional_t<Kind == reaction::value, answer_t<X>, T>;
        constexpr bool fits = Kind == reaction::value || std::is_void_v<T> || std::is_convertible_v<answer_t<X>, T>;
        static_assert(fits, "antiphon: what the function given to or_else() returns must convert to the value of the answer");
        if constexpr (!fits) {
            return future<T>{};
        } else {
            if (!source) return future_access::make<R>(plain_state<R>::settled(empty_future()));
            constexpr reaction kind = Kind == reaction::value && takes_result<function, T> ? reaction::either : Kind;
            auto* const next = new continuation<kind, T, function, X, R>{any_executor{where ? *std::move(where) : source->executor()},
                                                                         source->context(), std::forward<F>(f)};
            state_ptr<state<R>> mine{next};
            next->attach_to(std::move(source));
            return future_access::make<R>(std::move(mine));
        }
    }
}

/// The state of `on_complete`: nobody holds it but its source, and nobody waits for it. It has no answer: it ends with its step.
template <class T, class F>
class callback final : public prompt_state<void> {
public:
    template <class G>
    callback(any_executor&& executor, context_data const* context, G&& f)
        : prompt_state<void>{std::move(executor), context, 1, 0}, f_(std::forward<G>(f)) {}

    void attach_to(state_ptr<state<T>> source) noexcept {
        state<T>& s = *source;
        await_first(state_ptr<>{source.release()});
        if (!s.attach_end(*this)) on_ready(s, delivery::nested);
    }

private:
    void on_ready(state_base&, delivery how) noexcept override {
        if (stays_here(how)) bounce_once(how);
    }
    void step(delivery) noexcept override {
        {
            state_ptr<state<T>> const source{static_cast<state<T>*>(take_upstream())};
            ANTIPHON_TRY {
                ambient_context const inherited{context()};
                static_cast<void>(call_back(std::move(f_), source->take()));
            }
            ANTIPHON_CATCH_ALL { executor().unhandled(std::current_exception()); }
        }
        release();
    }
    void refuse(errc, delivery how) noexcept override {
        how == delivery::dropped ? schedule(default_pool().get_executor()) : step(how);
    }
    void destroy() noexcept override { delete this; }

    F f_;
};

template <class T, class F>
void attach_callback(state_ptr<state<T>> source, F&& f, std::optional<any_executor> where = {}) {
    using function = std::decay_t<F>;
    static_assert(std::is_invocable_v<function, result<T>>, "antiphon: the callback must take the result<T> of the answer");
    if constexpr (std::is_invocable_v<function, result<T>>) {
        if (!source) source = plain_state<T>::settled(empty_future());
        auto* const next = new callback<T, function>{any_executor{where ? *std::move(where) : source->executor()}, source->context(),
                                                     std::forward<F>(f)};
        next->attach_to(std::move(source));
    }
}

/// Awaits a future; in a task without an allocation.
template <class T>
class future_awaiter {
public:
    explicit future_awaiter(future<T>&& f) noexcept : future_{std::move(f)} {}
    [[nodiscard]] bool await_ready() const noexcept { return !future_.valid() || future_.ready(); }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if constexpr (requires { h.promise().host(); }) {
            return h.promise().host().await(*future_access::peek(future_), h);
        } else {
            std::move(future_).on_complete([this, h](result<T> r) {
                arrived_.emplace(std::move(r));
                h.resume();
            });
            return true;
        }
    }
    [[nodiscard]] result<T> await_resume() {
        if (arrived_) return *std::move(arrived_);
        return std::move(future_).get();
    }

private:
    future<T> future_;
    std::optional<result<T>> arrived_;
};

}  // namespace antiphon::detail
