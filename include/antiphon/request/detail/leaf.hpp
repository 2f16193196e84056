// SPDX-License-Identifier: BSL-1.0
#pragma once
// The handler at the core of a request, and how it is called.

#include <stop_token>
#include <type_traits>
#include <utility>

#include "antiphon/core/invoke.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/detail/handler.hpp"

namespace antiphon::detail {

template <class Leaf, class... Kept>
class direct_ask;

/// An ask with an allocation of its own.
template <class Ask>
class heap_ask final : public Ask {
public:
    using Ask::Ask;

private:
    void destroy() noexcept override { delete this; }
};

/// A handler with its form: the innermost layer of every request whose signature is deduced.
template <class F, class Signature, lead Lead, bool WithPromise>
class leaf;
template <class F, class R, class... P, lead Lead, bool WithPromise>
class leaf<F, R(P...), Lead, WithPromise> {
public:
    using result_type = R;
    using signature = R(P...);
    static constexpr lead first = Lead;
    static constexpr bool with_promise = WithPromise;
    template <class... A>
    using ask = direct_ask<leaf, kept_t<P, A>...>;

    template <class G>
    explicit leaf(std::in_place_t, G&& f) : f_(std::forward<G>(f)) {}

    [[nodiscard]] static any_executor const* executor() noexcept { return nullptr; }
    /// Whether an ask may be answered before its handler has ended.
    [[nodiscard]] static constexpr bool abandons() noexcept { return false; }
    [[nodiscard]] bool empty() const noexcept { return is_null(f_); }
    [[nodiscard]] leaf const& layer() const& noexcept { return *this; }
    [[nodiscard]] leaf&& layer() && noexcept { return std::move(*this); }
    [[nodiscard]] F&& callable() && noexcept { return std::move(f_); }

    /// A new ask, not begun, with the consumer's reference.
    template <class Self, class... A>
    [[nodiscard]] static state_ptr<state<R>> make(Self&& self, any_executor&& executor, context_data const* context, A&&... args) {
        return state_ptr<state<R>>{
            new heap_ask<ask<A...>>{std::move(executor), context, std::forward<Self>(self), std::forward<A>(args)...}};
    }

    /// The handler's own answer. `source` supplies its lead; a trailing promise comes after the arguments.
    template <class Source, class... A>
    decltype(auto) invoke(Source& source, A&&... args) const {
        if constexpr (WithPromise) {
            return invoke_as(types<P..., promise<R>>{}, source, std::forward<A>(args)...);
        } else {
            return invoke_as(types<P...>{}, source, std::forward<A>(args)...);
        }
    }

    using answer = typename decltype([] {
        if constexpr (WithPromise && Lead == lead::nothing) {
            return std::invoke_result<F const&, P..., promise<R>>{};
        } else if constexpr (WithPromise && Lead == lead::stop_token) {
            return std::invoke_result<F const&, std::stop_token, P..., promise<R>>{};
        } else if constexpr (WithPromise) {
            return std::invoke_result<F const&, context const&, P..., promise<R>>{};
        } else if constexpr (Lead == lead::nothing) {
            return std::invoke_result<F const&, P...>{};
        } else if constexpr (Lead == lead::stop_token) {
            return std::invoke_result<F const&, std::stop_token, P...>{};
        } else {
            return std::invoke_result<F const&, context const&, P...>{};
        }
    }())::type;
    /// Whether the answer is there once the handler has returned.
    static constexpr bool immediate = !WithPromise && answer_traits<answer>::immediate;

private:
    template <class Source, class... Q, class... A>
    decltype(auto) invoke_as(types<Q...>, Source& source, A&&... args) const {
        if constexpr (Lead == lead::nothing) {
            return antiphon::detail::invoke(f_, as_parameter<F, Q>(std::forward<A>(args))...);
        } else {
            return antiphon::detail::invoke(f_, source.get(), as_parameter<F, Q>(std::forward<A>(args))...);
        }
    }

    ANTIPHON_NO_UNIQUE_ADDRESS F f_;
};

}  // namespace antiphon::detail
