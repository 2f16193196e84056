// SPDX-License-Identifier: BSL-1.0
#pragma once
// A policy that may be left out at run time: asks are of its layer, or of what is inside, and pay for nothing else.

#include <optional>
#include <type_traits>
#include <utility>

#include "antiphon/core/lifetime.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/request/request.hpp"

namespace antiphon::detail {

/// The layer of the policy, which is there.
template <class Policy, class Inner>
class chosen_layer {
public:
    using policy_type = Policy;
    using inner_type = Inner;
    using result_type = typename Inner::result_type;
    using signature = typename Inner::signature;
    template <class... A>
    using ask = typename Policy::template ask<chosen_layer, A...>;

    chosen_layer(std::optional<Policy> policy, Inner inner) : policy_(std::move(policy)), inner_(std::move(inner)) {}

    [[nodiscard]] Policy const& policy() const& noexcept { return *policy_; }
    [[nodiscard]] auto const& inner() const& noexcept { return inner_.layer(); }
    [[nodiscard]] auto&& inner() && noexcept { return std::move(inner_).layer(); }

protected:
    std::optional<Policy> policy_;
    ANTIPHON_NO_UNIQUE_ADDRESS Inner inner_;
};

template <class Policy, class Inner>
class optional_layer : private chosen_layer<Policy, Inner> {
    using chosen = chosen_layer<Policy, Inner>;

public:
    using result_type = typename chosen::result_type;
    using signature = typename chosen::signature;
    using chosen_type = chosen;
    using inner_layer = std::remove_cvref_t<decltype(std::declval<Inner const&>().layer())>;
    using chosen::chosen;

    [[nodiscard]] any_executor const* executor() const noexcept { return this->inner_.executor(); }
    [[nodiscard]] constexpr bool abandons() const noexcept { return (Policy::abandons && has()) || this->inner_.abandons(); }
    [[nodiscard]] bool empty() const noexcept { return this->inner_.empty(); }
    [[nodiscard]] optional_layer const& layer() const& noexcept { return *this; }
    [[nodiscard]] optional_layer&& layer() && noexcept { return std::move(*this); }
    [[nodiscard]] std::optional<Policy>&& policy() && noexcept { return std::move(this->policy_); }
    [[nodiscard]] Inner&& inside() && noexcept { return std::move(this->inner_); }

    [[nodiscard]] bool has() const noexcept { return this->policy_.has_value(); }
    [[nodiscard]] chosen const& present() const& noexcept { return *this; }
    [[nodiscard]] chosen&& present() && noexcept { return std::move(*this); }
    [[nodiscard]] auto const& absent() const& noexcept { return chosen::inner(); }
    [[nodiscard]] auto&& absent() && noexcept { return std::move(*this).chosen::inner(); }

    template <class Self, class... A>
    [[nodiscard]] static state_ptr<state<result_type>> make(Self&& self, any_executor&& executor, context_data const* context,
                                                            A&&... args) {
        if (!self.has())
            return inner_layer::make(std::forward<Self>(self).absent(), std::move(executor), context, std::forward<A>(args)...);
        using ask = typename chosen::template ask<A...>;
        return state_ptr<state<result_type>>{
            new heap_ask<ask>{std::move(executor), context, std::forward<Self>(self).present(), std::forward<A>(args)...}};
    }
    /// The same with a callback, begun.
    template <class Self, class Callback, class... A>
    static void submit(Self&& self, any_executor&& executor, context_data const* context, Callback&& callback, A&&... args) {
        if (self.has()) {
            begin_one<chosen>(std::forward<Self>(self).present(), std::move(executor), context, std::forward<Callback>(callback),
                              std::forward<A>(args)...);
        } else if constexpr (requires { typename inner_layer::template ask<A...>; }) {
            begin_one<inner_layer>(std::forward<Self>(self).absent(), std::move(executor), context, std::forward<Callback>(callback),
                                   std::forward<A>(args)...);
        } else {
            inner_layer::submit(std::forward<Self>(self).absent(), std::move(executor), context, std::forward<Callback>(callback),
                                std::forward<A>(args)...);
        }
    }

private:
    template <class Layer, class L, class Callback, class... A>
    static void begin_one(L&& layer, any_executor&& executor, context_data const* context, Callback&& callback, A&&... args) {
        using ask = typename Layer::template ask<A...>;
        begin_alone(*new heap_ask<callback_ask<ask, std::decay_t<Callback>>>{
            std::forward<Callback>(callback), std::move(executor), context, std::forward<L>(layer), std::forward<A>(args)...});
    }
};

template <class Policy, class Inner>
inline constexpr bool decides_late<optional_layer<Policy, Inner>> = true;

/// Room for whichever it is.
template <class Policy, class Inner, class... A>
class child_slot<optional_layer<Policy, Inner>, A...> {
    using layer = optional_layer<Policy, Inner>;

public:
    using R = typename layer::result_type;
    child_slot() noexcept {}
    ~child_slot() {}
    child_slot(child_slot const&) = delete;
    child_slot& operator=(child_slot const&) = delete;

    template <class Layer, class... X>
    [[nodiscard]] state_ptr<state<R>> make(state_base& owner, context_data const* context, Layer&& of, X&&... args) {
        return make_on(owner, any_executor{owner.executor()}, context, std::forward<Layer>(of), std::forward<X>(args)...);
    }
    template <class Layer, class... X>
    [[nodiscard]] state_ptr<state<R>> make_on(state_base& owner, any_executor&& where, context_data const* context, Layer&& of,
                                              X&&... args) {
        if (of.has())
            return (::new (static_cast<void*>(detail::addressof(present_))) present)
                ->make_on(owner, std::move(where), context, std::forward<Layer>(of).present(), std::forward<X>(args)...);
        return (::new (static_cast<void*>(detail::addressof(absent_))) absent)
            ->make_on(owner, std::move(where), context, std::forward<Layer>(of).absent(), std::forward<X>(args)...);
    }

private:
    // Neither has anything to destroy: what lies in it is an ask, which ends by itself.
    using present = child_slot<typename layer::chosen_type, A...>;
    using absent = child_slot<typename layer::inner_layer, A...>;
    union {
        present present_;
        absent absent_;
    };
};

template <class Policy, class Inner>
struct sharing<optional_layer<Policy, Inner>> {
    using type = optional_layer<Policy, typename sharing<Inner>::type>;
    [[nodiscard]] static type apply(optional_layer<Policy, Inner>&& l) {
        return {std::move(l).policy(), sharing<Inner>::apply(std::move(l).inside())};
    }
};

/// The request inside the policy's layer, if there is one.
template <class Policy, class Signature, class Repeat, class Handler>
[[nodiscard]] auto wrap_optional(std::optional<Policy> p, request<Signature, Repeat, Handler>&& r) {
    return request_access::make<Repeat>(optional_layer<Policy, Handler>{std::move(p), request_access::handler(std::move(r))});
}
/// The same for one that asks several times.
template <class Policy, class Signature, class Repeat, class Handler>
[[nodiscard]] auto wrap_optional_shared(std::optional<Policy> p, request<Signature, Repeat, Handler>&& r) {
    using shared = typename sharing<Handler>::type;
    return request_access::make<Repeat>(
        optional_layer<Policy, shared>{std::move(p), sharing<Handler>::apply(request_access::handler(std::move(r)))});
}

}  // namespace antiphon::detail
