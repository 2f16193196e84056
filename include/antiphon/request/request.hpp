// SPDX-License-Identifier: BSL-1.0
#pragma once
// A question as a value: asked with call(), submit(), call_for() or co_await, adapted with |.

#include <coroutine>
#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/request/detail/call.hpp"
#include "antiphon/request/detail/callback_ask.hpp"
#include "antiphon/request/detail/handler.hpp"
#include "antiphon/request/detail/request_awaiter.hpp"
#include "antiphon/request/future.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/fwd.hpp"

namespace antiphon {

namespace detail {

/// Where the parts of the library reach into a request.
struct request_access {
    template <class Signature, class Repeat, class Handler>
    [[nodiscard]] static Handler const& handler(request<Signature, Repeat, Handler> const& r) noexcept {
        return r.handler_;
    }
    template <class Signature, class Repeat, class Handler>
    [[nodiscard]] static Handler&& handler(request<Signature, Repeat, Handler>&& r) noexcept {
        return std::move(r.handler_);
    }
    template <class Repeat, class Handler>
    [[nodiscard]] static auto make(Handler handler) {
        return request<typename Handler::signature, Repeat, Handler>{from_handler{}, std::move(handler)};
    }
    struct from_handler {};
};

template <class X>
inline constexpr bool is_request = false;
template <class Signature, class Repeat, class Handler>
inline constexpr bool is_request<request<Signature, Repeat, Handler>> = true;

/// What stands for a request of its own, as a `balance` does.
template <class X>
concept stands_for_request = requires(X const& x) {
    typename X::request_type;
    x.to_request();
};

/// Whether a handler of that signature can be given what a request with the parameters P hands on.
template <class Signature, class... P>
inline constexpr bool takes_parameters = false;
template <class R, class... Q, class... P>
    requires(sizeof...(Q) == sizeof...(P))
inline constexpr bool takes_parameters<R(Q...), P...> =
    (kept<Q, decltype(hand_on<P>(std::declval<std::remove_reference_t<P>&>()))>::possible && ...);

/// What is not a handler: it says why, and nothing else.
template <class F>
class no_handler {
    static_assert(own_signature<F>::known,
                  "antiphon: the signature of this handler cannot be deduced (a generic lambda, an overloaded call operator): "
                  "spell it, request<R(Args...)>");
    static_assert(!changing_callable<F>, "antiphon: a handler is called as const: make it not mutable");

public:
    using result_type = void;
    using signature = void();
    template <class G>
    no_handler(std::in_place_t, G&&) noexcept {}
};

/// Whether a request stands on such a one.
template <class Handler>
inline constexpr bool is_mistake = false;
template <class F>
inline constexpr bool is_mistake<no_handler<F>> = true;

/// What a request of F is, by its handler's own signature. Names only: a guide looks at this before its constraint.
template <class F>
struct deduction {
    using signature = void();
    using handler = no_handler<F>;
};
template <class F>
    requires(own_signature<F>::known && !changing_callable<F> && !is_request<F>)
struct deduction<F> {
    using signature = typename deduced_form<F>::signature;
    using handler = leaf<F, signature, deduced_form<F>::first, deduced_form<F>::with_promise>;
};

}  // namespace detail

/// A request `R(P...)`.
/// **Threads**: asking one request from several threads is safe if its handler is, which is called as `Handler const&`.
/// **Errors**: every ask ends in exactly one `result<R>`. An empty request (a null callable, default-constructed, moved from)
/// answers `errc::failed_precondition`. The verbs throw only what copying the arguments throws, and `std::bad_alloc`.
/// **Cost**: `call()` of a bare handler is a call of it. `submit` is one allocation.
template <class R, class... P, class Repeat, class Handler>
class [[nodiscard]] request<R(P...), Repeat, Handler> {
public:
    using result_type = R;
    using signature = R(P...);
    using repeat_type = Repeat;
    using handler_type = Handler;
    using antiphon_request = void;

    /// An empty one; for type-erased requests.
    request() noexcept
        requires std::is_default_constructible_v<Handler>
    = default;

    /// The same.
    request(std::nullptr_t) noexcept
        requires std::is_default_constructible_v<Handler>
        : request{} {}

    /// From a callable, in any form of handler (see the reference, "handlers").
    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, request> && !detail::is_request<std::remove_cvref_t<F>> &&
                 !std::is_same_v<std::remove_cvref_t<F>, detail::request_access::from_handler> &&
                 !std::is_same_v<std::remove_cvref_t<F>, std::nullptr_t> && !detail::stands_for_request<std::remove_cvref_t<F>>)
    request(F&& f) : handler_{make_handler(std::forward<F>(f))} {}

    /// From what stands for a request: the request that it makes.
    template <detail::stands_for_request X>
    request(X const& source) : request{source.to_request()} {}

    /// A spelled request from any other with the same parameters: the pipeline is shared by the copies.
    template <class S, class Other, class H>
        requires(!std::is_same_v<request<S, Other, H>, request> && std::is_same_v<Handler, erased<R(P...)>>)
    request(request<S, Other, H> other) : handler_{take_handler<S, H>(detail::request_access::handler(std::move(other)))} {
        static_assert(std::is_same_v<Other, Repeat> || std::is_same_v<Repeat, repeat::unsafe>,
                      "antiphon: a request that is unsafe to repeat does not become a safe one: say idempotent(request)");
    }

    /// Asks and blocks until the answer is there; without an executor, in the calling thread.
    template <class... A>
    [[nodiscard]] result<R> call(A&&... args) const {
        if constexpr (!accepts<A...>) {
            explain<A...>();
            return errc::internal;
        } else if constexpr (detail::is_plain<Handler>) {
            return detail::call_plain(handler_, std::forward<A>(args)...);
        } else if constexpr (std::is_same_v<Handler, erased<R(P...)>>) {
            if (handler_.plain()) return handler_.base().call(std::forward<A>(args)...);
            return detail::call_ask(handler_, std::forward<A>(args)...);
        } else {
            return detail::call_ask(handler_, std::forward<A>(args)...);
        }
    }

    /// Asks and returns at once: a future, or, with a callback after the arguments, nothing; the callback then runs exactly
    /// once, on the request's executor, with the `result<R>`.
    template <class... A>
    auto submit(A&&... args) const& {
        static_assert(
            std::is_copy_constructible_v<Handler>,
            "antiphon: submit() on an lvalue copies the handler, and this one cannot be copied: std::move(request).submit(...)");
        if constexpr (std::is_copy_constructible_v<Handler>) {
            return submit_as(*this, std::forward<A>(args)...);
        } else {
            return future<R>{};
        }
    }
    template <class... A>
    auto submit(A&&... args) && {
        return submit_as(std::move(*this), std::forward<A>(args)...);
    }

    /// The hybrid: asks at once, waits at most `limit`; the future is ready, or its answer still on the way.
    /// **Time**: the executor's clock; zero or negative is `submit`, `duration::max()` waits for the answer.
    template <class Rep, class Period, class... A>
    [[nodiscard]] future<R> call_for(std::chrono::duration<Rep, Period> limit, A&&... args) const {
        future<R> answer = submit(std::forward<A>(args)...);
        answer.wait_for(limit);
        return answer;
    }

    /// `co_await request(args...)`: in a task, the `result<R>`. A bare handler runs in place, as with `call()`.
    template <class... A>
    [[nodiscard("antiphon: request(args...) asks nothing until it is awaited: co_await it, or use call() or submit()")]] auto
    operator()(A&&... args) const {
        if constexpr (!accepts<A...>) {
            explain<A...>();
            return future<R>{};
        } else {
            return detail::request_awaiter<Handler, detail::types<P...>, detail::kept_t<P, A>...>{handler_, std::forward<A>(args)...};
        }
    }

    /// Whether there is a handler.
    [[nodiscard]] explicit operator bool() const noexcept { return !handler_.empty(); }
    [[nodiscard]] friend bool operator==(request const& r, std::nullptr_t) noexcept { return !r; }

private:
    friend detail::request_access;
    request(detail::request_access::from_handler, Handler&& handler) : handler_(std::move(handler)) {}

    template <class F>
    [[nodiscard]] static Handler make_handler(F&& f) {
        using function = std::decay_t<F>;
        static_assert(std::is_move_constructible_v<function>);
        if constexpr (std::is_same_v<Handler, erased<R(P...)>>) {
            using form = detail::spelled_form_t<function, R, P...>;
            if constexpr (std::is_void_v<form>) {
                constexpr bool changes = detail::invocable_when_mutable<function, P...>;
                static_assert(!changes, "antiphon: a handler is called as const: make it not mutable");
                static_assert(changes, "antiphon: the handler cannot be called with the parameters of the request");
                return Handler{};
            } else if constexpr (!std::is_constructible_v<function, F>) {
                static_assert(std::is_void_v<form>,
                              "antiphon: the handler is kept by value, and this one cannot be copied: std::move it");
                return Handler{};
            } else {
                using inner = detail::leaf<function, R(P...), form::first, form::with_promise>;
                constexpr bool answers = form::with_promise || detail::answers_with<R, typename inner::answer>;
                static_assert(answers, "antiphon: what the handler returns does not convert to the result of the request");
                if constexpr (answers) {
                    if (detail::is_null(f)) return Handler{};
                    return Handler{std::in_place, inner{std::in_place, std::forward<F>(f)}};
                } else {
                    return Handler{};
                }
            }
        } else {
            return Handler{std::in_place, std::forward<F>(f)};
        }
    }
    /// An erased handler of another request's.
    template <class S, class H>
    [[nodiscard]] static Handler take_handler(H&& other) {
        constexpr bool takes = detail::is_mistake<H> || detail::takes_parameters<S, P...>;
        static_assert(takes, "antiphon: a request is made of another one whose parameters its own convert to");
        constexpr bool answers = !takes || detail::is_mistake<H> || detail::answers_with<R, result<typename H::result_type>>;
        static_assert(answers, "antiphon: the result of this request does not convert to that of the other");
        if constexpr (takes && answers && !detail::is_mistake<H>) {
            return Handler{std::in_place, std::move(other)};
        } else {
            return Handler{};
        }
    }

    /// Whether the arguments fit. If not, the sentence of `explain` is the only error: whoever asked this compiles to nothing else.
    template <class... A>
    static constexpr bool accepts = [] {
        if constexpr (sizeof...(A) == sizeof...(P)) {
            return !detail::is_mistake<Handler> && (detail::kept<P, A>::possible && ...);
        } else {
            return false;
        }
    }();
    template <class... A>
    static constexpr void explain() noexcept {
        if constexpr (detail::is_mistake<Handler>) {
            // said where it was made
        } else if constexpr (sizeof...(A) == sizeof...(P)) {
            (detail::explain_argument<P, A>(), ...);
        } else {
            constexpr bool unheard = requires { Handler::hears_answers; } && sizeof...(A) + 1 == sizeof...(P);
            static_assert(!unheard,
                          "antiphon: every answer of a series is told: pass a callback that takes result<R> after the arguments");
            static_assert(unheard, "antiphon: the number of arguments differs from the request's parameters");
        }
    }

    template <class Self, class... A>
    static auto submit_as(Self&& self, A&&... args) {
        if constexpr (sizeof...(A) == sizeof...(P) + 1 && !detail::is_mistake<Handler>) {
            detail::submit_with_callback<Handler, P...>(
                std::forward<Self>(self).handler_, std::forward_as_tuple(std::forward<A>(args)...), std::index_sequence_for<P...>{});
        } else if constexpr (!accepts<A...>) {
            explain<A...>();
            return future<R>{};
        } else {
            any_executor where = detail::place_of(self.handler_);
            return detail::start_ask(std::move(where), std::forward<Self>(self).handler_, std::forward<A>(args)...);
        }
    }

    ANTIPHON_NO_UNIQUE_ADDRESS Handler handler_;
};

template <detail::stands_for_request X>
request(X)
    -> request<typename X::request_type::signature, typename X::request_type::repeat_type, typename X::request_type::handler_type>;

template <class F>
    requires(!detail::is_request<F> && !detail::stands_for_request<F>)
request(F) -> request<typename detail::deduction<F>::signature, repeat::safe, typename detail::deduction<F>::handler>;

namespace detail {

template <class X>
    requires(is_request<X>)
struct answer_traits<X> {
    using type = typename X::result_type;
    static constexpr bool immediate = false;

    template <class Host>
    static void deliver(Host& host, X&& answer, delivery how) {
        static_assert(std::is_same_v<typename X::signature, type()>, "antiphon: a request that is an answer takes no arguments");
        host.answer_by(future_access::take(std::move(answer).submit()), how);
    }
};

}  // namespace detail

}  // namespace antiphon
