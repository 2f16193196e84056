// SPDX-License-Identifier: BSL-1.0
#pragma once
// A result that refers to its value: assignment rebinds, const does not reach through, temporaries are refused.

#include <cassert>
#include <concepts>
#include <type_traits>
#include <utility>

#include "antiphon/core/detail/result_interface.hpp"
#include "antiphon/core/lifetime.hpp"

namespace antiphon {

namespace detail {

// Binding T& to a U never refers to a temporary: either U is an lvalue of T or a derived class, or it converts to a
// non-const lvalue reference, as std::reference_wrapper does.
template <class U, class T>
concept binds_safely = (std::is_lvalue_reference_v<U> && std::is_convertible_v<std::remove_reference_t<U>*, T*>) ||
                       std::is_convertible_v<U, std::remove_const_t<T>&>;

}  // namespace detail

template <class T>
class [[nodiscard]] result<T&> : public detail::result_interface<result<T&>, T&, T*> {
    using base = detail::result_interface<result<T&>, T&, T*>;
    using base::state_;

public:
    using value_type = T&;
    using error_type = failure;
    template <class U>
    using rebind = result<U>;

    template <class U>
        requires(!std::same_as<std::remove_cvref_t<U>, result> && !detail::failure_source<U, T&> && detail::binds_safely<U, T>)
    result(U&& target) noexcept : base(std::in_place, address(std::forward<U>(target))) {}
    template <detail::binds_safely<T> U>
    explicit result(std::in_place_t, U&& target) noexcept : base(std::in_place, address(std::forward<U>(target))) {}
    template <detail::failure_source<T&> E>
    result(E&& why) noexcept : base(detail::to_failure(std::forward<E>(why))) {}
#if ANTIPHON_HAS_STD_EXPECTED
    using unexpected_type = std::unexpected<failure>;
    template <class... Args>
        requires std::is_constructible_v<failure, Args...>
    explicit result(std::unexpect_t, Args&&... args) : base(failure(std::forward<Args>(args)...)) {}
#endif
    /// From a result that refers to a derived or a less const type.
    template <class U>
        requires(!std::same_as<U, T> && std::is_convertible_v<U*, T*>)
    result(result<U&> const& other) noexcept : base(std::in_place, static_cast<T*>(nullptr)) {
        if (other.has_value()) {
            state_.emplace(detail::addressof(*other));
        } else {
            state_.assign_failure(other.error());
        }
    }
    /// Refers to what f(args...) refers to.
    template <class F, class... Args>
    result(detail::from_invoke_t, F&& f, Args&&... args)
        : base(std::in_place, address(detail::invoke(std::forward<F>(f), std::forward<Args>(args)...))) {}
    template <class F, class... Args>
    [[nodiscard]] static result from_invoke(F&& f, Args&&... args) {
        return result(detail::from_invoke, std::forward<F>(f), std::forward<Args>(args)...);
    }

    template <class U>
        requires(!std::same_as<std::remove_cvref_t<U>, result> && !detail::failure_source<U, T&> && detail::binds_safely<U, T>)
    result& operator=(U&& target) noexcept {
        state_.assign_value(address(std::forward<U>(target)));
        return *this;
    }
    template <detail::failure_source<T&> E>
    result& operator=(E&& why) noexcept {
        state_.assign_failure(detail::to_failure(std::forward<E>(why)));
        return *this;
    }
    template <detail::binds_safely<T> U>
    T& emplace(U&& target) noexcept {
        state_.emplace(address(std::forward<U>(target)));
        return **this;
    }

    [[nodiscard]] T& operator*() const noexcept { return *operator->(); }
    [[nodiscard]] T* operator->() const noexcept {
        assert(this->has_value() && "*result of a result that holds a failure");
        return state_.slot;
    }
    /// **Errors**: rethrows what the handler threw, else throws `request_error`.
    T& value() const {
        if (!this->has_value()) state_.why.raise();
        return *state_.slot;
    }
    template <class U = std::remove_cv_t<T>>
    [[nodiscard]] std::remove_cv_t<T> value_or(U&& otherwise) const {
        static_assert(std::is_convertible_v<U, std::remove_cv_t<T>>, "result::value_or: the argument must convert to the value");
        return this->has_value() ? **this : static_cast<std::remove_cv_t<T>>(std::forward<U>(otherwise));
    }

private:
    template <class U>
    static T* address(U&& target) noexcept {
        static_assert(detail::binds_safely<U, T>, "result<T&>: must not refer to a temporary");
        if constexpr (std::is_lvalue_reference_v<U> && std::is_convertible_v<std::remove_reference_t<U>*, T*>) {
            return detail::addressof(target);
        } else if constexpr (detail::binds_safely<U, T>) {
            return detail::addressof(static_cast<std::remove_const_t<T>&>(std::forward<U>(target)));
        } else {
            return nullptr;
        }
    }
};

}  // namespace antiphon
