// SPDX-License-Identifier: BSL-1.0
#pragma once
// call(): straight into the handler where nothing has to be waited for, else an ask that the calling thread waits for.

#include <type_traits>
#include <utility>

#include "antiphon/execution/default_executor.hpp"
#include "antiphon/request/detail/call_loop.hpp"
#include "antiphon/request/detail/direct_ask.hpp"
#include "antiphon/request/future.hpp"

namespace antiphon::detail {

template <class Handler>
inline constexpr bool is_plain = false;
template <class F, class Signature, lead Lead, bool WithPromise>
inline constexpr bool is_plain<leaf<F, Signature, Lead, WithPromise>> = leaf<F, Signature, Lead, WithPromise>::immediate;

/// What a handler that is called directly gets as its lead: a token that never stops, the context of the ask around it.
template <lead Lead>
struct plain_source {};
template <>
struct plain_source<lead::stop_token> {
    [[nodiscard]] std::stop_token get() const noexcept { return {}; }
};
template <>
struct plain_source<lead::context> {
    [[nodiscard]] context const& get() const noexcept { return held; }
    any_executor executor = own_time_scope::current();
    context held{executor, ambient_context::current(), true};
};

/// The handler, here and now. **Cost**: that of the handler.
template <class Leaf, class... A>
[[nodiscard]] result<typename Leaf::result_type> call_plain(Leaf const& handler, A&&... args) {
    using R = typename Leaf::result_type;
    if (handler.empty()) return empty_request();
    ANTIPHON_TRY {
        plain_source<Leaf::first> source;
        return immediate_result<R>([&]() -> decltype(auto) { return handler.invoke(source, std::forward<A>(args)...); });
    }
    ANTIPHON_CATCH_ALL { return failure::current(); }
}

/// A new ask on `executor`, begun.
template <class Handler, class... A>
[[nodiscard]] auto start_ask(any_executor executor, Handler&& handler, A&&... args) {
    using layer = std::remove_cvref_t<decltype(std::forward<Handler>(handler).layer())>;
    auto s =
        layer::make(std::forward<Handler>(handler).layer(), std::move(executor), ambient_context::current(), std::forward<A>(args)...);
    s->ask_anew();
    s->begin_unshared();
    s->begin();
    return future_access::make(std::move(s));
}

/// Where an ask without a place of its own runs when it is not waited for.
template <class Handler>
[[nodiscard]] any_executor place_of(Handler const& handler) {
    any_executor const* const fixed = handler.executor();
    return fixed != nullptr ? *fixed : default_executor();
}

/// A bare handler on an executor of its own, which knows nothing of its ask: where that executor runs everything in place, and no ask
/// around this one has settled anything for it, a call of it is a call.
template <class Handler>
inline constexpr bool is_bare = false;
template <class F, class Signature>
inline constexpr bool is_bare<leaf<F, Signature, lead::nothing, false>> = leaf<F, Signature, lead::nothing, false>::immediate;
template <class Handler>
[[nodiscard]] bool calls_in_place(Handler const& handler) noexcept {
    any_executor const* const where = handler.executor();
    return where != nullptr && where->runs_in_place() && ambient_context::current() == nullptr;
}

/// Begins what the caller then waits for.
inline void begin_awaited(state_base& root) noexcept {
    awaited_ask const during{root};
    root.begin();
}

/// An ask, waited for here.
template <class Handler, class... A>
[[nodiscard]] auto call_ask(Handler const& handler, A&&... args) -> result<typename Handler::result_type> {
    using layer = std::remove_cvref_t<decltype(handler.layer())>;
    if constexpr (is_bare<layer>) {
        if (calls_in_place(handler)) return call_plain(handler.layer(), std::forward<A>(args)...);
    }
    ANTIPHON_TRY {
        if (handler.executor() != nullptr || handler.abandons() || own_time_scope::active()) {
            auto s = layer::make(handler.layer(), place_of(handler), ambient_context::current(), std::forward<A>(args)...);
            s->ask_anew();
            begin_awaited(*s);
            return future_access::make(std::move(s)).get();
        }
        state_ptr<> alive;  // until the loop is closed: what arrives there wakes the root's waiter
        call_loop loop;
        auto s = layer::make(handler.layer(), loop.get_executor(), ambient_context::current(), std::forward<A>(args)...);
        state_base& root = *s;
        root.ask_anew();
        root.retain();
        alive = state_ptr<>{&root};
        loop.open(root);
        future<typename Handler::result_type> answer = future_access::make(std::move(s));
        begin_awaited(root);
        return std::move(answer).get();
    }
    ANTIPHON_CATCH_ALL { return failure::current(executed::no); }
}

}  // namespace antiphon::detail
