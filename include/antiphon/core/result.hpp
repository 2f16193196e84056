// SPDX-License-Identifier: BSL-1.0
#pragma once
// The one type in which every ask ends: a value, or the failure to get one.

#include <cassert>
#include <exception>
#include <initializer_list>
#include <iosfwd>
#include <type_traits>
#include <utility>

#include "antiphon/core/detail/result_interface.hpp"
#include "antiphon/core/detail/result_reference.hpp"
#include "antiphon/core/detail/result_storage.hpp"
#include "antiphon/core/detail/result_traits.hpp"
#include "antiphon/core/detail/result_void.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/core/invoke.hpp"
#include "antiphon/core/lifetime.hpp"

namespace antiphon {

/// A T or a `failure`, with the names and the meaning of `std::expected`. T may be void or an lvalue reference, too.
/// **Threads**: as safe as T. **Errors**: `value()` is the only door to exceptions; `*r` of a failure is undefined, asserted.
/// **Cost**: 40 bytes for a small T; no allocation; on the way of success no failure is ever built. Assignment and swap give
/// the strong guarantee wherever those of T do.
template <class T>
class [[nodiscard]] result : public detail::result_interface<result<T>, T, T> {
    static_assert(std::is_object_v<T> && !std::is_array_v<T>, "result<T>: T must be an object, an lvalue reference or void");
    static_assert(!std::is_same_v<std::remove_cv_t<T>, failure>, "result<T>: T must not be the failure itself");

    using base = detail::result_interface<result<T>, T, T>;
    using base::state_;

    template <class U>
    static constexpr bool is_value =
        !std::is_same_v<std::remove_cvref_t<U>, result> && !std::is_same_v<std::remove_cvref_t<U>, std::in_place_t> &&
        !detail::failure_source<U, T> && !(std::is_same_v<std::remove_cv_t<T>, bool> && detail::result_like<U>);

public:
    using value_type = T;
    using error_type = failure;
    template <class U>
    using rebind = result<U>;

    result() noexcept(std::is_nothrow_default_constructible_v<T>)
        requires std::is_default_constructible_v<T>
        : base(std::in_place) {}
    template <class U = T>
        requires(is_value<U> && std::is_constructible_v<T, U>)
    explicit(!std::is_convertible_v<U, T>) result(U&& value) noexcept(std::is_nothrow_constructible_v<T, U>)
        : base(std::in_place, std::forward<U>(value)) {}
    template <detail::failure_source<T> E>
    result(E&& why) noexcept : base(detail::to_failure(std::forward<E>(why))) {}
#if ANTIPHON_HAS_STD_EXPECTED
    using unexpected_type = std::unexpected<failure>;
    template <class... Args>
        requires std::is_constructible_v<failure, Args...>
    explicit result(std::unexpect_t, Args&&... args) : base(failure(std::forward<Args>(args)...)) {}
#endif
    /// From a `result<U>`, or a `std::expected<U, E>` whose E converts to a failure.
    template <detail::result_like X>
        requires(!std::is_same_v<std::remove_cvref_t<X>, result> && detail::converts_inside<X, T>)
    explicit(!std::is_convertible_v<decltype(*std::declval<X>()), T>) result(X&& other)
        : base(detail::convert_t{}, std::forward<X>(other)) {}

    template <class... Args>
        requires std::is_constructible_v<T, Args...>
    explicit result(std::in_place_t, Args&&... args) noexcept(std::is_nothrow_constructible_v<T, Args...>)
        : base(std::in_place, std::forward<Args>(args)...) {}
    template <class E, class... Args>
        requires std::is_constructible_v<T, std::initializer_list<E>&, Args...>
    explicit result(std::in_place_t, std::initializer_list<E> list, Args&&... args)
        : base(std::in_place, list, std::forward<Args>(args)...) {}
    /// Holds what f(args...) returns, built in place: T need not be movable.
    template <class F, class... Args>
    result(detail::from_invoke_t, F&& f, Args&&... args) : base(detail::from_invoke, std::forward<F>(f), std::forward<Args>(args)...) {}
    template <class F, class... Args>
    [[nodiscard]] static result from_invoke(F&& f, Args&&... args) {
        return result(detail::from_invoke, std::forward<F>(f), std::forward<Args>(args)...);
    }

    template <class U = T>
        requires(is_value<U> && std::is_constructible_v<T, U> && std::is_assignable_v<T&, U>)
    result& operator=(U&& value) {
        state_.assign_value(std::forward<U>(value));
        return *this;
    }
    template <detail::failure_source<T> E>
    result& operator=(E&& why) noexcept {
        state_.assign_failure(detail::to_failure(std::forward<E>(why)));
        return *this;
    }
    /// Destroys what it holds, then builds a T, which must not throw.
    template <class... Args>
        requires std::is_nothrow_constructible_v<T, Args...>
    T& emplace(Args&&... args) noexcept {
        state_.emplace(std::forward<Args>(args)...);
        return state_.slot;
    }
    template <class E, class... Args>
        requires std::is_nothrow_constructible_v<T, std::initializer_list<E>&, Args...>
    T& emplace(std::initializer_list<E> list, Args&&... args) noexcept {
        state_.emplace(list, std::forward<Args>(args)...);
        return state_.slot;
    }

    [[nodiscard]] T& operator*() & noexcept { return slot(state_); }
    [[nodiscard]] T const& operator*() const& noexcept { return slot(state_); }
    [[nodiscard]] T&& operator*() && noexcept { return std::move(slot(state_)); }
    [[nodiscard]] T const&& operator*() const&& noexcept { return std::move(slot(state_)); }
    [[nodiscard]] T* operator->() noexcept { return detail::addressof(slot(state_)); }
    [[nodiscard]] T const* operator->() const noexcept { return detail::addressof(slot(state_)); }

    /// **Errors**: rethrows what the handler threw, else throws `request_error`.
    T& value() & { return checked(state_); }
    T const& value() const& { return checked(state_); }
    T&& value() && { return std::move(checked(state_)); }
    T const&& value() const&& { return std::move(checked(state_)); }

    template <class U = std::remove_cv_t<T>>
    [[nodiscard]] std::remove_cv_t<T> value_or(U&& otherwise) const& {
        static_assert(std::is_convertible_v<U, T>, "result::value_or: the argument must convert to the value");
        return this->has_value() ? **this : static_cast<std::remove_cv_t<T>>(std::forward<U>(otherwise));
    }
    template <class U = std::remove_cv_t<T>>
    [[nodiscard]] std::remove_cv_t<T> value_or(U&& otherwise) && {
        static_assert(std::is_convertible_v<U, T>, "result::value_or: the argument must convert to the value");
        return this->has_value() ? std::move(**this) : static_cast<std::remove_cv_t<T>>(std::forward<U>(otherwise));
    }

private:
    template <class State>
    static auto& slot(State& state) noexcept {
        assert(state.has_value && "*result of a result that holds a failure");
        return state.slot;
    }
    template <class State>
    static auto& checked(State& state) {
        if (!state.has_value) state.why.raise();
        return state.slot;
    }
};

/// Equal when both hold equal values, or both failures with equal codes.
template <class T, class U>
    requires(std::is_void_v<T> == std::is_void_v<U>)
[[nodiscard]] bool operator==(result<T> const& a, result<U> const& b) {
    if (a.has_value() && b.has_value()) {
        if constexpr (std::is_void_v<T>) {
            return true;
        } else {
            return static_cast<bool>(*a == *b);
        }
    }
    return !a.has_value() && !b.has_value() && a.error() == b.error();
}
/// Equal to a failure or an error code: it failed, with that code.
template <class T, class E>
    requires(!detail::result_like<E> &&
             (detail::failure_source<E, T> || (detail::failure_comparable<E> && !detail::value_comparable<E, T>)))
[[nodiscard]] bool operator==(result<T> const& a, E const& b) {
    if constexpr (detail::is_unexpected<E>) {
        return !a.has_value() && a.error() == detail::to_failure(b);
    } else {
        return !a.has_value() && a.error() == b;
    }
}
/// Equal to a value: it succeeded, with that value.
template <class T, class U>
    requires(!detail::result_like<U> && !detail::failure_source<U, T> && detail::value_comparable<U, T>)
[[nodiscard]] bool operator==(result<T> const& a, U const& b) {
    return a.has_value() && static_cast<bool>(*a == b);
}

/// On a stream: the value (`done`, of void), or `failed: ` and why.
template <class Traits, class T>
    requires(std::is_void_v<T> || requires(std::basic_ostream<char, Traits>& out, T const& value) { out << value; })
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, result<T> const& r) {
    if (!r) return out << "failed: " << r.error();
    if constexpr (std::is_void_v<T>) {
        return out << "done";
    } else {
        return out << *r;
    }
}

}  // namespace antiphon
