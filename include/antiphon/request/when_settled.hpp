// SPDX-License-Identifier: BSL-1.0
#pragma once
// All results, whatever they are.

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
struct make_tuple_of_results {
    template <class... T>
    [[nodiscard]] result<R> operator()(pack_inputs<T...>& inputs) {
        return inputs.apply([](auto&... node) { return result<R>(from_invoke, [&] { return R(std::move(node.answer())...); }); });
    }
};

template <class T>
struct make_vector_of_results {
    using answer = std::vector<result<T>>;
    explicit make_vector_of_results(std::size_t size) { results.reserve(size); }  // completing never allocates
    [[nodiscard]] result<answer> operator()(range_inputs<T>& inputs) {
        inputs.each([&](auto& node) { results.push_back(std::move(node.answer())); });
        return std::move(results);
    }
    answer results;
};

template <class Range>
[[nodiscard]] auto when_settled_of(Range&& range) {
    using maker = make_vector_of_results<input_value<range_element<Range>>>;
    using R = typename maker::answer;
    return combine_range<combining::settled, R>([](std::size_t n) { return maker{n}; }, [] { return result<R>(std::in_place); },
                                                std::forward<Range>(range));
}

}  // namespace detail

/// Waits for all of them and gives every result: `when_settled(a, b)` → `future<std::tuple<result<A>, result<B>>>`,
/// `when_settled(std::move(range))` → `future<std::vector<result<T>>>`. A failure stops nothing. Nothing to wait for: ready, empty.
/// **Threads**: the answer is made in the thread that completes the deciding input. Continuations run on the executor of the first
/// input. Dropping the future, or asking it to stop, stops every input that is under way.
/// **Errors**: never fails for what its inputs answer; an empty (consumed) future counts as failed. When moving a result throws, that is
/// the failure. **Cost**: one allocation, for a range one more for the vector.
template <class... X>
[[nodiscard]] auto when_settled(X&&... inputs) {
    static_assert(
        (detail::combinable<X> && ...) || (sizeof...(X) == 1 && (detail::combinable_range<X> && ...)),
        "antiphon: when_settled takes futures, or one range of futures, and consumes them: std::move(future), std::move(range)");
    if constexpr (sizeof...(X) == 0) {
        return detail::settled_future<std::tuple<>>(std::tuple<>{});
    } else if constexpr ((detail::combinable<X> && ...)) {
        using R = std::tuple<result<detail::input_value<X>>...>;
        return detail::combine_pack<detail::combining::settled, R>(detail::make_tuple_of_results<R>{}, std::forward<X>(inputs)...);
    } else if constexpr (sizeof...(X) == 1 && (detail::combinable_range<X> && ...)) {
        return detail::when_settled_of(std::forward<X>(inputs)...);
    } else {
        return future<void>{};
    }
}

}  // namespace antiphon
