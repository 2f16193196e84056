// SPDX-License-Identifier: BSL-1.0
#pragma once
// Callables that may be null: a request of one is empty, and to call one back is an error that has a name.

#include <type_traits>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/contract.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/core/invoke.hpp"

namespace antiphon::detail {

/// Whether this is a null pointer, or a wrapper that holds nothing.
template <class F>
[[nodiscard]] bool is_null(F const& f) noexcept {
    if constexpr (std::is_function_v<F>) {
        return false;
    } else if constexpr (std::is_pointer_v<F> || std::is_member_pointer_v<F>) {
        return f == nullptr;
    } else if constexpr (requires { f == nullptr; } && requires { static_cast<bool>(f); }) {
        return !static_cast<bool>(f);
    } else {
        return false;
    }
}

[[noreturn]] ANTIPHON_COLD inline void refuse_null_callback() {
#if ANTIPHON_EXCEPTIONS
    throw request_error{failure{errc::failed_precondition, executed::no, "the callback is null"}};
#else
    terminate_with("the callback is null");
#endif
}

/// Calls what a user gave to be called with an answer. A null one is as one that throws a `request_error`, `failed_precondition`.
template <class F, class... A>
decltype(auto) call_back(F&& f, A&&... args) {
    if (is_null(f)) refuse_null_callback();
    return detail::invoke(std::forward<F>(f), std::forward<A>(args)...);
}

}  // namespace antiphon::detail
