// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a callable takes and answers, read from its own call operator where it has only one.

#include <type_traits>

#include "antiphon/core/result.hpp"

namespace antiphon::detail {

template <class... T>
struct types {};

template <class F>
struct own_signature {
    static constexpr bool known = false;
};
/// The parts of a function type.
template <class F>
struct function_shape {
    static constexpr bool known = false;
};
template <bool Changes, class R, class... P>
struct function_parts {
    static constexpr bool known = true;
    static constexpr bool changes = Changes;  ///< a member of this type cannot be called through a const reference
    using answer = R;
    using parameters = types<P...>;
    template <class C>
    using with_object = function_parts<false, R, std::conditional_t<Changes, C&, C const&>, P...>;
};
template <class R, class... P>
struct function_shape<R(P...)> : function_parts<true, R, P...> {};
template <class R, class... P>
struct function_shape<R(P...) noexcept> : function_parts<true, R, P...> {};
template <class R, class... P>
struct function_shape<R(P...) const> : function_parts<false, R, P...> {};
template <class R, class... P>
struct function_shape<R(P...) const noexcept> : function_parts<false, R, P...> {};
template <class R, class... P>
struct function_shape<R(P...) const&> : function_parts<false, R, P...> {};
template <class R, class... P>
struct function_shape<R(P...) const & noexcept> : function_parts<false, R, P...> {};

template <class F>
    requires std::is_function_v<F>
struct own_signature<F*> : function_shape<F> {};
template <class F, class C>
    requires(function_shape<F>::known)
struct own_signature<F C::*> : function_shape<F>::template with_object<C> {};
template <class T, class C>
    requires std::is_object_v<T>
struct own_signature<T C::*> : function_parts<false, std::remove_cv_t<T>, C const&> {};

template <class Member>
struct call_operator;
template <class F, class C>
struct call_operator<F C::*> : function_shape<F> {};
template <class F>
    requires requires { &F::operator(); }
struct own_signature<F> : call_operator<decltype(&F::operator())> {};

/// A function of one parameter, which is the result of a T rather than the T itself.
template <class F, class T>
inline constexpr bool takes_result = false;
template <class Parameters, class T>
inline constexpr bool is_one_result = false;
template <class P, class T>
    requires(result_like<P> && !std::is_same_v<std::remove_cvref_t<P>, T>)
inline constexpr bool is_one_result<types<P>, T> = std::is_convertible_v<result<T>, P>;
template <class F, class T>
    requires(own_signature<F>::known)
inline constexpr bool takes_result<F, T> = is_one_result<typename own_signature<F>::parameters, T>;

}  // namespace antiphon::detail
