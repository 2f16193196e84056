// SPDX-License-Identifier: BSL-1.0
#pragma once
// A handler, or a whole pipeline, behind one pointer that copies of the request share.

#include <atomic>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include "antiphon/execution/any_executor.hpp"
#include "antiphon/request/detail/call.hpp"
#include "antiphon/request/detail/callback_ask.hpp"
#include "antiphon/request/detail/continuation.hpp"
#include "antiphon/request/detail/direct_ask.hpp"
#include "antiphon/request/detail/handler.hpp"
#include "antiphon/request/detail/room.hpp"
#include "antiphon/request/detail/shared_callable.hpp"
#include "antiphon/fwd.hpp"

namespace antiphon {

namespace detail {

template <class Inner, class... A>
class child_slot;  // layering.hpp

template <class R, class... P>
class erased_base {
public:
    explicit erased_base(bool plain) noexcept : plain_{plain} {}
    erased_base(erased_base const&) = delete;
    erased_base& operator=(erased_base const&) = delete;
    virtual ~erased_base() = default;

    /// Only where `plain`.
    virtual result<R> call(P... args) const = 0;
    /// A new ask, not begun, with the consumer's reference.
    [[nodiscard]] virtual state_ptr<state<R>> make(any_executor const& executor, context_data const* context, P... args) const = 0;
    /// A new ask that only `callback` hears of, begun.
    virtual void submit(any_executor const& executor, context_data const* context, given_callback<R> const& callback,
                        P... args) const = 0;
    /// What `make_inside` needs, and the ask that it makes there, for an owner who keeps the place as long as he lives.
    [[nodiscard]] virtual room inner_room() const noexcept = 0;
    [[nodiscard]] virtual state_ptr<state<R>> make_inside(void* place, state_base& owner, context_data const* context,
                                                          P... args) const = 0;
    [[nodiscard]] virtual any_executor const* executor() const noexcept = 0;
    [[nodiscard]] virtual bool abandons() const noexcept = 0;
    [[nodiscard]] virtual bool empty() const noexcept = 0;

    /// A bare handler without an executor whose answer is immediate: `call` is then the handler.
    [[nodiscard]] bool plain() const noexcept { return plain_; }

    void retain() const noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }  // relaxed: the caller holds one already
    void release() const noexcept {
        if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;  // acq_rel pairs with the other decrements
    }

private:
    mutable std::atomic<std::uint32_t> refs_{1};
    bool plain_;
};

/// The ask of a request without a handler.
template <class R>
class empty_ask final : public state<R> {
public:
    explicit empty_ask(any_executor executor) noexcept : state<R>{std::move(executor), nullptr, 2, 0} {}
    void begin() noexcept override { this->fail(empty_request(), delivery::nested); }

private:
    void destroy() noexcept override { delete this; }
    void step(delivery) noexcept override {}
    void refuse(errc, delivery) noexcept override {}
};

/// Lets `inner`, not begun, answer for `host`.
template <class R, class U>
void answer_by_beginning(host_state<R>& host, state_ptr<state<U>> inner) noexcept {
    inner->retain();
    state_ptr<state<U>> const begun{inner.get()};
    host.answer_by(std::move(inner), delivery::nested);
    begun->begin();
}

/// An ask that is answered by the one inside it, converted.
template <class R_, class Layer, class... A>
class following_ask : public host_state<R_> {
public:
    using R = R_;
    template <class... X>
    following_ask(any_executor&& executor, context_data const* context, Layer const& layer, X&&... args)
        : host_state<R>{std::move(executor), context, 2, 0}, inner_{child_.make(*this, context, layer, std::forward<X>(args)...)} {}
    void begin() noexcept override {
        if (this->asked_anew()) inner_->ask_anew();
        answer_by_beginning(*this, std::move(inner_));
    }
    void dismiss() noexcept override {
        inner_->dismiss();
        inner_ = {};
        this->release();  // the producer's reference
    }

protected:
    ~following_ask() = default;

    void step(delivery how) noexcept override { this->go_on(how); }
    void refuse(errc why, delivery how) noexcept override { this->refuse_further(why, how); }

private:
    ANTIPHON_NO_UNIQUE_ADDRESS child_slot<Layer, A...> child_;
    state_ptr<state<typename Layer::result_type>> inner_;
};

/// Whether only the layer itself knows what type its ask will have.
template <class Layer>
inline constexpr bool decides_late = false;
template <class Signature>
inline constexpr bool decides_late<erased<Signature>> = true;

/// The ask of a holder: its layer's own, when that is known and has the right type, else one that follows it.
template <class R, class Layer, class... A>
struct holders_ask {
    using type = following_ask<R, Layer, A...>;
};
template <class R, class Layer, class... A>
    requires(!decides_late<Layer> && std::is_same_v<R, typename Layer::result_type>)
struct holders_ask<R, Layer, A...> {
    using type = typename Layer::template ask<A...>;
};

template <class Handler, class R, class... P>
class erased_holder final : public erased_base<R, P...> {
    using layer = std::remove_cvref_t<decltype(std::declval<Handler const&>().layer())>;
    static constexpr bool same = std::is_same_v<R, typename layer::result_type>;
    static constexpr bool transparent = std::is_same_v<layer, erased<R(P...)>>;

    template <class X>
    using passed = std::conditional_t<std::is_lvalue_reference_v<X>, X, std::remove_reference_t<X>>;
    template <class X>
    using handed = passed<decltype(hand_on<X>(std::declval<std::remove_reference_t<X>&>()))>;
    using ask = typename holders_ask<R, layer, handed<P>...>::type;
    using inner_place = child_slot<layer, handed<P>...>;

public:
    explicit erased_holder(Handler&& h) : erased_base<R, P...>{is_plain<Handler>}, handler_(std::move(h)) {}
    result<R> call(P... args) const override {
        if constexpr (is_plain<Handler>) {
            return convert<R>(call_plain(handler_, hand_on<P>(args)...));
        } else {
            return failure{errc::internal, executed::no};
        }
    }
    [[nodiscard]] state_ptr<state<R>> make(any_executor const& executor, context_data const* context, P... args) const override {
        if constexpr (transparent) {
            return handler_.layer().base().make(executor, context, hand_on<P>(args)...);
        } else if constexpr (decides_late<layer> && same) {
            return layer::make(handler_.layer(), any_executor{executor}, context, hand_on<P>(args)...);
        } else {
            return state_ptr<state<R>>{new heap_ask<ask>{any_executor{executor}, context, handler_.layer(), hand_on<P>(args)...}};
        }
    }
    void submit(any_executor const& executor, context_data const* context, given_callback<R> const& callback,
                P... args) const override {
        if constexpr (transparent) {
            handler_.layer().base().submit(executor, context, callback, hand_on<P>(args)...);
        } else {
            using telling = roomy_ask<callback_ask<ask, distant_callback<R>>>;
            typename telling::memory memory{callback.table->needs};
            begin_alone(*memory.make(typename distant_callback<R>::seed{callback, memory.behind()}, any_executor{executor}, context,
                                     handler_.layer(), hand_on<P>(args)...));
        }
    }
    [[nodiscard]] room inner_room() const noexcept override {
        if constexpr (transparent) {
            return handler_.layer().base().inner_room();
        } else if constexpr (same) {
            return {sizeof(inner_place), alignof(inner_place)};
        } else {
            return {};
        }
    }
    [[nodiscard]] state_ptr<state<R>> make_inside([[maybe_unused]] void* place, state_base& owner, context_data const* context,
                                                  P... args) const override {
        if constexpr (transparent) {
            return handler_.layer().base().make_inside(place, owner, context, hand_on<P>(args)...);
        } else if constexpr (same) {
            return (::new (place) inner_place)->make(owner, context, handler_.layer(), hand_on<P>(args)...);
        } else {
            return make(owner.executor(), context, static_cast<P>(args)...);
        }
    }
    [[nodiscard]] any_executor const* executor() const noexcept override { return handler_.executor(); }
    [[nodiscard]] bool abandons() const noexcept override { return handler_.abandons(); }
    [[nodiscard]] bool empty() const noexcept override { return handler_.empty(); }

private:
    Handler handler_;
};

/// An ask whose arguments do not have their parameters' types: it keeps them as passed and follows an inner ask, in the room behind
/// it, which it outlives however long that runs on.
template <class Erased, class R, class P, class... Kept>
class converting_ask;
template <class Erased, class R_, class... P, class... Kept>
class converting_ask<Erased, R_, types<P...>, Kept...> : public host_state<R_> {
public:
    using R = R_;
    template <class E, class... A>
    converting_ask(void* behind, any_executor&& executor, context_data const* context, E&& handler, A&&... args)
        : host_state<R>{std::move(executor), context, 2, 0},
          data_{*this},
          behind_{behind},
          handler_(std::forward<E>(handler)),
          args_(std::forward<A>(args)...) {}
    void begin() noexcept override {
        data_.inherit_from(*this);  // not before: the layers around have only now settled theirs
        ANTIPHON_TRY {
            answer_by_beginning(*this, std::apply(
                                           [&](Kept&... args) {
                                               return handler_.base().make_inside(behind_, *this, &data_,
                                                                                  static_cast<P>(std::move(args))...);
                                           },
                                           args_));
        }
        ANTIPHON_CATCH_ALL { this->fail(failure::current(executed::no), delivery::nested); }
    }

protected:
    ~converting_ask() = default;
    void step(delivery how) noexcept override { this->go_on(how); }
    void refuse(errc why, delivery how) noexcept override { this->refuse_further(why, how); }
    [[nodiscard]] room behind() const noexcept { return handler_.base().inner_room(); }

private:
    context_data data_;
    void* behind_;
    Erased handler_;
    std::tuple<Kept...> args_;
};

}  // namespace detail

template <class R, class... P>
class erased<R(P...)> {
    using base_type = detail::erased_base<R, P...>;

public:
    using result_type = R;
    using signature = R(P...);

    erased() noexcept = default;
    template <class Handler>
    explicit erased(std::in_place_t, Handler&& h)
        : base_{new detail::erased_holder<typename detail::sharing<Handler>::type, R, P...>{
              detail::sharing<Handler>::apply(std::move(h))}} {
        static_assert(!std::is_reference_v<Handler>);
    }
    erased(std::in_place_t, erased&& other) noexcept : erased{std::move(other)} {}
    erased(erased const& other) noexcept : base_{other.base_} {
        if (base_ != nullptr) base_->retain();
    }
    erased(erased&& other) noexcept : base_{std::exchange(other.base_, nullptr)} {}
    erased& operator=(erased other) noexcept {
        std::swap(base_, other.base_);
        return *this;
    }
    ~erased() {
        if (base_ != nullptr) base_->release();
    }

    [[nodiscard]] bool empty() const noexcept { return base_ == nullptr || base_->empty(); }
    [[nodiscard]] any_executor const* executor() const noexcept { return base_ != nullptr ? base_->executor() : nullptr; }
    [[nodiscard]] bool abandons() const noexcept { return base_ != nullptr && base_->abandons(); }
    /// Whether `base().call` is the handler itself.
    [[nodiscard]] bool plain() const noexcept { return base_ != nullptr && base_->plain(); }
    [[nodiscard]] base_type const& base() const noexcept { return *base_; }
    [[nodiscard]] erased const& layer() const noexcept { return *this; }

    template <class Self, class... A>
    [[nodiscard]] static detail::state_ptr<detail::state<R>> make(Self&& self, any_executor executor,
                                                                  detail::context_data const* context, A&&... args) {
        if (self.empty()) return detail::state_ptr<detail::state<R>>{new detail::empty_ask<R>{std::move(executor)}};
        if constexpr (at_once<A...>) {
            return self.base().make(executor, context, std::forward<A>(args)...);
        } else {
            using ask_type = detail::roomy_ask<converting<A...>>;
            typename ask_type::memory memory{self.base().inner_room()};
            return detail::state_ptr<detail::state<R>>{
                memory.make(memory.behind(), std::move(executor), context, std::forward<Self>(self), std::forward<A>(args)...)};
        }
    }
    /// The same with a callback, begun.
    template <class Self, class Callback, class... A>
    static void submit(Self&& self, any_executor&& executor, detail::context_data const* context, Callback&& callback, A&&... args) {
        if constexpr (std::is_function_v<std::remove_reference_t<Callback>>) {
            submit(std::forward<Self>(self), std::move(executor), context, &callback, std::forward<A>(args)...);
        } else if (self.empty()) {
            detail::attach_callback(detail::plain_state<R>::settled(detail::empty_request(), std::move(executor)),
                                    std::forward<Callback>(callback));
        } else if constexpr (at_once<A...>) {
            self.base().submit(executor, context, detail::give<R>(std::forward<Callback>(callback)), std::forward<A>(args)...);
        } else {
            using ask_type = detail::roomy_ask<detail::callback_ask<converting<A...>, std::decay_t<Callback>>>;
            typename ask_type::memory memory{self.base().inner_room()};
            detail::begin_alone(*memory.make(std::forward<Callback>(callback), memory.behind(), std::move(executor), context,
                                             std::forward<Self>(self), std::forward<A>(args)...));
        }
    }

private:
    // An argument that has its parameter's type already, or is a plain number, need not be kept as passed.
    template <class A, class Q>
    static constexpr bool converts_at_once =
        std::is_same_v<detail::kept_t<Q, A>, std::remove_cvref_t<Q>> || std::is_arithmetic_v<std::remove_cvref_t<Q>> ||
        (std::is_lvalue_reference_v<Q> && !std::is_const_v<std::remove_reference_t<Q>>);
    template <class... A>
    static constexpr bool at_once = (converts_at_once<A, P> && ...);
    template <class... A>
    using converting = detail::converting_ask<erased, R, detail::types<P...>, detail::kept_t<P, A>...>;

    base_type const* base_ = nullptr;
};

}  // namespace antiphon
