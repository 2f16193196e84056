// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that tells an observer what becomes of an ask.

#include <atomic>
#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/core/unique_function.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/request/observer.hpp"

namespace antiphon {

/// An observer made of callables, each optional: `observe(hooks{.retried = [](auto, failure const& why, auto) { log(why); }})`.
/// **Threads**: each is called from wherever its event happens, several at once: what it touches must bear that.
struct hooks {
    unique_function<void()> asked{};
    unique_function<void(std::uint32_t number)> started{};
    unique_function<void(std::uint32_t number, failure const& why, duration delay)> retried{};
    unique_function<void(std::uint32_t number)> hedged{};
    unique_function<void(char const* by, failure const& why)> rejected{};
    unique_function<void(char const* by)> answered_by{};
    unique_function<void()> late{};
    unique_function<void(failure const* why, duration took)> completed{};
};

namespace detail {

/// `hooks` as an observer.
class hooked final : public observer {
public:
    explicit hooked(hooks h) noexcept : hooks_{std::move(h)} {}
    void asked() noexcept override { tell(hooks_.asked); }
    void started(std::uint32_t number) noexcept override { tell(hooks_.started, number); }
    void retried(std::uint32_t number, failure const& why, duration delay) noexcept override {
        tell(hooks_.retried, number, why, delay);
    }
    void hedged(std::uint32_t number) noexcept override { tell(hooks_.hedged, number); }
    void rejected(char const* by, failure const& why) noexcept override { tell(hooks_.rejected, by, why); }
    void answered_by(char const* by) noexcept override { tell(hooks_.answered_by, by); }
    void late() noexcept override { tell(hooks_.late); }
    void completed(failure const* why, duration took) noexcept override { tell(hooks_.completed, why, took); }

private:
    template <class F, class... A>
    static void tell(F& hook, A const&... args) noexcept {
        if (hook) hook(args...);
    }
    hooks hooks_;
};

/// Two observers around one ask: the inner one hears first. `asked` and `completed` are for the layer that reports them alone.
class both_observers final : public observer {
public:
    void join(observer& inner, observer& outer) noexcept {
        inner_ = &inner;
        outer_ = &outer;
    }
    void started(std::uint32_t number) noexcept override {
        inner_->started(number);
        outer_->started(number);
    }
    void retried(std::uint32_t number, failure const& why, duration delay) noexcept override {
        inner_->retried(number, why, delay);
        outer_->retried(number, why, delay);
    }
    void hedged(std::uint32_t number) noexcept override {
        inner_->hedged(number);
        outer_->hedged(number);
    }
    void rejected(char const* by, failure const& why) noexcept override {
        inner_->rejected(by, why);
        outer_->rejected(by, why);
    }
    void answered_by(char const* by) noexcept override {
        inner_->answered_by(by);
        outer_->answered_by(by);
    }
    void late() noexcept override {
        inner_->late();
        outer_->late();
    }
    void late_reply(late_answer answer) noexcept override {
        inner_->late_reply(answer);
        outer_->late_reply(answer);
    }

private:
    observer* inner_ = nullptr;
    observer* outer_ = nullptr;
};

/// The layer's ask. It and its policy's handle keep the observer alive: whoever inherits the context holds this ask.
/// `arrived_`: a stop request may answer what is inside before the layer starts; the first of `start` and `answered` reports
/// the arrival.
template <class Layer, class... A>
class observing_ask : public layer_ask<Layer, A...> {
public:
    using R = typename Layer::result_type;
    template <class L, class... X>
    observing_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : layer_ask<Layer, A...>{std::move(executor_for), outer, std::forward<L>(layer), std::forward<X>(args)...},
          policy_(layer.policy()) {}

protected:
    void start() noexcept override {
        observer& own = policy_.target();
        observer*& heard = this->inherited().observer;
        if (heard != nullptr) {
            both_.join(own, *heard);
            heard = &both_;
        } else {
            heard = &own;
        }
        began_ = this->executor().now();
        // release pairs with `answered`: `began_`
        if (!arrived_.exchange(true, std::memory_order_acq_rel)) own.asked();
        this->begin_inner();
    }
    void answered(result<R>& answer, delivery how) noexcept override {
        observer& own = policy_.target();
        duration took = duration::zero();
        if (arrived_.exchange(true, std::memory_order_acq_rel)) {  // acquire pairs with `start`
            took = saturating_sub(this->executor().now(), began_);
        } else {
            own.asked();
        }
        own.completed(answer ? nullptr : &answer.error(), took);
        this->complete_from(answer, how);
    }

private:
    typename Layer::policy_type policy_;
    time_point began_;
    std::atomic<bool> arrived_{false};
    both_observers both_;
};

/// An observer that its policies share.
template <class O>
struct held_observer final : counted {
    explicit held_observer(O o) : value(std::move(o)) {}
    O value;
};

}  // namespace detail

/// `request | observe(o)`: tells `o` of every ask that arrives at this layer, how long it took and how it ended, and of what
/// happens to it inside: attempts, copies, refusals, late answers. Nested, each hears what is inside it, the inner one first.
/// `o` is
/// - an observer by value (or `hooks`): copies of the policy share it, and it lives as long as they and their asks:
///   `observe log{my_observer{}};  request | log;  log->count();`
/// - something that points to one (a `shared_ptr`, a plain pointer), which is copied; who gives a plain one keeps the observer
///   alive until the last ask is over.
/// **Threads**, **Errors**: see `observer`. **Time**: durations on the executor's clock, from the moment the layer starts.
/// **Cost**: two readings of the clock; no allocation beyond the ask's. Without the policy: nothing.
template <class O>
class observe {
public:
    using antiphon_policy = void;
    static constexpr bool abandons = false;
    template <class Layer, class... A>
    using ask = detail::observing_ask<Layer, A...>;

    explicit observe(O o)
        requires std::derived_from<O, observer>
        : held_{new detail::held_observer<O>{std::move(o)}} {}
    explicit observe(hooks h)
        requires std::same_as<O, detail::hooked>
        : held_{new detail::held_observer<O>{detail::hooked{std::move(h)}}} {}

    [[nodiscard]] O& operator*() const noexcept { return held_->value; }
    [[nodiscard]] O* operator->() const noexcept { return &held_->value; }
    [[nodiscard]] observer& target() const noexcept { return held_->value; }
    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::wrap(*this, std::move(r));
    }

private:
    shared_core<detail::held_observer<O>> held_;
};

template <class P>
    requires requires(P const& p) {
        { *p } -> std::convertible_to<observer&>;
    }
class observe<P> {
public:
    using antiphon_policy = void;
    static constexpr bool abandons = false;
    template <class Layer, class... A>
    using ask = detail::observing_ask<Layer, A...>;

    explicit observe(P pointer) noexcept(std::is_nothrow_move_constructible_v<P>) : pointer_(std::move(pointer)) {}

    [[nodiscard]] auto& operator*() const noexcept { return *pointer_; }
    [[nodiscard]] auto* operator->() const noexcept { return &*pointer_; }
    [[nodiscard]] observer& target() const noexcept { return *pointer_; }
    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::wrap(*this, std::move(r));
    }

private:
    P pointer_;
};

template <class T>
observe(T) -> observe<T>;
observe(hooks) -> observe<detail::hooked>;

static_assert(policy<observe<observer*>> && policy<observe<detail::hooked>>);
static_assert(sizeof(observe<detail::hooked>) == sizeof(void*));

}  // namespace antiphon
