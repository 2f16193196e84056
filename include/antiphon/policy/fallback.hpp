// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that answers for a request that failed.

#include <type_traits>
#include <utility>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/invoke.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/request/observer.hpp"

namespace antiphon {

namespace detail {

/// A value is a function of any failure.
template <class V>
class constant_answer {
public:
    constant_answer(V v) : value_(std::move(v)) {}
    [[nodiscard]] V operator()(failure const&) const { return value_; }

private:
    V value_;
};
/// A function that does not ask why.
template <class F>
class unasked_answer {
public:
    unasked_answer(F f) : f_(std::move(f)) {}
    [[nodiscard]] decltype(auto) operator()(failure const&) const { return antiphon::detail::invoke(f_); }

private:
    ANTIPHON_NO_UNIQUE_ADDRESS F f_;
};
template <class X>
using substitute_for = std::conditional_t<std::is_invocable_v<X const&, failure>, X,
                                          std::conditional_t<std::is_invocable_v<X const&>, unasked_answer<X>, constant_answer<X>>>;

/// The failure is judged where it arrives; the function does not run on the timer thread, or inside a destructor of `work`. Then it is
/// the ask's next step.
template <class Layer, class... A>
class substituting_ask : public layer_ask<Layer, A...> {
public:
    using R = typename Layer::result_type;
    template <class L, class... X>
    substituting_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : layer_ask<Layer, A...>{std::move(executor_for), outer, std::forward<L>(layer), std::forward<X>(args)...},
          policy_(layer.policy()) {}

protected:
    ~substituting_ask() = default;
    void start() noexcept override { this->begin_inner(); }
    void answered(result<R>& answer, delivery how) noexcept override {
        if (answer || this->stop_requested()) return this->complete_from(answer, how);
        why_ = std::move(answer).error();
        if (how == delivery::dropped || timer_thread::is_current()) return this->continue_after(how);
        substitute(how);
    }
    void step(delivery how) noexcept override { this->started_ ? this->go_on(how) : substitute(how); }
    void refuse(errc why, delivery how) noexcept override {
        if (this->started_) return this->refuse_further(why, how);
        how == delivery::dropped ? this->schedule(default_pool().get_executor()) : substitute(how);
    }

private:
    void substitute(delivery how) noexcept {
        this->started_ = true;
        using given = std::invoke_result_t<typename Layer::policy_type::function const&, failure>;
        if (observer* const hears = this->inherited().observer) hears->answered_by("fallback");
        ambient_context const inherited{this->context()};
        if constexpr (failure_source<given, R>) {
            this->decide([&] { return result<R>{answer()}; }, how);
        } else {
            static_assert(std::is_void_v<R> || std::is_convertible_v<answer_t<given>, R>,
                          "antiphon: what the function given to fallback() returns must convert to the value of the request");
            this->answer_with([&]() -> decltype(auto) { return answer(); }, how);
        }
    }
    decltype(auto) answer() { return antiphon::detail::invoke(policy_.substitute(), std::move(why_)); }

    typename Layer::policy_type policy_;
    failure why_{errc::unknown};
};

}  // namespace detail

/// `request | fallback([](failure const& why) { return stale(); })`: answers instead of a failure. The function returns a value, a
/// `result` (or the failure itself, to let it pass), a future, a task or a request, flattened like a handler's answer; its own failure is
/// what the caller sees. It may do without the failure: `fallback([] { return stale(); })`; `fallback(-1)` answers with a value. An ask whose stop was requested keeps its failure.
/// **Threads**: the function runs where the failure arrives, never on the timer thread. It is called as const, for several asks at once.
/// **Errors**: what it throws is the ask's failure. **Cost**: no allocation an ask; copies share the function.
template <class F>
class fallback {
public:
    using antiphon_policy = void;
    static constexpr bool abandons = false;
    using function = detail::shared_callable<F>;
    template <class Layer, class... A>
    using ask = detail::substituting_ask<Layer, A...>;

    explicit fallback(F f) : f_{std::move(f)} {}

    [[nodiscard]] function const& substitute() const noexcept { return f_; }
    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::wrap(*this, std::move(r));
    }

private:
    function f_;
};
template <class X>
fallback(X) -> fallback<detail::substitute_for<std::decay_t<X>>>;

static_assert(policy<fallback<detail::constant_answer<int>>> && sizeof(fallback<detail::constant_answer<int>>) == sizeof(void*));

}  // namespace antiphon
