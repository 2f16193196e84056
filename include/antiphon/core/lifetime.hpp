// SPDX-License-Identifier: BSL-1.0
#pragma once
// Building, ending and addressing an object in place, without <memory>, which takes longer to parse than all of core/.

#include <new>
#include <type_traits>
#include <utility>

namespace antiphon::detail {

/// `std::addressof`.
template <class T>
[[nodiscard]] constexpr T* addressof(T& object) noexcept {
    return __builtin_addressof(object);
}
template <class T>
T const* addressof(T const&&) = delete;

/// `std::construct_at`, outside constant expressions.
template <class T, class... Args>
T* construct_at(T* where, Args&&... args) noexcept(std::is_nothrow_constructible_v<T, Args...>) {
    return ::new (const_cast<void*>(static_cast<void const volatile*>(where))) T(std::forward<Args>(args)...);
}

/// `std::destroy_at`, of one object.
template <class T>
void destroy_at(T* object) noexcept {
    object->~T();
}

}  // namespace antiphon::detail
