// SPDX-License-Identifier: BSL-1.0
#pragma once
// How handlers nest: the layer that binds an executor, the layer of a policy, and where a layer keeps the ask inside it.

#include <concepts>
#include <type_traits>
#include <utility>

#include "antiphon/core/lifetime.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/request/detail/direct_ask.hpp"
#include "antiphon/request/detail/erased.hpp"
#include "antiphon/request/host.hpp"
#include "antiphon/request/state.hpp"

namespace antiphon::detail {

/// Fixes the executor of everything inside, unless something outside fixed another.
template <class Inner>
class bound {
public:
    using result_type = typename Inner::result_type;
    using signature = typename Inner::signature;

    bound(any_executor where, Inner inner) : where_{std::move(where)}, inner_(std::move(inner)) {}

    [[nodiscard]] any_executor const* executor() const noexcept { return &where_; }
    [[nodiscard]] constexpr bool abandons() const noexcept { return inner_.abandons(); }
    [[nodiscard]] bool empty() const noexcept { return inner_.empty(); }
    [[nodiscard]] auto const& layer() const& noexcept { return inner_.layer(); }
    [[nodiscard]] auto&& layer() && noexcept { return std::move(inner_).layer(); }
    [[nodiscard]] Inner&& inside() && noexcept { return std::move(inner_); }

private:
    any_executor where_;
    Inner inner_;
};

/// Bound, perhaps: an empty executor binds nothing.
template <class Inner>
class placed : public bound<Inner> {
public:
    using bound<Inner>::bound;
    [[nodiscard]] any_executor const* executor() const noexcept {
        any_executor const* const where = bound<Inner>::executor();
        return *where ? where : nullptr;
    }
};

template <class Inner>
struct sharing<bound<Inner>> {
    using type = bound<typename sharing<Inner>::type>;
    [[nodiscard]] static type apply(bound<Inner>&& b) {
        return {any_executor{*b.executor()}, sharing<Inner>::apply(std::move(b).inside())};
    }
};

/// The signature that a policy's layer shows outside: the inner one, unless the policy names another.
template <class Policy, class Inner>
struct outer_signature {
    using type = typename Inner::signature;
};
template <class Policy, class Inner>
    requires requires { typename Policy::template signature<Inner>; }
struct outer_signature<Policy, Inner> {
    using type = typename Policy::template signature<Inner>;
};

/// A policy around a handler. `Policy::template ask<layered, A...>` is the state of one ask through it: a `state<R>` made of
/// (executor, context, layer, args...), with `begin`. `Policy::abandons` says whether it may answer before the inner one.
template <class Policy, class Inner>
class layered {
public:
    using policy_type = Policy;
    using inner_type = Inner;
    using result_type = typename Inner::result_type;
    using signature = typename outer_signature<Policy, Inner>::type;
    template <class... A>
    using ask = typename Policy::template ask<layered, A...>;

    layered(Policy policy, Inner inner) : policy_(std::move(policy)), inner_(std::move(inner)) {}

    [[nodiscard]] any_executor const* executor() const noexcept { return inner_.executor(); }
    [[nodiscard]] constexpr bool abandons() const noexcept { return Policy::abandons || inner_.abandons(); }
    [[nodiscard]] bool empty() const noexcept { return inner_.empty(); }
    [[nodiscard]] layered const& layer() const& noexcept { return *this; }
    [[nodiscard]] layered&& layer() && noexcept { return std::move(*this); }
    [[nodiscard]] Policy const& policy() const& noexcept { return policy_; }
    [[nodiscard]] auto const& inner() const& noexcept { return inner_.layer(); }
    [[nodiscard]] auto&& inner() && noexcept { return std::move(inner_).layer(); }
    [[nodiscard]] Policy&& policy() && noexcept { return std::move(policy_); }
    [[nodiscard]] Inner&& inside() && noexcept { return std::move(inner_); }

    template <class Self, class... A>
    [[nodiscard]] static state_ptr<state<result_type>> make(Self&& self, any_executor&& executor, context_data const* context,
                                                            A&&... args) {
        return state_ptr<state<result_type>>{
            new heap_ask<ask<A...>>{std::move(executor), context, std::forward<Self>(self), std::forward<A>(args)...}};
    }

private:
    ANTIPHON_NO_UNIQUE_ADDRESS Policy policy_;
    ANTIPHON_NO_UNIQUE_ADDRESS Inner inner_;
};

template <class Policy, class Inner>
struct sharing<layered<Policy, Inner>> {
    using type = layered<Policy, typename sharing<Inner>::type>;
    [[nodiscard]] static type apply(layered<Policy, Inner>&& l) {
        return {std::move(l).policy(), sharing<Inner>::apply(std::move(l).inside())};
    }
};

/// Room for the ask inside a layer's ask, so that a pipeline is one allocation. Whoever holds the inner one holds the outer, by the
/// reference that comes with the inner one's context where that is the outer one's.
template <class Inner, class... A>
class child_slot {
    using ask_type = typename Inner::template ask<A...>;
    class embedded final : public ask_type {
    public:
        template <class... X>
        explicit embedded(state_base& owner, X&&... x) : ask_type{std::forward<X>(x)...}, owner_{&owner} {
            if (this->context() == nullptr || !this->context()->belongs_to(owner)) owner.retain();
        }

    private:
        void destroy() noexcept override {
            state_base* const owner = owner_;
            static_cast<void>(this->take_context_of(*owner));
            this->~embedded();
            owner->release();
        }
        state_base* owner_;
    };

public:
    using R = typename Inner::result_type;
    child_slot() noexcept {}
    ~child_slot() {}
    child_slot(child_slot const&) = delete;
    child_slot& operator=(child_slot const&) = delete;

    /// The inner ask, not begun, with the consumer's reference.
    template <class Layer, class... X>
    [[nodiscard]] state_ptr<state<R>> make(state_base& owner, context_data const* context, Layer&& inner, X&&... args) {
        return make_on(owner, any_executor{owner.executor()}, context, std::forward<Layer>(inner), std::forward<X>(args)...);
    }
    /// The same, on an executor of the policy's choice.
    template <class Layer, class... X>
    [[nodiscard]] state_ptr<state<R>> make_on(state_base& owner, any_executor&& where, context_data const* context, Layer&& inner,
                                              X&&... args) {
        auto* const child = ::new (static_cast<void*>(detail::addressof(child_)))
            embedded{owner, std::move(where), context, std::forward<Layer>(inner), std::forward<X>(args)...};
        return state_ptr<state<R>>{child};
    }

private:
    union {
        embedded child_;
    };
};
/// An erased inner ask has a size of its own.
template <class Signature, class... A>
class child_slot<erased<Signature>, A...> {
public:
    using R = typename erased<Signature>::result_type;
    template <class Layer, class... X>
    [[nodiscard]] state_ptr<state<R>> make(state_base& owner, context_data const* context, Layer&& inner, X&&... args) {
        return make_on(owner, any_executor{owner.executor()}, context, std::forward<Layer>(inner), std::forward<X>(args)...);
    }
    template <class Layer, class... X>
    [[nodiscard]] state_ptr<state<R>> make_on(state_base&, any_executor&& where, context_data const* context, Layer&& inner,
                                              X&&... args) {
        return erased<Signature>::make(std::forward<Layer>(inner), std::move(where), context, std::forward<X>(args)...);
    }
};

/// The base of a policy's ask with one ask inside it. `start` and `answered` are the policy's.
/// What is inside sees `inherited`, which the policy may change until it begins it.
template <class Layer, class... A>
class layer_ask : public host_state<typename Layer::result_type> {
public:
    using R = typename Layer::result_type;

    template <class L, class... X>
    layer_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : layer_ask{[](state_base& me) { return any_executor{me.executor()}; }, std::move(executor_for), outer, std::forward<L>(layer),
                    std::forward<X>(args)...} {}
    /// `place(*this)` is the executor of what is inside.
    template <std::invocable<state_base&> Place, class L, class... X>
    layer_ask(Place place, any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : host_state<R>{std::move(executor_for), outer, 2, 0}, inherited_{*this} {
        make_inner(*this, place(*this), std::forward<L>(layer), std::forward<X>(args)...);
    }
    /// What is inside keeps `keeper` alive, which is to keep this.
    template <class L, class... X>
    layer_ask(state_base& keeper, any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : host_state<R>{std::move(executor_for), outer, 2, 0}, inherited_{keeper} {
        make_inner(keeper, any_executor{this->executor()}, std::forward<L>(layer), std::forward<X>(args)...);
    }

    void begin() noexcept final {
        inherited_.inherit_from(*this);  // not before: the layers around have only now settled theirs
        start();
    }
    void dismiss() noexcept final {
        dismiss_inner();
        this->release();  // the producer's reference
    }

protected:
    ~layer_ask() = default;

    /// Begins what is inside, now, later, or never.
    virtual void start() noexcept = 0;
    /// The inner ask has its answer. Called once, by whoever completed it.
    virtual void answered(result<R>& answer, delivery how) noexcept = 0;

    /// Once.
    void begin_inner() noexcept {
        state_ptr<> const alive{inner_};  // made with the reference
        inner_->begin();
    }
    /// Instead: it never runs, and answers `cancelled`.
    void begin_stopped() noexcept {
        inner_->request_stop();
        begin_inner();
    }
    /// Instead: what is inside never hears of it.
    void dismiss_inner() noexcept {
        state_ptr<> const gone{this->take_upstream()};
        state_ptr<> const alive{inner_};  // made with the reference
        inner_->dismiss();
    }
    /// Before it has begun.
    void stop_inner() noexcept { inner_->request_stop(); }
    [[nodiscard]] context_data& inherited() noexcept { return inherited_; }

    /// A policy may answer before what is inside.
    [[nodiscard]] bool steadfast() noexcept final { return false; }
    // Without the trampoline: pipelines are as deep as they were written.
    void on_ready(state_base& source, delivery how) noexcept final {
        state_ptr<state<R>> const done{static_cast<state<R>*>(this->take_upstream())};
        answered(static_cast<state<R>&>(source).get(), how);
    }
    void step(delivery) noexcept override {}
    void refuse(errc, delivery) noexcept override {}

private:
    template <class L, class... X>
    void make_inner(state_base& keeper, any_executor where, L&& layer, X&&... args) {
        inherited_.owner_is_new(true);
        state_ptr<state<R>> inner =
            child_.make_on(keeper, std::move(where), &inherited_, std::forward<L>(layer).inner(), std::forward<X>(args)...);
        inherited_.owner_is_new(false);
        inner->attach_first(*this);
        inner->retain_first();  // for whoever begins or dismisses it, which comes once
        inner_ = inner.get();
        this->await_first(state_ptr<>{inner.release()});
    }

    context_data inherited_;
    state<R>* inner_ = nullptr;  // valid until it has begun
    ANTIPHON_NO_UNIQUE_ADDRESS child_slot<std::remove_cvref_t<decltype(std::declval<Layer const&>().inner())>, A...> child_;
};

}  // namespace antiphon::detail
