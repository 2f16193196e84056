// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that ties an ask to a stop token from outside.

#include <atomic>
#include <optional>
#include <stop_token>
#include <utility>

#include "antiphon/request/adapt.hpp"
#include "antiphon/request/layering.hpp"

namespace antiphon {

namespace detail {

template <class Layer, class... A>
class stop_when_ask : public layer_ask<Layer, A...> {
public:
    using R = typename Layer::result_type;
    template <class L, class... X>
    stop_when_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : layer_ask<Layer, A...>{std::move(executor_for), outer, std::forward<L>(layer), std::forward<X>(args)...},
          token_{layer.policy().token()} {}

protected:
    ~stop_when_ask() = default;
    void start() noexcept override {
        if (token_.stop_requested()) return this->begin_stopped();
        if (token_.stop_possible()) {
            watched_.emplace(token_, forward_stop{this});
            // acq_rel pairs with `answered`, which may have come while the callback was being made, even inside it
            if ((phase_.fetch_or(registered, std::memory_order_acq_rel) & finished) != 0) watched_.reset();
        }
        this->begin_inner();
    }
    void answered(result<R>& answer, delivery how) noexcept override {
        // The registration ends before the answer is known, and its end waits for a callback that is running elsewhere: so the
        // callback never outlives this.
        if ((phase_.fetch_or(finished, std::memory_order_acq_rel) & registered) != 0) watched_.reset();
        this->complete_from(answer, how);
    }

private:
    struct forward_stop {
        stop_when_ask* ask;
        void operator()() const noexcept { ask->request_stop(); }
    };
    enum : unsigned {
        registered = 1,
        finished = 2
    };

    std::stop_token token_;
    std::optional<std::stop_callback<forward_stop>> watched_;
    std::atomic<unsigned> phase_{0};
};

}  // namespace detail

/// `request | stop_when(token)`: a stop requested there is a stop request to the ask; one requested before means that the
/// handler does not run (`errc::cancelled`, `executed::no`).
/// **Cost**: one registration with the token an ask.
class stop_when {
public:
    using antiphon_policy = void;
    static constexpr bool abandons = false;
    template <class Layer, class... A>
    using ask = detail::stop_when_ask<Layer, A...>;

    explicit stop_when(std::stop_token token) noexcept : token_{std::move(token)} {}
    [[nodiscard]] std::stop_token const& token() const noexcept { return token_; }

    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::wrap(*this, std::move(r));
    }

private:
    std::stop_token token_;
};

}  // namespace antiphon
