// SPDX-License-Identifier: BSL-1.0
#pragma once
// What counts as a result, and what makes a result fail.

#include <concepts>
#include <system_error>
#include <type_traits>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/failure.hpp"

#if ANTIPHON_HAS_STD_EXPECTED
#include <expected>
#endif

namespace antiphon {

template <class T>
class result;

namespace detail {

template <class X>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<result<T>> = true;

template <class X>
inline constexpr bool is_expected = false;
template <class X>
inline constexpr bool is_unexpected = false;
#if ANTIPHON_HAS_STD_EXPECTED
template <class T, class E>
inline constexpr bool is_expected<std::expected<T, E>> = std::convertible_to<E, failure>;
template <class E>
inline constexpr bool is_unexpected<std::unexpected<E>> = std::convertible_to<E, failure>;
#endif

}  // namespace detail

/// Whether X, references and cv aside, is a `result<T>`.
template <class X>
inline constexpr bool is_result_v = detail::is_result<std::remove_cvref_t<X>>;

namespace detail {

template <class X>
concept result_like = is_result_v<X> || is_expected<std::remove_cvref_t<X>>;

// An unscoped error enumeration converts to int, but in a result<int> it means that it failed, not the number.
template <class X, class T>
concept stored_as_value = std::same_as<X, std::remove_cvref_t<T>> ||
                          (!std::is_reference_v<T> && std::is_constructible_v<T, X> && !(std::is_arithmetic_v<T> && std::is_enum_v<X>));

template <class X, class T>
concept bare_failure_source = std::same_as<X, failure> || std::same_as<X, errc> || is_unexpected<X> ||
                              ((error_code_enum<X> || std::same_as<X, std::error_code>) && !stored_as_value<X, T>);

/// What makes a `result<T>` a failure: a `failure` and an `errc` always, other error codes unless T is made of them.
template <class X, class T>
concept failure_source = bare_failure_source<std::remove_cvref_t<X>, T>;

template <class X>
[[nodiscard]] failure to_failure(X&& source) noexcept {
    if constexpr (is_unexpected<std::remove_cvref_t<X>>) {
        return std::forward<X>(source).error();
    } else {
        return std::forward<X>(source);
    }
}

// A result<T> takes the value out of X, unless T is made of X as a whole, as std::any is.
template <class X, class T>
concept converts_inside = std::is_constructible_v<T, decltype(*std::declval<X>())> &&
                          (std::same_as<std::remove_cv_t<T>, bool> || !std::is_constructible_v<T, X>);

template <class U, class T>
concept value_comparable = !std::is_void_v<T> && requires(std::remove_reference_t<T> const& a, U const& b) {
    { a == b } -> std::convertible_to<bool>;
};

template <class X>
concept failure_comparable = requires(failure const& why, X const& x) {
    { why == x } -> std::convertible_to<bool>;
};

}  // namespace detail
}  // namespace antiphon
