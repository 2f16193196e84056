// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that fixes where a request runs.

#include <type_traits>
#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/executor.hpp"
#include "antiphon/request/adapt.hpp"

namespace antiphon {

/// `request | starts_on(pool)`: the handler runs there, for every verb; the outermost one counts.
/// **Errors**: an empty `any_executor` is refused with `std::invalid_argument`.
class starts_on {
public:
    using antiphon_policy = void;

    template <class E>
        requires(!std::is_same_v<std::remove_cvref_t<E>, starts_on> &&
                 (executor<std::remove_cvref_t<E>> || execution_context<std::remove_reference_t<E>>))
    explicit starts_on(E&& where) : where_{executor_of(where)} {
        detail::require(static_cast<bool>(where_), "starts_on: the executor is empty");
    }

    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::bind(std::move(r), where_);
    }

private:
    any_executor where_;
};

}  // namespace antiphon
