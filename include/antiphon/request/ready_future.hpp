// SPDX-License-Identifier: BSL-1.0
#pragma once
// An answer that is there already, in the clothes of a future, without a shared state.

#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

#include "antiphon/core/invoke.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/request/answer.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/detail/continuation.hpp"
#include "antiphon/request/future.hpp"
#include "antiphon/request/host.hpp"
#include "antiphon/fwd.hpp"

namespace antiphon {

namespace detail {

/// The state that waits for an asynchronous answer of a continuation which ran at once.
template <class R>
class answered_state final : public host_state<R> {
public:
    answered_state() noexcept : host_state<R>{any_executor{}, ambient_context::current(), 2, 0} {}
    template <class Make>
    [[nodiscard]] static future<R> of(Make&& make) {
        auto* const made = new answered_state;
        state_ptr<state<R>> mine{made};
        made->answer_with(std::forward<Make>(make), delivery::nested);
        return future_access::make<R>(std::move(mine));
    }

private:
    void step(delivery how) noexcept override { this->go_on(how); }
    void refuse(errc why, delivery how) noexcept override { this->refuse_further(why, how); }
    void destroy() noexcept override { delete this; }
};

}  // namespace detail

/// The answer of `make_future` and `make_failed`; everything a `future` can do, at once. Continuations run where they are attached.
/// **Threads**: a value. **Errors**: what a continuation throws becomes its failure. Moved from, it holds a moved-from answer.
/// **Cost**: the size of a `result<T>`; no allocation, but for the conversion to `future<T>` and for continuations whose answer is not
/// immediate.
template <class T>
class [[nodiscard]] ready_future {
public:
    using value_type = T;

    explicit ready_future(result<T> answer) noexcept(std::is_nothrow_move_constructible_v<result<T>>) : answer_(std::move(answer)) {}
    ready_future(ready_future&&) = default;
    ready_future& operator=(ready_future&&) = default;
    ~ready_future() = default;

    [[nodiscard]] static constexpr bool valid() noexcept { return true; }
    [[nodiscard]] static constexpr bool ready() noexcept { return true; }
    static constexpr bool wait() noexcept { return true; }
    template <class Rep, class Period>
    static constexpr bool wait_for(std::chrono::duration<Rep, Period>) noexcept {
        return true;
    }
    template <class Clock, class Duration>
    static constexpr bool wait_until(std::chrono::time_point<Clock, Duration>) noexcept {
        return true;
    }
    static constexpr void request_stop() noexcept {}

    [[nodiscard]] result<T> get() && { return std::move(answer_); }
    void detach() && noexcept {}
    [[nodiscard]] shared_future<T> share() && { return future<T>(std::move(*this)).share(); }

    /// One allocation.
    operator future<T>() && { return detail::future_access::make<T>(detail::plain_state<T>::settled(std::move(answer_))); }

    /// `f(value)` now, if there is one, or `f(result)`: a `ready_future` of what it returns, a `future` when that comes later.
    template <class F>
    auto then(F&& f) && {
        constexpr bool whole = detail::takes_result<std::remove_cvref_t<F>, T>;
        using invocation = detail::value_invocation<std::conditional_t<whole, std::remove_cvref_t<F>, F>, T>;
        static_assert(invocation::possible, "antiphon: the function given to then() must take the value of the answer");
        using X = typename invocation::type;
        using R = detail::answer_t<X>;
        auto run = [&]() -> X {
            if constexpr (whole) {
                return detail::call_back(std::forward<F>(f), std::move(answer_));
            } else if constexpr (std::is_void_v<T>) {
                return detail::call_back(std::forward<F>(f));
            } else {
                return detail::call_back(std::forward<F>(f), *std::move(answer_));
            }
        };
        if constexpr (detail::answer_traits<X>::immediate) {
            if (!whole && !answer_) return ready_future<R>(result<R>(std::move(answer_).error()));
            return ready_future<R>(detail::caught_result<R>(run));
        } else {
            if (!whole && !answer_) return detail::future_access::make<R>(detail::plain_state<R>::settled(std::move(answer_).error()));
            return detail::answered_state<R>::of(run);
        }
    }
    template <class E, class F>
        requires(executor<std::remove_cvref_t<E>> || execution_context<std::remove_reference_t<E>>)
    auto then(E&& where, F&& f) && {
        return future<T>(std::move(*this)).then(std::forward<E>(where), std::forward<F>(f));
    }
    /// `f(failure)` now, if there is one.
    template <class F>
    auto or_else(F&& f) && {
        static_assert(std::is_invocable_v<F, failure>, "antiphon: the function given to or_else() must take a failure");
        using X = std::invoke_result_t<F, failure>;
        static_assert(std::is_void_v<T> || std::is_convertible_v<detail::answer_t<X>, T>,
                      "antiphon: what the function given to or_else() returns must convert to the value of the answer");
        auto run = [&]() -> X { return detail::call_back(std::forward<F>(f), std::move(answer_).error()); };
        if constexpr (detail::answer_traits<X>::immediate) {
            if (answer_) return std::move(*this);
            return ready_future(detail::caught_result<T>(run));
        } else {
            if (answer_) return future<T>(std::move(*this));
            return detail::answered_state<T>::of(run);
        }
    }
    /// `f(result)` now. What it throws goes to the process's `unhandled` hook, as with a future that has no executor.
    template <class F>
    void on_complete(F&& f) && {
        static_assert(std::is_invocable_v<F, result<T>>, "antiphon: the callback must take the result<T> of the answer");
        if constexpr (std::is_invocable_v<F, result<T>>) {
            ANTIPHON_TRY { static_cast<void>(detail::call_back(std::forward<F>(f), std::move(answer_))); }
            ANTIPHON_CATCH_ALL { any_executor{}.unhandled(std::current_exception()); }
        }
    }

    /// In a coroutine: the `result<T>`, without suspending.
    [[nodiscard]] auto operator co_await() && noexcept {
        struct awaiter {
            [[nodiscard]] static constexpr bool await_ready() noexcept { return true; }
            static constexpr void await_suspend(std::coroutine_handle<>) noexcept {}
            [[nodiscard]] result<T> await_resume() { return std::move(answer); }
            result<T> answer;
        };
        return awaiter{std::move(answer_)};
    }

    // As a future, it is consumed once, through an rvalue.
    template <class... D>
    result<T> get(D&&...) & {
        static_assert(detail::dependent_false<D...>, "antiphon: a future is consumed through an rvalue: std::move(future).get()");
    }
    template <class... F>
    ready_future then(F&&...) & {
        static_assert(detail::dependent_false<F...>, "antiphon: a future is consumed through an rvalue: std::move(future).then(f)");
    }
    template <class... F>
    ready_future or_else(F&&...) & {
        static_assert(detail::dependent_false<F...>, "antiphon: a future is consumed through an rvalue: std::move(future).or_else(f)");
    }
    template <class... F>
    void on_complete(F&&...) & {
        static_assert(detail::dependent_false<F...>,
                      "antiphon: a future is consumed through an rvalue: std::move(future).on_complete(f)");
    }

private:
    friend detail::answer_traits<ready_future>;
    result<T> answer_;
};

/// A future that holds `value` already.
template <class V>
[[nodiscard]] ready_future<std::decay_t<V>> make_future(V&& value) {
    return ready_future<std::decay_t<V>>(result<std::decay_t<V>>(std::in_place, std::forward<V>(value)));
}
[[nodiscard]] inline ready_future<void> make_future() noexcept { return ready_future<void>(result<void>{}); }
/// One that has failed.
template <class T>
[[nodiscard]] ready_future<T> make_failed(failure why) {
    return ready_future<T>(result<T>(std::move(why)));
}

namespace detail {

template <class T>
struct answer_traits<ready_future<T>> {
    using type = T;
    static constexpr bool immediate = true;
    [[nodiscard]] static result<T> take(ready_future<T>&& answer) { return std::move(answer.answer_); }
};

}  // namespace detail

}  // namespace antiphon
