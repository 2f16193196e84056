// SPDX-License-Identifier: BSL-1.0
#pragma once
// A policy for tests: puts a given observer around a request.

#include <antiphon/request/adapt.hpp>
#include <antiphon/request/layering.hpp>
#include <antiphon/request/observer.hpp>

#include <utility>

namespace test {

/// Puts an observer around a request.
struct observed_by {
    template <class Layer, class... A>
    class ask_of : public antiphon::detail::layer_ask<Layer, A...> {
    public:
        using R = typename Layer::result_type;
        template <class L, class... X>
        ask_of(antiphon::any_executor where, antiphon::detail::context_data const* outer, L&& layer, X&&... args)
            : antiphon::detail::layer_ask<Layer, A...>{std::move(where), outer, std::forward<L>(layer), std::forward<X>(args)...},
              hears_{layer.policy().hears} {}

    protected:
        void start() noexcept override {
            this->inherited().observer = hears_;
            this->begin_inner();
        }
        void answered(antiphon::result<R>& answer, antiphon::detail::delivery how) noexcept override {
            this->complete_from(answer, how);
        }

    private:
        antiphon::observer* hears_;
    };
    using antiphon_policy = void;
    static constexpr bool abandons = false;
    template <class Layer, class... A>
    using ask = ask_of<Layer, A...>;
    antiphon::observer* hears;
    template <class Request>
    auto operator()(Request r) const {
        return antiphon::detail::wrap(*this, std::move(r));
    }
};

}  // namespace test
