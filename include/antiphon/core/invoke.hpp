// SPDX-License-Identifier: BSL-1.0
#pragma once
// std::invoke without <functional>, which costs more to compile than all of this library's vocabulary.

#include <concepts>
#include <type_traits>
#include <utility>

namespace antiphon::detail {

// The object of a member pointer of Class, given as the object itself, a std::reference_wrapper, or any kind of pointer.
template <class Class, class Object>
constexpr decltype(auto) invoke_target(Object&& object) noexcept {
    if constexpr (std::is_same_v<Class, std::remove_cvref_t<Object>> || std::is_base_of_v<Class, std::remove_cvref_t<Object>>) {
        return std::forward<Object>(object);
    } else if constexpr (requires {
                             typename std::remove_cvref_t<Object>::type;
                             { object.get() } -> std::same_as<typename std::remove_cvref_t<Object>::type&>;
                             { object } -> std::convertible_to<typename std::remove_cvref_t<Object>::type&>;
                         }) {
        return object.get();
    } else {
        return *std::forward<Object>(object);
    }
}

template <class Member, class Class, class Object, class... Args>
constexpr decltype(auto) invoke_member(Member Class::* member, Object&& object, Args&&... args) {
    if constexpr (std::is_function_v<Member>) {
        return (invoke_target<Class>(std::forward<Object>(object)).*member)(std::forward<Args>(args)...);
    } else {
        return (invoke_target<Class>(std::forward<Object>(object)).*member);
    }
}

/// Calls `f(args...)`, or what the member pointer `f` names in the first argument.
template <class F, class... Args>
constexpr std::invoke_result_t<F, Args...> invoke(F&& f, Args&&... args) noexcept(std::is_nothrow_invocable_v<F, Args...>) {
    if constexpr (std::is_member_pointer_v<std::remove_cvref_t<F>>) {
        return invoke_member(f, std::forward<Args>(args)...);
    } else {
        return std::forward<F>(f)(std::forward<Args>(args)...);
    }
}

/// Tag: the value is what a callable returns, built in its place without a move.
struct from_invoke_t {
    explicit from_invoke_t() = default;
};
inline constexpr from_invoke_t from_invoke{};

}  // namespace antiphon::detail
