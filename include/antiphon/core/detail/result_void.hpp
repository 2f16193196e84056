// SPDX-License-Identifier: BSL-1.0
#pragma once
// A result without a value: done, or a failure.

#include <cassert>
#include <type_traits>
#include <utility>

#include "antiphon/core/detail/result_interface.hpp"

namespace antiphon {

namespace detail {
struct nothing {};
}  // namespace detail

template <>
class [[nodiscard]] result<void> : public detail::result_interface<result<void>, void, detail::nothing> {
    using base = detail::result_interface<result<void>, void, detail::nothing>;

public:
    using value_type = void;
    using error_type = failure;
    template <class U>
    using rebind = result<U>;

    result() noexcept : base(std::in_place) {}
    explicit result(std::in_place_t) noexcept : base(std::in_place) {}
    template <detail::failure_source<void> E>
    result(E&& why) noexcept : base(detail::to_failure(std::forward<E>(why))) {}
#if ANTIPHON_HAS_STD_EXPECTED
    using unexpected_type = std::unexpected<failure>;
    template <class... Args>
        requires std::is_constructible_v<failure, Args...>
    explicit result(std::unexpect_t, Args&&... args) : base(failure(std::forward<Args>(args)...)) {}
#endif
    /// From a `std::expected<void, E>` whose E converts to a failure.
    template <class X>
        requires(detail::is_expected<std::remove_cvref_t<X>> && std::is_void_v<typename std::remove_cvref_t<X>::value_type>)
    result(X&& other) noexcept : base(std::in_place) {
        if (!other.has_value()) state_.assign_failure(std::forward<X>(other).error());
    }
    /// Calls f(args...) and drops what it returns.
    template <class F, class... Args>
    result(detail::from_invoke_t, F&& f, Args&&... args) : base(std::in_place) {
        static_cast<void>(detail::invoke(std::forward<F>(f), std::forward<Args>(args)...));
    }
    template <class F, class... Args>
    [[nodiscard]] static result from_invoke(F&& f, Args&&... args) {
        return result(detail::from_invoke, std::forward<F>(f), std::forward<Args>(args)...);
    }

    template <detail::failure_source<void> E>
    result& operator=(E&& why) noexcept {
        state_.assign_failure(detail::to_failure(std::forward<E>(why)));
        return *this;
    }
    void emplace() noexcept { state_.emplace(); }

    void operator*() const noexcept { assert(has_value() && "*result of a result that holds a failure"); }
    /// **Errors**: rethrows what the handler threw, else throws `request_error`.
    void value() const {
        if (!has_value()) state_.why.raise();
    }
};

}  // namespace antiphon
