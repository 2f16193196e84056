// SPDX-License-Identifier: BSL-1.0
#pragma once
// The producer's end of an ask: the right, and the duty, to answer it once.

#include <concepts>
#include <exception>
#include <type_traits>
#include <utility>

#include "antiphon/core/result.hpp"
#include "antiphon/request/future.hpp"
#include "antiphon/request/state.hpp"
#include "antiphon/fwd.hpp"

namespace antiphon {

namespace detail {
struct promise_access;
}

/// Answers one ask, from any thread, at any time. Dropped unfulfilled it answers `errc::broken_promise`.
/// **Threads**: one producer. Continuations of a bare promise run, trampolined, inside the call that fulfils it; those of a
/// handler's trailing promise run on the request's executor.
/// **Errors**: the setters return false when there is nothing to fulfil any more (fulfilled before, or moved from).
/// **Cost**: a bare promise allocates its shared state; a handler's trailing promise is part of its ask.
template <class T>
class promise {
public:
    promise() : state_{new detail::plain_state<T>}, unretrieved_{state_} {}
    promise(promise&& other) noexcept
        : state_{std::exchange(other.state_, nullptr)}, unretrieved_{std::exchange(other.unretrieved_, nullptr)} {}
    promise& operator=(promise&& other) noexcept {
        promise{std::move(other)}.swap(*this);
        return *this;
    }
    ~promise() {
        if (state_ != nullptr && !state_->defer_broken_promise()) set_failure(failure{errc::broken_promise, executed::maybe});
        if (unretrieved_ != nullptr) unretrieved_->release();
    }
    void swap(promise& other) noexcept {
        std::swap(state_, other.state_);
        std::swap(unretrieved_, other.unretrieved_);
    }
    friend void swap(promise& a, promise& b) noexcept { a.swap(b); }

    /// The future of a bare promise, once; afterwards, and for a handler's promise, an empty future.
    [[nodiscard]] future<T> get_future() noexcept {
        return detail::future_access::make<T>(detail::state_ptr<detail::state<T>>{std::exchange(unretrieved_, nullptr)});
    }

    /// Answers with a value made of `args`; what that throws becomes the failure.
    template <class... Args>
        requires(std::is_void_v<T> ? sizeof...(Args) == 0 : std::is_constructible_v<result<T>, std::in_place_t, Args...>)
    bool set_value(Args&&... args) noexcept {
        return decide([&] { return result<T>(std::in_place, std::forward<Args>(args)...); });
    }
    bool set_failure(failure why) noexcept {
        return decide([&] { return result<T>(std::move(why)); });
    }
    bool set_exception(std::exception_ptr thrown) noexcept { return set_failure(failure::from_exception(std::move(thrown))); }
    /// As if `thrown` had been thrown.
    template <std::derived_from<std::exception> E>
    bool set_exception(E thrown) noexcept {
        return set_exception(std::make_exception_ptr(std::move(thrown)));
    }
    bool set(result<T> answer) noexcept {
        return decide([&]() -> result<T>&& { return std::move(answer); });
    }
    /// Answers with what `f()` returns, a value or a result; what it throws becomes the failure. Where there is nothing to fulfil, it is not called.
    template <class F>
    bool set_with(F&& f) noexcept {
        static_assert(std::is_invocable_v<F> && detail::answer_traits<std::invoke_result_t<F>>::immediate,
                      "antiphon: the function given to set_with() must take nothing and return the answer itself");
        return decide([&] { return detail::immediate_result<T>(std::forward<F>(f)); });
    }

    /// Whether there is still something to fulfil.
    [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }
    /// Whether whoever asked wants the work to stop, or has gone.
    [[nodiscard]] bool stop_requested() const noexcept { return state_ != nullptr && state_->stop_requested(); }

private:
    friend detail::promise_access;
    explicit promise(detail::state<T>* s) noexcept : state_{s} {}

    template <class Make>
    bool decide(Make&& make) noexcept {
        detail::state<T>* const s = std::exchange(state_, nullptr);
        if (s == nullptr) return false;
        s->decide(std::forward<Make>(make), detail::delivery::nested);
        return true;
    }

    detail::state<T>* state_;  // the producer's reference
    detail::state<T>* unretrieved_ = nullptr;  // the consumer's, until get_future
};

namespace detail {

struct promise_access {
    /// A promise for the producer's reference of `s`.
    template <class T>
    [[nodiscard]] static promise<T> make(state<T>& s) noexcept {
        return promise<T>{&s};
    }
};

}  // namespace detail

}  // namespace antiphon
