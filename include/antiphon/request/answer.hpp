// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a handler may return, and what it means: the value itself, or something that will have it.

#include <type_traits>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/fwd.hpp"

namespace antiphon::detail {

/// How an answer of type X is taken. `type`: the value it stands for. `immediate`: it is here once the handler has returned;
/// otherwise `deliver(host, answer, how)` decides the host later. Specialised beside each such type.
template <class X>
struct answer_traits {
    using type = X;
    static constexpr bool immediate = true;
};
template <class X>
    requires(std::is_const_v<X> && !std::is_reference_v<X>)
struct answer_traits<X> : answer_traits<std::remove_const_t<X>> {};

template <class X>
concept result_answer = result_like<X>;

template <class X>
    requires(result_answer<X> && std::is_same_v<X, std::remove_cvref_t<X>>)
struct answer_traits<X> {
    using held = std::remove_cvref_t<X>;
    template <class Y>
    struct value_of;
    template <template <class...> class Expected, class V, class... Rest>
    struct value_of<Expected<V, Rest...>> {
        using type = V;
    };
    using inner = answer_traits<typename value_of<held>::type>;
    using type = typename inner::type;
    static constexpr bool immediate = inner::immediate;

    template <class Host, class How>
    static void deliver(Host& host, X&& answer, How how) {
        if (answer) {
            inner::deliver(host, *std::move(answer), how);
        } else {
            host.fail(std::move(answer).error(), how);
        }
    }
};

/// The type that an ask has as its result when its handler returns X.
template <class X>
using answer_t = typename answer_traits<X>::type;

/// An answer that holds a result already, as a ready_future does: `answer_traits<X>::take(X&&)` is that result.
template <class X>
concept result_holder = requires(X&& x) { answer_traits<X>::take(std::move(x)); };

/// Whether an answer of type X, the value in it converted, can be that of a request for R.
template <class R, class X>
inline constexpr bool answers_with = [] {
    if constexpr (std::is_void_v<R> || std::is_same_v<R, answer_t<X>>) {
        return true;
    } else if constexpr (!answer_traits<X>::immediate) {
        return answers_with<R, result<answer_t<X>>>;
    } else if constexpr (result_holder<X>) {
        return answers_with<R, decltype(answer_traits<X>::take(std::declval<X>()))>;
    } else if constexpr (!result_like<X>) {
        return std::is_convertible_v<X, R>;
    } else {
        using value = typename std::remove_cvref_t<X>::value_type;
        if constexpr (std::is_void_v<value>) {
            return false;
        } else if constexpr (result_holder<value>) {
            return answers_with<R, value>;
        } else {
            return std::is_constructible_v<result<R>, decltype(*std::declval<result<value>>())>;
        }
    }
}();

/// The failure as it goes on keeps everything it says.
template <class R, class U>
[[nodiscard]] result<R> convert(result<U>&& from) {
    if constexpr (std::is_same_v<R, U>) {
        return std::move(from);
    } else if constexpr (result_holder<U>) {
        if (!from) return std::move(from).error();
        return detail::convert<R>(answer_traits<U>::take(*std::move(from)));
    } else if constexpr (std::is_void_v<R>) {
        if (from) return result<R>{};
        return std::move(from).error();
    } else {
        static_assert(!std::is_void_v<U>, "antiphon: an answer without a value cannot become a value");
        if (!from) return std::move(from).error();
        return result<R>(*std::move(from));
    }
}

/// What the immediate answer that `make` gives is as a `result<R>`; built in place where the types allow.
template <class R, class Make>
[[nodiscard]] result<R> immediate_result(Make&& make) {
    using X = std::invoke_result_t<Make>;
    if constexpr (result_like<X>) {
        return convert<R>(result<typename std::remove_cvref_t<X>::value_type>(std::forward<Make>(make)()));
    } else if constexpr (result_holder<X>) {
        return convert<R>(answer_traits<X>::take(std::forward<Make>(make)()));
    } else if constexpr (std::is_same_v<R, X>) {
        return result<R>(from_invoke, std::forward<Make>(make));
    } else if constexpr (std::is_void_v<R>) {
        static_cast<void>(std::forward<Make>(make)());
        return result<R>{};
    } else {
        return result<R>(from_invoke, [&]() -> R { return std::forward<Make>(make)(); });
    }
}
/// The same, and what that throws.
template <class R, class Make>
[[nodiscard]] result<R> caught_result(Make&& make) noexcept {
    ANTIPHON_TRY { return immediate_result<R>(std::forward<Make>(make)); }
    ANTIPHON_CATCH_ALL { return failure::current(); }
}

}  // namespace antiphon::detail
