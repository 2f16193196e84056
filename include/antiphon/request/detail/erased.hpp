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
#include "antiphon/request/detail/continuation.hpp"
#include "antiphon/request/detail/direct_ask.hpp"
#include "antiphon/request/detail/handler.hpp"
#include "antiphon/request/detail/shared_callable.hpp"
#include "antiphon/fwd.hpp"

namespace antiphon {

namespace detail {

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

/// An ask that is answered by another one, converted.
template <class R, class U>
class following_ask final : public host_state<R> {
public:
    following_ask(any_executor executor, context_data const* context, state_ptr<state<U>> inner)
        : host_state<R>{std::move(executor), context, 2, 0}, inner_{std::move(inner)} {}
    void begin() noexcept override {
        inner_->retain();
        state_ptr<state<U>> const begun{inner_.get()};
        this->answer_by(std::move(inner_), delivery::nested);
        begun->begin();
    }

private:
    void step(delivery how) noexcept override { this->go_on(how); }
    void refuse(errc why, delivery how) noexcept override { this->refuse_further(why, how); }
    void destroy() noexcept override { delete this; }

    state_ptr<state<U>> inner_;
};

template <class Handler, class R, class... P>
class erased_holder final : public erased_base<R, P...> {
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
        using layer = std::remove_cvref_t<decltype(handler_.layer())>;
        state_ptr<state<typename Handler::result_type>> inner = layer::make(handler_.layer(), executor, context, hand_on<P>(args)...);
        if constexpr (std::is_same_v<R, typename Handler::result_type>) {
            return inner;
        } else {
            return state_ptr<state<R>>{new following_ask<R, typename Handler::result_type>{executor, context, std::move(inner)}};
        }
    }
    [[nodiscard]] any_executor const* executor() const noexcept override { return handler_.executor(); }
    [[nodiscard]] bool abandons() const noexcept override { return handler_.abandons(); }
    [[nodiscard]] bool empty() const noexcept override { return handler_.empty(); }

private:
    Handler handler_;
};

/// An ask whose arguments do not have their parameters' types: it keeps them as passed and follows an inner ask, which it
/// outlives however long that runs on.
template <class Erased, class R, class P, class... Kept>
class converting_ask;
template <class Erased, class R, class... P, class... Kept>
class converting_ask<Erased, R, types<P...>, Kept...> final : public host_state<R> {
public:
    template <class E, class... A>
    converting_ask(any_executor executor, context_data const* context, E&& handler, A&&... args)
        : host_state<R>{std::move(executor), context, 2, 0},
          data_{*this},
          handler_(std::forward<E>(handler)),
          args_(std::forward<A>(args)...) {}
    void begin() noexcept override {
        data_.inherit(this->context());  // not before: the layers around have only now settled theirs
        ANTIPHON_TRY {
            state_ptr<state<R>> inner = std::apply(
                [&](Kept&... args) { return handler_.base().make(this->executor(), &data_, static_cast<P>(std::move(args))...); },
                args_);
            inner->retain();
            state_ptr<state<R>> const begun{inner.get()};
            this->answer_by(std::move(inner), delivery::nested);
            begun->begin();
        }
        ANTIPHON_CATCH_ALL { this->fail(failure::current(executed::no), delivery::nested); }
    }

protected:
    void step(delivery how) noexcept override { this->go_on(how); }
    void refuse(errc why, delivery how) noexcept override { this->refuse_further(why, how); }
    void destroy() noexcept override { delete this; }

private:
    context_data data_;
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
        if (self.empty()) return detail::plain_state<R>::settled(detail::empty_request());
        if constexpr ((converts_at_once<A, P> && ...)) {
            return self.base().make(executor, context, std::forward<A>(args)...);
        } else {
            using ask_type = detail::converting_ask<erased, R, detail::types<P...>, detail::kept_t<P, A>...>;
            return detail::state_ptr<detail::state<R>>{
                new ask_type{std::move(executor), context, std::forward<Self>(self), std::forward<A>(args)...}};
        }
    }

private:
    // An argument that has its parameter's type already, or is a plain number, need not be kept as passed: one allocation an ask.
    template <class A, class Q>
    static constexpr bool converts_at_once =
        std::is_same_v<detail::kept_t<Q, A>, std::remove_cvref_t<Q>> || std::is_arithmetic_v<std::remove_cvref_t<Q>> ||
        (std::is_lvalue_reference_v<Q> && !std::is_const_v<std::remove_reference_t<Q>>);

    base_type const* base_ = nullptr;
};

}  // namespace antiphon
