// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that gathers asks and asks them together.

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/policy/detail/batching_ask.hpp"

namespace antiphon {

namespace detail {

/// What a request of many is as a request of one.
template <class Signature>
struct batch_signature {
    static constexpr bool possible = false;
};
template <class Results, class Items>
    requires requires {
        typename std::remove_cvref_t<Items>::value_type;
        typename Results::value_type;
        requires std::is_convertible_v<std::vector<typename std::remove_cvref_t<Items>::value_type>, Items>;
    }
struct batch_signature<Results(Items)> {
    static constexpr bool possible = true;
    using item = typename std::remove_cvref_t<Items>::value_type;
    using answer = answer_t<typename Results::value_type>;
};

/// The handler of one item.
template <class Inner, class R, class X>
class batched {
public:
    using result_type = R;
    using signature = R(X);
    using core_type = batch_core<Inner, R, X>;
    template <class... A>
    using ask = batching_ask<batched, A...>;

    explicit batched(shared_core<core_type> core) noexcept : core_{std::move(core)} {}

    [[nodiscard]] any_executor const* executor() const noexcept { return core_->inner().executor(); }
    [[nodiscard]] static constexpr bool abandons() noexcept { return true; }
    [[nodiscard]] bool empty() const noexcept { return core_->inner().empty(); }
    [[nodiscard]] batched const& layer() const& noexcept { return *this; }
    [[nodiscard]] batched&& layer() && noexcept { return std::move(*this); }
    [[nodiscard]] shared_core<core_type> const& core() const noexcept { return core_; }

    template <class Self, class A>
    [[nodiscard]] static state_ptr<state<R>> make(Self&& self, any_executor&& executor, context_data const* context, A&& item) {
        return state_ptr<state<R>>{new heap_ask<ask<A>>{std::move(executor), context, std::forward<Self>(self), std::forward<A>(item)}};
    }

private:
    shared_core<core_type> core_;
};

}  // namespace detail

/// `lookup_many | batch{.max_size = 50, .max_delay = 2ms}`: of a request that takes many items and answers as many results,
/// `std::vector<R>(std::vector<X>)` or `std::vector<result<R>>(std::span<X const>)`, it makes a request of one, `R(X)`. Asks gather until there are
/// `max_size`, which leave at once, or the first has waited `max_delay`; then the handler is asked once for all of them, in the order in which they came.
/// Each gets its own result: with `result<R>` a bad item fails alone; a failure of the whole is everybody's. Who is stopped leaves: before
/// the batch does, its item is not sent; when all have left, the handler is asked to stop. Asks of a request and of its copies meet.
/// **Threads**: any. The handler runs where the first item's ask would, with nobody's deadline. **Errors**: another number of results than items is
/// `errc::internal` for all. Nonsense is refused with `std::invalid_argument` by `|`.
/// **Time**: the executor's clock. **Cost**: an item is one allocation, a batch is three and one timer.
struct batch {
    std::size_t max_size = 100;
    any_duration max_delay = std::chrono::milliseconds{1};  ///< zero: asks do not wait, and only full batches are larger than one

    using antiphon_policy = void;
    template <class Signature, class Repeat, class Handler>
    [[nodiscard]] auto operator()(request<Signature, Repeat, Handler> r) const {
        using of = detail::batch_signature<Signature>;
        static_assert(
            of::possible,
            "antiphon: batch goes around a request that takes one container of items, which a std::vector converts to, and gives "
            "a container of results");
        detail::require(max_size >= 1, "batch.max_size: must be at least 1");
        detail::require(max_delay >= duration::zero(), "batch.max_delay: must not be negative");
        using inner = typename detail::sharing<Handler>::type;
        using handler = detail::batched<inner, typename of::answer, typename of::item>;
        return detail::request_access::make<Repeat>(handler{shared_core<typename handler::core_type>{new typename handler::core_type{
            detail::sharing<Handler>::apply(detail::request_access::handler(std::move(r))), max_size, max_delay}}});
    }
};

static_assert(policy<batch>);

}  // namespace antiphon
