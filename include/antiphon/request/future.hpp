// SPDX-License-Identifier: BSL-1.0
#pragma once
// The consumer's end of an ask: waited for, continued, or awaited; consumed once, through an rvalue.

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "antiphon/core/invoke.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/executor.hpp"
#include "antiphon/request/detail/continuation.hpp"
#include "antiphon/request/host.hpp"
#include "antiphon/fwd.hpp"

namespace antiphon {

namespace detail {

template <class...>
inline constexpr bool dependent_false = false;

}  // namespace detail

/// The answer to one ask, now or later.
/// **Threads**: one consumer; `ready` and `request_stop` may be called from others while the future is not being consumed. One thread
/// waits at a time: a second wait, from another thread or from inside the first, is refused at once (`share()` is for several).
/// Continuations run on the request's executor (a bare promise's: in the completing thread), trampolined.
/// **Errors**: every operation on an empty future gives `errc::failed_precondition`. A wait that could never end gives
/// `errc::would_deadlock`. Dropping a future requests stop and does not block.
/// **Cost**: one pointer; a continuation is one allocation.
template <class T>
class [[nodiscard]] future {
public:
    using value_type = T;

    future() noexcept = default;
    future(future&& other) noexcept : state_{std::exchange(other.state_, nullptr)} {}
    future& operator=(future&& other) noexcept {
        future{std::move(other)}.swap(*this);
        return *this;
    }
    ~future() {
        if (state_ == nullptr) return;
        if (!state_->ready()) state_->request_stop();
        state_->release();
    }
    void swap(future& other) noexcept { std::swap(state_, other.state_); }
    friend void swap(future& a, future& b) noexcept { a.swap(b); }

    /// False for a future that was default-constructed, moved from or consumed.
    [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }
    [[nodiscard]] bool ready() const noexcept { return state_ != nullptr && state_->ready(); }
    /// Blocks until the answer is there; the thread meanwhile runs what the answer depends on, if it may.
    /// False: the future is empty, somebody waits for it already, or the wait could never end.
    bool wait() { return wait_until(time_point::max()); }
    /// True when ready within `limit`. **Time**: the clock of the request's executor; zero and negative limits only look.
    template <class Rep, class Period>
    bool wait_for(std::chrono::duration<Rep, Period> limit) {
        duration const d = saturating_cast(limit);
        if (state_ == nullptr || d <= duration::zero()) return ready();
        return wait_until(d == duration::max() ? time_point::max() : saturating_add(state_->executor().now(), d));
    }
    /// The same until a moment of the executor's clock; one of another clock, `system_clock`'s, is converted to it once, now.
    template <class Clock, class Duration>
    bool wait_until(std::chrono::time_point<Clock, Duration> moment) {
        return state_ != nullptr && wait_until(detail::moment_of(moment, state_->executor().now()));
    }
    bool wait_until(time_point until) {
        return state_ != nullptr && (state_->ready() || state_->wait(until) == detail::wait_end::ready);
    }
    /// Asks the handler, and everything it waits for, to stop. The answer still comes.
    void request_stop() noexcept {
        if (state_ != nullptr && !state_->ready()) state_->request_stop();
    }

    /// Blocks like `wait`, and takes the answer.
    [[nodiscard]] result<T> get() && {
        future self{std::move(*this)};
        if (self.state_ == nullptr) return detail::empty_future();
        if (!self.state_->ready()) {
            if (detail::wait_end const end = self.state_->wait(); end != detail::wait_end::ready) return detail::why_no_answer(end);
        }
        return self.state_->take();
    }

    /// `f(value)` when there is one; a failure passes by. A function whose parameter is spelled as a result, `f(result<T>)`, is given
    /// either. What `f` returns is flattened.
    template <class F>
    auto then(F&& f) && {
        return detail::attach_continuation<detail::reaction::value>(detail::future_access::take(std::move(*this)), std::forward<F>(f));
    }
    template <class E, class F>
        requires(executor<std::remove_cvref_t<E>> || execution_context<std::remove_reference_t<E>>)
    auto then(E&& where, F&& f) && {
        return detail::attach_continuation<detail::reaction::value>(detail::future_access::take(std::move(*this)), std::forward<F>(f),
                                                                    any_executor{executor_of(where)});
    }
    /// `f(failure)` when there is one; a value passes by. What `f` returns is flattened and must convert to T.
    template <class F>
    future<T> or_else(F&& f) && {
        return detail::attach_continuation<detail::reaction::failure>(detail::future_access::take(std::move(*this)),
                                                                      std::forward<F>(f));
    }
    template <class E, class F>
        requires(executor<std::remove_cvref_t<E>> || execution_context<std::remove_reference_t<E>>)
    future<T> or_else(E&& where, F&& f) && {
        return detail::attach_continuation<detail::reaction::failure>(detail::future_access::take(std::move(*this)), std::forward<F>(f),
                                                                      any_executor{executor_of(where)});
    }
    /// `f(result)`, exactly once. What it throws goes to the executor's `unhandled` hook.
    template <class F>
    void on_complete(F&& f) && {
        detail::attach_callback(detail::future_access::take(std::move(*this)), std::forward<F>(f));
    }
    template <class E, class F>
        requires(executor<std::remove_cvref_t<E>> || execution_context<std::remove_reference_t<E>>)
    void on_complete(E&& where, F&& f) && {
        detail::attach_callback(detail::future_access::take(std::move(*this)), std::forward<F>(f), any_executor{executor_of(where)});
    }
    /// Lets the ask run on; its answer is dropped.
    void detach() && noexcept {
        if (state_ != nullptr) std::exchange(state_, nullptr)->release();
    }
    /// For several readers.
    [[nodiscard]] shared_future<T> share() &&;  // shared_future.hpp

    /// In a coroutine: the `result<T>`, resumed on the coroutine's executor.
    [[nodiscard]] auto operator co_await() && noexcept { return detail::future_awaiter<T>{std::move(*this)}; }

    // A future is consumed once, through an rvalue; these say so.
    template <class... D>
    result<T> get(D&&...) & {
        static_assert(detail::dependent_false<D...>, "antiphon: a future is consumed through an rvalue: std::move(future).get()");
    }
    template <class... F>
    future then(F&&...) & {
        static_assert(detail::dependent_false<F...>, "antiphon: a future is consumed through an rvalue: std::move(future).then(f)");
    }
    template <class... F>
    future or_else(F&&...) & {
        static_assert(detail::dependent_false<F...>, "antiphon: a future is consumed through an rvalue: std::move(future).or_else(f)");
    }
    template <class... F>
    void on_complete(F&&...) & {
        static_assert(detail::dependent_false<F...>,
                      "antiphon: a future is consumed through an rvalue: std::move(future).on_complete(f)");
    }
    template <class... D>
    void detach(D&&...) & {
        static_assert(detail::dependent_false<D...>, "antiphon: a future is consumed through an rvalue: std::move(future).detach()");
    }
    template <class... D>
    shared_future<T> share(D&&...) & {
        static_assert(detail::dependent_false<D...>, "antiphon: a future is consumed through an rvalue: std::move(future).share()");
    }
    template <class D = void>
    detail::future_awaiter<T> operator co_await() & {
        static_assert(detail::dependent_false<D>, "antiphon: a future is consumed through an rvalue: co_await std::move(future)");
    }

private:
    friend detail::future_access;
    explicit future(detail::state_ptr<detail::state<T>> s) noexcept : state_{s.release()} {}

    detail::state<T>* state_ = nullptr;
};

namespace detail {

template <class T>
struct answer_traits<future<T>> {
    using type = T;
    static constexpr bool immediate = false;

    template <class Host>
    static void deliver(Host& host, future<T>&& answer, delivery how) {
        if (!answer.valid()) return host.fail(empty_future(), how);
        host.answer_by(future_access::take(std::move(answer)), how);
    }
};

}  // namespace detail

}  // namespace antiphon
