// SPDX-License-Identifier: BSL-1.0
#pragma once
// A callable that its copies share, so that each ask of an erased request keeps it alive without copying it.

#include <atomic>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "antiphon/core/invoke.hpp"
#include "antiphon/request/detail/direct_ask.hpp"
#include "antiphon/request/detail/handler.hpp"

namespace antiphon::detail {

/// One allocation when it is made, none for a copy. Called as `F const&`.
template <class F>
class shared_callable {
public:
    explicit shared_callable(F&& f) : box_{new box{std::move(f)}} {}
    shared_callable(shared_callable const& other) noexcept : box_{other.box_} {
        box_->refs.fetch_add(1, std::memory_order_relaxed);  // relaxed: the copier holds one already
    }
    shared_callable& operator=(shared_callable const&) = delete;
    ~shared_callable() {
        if (box_->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete box_;  // acq_rel pairs with the other decrements
    }

    template <class... A>
        requires std::is_invocable_v<F const&, A...>
    std::invoke_result_t<F const&, A...> operator()(A&&... args) const {
        return antiphon::detail::invoke(std::as_const(box_->held), std::forward<A>(args)...);
    }
    [[nodiscard]] friend bool is_null(shared_callable const& f) noexcept { return antiphon::detail::is_null(f.box_->held); }

private:
    struct box {
        explicit box(F&& f) : held(std::move(f)) {}
        F held;
        std::atomic<std::uint32_t> refs{1};
    };
    box* box_;
};

/// A small trivial callable is as well copied.
template <class F>
inline constexpr bool worth_sharing =
    !(std::is_trivially_copyable_v<F> && std::is_copy_constructible_v<F> && sizeof(F) <= 4 * sizeof(void*));

/// What is shared already is not shared once more.
template <class F>
inline constexpr bool worth_sharing<shared_callable<F>> = false;

/// A function as copies of a request and their asks have it: shared, where copying it might cost something.
template <class F>
using light_function = std::conditional_t<worth_sharing<F>, shared_callable<F>, F>;

/// The same handler, its innermost callable shared by its copies. Specialised for each kind of handler.
template <class Handler>
struct sharing {
    using type = Handler;
    [[nodiscard]] static Handler&& apply(Handler&& handler) noexcept { return std::move(handler); }
};
template <class F, class Signature, lead Lead, bool WithPromise>
    requires(worth_sharing<F>)
struct sharing<leaf<F, Signature, Lead, WithPromise>> {
    using type = leaf<shared_callable<F>, Signature, Lead, WithPromise>;
    [[nodiscard]] static type apply(leaf<F, Signature, Lead, WithPromise>&& handler) {
        return type{std::in_place, shared_callable<F>{std::move(handler).callable()}};
    }
};

}  // namespace antiphon::detail
