// SPDX-License-Identifier: BSL-1.0
#pragma once
// The members that every result has, whatever it holds.

#include <cassert>
#include <concepts>
#include <type_traits>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/detail/result_storage.hpp"
#include "antiphon/core/detail/result_traits.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/core/invoke.hpp"

namespace antiphon::detail {

// In the members below, a mistake ends at its static_assert: `if constexpr` keeps the compiler from the errors that would follow.

// Calls f with the value of a result; with nothing when that is void.
template <class Self, class F>
decltype(auto) apply_value(Self&& self, F&& f) {
    if constexpr (std::is_void_v<decltype(*std::forward<Self>(self))>) {
        return detail::invoke(std::forward<F>(f));
    } else {
        return detail::invoke(std::forward<F>(f), *std::forward<Self>(self));
    }
}

template <class Self, class F>
auto result_and_then(Self&& self, F&& f) {
    using next = std::remove_cvref_t<decltype(detail::apply_value(std::forward<Self>(self), std::forward<F>(f)))>;
    static_assert(is_result_v<next>, "result::and_then: the callable must return a result; for a plain value use transform");
    if constexpr (is_result_v<next>) {
        if (!self.has_value()) return next{std::forward<Self>(self).error()};
        return next(detail::apply_value(std::forward<Self>(self), std::forward<F>(f)));
    }
}

template <class Self, class F>
auto result_transform(Self&& self, F&& f) {
    using value = std::remove_cv_t<decltype(detail::apply_value(std::forward<Self>(self), std::forward<F>(f)))>;
    static_assert(!is_result_v<value>, "result::transform: the callable must return a plain value; for a result use and_then");
    using next = result<value>;
    if (!self.has_value()) return next{std::forward<Self>(self).error()};
    return next::from_invoke([&]() -> decltype(auto) { return detail::apply_value(std::forward<Self>(self), std::forward<F>(f)); });
}

template <class Self, class F>
auto result_or_else(Self&& self, F&& f) {
    using same = std::remove_cvref_t<Self>;
    using given = std::remove_cvref_t<std::invoke_result_t<F, decltype(std::forward<Self>(self).error())>>;
    static_assert(std::same_as<given, same>, "result::or_else: the callable must return a result of the same type");
    if constexpr (std::same_as<given, same>) {
        if (self.has_value()) return same(std::forward<Self>(self));
        return same(detail::invoke(std::forward<F>(f), std::forward<Self>(self).error()));
    }
}

template <class Self, class F>
auto result_transform_error(Self&& self, F&& f) {
    using same = std::remove_cvref_t<Self>;
    using given = std::invoke_result_t<F, decltype(std::forward<Self>(self).error())>;
    static_assert(std::convertible_to<given, failure>, "result::transform_error: the callable must return a failure or an error code");
    if constexpr (std::convertible_to<given, failure>) {
        if (self.has_value()) return same(std::forward<Self>(self));
        return same(failure(detail::invoke(std::forward<F>(f), std::forward<Self>(self).error())));
    }
}

/// The part of `result<T>` that does not name the value. Self is that result; Slot is how it stores a T.
template <class Self, class T, class Slot>
class result_interface {
public:
    [[nodiscard]] bool has_value() const noexcept { return state_.has_value; }
    [[nodiscard]] explicit operator bool() const noexcept { return state_.has_value; }

    [[nodiscard]] failure& error() & noexcept { return why(state_); }
    [[nodiscard]] failure const& error() const& noexcept { return why(state_); }
    [[nodiscard]] failure&& error() && noexcept { return std::move(why(state_)); }
    [[nodiscard]] failure const&& error() const&& noexcept { return std::move(why(state_)); }
    /// The failure, or this one when there is a value.
    [[nodiscard]] failure error_or(failure otherwise) const& noexcept { return has_value() ? std::move(otherwise) : state_.why; }
    [[nodiscard]] failure error_or(failure otherwise) && noexcept { return std::move(has_value() ? otherwise : state_.why); }

    /// f(value), which is a result itself; a failure passes through.
    template <class F>
    auto and_then(F&& f) & {
        return detail::result_and_then(self(), std::forward<F>(f));
    }
    template <class F>
    auto and_then(F&& f) const& {
        return detail::result_and_then(self(), std::forward<F>(f));
    }
    template <class F>
    auto and_then(F&& f) && {
        return detail::result_and_then(std::move(self()), std::forward<F>(f));
    }
    template <class F>
    auto and_then(F&& f) const&& {
        return detail::result_and_then(std::move(self()), std::forward<F>(f));
    }

    /// A result of f(value), built in place; a failure passes through.
    template <class F>
    auto transform(F&& f) & {
        return detail::result_transform(self(), std::forward<F>(f));
    }
    template <class F>
    auto transform(F&& f) const& {
        return detail::result_transform(self(), std::forward<F>(f));
    }
    template <class F>
    auto transform(F&& f) && {
        return detail::result_transform(std::move(self()), std::forward<F>(f));
    }
    template <class F>
    auto transform(F&& f) const&& {
        return detail::result_transform(std::move(self()), std::forward<F>(f));
    }

    /// f(error), which is a result of this type; a value passes through.
    template <class F>
    auto or_else(F&& f) & {
        return detail::result_or_else(self(), std::forward<F>(f));
    }
    template <class F>
    auto or_else(F&& f) const& {
        return detail::result_or_else(self(), std::forward<F>(f));
    }
    template <class F>
    auto or_else(F&& f) && {
        return detail::result_or_else(std::move(self()), std::forward<F>(f));
    }
    template <class F>
    auto or_else(F&& f) const&& {
        return detail::result_or_else(std::move(self()), std::forward<F>(f));
    }

    /// f(error), which is a failure or an error code; a value passes through.
    template <class F>
    auto transform_error(F&& f) & {
        return detail::result_transform_error(self(), std::forward<F>(f));
    }
    template <class F>
    auto transform_error(F&& f) const& {
        return detail::result_transform_error(self(), std::forward<F>(f));
    }
    template <class F>
    auto transform_error(F&& f) && {
        return detail::result_transform_error(std::move(self()), std::forward<F>(f));
    }
    template <class F>
    auto transform_error(F&& f) const&& {
        return detail::result_transform_error(std::move(self()), std::forward<F>(f));
    }

#if ANTIPHON_HAS_STD_EXPECTED
    template <class V>
        requires(std::same_as<V, T> && (std::is_void_v<T> || std::is_copy_constructible_v<T>))
    operator std::expected<V, failure>() const& {
        return to_expected(self());
    }
    template <class V>
        requires(std::same_as<V, T> && (std::is_void_v<T> || std::is_move_constructible_v<T>))
    operator std::expected<V, failure>() && {
        return to_expected(std::move(self()));
    }
#endif

    friend void swap(Self& a, Self& b) noexcept(std::is_nothrow_move_constructible_v<Slot> && std::is_nothrow_swappable_v<Slot>)
        requires(std::is_swappable_v<Slot> && std::is_move_constructible_v<Slot>)
    {
        a.swap(b);
    }
    void swap(Self& other) noexcept(std::is_nothrow_move_constructible_v<Slot> && std::is_nothrow_swappable_v<Slot>)
        requires(std::is_swappable_v<Slot> && std::is_move_constructible_v<Slot>)
    {
        state_.swap(static_cast<result_interface&>(other).state_);
    }

protected:
    template <class... Args>
    explicit result_interface(std::in_place_t, Args&&... args) noexcept(std::is_nothrow_constructible_v<Slot, Args...>)
        : state_(std::in_place, std::forward<Args>(args)...) {}
    template <class F, class... Args>
    explicit result_interface(from_invoke_t, F&& f, Args&&... args)
        : state_(detail::from_invoke, std::forward<F>(f), std::forward<Args>(args)...) {}
    template <class Result>
    explicit result_interface(convert_t, Result&& other) : state_(convert_t{}, std::forward<Result>(other)) {}
    explicit result_interface(failure reason) noexcept : state_(std::move(reason)) {}

    result_storage<Slot> state_;

private:
    template <class State>
    static auto& why(State& state) noexcept {
        assert(!state.has_value && "result::error() of a result that holds a value");
        return state.why;
    }
    [[nodiscard]] Self& self() noexcept { return static_cast<Self&>(*this); }
    [[nodiscard]] Self const& self() const noexcept { return static_cast<Self const&>(*this); }

#if ANTIPHON_HAS_STD_EXPECTED
    template <class From>
    static std::expected<T, failure> to_expected(From&& from) {
        if (!from.has_value()) return std::unexpected<failure>{std::forward<From>(from).error()};
        if constexpr (std::is_void_v<T>) {
            return {};
        } else {
            return std::expected<T, failure>{std::in_place, *std::forward<From>(from)};
        }
    }
#endif
};

}  // namespace antiphon::detail
