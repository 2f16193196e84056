// SPDX-License-Identifier: BSL-1.0
#pragma once
// What asking one question several times takes: the arguments as they were given, and a place for each attempt.

#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/lifetime.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/request/request.hpp"

namespace antiphon::detail {

/// Containers say that they can be copied whatever they hold.
template <class T>
inline constexpr bool is_repeatable = std::is_copy_constructible_v<T>;
template <class T>
    requires(!std::is_trivially_copyable_v<T> &&
             requires(T& range) {
                 typename T::value_type;
                 range.begin();
                 range.end();
             } && !std::is_same_v<typename T::value_type, T>)
inline constexpr bool is_repeatable<T> = std::is_copy_constructible_v<T> && is_repeatable<typename T::value_type>;

/// The question that several attempts ask: what is inside the layer, and the arguments as they were given.
template <class Layer, class Signature, class... A>
class question;
template <class Layer, class R, class... P, class... A>
class question<Layer, R(P...), A...> {
public:
    using inner_type = std::remove_cvref_t<decltype(std::declval<Layer const&>().inner())>;
    using slot = child_slot<inner_type, kept_t<P, A>...>;
    static constexpr bool repeatable = (is_repeatable<kept_t<P, A>> && ...);

    template <class L, class... X>
    explicit question(L&& layer, X&&... args) : inner_{std::forward<L>(layer).inner()}, args_{std::forward<X>(args)...} {}

    /// An ask of it, not begun. The last one takes the arguments themselves.
    [[nodiscard]] auto ask(slot& place, state_base& owner, context_data const& context, bool last) {
        return std::apply(
            [&](kept_t<P, A>&... args) {
                if constexpr (repeatable) {
                    if (!last) return place.make(owner, &context, inner_, std::as_const(args)...);
                }
                return place.make(owner, &context, inner_, std::move(args)...);
            },
            args_);
    }

    /// What `f` says about the arguments.
    template <class F>
    [[nodiscard]] decltype(auto) read(F&& f) const {
        return std::apply(std::forward<F>(f), args_);
    }

private:
    ANTIPHON_NO_UNIQUE_ADDRESS inner_type inner_;
    ANTIPHON_NO_UNIQUE_ADDRESS std::tuple<kept_t<P, A>...> args_;
};

/// The place of an attempt after the first: an allocation of its own, alive as long as its ask.
template <class Slot>
class further_attempt final : public state_base {
public:
    /// It keeps what `outer` belongs to alive: what is inside may outlive the ask that made the attempt, and reports to that.
    further_attempt(any_executor const& executor, context_data const* outer) noexcept
        : state_base{any_executor{executor}, outer, 1, 0}, context{*this} {}
    context_data context;
    Slot slot;

private:
    void destroy() noexcept override { delete this; }
    void step(delivery) noexcept override {}
    void refuse(errc, delivery) noexcept override {}
};

/// What several attempts came to: whoever reads `no` may rely on it for all of them.
[[nodiscard]] constexpr executed worse(executed a, executed b) noexcept { return a < b ? b : a; }

/// The request inside a layer that asks several times: its attempts share the innermost callable instead of copying it.
template <class Policy, class Signature, class Repeat, class Handler>
[[nodiscard]] auto wrap_shared(Policy p, request<Signature, Repeat, Handler>&& r) {
    using shared = typename sharing<Handler>::type;
    return request_access::make<Repeat>(
        layered<Policy, shared>{std::move(p), sharing<Handler>::apply(request_access::handler(std::move(r)))});
}

}  // namespace antiphon::detail
