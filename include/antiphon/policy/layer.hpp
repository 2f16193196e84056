// SPDX-License-Identifier: BSL-1.0
#pragma once
// A policy of one's own, in one lambda: it is given `next`, which asks what is inside, and the arguments.

#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

#include "antiphon/core/invoke.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/policy/detail/surrounding_ask.hpp"

namespace antiphon {

namespace detail {

/// The result is whatever the function answers.
struct deduced_answer {};

/// The handler that a layer's function makes of the one inside.
template <class F, class Inner, class Form>
class surrounded;
template <class F, class Inner, class R, class... P, lead Lead, bool WithPromise>
class surrounded<F, Inner, form<R(P...), Lead, WithPromise>> {
public:
    using result_type = R;
    using signature = R(P...);
    using signature_inside = typename Inner::signature;
    using function_type = F;
    using inner_type = Inner;
    static constexpr lead first = Lead;
    static constexpr bool with_promise = WithPromise;
    template <class... A>
    using ask = surrounding_ask<surrounded, kept_t<P, A>...>;

    surrounded(F f, Inner inner) : f_(std::move(f)), inner_(std::move(inner)) {}

    [[nodiscard]] any_executor const* executor() const noexcept { return inner_.executor(); }
    [[nodiscard]] constexpr bool abandons() const noexcept { return inner_.abandons(); }
    [[nodiscard]] bool empty() const noexcept { return inner_.empty(); }
    [[nodiscard]] surrounded const& layer() const& noexcept { return *this; }
    [[nodiscard]] surrounded&& layer() && noexcept { return std::move(*this); }
    [[nodiscard]] F const& function() const& noexcept { return f_; }
    [[nodiscard]] F&& function() && noexcept { return std::move(f_); }
    [[nodiscard]] Inner const& inner() const& noexcept { return inner_; }
    [[nodiscard]] Inner&& inner() && noexcept { return std::move(inner_); }

    template <class Self, class... A>
    [[nodiscard]] static state_ptr<state<R>> make(Self&& self, any_executor&& executor, context_data const* context, A&&... args) {
        return state_ptr<state<R>>{
            new heap_ask<ask<A...>>{std::move(executor), context, std::forward<Self>(self), std::forward<A>(args)...}};
    }
    /// The function's own answer. `reply` is its trailing promise, if it takes one.
    template <class Source, class Next, class... A, class... Reply>
    static decltype(auto) call(F const& f, [[maybe_unused]] Source& source, Next&& next, std::tuple<A...>& args, Reply&&... reply) {
        return std::apply(
            [&](A&... a) -> decltype(auto) {
                if constexpr (Lead == lead::nothing) {
                    return antiphon::detail::invoke(f, std::forward<Next>(next), static_cast<P>(std::move(a))...,
                                                    std::forward<Reply>(reply)...);
                } else {
                    return antiphon::detail::invoke(f, source.get(), std::forward<Next>(next), static_cast<P>(std::move(a))...,
                                                    std::forward<Reply>(reply)...);
                }
            },
            args);
    }

private:
    ANTIPHON_NO_UNIQUE_ADDRESS F f_;
    ANTIPHON_NO_UNIQUE_ADDRESS Inner inner_;
};

template <class F, class Inner, class Form>
struct sharing<surrounded<F, Inner, Form>> {
    using inner = sharing<Inner>;
    using type = surrounded<F, typename inner::type, Form>;
    [[nodiscard]] static type apply(surrounded<F, Inner, Form>&& s) {
        return {std::move(s).function(), inner::apply(std::move(s).inner())};
    }
};

/// How a layer's function is called, found by trying; void where it cannot be.
template <class Wanted, class F, class Next, class R, class... P>
consteval auto layer_form() {
    using reply = std::conditional_t<std::is_same_v<Wanted, deduced_answer>, R, Wanted>;
    constexpr auto as = []<class X, lead Lead>() {
        if constexpr (std::is_same_v<Wanted, deduced_answer>) {
            return form<answer_t<X>(P...), Lead, false>{};
        } else {
            return form<Wanted(P...), Lead, false>{};
        }
    };
    if constexpr (std::is_invocable_v<F const&, Next, P...>) {
        return as.template operator()<std::invoke_result_t<F const&, Next, P...>, lead::nothing>();
    } else if constexpr (std::is_invocable_v<F const&, std::stop_token, Next, P...>) {
        return as.template operator()<std::invoke_result_t<F const&, std::stop_token, Next, P...>, lead::stop_token>();
    } else if constexpr (std::is_invocable_v<F const&, context const&, Next, P...>) {
        return as.template operator()<std::invoke_result_t<F const&, context const&, Next, P...>, lead::context>();
    } else if constexpr (std::is_invocable_v<F const&, Next, P..., promise<reply>>) {
        return form<reply(P...), lead::nothing, true>{};
    } else if constexpr (std::is_invocable_v<F const&, std::stop_token, Next, P..., promise<reply>>) {
        return form<reply(P...), lead::stop_token, true>{};
    } else if constexpr (std::is_invocable_v<F const&, context const&, Next, P..., promise<reply>>) {
        return form<reply(P...), lead::context, true>{};
    }
}

}  // namespace detail

/// What `layer(f)` is.
template <class F, class Wanted>
class own_layer {
public:
    using antiphon_policy = void;

    explicit own_layer(F f) : f_(std::move(f)) {}

    template <class R, class... P, class Repeat, class Handler>
    [[nodiscard]] auto operator()(request<R(P...), Repeat, Handler> r) const {
        using inner = typename detail::sharing<Handler>::type;
        using form = decltype(detail::layer_form<Wanted, F, detail::next_inside<inner>, R, P...>());
        if constexpr (std::is_void_v<form>) {
            static_assert(
                !std::is_void_v<form>,
                "antiphon: the function given to layer() must take next, then the arguments of the request; it is called as const");
        } else {
            return detail::request_access::make<Repeat>(
                detail::surrounded<F, inner, form>{f_, detail::sharing<Handler>::apply(detail::request_access::handler(std::move(r)))});
        }
    }

private:
    ANTIPHON_NO_UNIQUE_ADDRESS F f_;
};

/// A policy of one's own: `f` is called for each ask with `next` and the arguments; `next(args...)` asks what is inside.
/// ```
/// auto plus_one = ap::layer([](auto next, int x) { return next(x + 1).then([](int y) { return 10 * y; }); });
/// auto twice = ap::layer([](auto next, auto... args) -> ap::task<int> {
///     ap::result<int> first = co_await next(args...);
///     if (first) co_return *first;
///     co_return co_await next(args...);
/// });
/// auto watched = ap::layer([](auto next, int x, ap::promise<int> reply) {
///     next(x, [reply = std::move(reply)](ap::result<int> r) mutable { reply.set(std::move(r)); });
/// });
/// ```
/// The arguments stay those of the request; the result is what `f` answers, flattened like a handler's, or `layer<R>(f)`. `f` may take a
/// `std::stop_token` or a `context const&` before `next`, a `promise` after the arguments. `next` is a small copyable value, which may
/// be called as often as wanted and kept by a coroutine; what it gives is a `future`. Calling it twice asks twice, of a request
/// that is unsafe to repeat too: that is in `f`'s hands.
/// What is asked through `next` has the ask's executor, deadline, priority and observer, and stops with it. An ask whose stop was requested
/// before `f` ran is `cancelled` without it.
/// **Threads**: `f` runs in the asking thread (the default pool's where that is the timer thread), continuations on the
/// request's executor. It is called as const, for several asks at once.
/// **Errors**: what `f` throws is the ask's failure. **Cost**: the first `next(args...)` of an ask is part of its allocation, a further one, and one
/// whose arguments are kept otherwise than the parameters say, is an allocation, like each continuation.
template <class Wanted = detail::deduced_answer, class F>
[[nodiscard]] auto layer(F&& f) {
    using function = detail::light_function<std::decay_t<F>>;
    return own_layer<function, Wanted>{function{std::forward<F>(f)}};
}

static_assert(policy<own_layer<int (*)(int), detail::deduced_answer>>);

}  // namespace antiphon
