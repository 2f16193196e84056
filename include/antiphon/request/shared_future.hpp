// SPDX-License-Identifier: BSL-1.0
#pragma once
// One answer, several readers.

#include <coroutine>
#include <optional>
#include <type_traits>
#include <utility>

#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/request/answer.hpp"
#include "antiphon/request/detail/continuation.hpp"
#include "antiphon/request/detail/shared_block.hpp"
#include "antiphon/request/future.hpp"
#include "antiphon/fwd.hpp"

namespace antiphon {

namespace detail {

/// What `get` refers to when there is no answer to refer to.
template <class T>
[[nodiscard]] result<T> const& no_answer(wait_end why) {
    static result<T> const forked{failure{errc::forked, executed::maybe}};
    static result<T> const stuck{failure{errc::would_deadlock, executed::no}};
    return why == wait_end::forked ? forked : stuck;
}
template <class T>
[[nodiscard]] result<T> const& no_future() {
    static result<T> const empty{empty_future()};
    return empty;
}

template <class T>
class shared_awaiter;

}  // namespace detail

/// A copyable future whose answer stays inside: `std::move(future).share()`.
/// **Threads**: every copy may be used by its own thread, and `const` members of one copy by several. Continuations run on the request's
/// executor (a bare promise's: in the completing thread). A thread that waits runs what the answer depends on, as with `future`.
/// **Errors**: operations on an empty one give `errc::failed_precondition`. When the last copy is gone, and nobody awaits a continuation,
/// stop is requested; dropping never blocks.
/// **Cost**: one pointer; sharing is one allocation, so is each wait and `co_await` that finds no answer yet; a continuation is two.
template <class T>
class [[nodiscard]] shared_future {
    using view_type = detail::shared_view<T>;

public:
    using value_type = T;

    shared_future() noexcept = default;
    /// `std::move(future).share()`.
    shared_future(future<T>&& f) : shared_future{std::move(f).share()} {}
    shared_future(shared_future const& other) noexcept : block_{other.block_} {
        if (block_ != nullptr) block_->gain();
    }
    shared_future(shared_future&& other) noexcept : block_{std::exchange(other.block_, nullptr)} {}
    shared_future& operator=(shared_future other) noexcept {
        std::swap(block_, other.block_);
        return *this;
    }
    ~shared_future() {
        if (block_ != nullptr) block_->lose();
    }

    /// False for one that was default-constructed or moved from.
    [[nodiscard]] bool valid() const noexcept { return block_ != nullptr; }
    [[nodiscard]] bool ready() const noexcept { return block_ != nullptr && block_->ready(); }
    /// Blocks until the answer is there; false: empty, or the wait could never end.
    bool wait() const { return wait_until(time_point::max()); }
    /// True when ready within `limit`. **Time**: the clock of the request's executor; zero and negative limits only look.
    template <class Rep, class Period>
    bool wait_for(std::chrono::duration<Rep, Period> limit) const {
        duration const d = saturating_cast(limit);
        if (block_ == nullptr || d <= duration::zero()) return ready();
        return wait_until(d == duration::max() ? time_point::max() : saturating_add(block_->source().executor().now(), d));
    }
    /// The same until a moment of the executor's clock; one of another clock, `system_clock`'s, is converted to it once, now.
    template <class Clock, class Duration>
    bool wait_until(std::chrono::time_point<Clock, Duration> moment) const {
        return block_ != nullptr && wait_until(detail::moment_of(moment, block_->source().executor().now()));
    }
    bool wait_until(time_point until) const {
        return block_ != nullptr && (block_->ready() || wait_end(until) == detail::wait_end::ready);
    }
    /// Blocks like `wait`. The answer lives as long as any copy of this future, or of one of its continuations.
    [[nodiscard]] result<T> const& get() const {
        if (block_ == nullptr) return detail::no_future<T>();
        if (!block_->ready()) {
            detail::wait_end const end = wait_end(time_point::max());
            if (end != detail::wait_end::ready) return detail::no_answer<T>(end);
        }
        return block_->answer();
    }
    /// Asks the handler to stop, on behalf of all readers. The answer still comes.
    void request_stop() const noexcept {
        if (block_ != nullptr && !block_->ready()) block_->source().request_stop();
    }

    /// `f(T const&)` when there is a value; a failure passes by. A function whose parameter is spelled as a result,
    /// `f(result<T> const&)`, is given either. What `f` returns is flattened.
    template <class F>
    auto then(F&& f) const {
        return view().then(seen_by(std::forward<F>(f)));
    }
    template <class E, class F>
        requires(executor<std::remove_cvref_t<E>> || execution_context<std::remove_reference_t<E>>)
    auto then(E&& where, F&& f) const {
        return view().then(std::forward<E>(where), seen_by(std::forward<F>(f)));
    }
    /// `f(failure)` when there is one; else a copy of the value passes by.
    template <class F>
    future<T> or_else(F&& f) const {
        return to_future().or_else(std::forward<F>(f));
    }
    /// `f(result<T> const&)`, exactly once. What it throws goes to the executor's `unhandled` hook.
    template <class F>
    void on_complete(F&& f) const {
        using function = std::decay_t<F>;
        static_assert(std::is_invocable_v<function, result<T> const&>,
                      "antiphon: the callback must take the result<T> const& of the answer");
        if constexpr (std::is_invocable_v<function, result<T> const&>) view().on_complete(of_result(std::forward<F>(f)));
    }

    /// A future with a copy of the answer.
    [[nodiscard]] future<T> to_future() const { return read<T>(); }
    operator future<T>() const { return to_future(); }

    /// In a coroutine: a lvalue gives a `result<T> const&`, an rvalue a copy; resumed on the coroutine's executor.
    [[nodiscard]] auto operator co_await() const& noexcept { return detail::shared_awaiter<T>{*this}; }
    [[nodiscard]] auto operator co_await() && noexcept {
        struct copying : detail::shared_awaiter<T> {
            [[nodiscard]] result<T> await_resume() const { return detail::shared_awaiter<T>::await_resume(); }
        };
        return copying{detail::shared_awaiter<T>{std::move(*this)}};
    }

private:
    friend future<T>;
    friend detail::shared_awaiter<T>;
    explicit shared_future(detail::shared_block<T>* adopted) noexcept : block_{adopted} {}

    [[nodiscard]] detail::wait_end wait_end(time_point until) const {
        return detail::shared_reader<T, view_type>::wait(*block_, until);
    }
    template <class V>
    [[nodiscard]] future<V> read() const {
        if (block_ == nullptr) return {};
        return detail::future_access::make<V>(detail::shared_reader<T, V>::start(*block_));
    }
    [[nodiscard]] future<view_type> view() const { return read<view_type>(); }
    /// `f(result<T> const&)` as a function of what the view holds.
    template <class F>
    [[nodiscard]] auto of_result(F&& f) const {
        return [self = *this, callback = std::forward<F>(f)](result<view_type> seen) mutable -> decltype(auto) {
            if (self.ready()) return detail::call_back(std::move(callback), self.get());
            result<T> const none{std::move(seen).error()};
            return detail::call_back(std::move(callback), none);
        };
    }
    template <class F>
    [[nodiscard]] decltype(auto) seen_by(F&& f) const {
        if constexpr (detail::takes_result<std::decay_t<F>, T>) {
            return of_result(std::forward<F>(f));
        } else {
            return std::forward<F>(f);
        }
    }

    detail::shared_block<T>* block_ = nullptr;
};

template <class T>
shared_future<T> future<T>::share() && {
    if (state_ == nullptr) return {};
    future self{std::move(*this)};
    self.state_->retain();
    shared_future<T> shared{detail::shared_block<T>::make(detail::state_ptr<detail::state<T>>{self.state_})};
    std::exchange(self.state_, nullptr)->release();
    return shared;
}

namespace detail {

/// Awaits a reader of its own; in a task.
template <class T>
class shared_awaiter {
    using view_type = shared_view<T>;

public:
    explicit shared_awaiter(shared_future<T> f) noexcept : future_{std::move(f)} {}
    [[nodiscard]] bool await_ready() const noexcept { return !future_.valid() || future_.ready(); }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if constexpr (requires { h.promise().host(); }) {
            reader_.emplace(future_.view());
            return h.promise().host().await(*future_access::peek(*reader_), h);
        } else {
            future_.on_complete([h](result<T> const&) { h.resume(); });
            return true;
        }
    }
    [[nodiscard]] result<T> const& await_resume() const {
        if (!future_.valid() || future_.ready()) return future_.get();
        static result<T> const cancelled{failure{errc::cancelled, executed::maybe}};
        return cancelled;
    }

private:
    shared_future<T> future_;
    std::optional<future<view_type>> reader_;
};

template <class T>
struct answer_traits<shared_future<T>> {
    using type = T;
    static constexpr bool immediate = false;

    template <class Host>
    static void deliver(Host& host, shared_future<T>&& answer, delivery how) {
        answer_traits<future<T>>::deliver(host, answer.to_future(), how);
    }
};

}  // namespace detail

}  // namespace antiphon
