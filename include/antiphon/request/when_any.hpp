// SPDX-License-Identifier: BSL-1.0
#pragma once
// The first success.

#include <cstddef>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "antiphon/core/result.hpp"
#include "antiphon/request/detail/combination.hpp"
#include "antiphon/request/detail/inputs.hpp"
#include "antiphon/request/future.hpp"

namespace antiphon {

namespace detail {

inline failure when_any_of_nothing() noexcept { return {errc::invalid_argument, executed::no, "when_any: nothing to wait for"}; }

template <class Range>
[[nodiscard]] auto when_any_of(Range&& range) {
    using R = input_value<range_element<Range>>;
    return combine_range<combining::any, R>([](std::size_t) { return take_winner<R, true>{}; },
                                            [] { return result<R>(when_any_of_nothing()); }, std::forward<Range>(range));
}

}  // namespace detail

/// Waits for the first value; the others are asked to stop. When all fail, the answer is the failure of the first input.
/// `when_any(a, b)` → `future<T>` when both are of one type T, else a `future<std::variant<A, B>>` whose index is the position (void
/// is `std::monostate`, a reference a `std::reference_wrapper`); `when_any(std::move(range))` → `future<T>`.
/// **Threads**: the answer is made in the thread that completes the deciding input. Continuations run on the executor of the first
/// input. Dropping the future, or asking it to stop, stops every input that is under way.
/// A blocked waiter does not claim the inputs, of which all but one are given up.
/// **Errors**: nothing to wait for is `errc::invalid_argument`; an empty (consumed) future counts as failed. **Cost**: one allocation.
template <class... X>
[[nodiscard]] auto when_any(X&&... inputs) {
    static_assert((detail::combinable<X> && ...) || (sizeof...(X) == 1 && (detail::combinable_range<X> && ...)),
                  "antiphon: when_any takes futures, or one range of futures, and consumes them: std::move(future), std::move(range)");
    if constexpr (sizeof...(X) == 0) {
        return detail::settled_future<void>(detail::when_any_of_nothing());
    } else if constexpr ((detail::combinable<X> && ...)) {
        using common = detail::common_answer<detail::input_value<X>...>;
        using R = typename common::type;
        return detail::combine_pack<detail::combining::any, R>(detail::take_winner<R, common::same>{}, std::forward<X>(inputs)...);
    } else if constexpr (sizeof...(X) == 1 && (detail::combinable_range<X> && ...)) {
        return detail::when_any_of(std::forward<X>(inputs)...);
    } else {
        return future<void>{};
    }
}

}  // namespace antiphon
