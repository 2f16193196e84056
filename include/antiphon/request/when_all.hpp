// SPDX-License-Identifier: BSL-1.0
#pragma once
// All answers, or the first failure.

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "antiphon/core/result.hpp"
#include "antiphon/request/detail/combination.hpp"
#include "antiphon/request/detail/inputs.hpp"
#include "antiphon/request/future.hpp"

namespace antiphon {

namespace detail {

template <class R>
struct make_tuple_of_values {
    template <class... T>
    [[nodiscard]] result<R> operator()(pack_inputs<T...>& inputs) {
        return inputs.apply([](auto&... node) { return result<R>(from_invoke, [&] { return R(value_of(node.answer())...); }); });
    }
};

template <class T>
struct make_vector_of_values {
    using answer = std::vector<typename element<T>::in_vector>;
    explicit make_vector_of_values(std::size_t size) { values.reserve(size); }  // completing never allocates
    [[nodiscard]] result<answer> operator()(range_inputs<T>& inputs) {
        inputs.each([&](auto& node) { values.emplace_back(value_of(node.answer())); });
        return std::move(values);
    }
    answer values;
};
template <>
struct make_vector_of_values<void> {
    using answer = void;
    explicit make_vector_of_values(std::size_t) noexcept {}
    [[nodiscard]] result<void> operator()(range_inputs<void>&) noexcept { return {}; }
};

template <class Range>
[[nodiscard]] auto when_all_of(Range&& range) {
    using maker = make_vector_of_values<input_value<range_element<Range>>>;
    using R = typename maker::answer;
    return combine_range<combining::all, R>([](std::size_t n) { return maker{n}; }, [] { return result<R>(std::in_place); },
                                            std::forward<Range>(range));
}

}  // namespace detail

/// Waits for all of them: `when_all(a, b)` → `future<std::tuple<A, B>>` (void is `std::monostate`), `when_all(std::move(range))` →
/// `future<std::vector<T>>` in the order of the range (`future<void>` of void, `std::reference_wrapper`s of references).
/// The first failure is the answer at once, and the others are asked to stop. Nothing to wait for: ready, empty.
/// **Threads**: the answer is made in the thread that completes the deciding input. Continuations run on the executor of the first
/// input. Dropping the future, or asking it to stop, stops every input that is under way.
/// **Errors**: an empty (consumed) future counts as failed. **Cost**: one allocation, for a range one more for the vector; one atomic
/// decrement for each input.
template <class... X>
[[nodiscard]] auto when_all(X&&... inputs) {
    static_assert((detail::combinable<X> && ...) || (sizeof...(X) == 1 && (detail::combinable_range<X> && ...)),
                  "antiphon: when_all takes futures, or one range of futures, and consumes them: std::move(future), std::move(range)");
    if constexpr (sizeof...(X) == 0) {
        return detail::settled_future<std::tuple<>>(std::tuple<>{});
    } else if constexpr ((detail::combinable<X> && ...)) {
        using R = std::tuple<typename detail::element<detail::input_value<X>>::in_tuple...>;
        return detail::combine_pack<detail::combining::all, R>(detail::make_tuple_of_values<R>{}, std::forward<X>(inputs)...);
    } else if constexpr (sizeof...(X) == 1 && (detail::combinable_range<X> && ...)) {
        return detail::when_all_of(std::forward<X>(inputs)...);
    } else {
        return future<void>{};
    }
}

}  // namespace antiphon
