// SPDX-License-Identifier: BSL-1.0
#pragma once
// The forms a handler may take, found from its own signature or from the one that the user spelled.

#include <cstddef>
#include <stop_token>
#include <type_traits>
#include <utility>

#include "antiphon/request/answer.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/detail/nullable.hpp"
#include "antiphon/request/detail/signature.hpp"
#include "antiphon/request/promise.hpp"
#include "antiphon/fwd.hpp"

namespace antiphon::detail {

/// What a handler wants before its arguments.
enum class lead {
    nothing,
    stop_token,
    context
};

/// A handler's form: the signature users see, what comes before the arguments, whether a promise comes after them.
template <class Signature, lead Lead, bool WithPromise>
struct form {
    using signature = Signature;
    static constexpr lead first = Lead;
    static constexpr bool with_promise = WithPromise;
};

template <class F>
concept changing_callable = std::is_class_v<F> && requires { requires own_signature<F>::changes; };

// --- from the own parameter list to the form ---------------------------------------------------------------------------

template <class X, lead Lead, class Kept, class... P>
struct trim_end;
template <class X, lead Lead, class... Kept>
struct trim_end<X, Lead, types<Kept...>> : form<answer_t<X>(Kept...), Lead, false> {};
template <class X, lead Lead, class... Kept, class R>
struct trim_end<X, Lead, types<Kept...>, promise<R>> : form<R(Kept...), Lead, true> {};
template <class X, lead Lead, class... Kept, class Next, class... Rest>
struct trim_end<X, Lead, types<Kept...>, Next, Rest...> : trim_end<X, Lead, types<Kept..., Next>, Rest...> {};

template <class X, class Parameters>
struct trim;
template <class X, class... P>
struct trim<X, types<P...>> : trim_end<X, lead::nothing, types<>, P...> {};
template <class X, class... P>
struct trim<X, types<std::stop_token, P...>> : trim_end<X, lead::stop_token, types<>, P...> {};
template <class X, class... P>
struct trim<X, types<std::stop_token const&, P...>> : trim_end<X, lead::stop_token, types<>, P...> {};
template <class X, class... P>
struct trim<X, types<context const&, P...>> : trim_end<X, lead::context, types<>, P...> {};

/// What the deduction of a request's signature falls back on when there is none: the reason is said where it is used.
struct no_form {
    using signature = void();
};

template <class F>
struct deduced_form : no_form {};
template <class F>
    requires(own_signature<F>::known)
struct deduced_form<F> : trim<typename own_signature<F>::answer, typename own_signature<F>::parameters> {};

// --- from a spelled signature to the form -------------------------------------------------------------------------------

template <class F, class R, class... P>
consteval auto spelled_form() {
    if constexpr (std::is_invocable_v<F const&, P...>) {
        return form<R(P...), lead::nothing, false>{};
    } else if constexpr (std::is_invocable_v<F const&, std::stop_token, P...>) {
        return form<R(P...), lead::stop_token, false>{};
    } else if constexpr (std::is_invocable_v<F const&, context const&, P...>) {
        return form<R(P...), lead::context, false>{};
    } else if constexpr (std::is_invocable_v<F const&, P..., promise<R>>) {
        return form<R(P...), lead::nothing, true>{};
    } else if constexpr (std::is_invocable_v<F const&, std::stop_token, P..., promise<R>>) {
        return form<R(P...), lead::stop_token, true>{};
    } else if constexpr (std::is_invocable_v<F const&, context const&, P..., promise<R>>) {
        return form<R(P...), lead::context, true>{};
    }
}
template <class F, class R, class... P>
using spelled_form_t = decltype(spelled_form<F, R, P...>());
template <class F, class... P>
inline constexpr bool invocable_when_mutable = std::is_invocable_v<F&, P...>;

// --- arguments ----------------------------------------------------------------------------------------------------------

template <class D>
concept reference_wrapping = requires(D& d) {
    typename D::type;
    requires std::is_same_v<decltype(d.get()), typename D::type&>;
};

/// How an argument given as A is kept for a parameter P: as passed, decayed. A reference parameter fed by another type is
/// materialised, so that what it refers to lives as long as the ask.
template <class P, class A>
struct kept {
    using decayed = std::decay_t<A>;
    static constexpr bool refers =
        std::is_reference_v<P> && !(std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>);
    static constexpr bool same = std::is_same_v<decayed, std::remove_cvref_t<P>> ||
                                 std::is_base_of_v<std::remove_cvref_t<P>, decayed> || reference_wrapping<decayed>;
    using type = std::conditional_t<refers && !same, std::remove_cvref_t<P>, decayed>;

    static constexpr bool binds_to_copy = std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>> &&
                                          !reference_wrapping<decayed> && !std::is_convertible_v<type, P>;
    static constexpr bool possible = !binds_to_copy && std::is_convertible_v<type, P>;
};
/// Says why not. Apart from `kept`: clang reads nothing more from a class, or a consteval function, in which an assertion has failed.
template <class P, class A>
constexpr void explain_argument() noexcept {
    using how = kept<P, A>;
    static_assert(!how::binds_to_copy,
                  "antiphon: an argument is kept by value, a T& parameter would refer to the copy: pass std::ref(x)");
    static_assert(how::binds_to_copy || how::possible, "antiphon: an argument does not convert to its parameter");
}
template <class P, class A>
using kept_t = typename kept<P, A>::type;

/// What stands for a T& parameter that has already been bound.
template <class T>
struct bound_reference {
    using type = T;
    T* to;
    [[nodiscard]] T& get() const noexcept { return *to; }
    operator T&() const noexcept { return *to; }
};
template <class P>
[[nodiscard]] decltype(auto) hand_on(std::remove_reference_t<P>& p) noexcept {
    if constexpr (std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>) {
        return bound_reference<std::remove_reference_t<P>>{&p};
    } else {
        return static_cast<P&&>(p);
    }
}

/// An argument as a handler F is given it. One that spells its parameters converts it itself; a generic one, or a pointer to a member, would see
/// the type in which it was kept, and is given the P that the request promises.
template <class F, class P, class A>
[[nodiscard]] decltype(auto) as_parameter(A&& kept) noexcept(std::is_nothrow_constructible_v<P, A>) {
    constexpr bool spelled = own_signature<F>::known && !std::is_member_pointer_v<F>;
    constexpr bool same = std::is_same_v<std::remove_cvref_t<A>, std::remove_cvref_t<P>>;
    if constexpr (spelled || same) {
        return std::forward<A>(kept);
    } else if constexpr (std::is_lvalue_reference_v<P> && reference_wrapping<std::remove_cvref_t<A>>) {
        return static_cast<P>(kept);
    } else if constexpr (std::is_reference_v<P> && std::is_base_of_v<std::remove_cvref_t<P>, std::remove_cvref_t<A>>) {
        return static_cast<P>(std::forward<A>(kept));
    } else {
        return static_cast<std::remove_cvref_t<P>>(std::forward<A>(kept));
    }
}

inline failure empty_request() noexcept { return {errc::failed_precondition, executed::no, "the request is empty: it has no handler"}; }

}  // namespace antiphon::detail
