// SPDX-License-Identifier: BSL-1.0
#pragma once
// submit(args..., callback): the callback lives in the ask, so that both are one allocation.

#include <cstddef>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

#include "antiphon/core/invoke.hpp"
#include "antiphon/request/detail/call.hpp"
#include "antiphon/request/detail/continuation.hpp"
#include "antiphon/request/detail/direct_ask.hpp"

namespace antiphon::detail {

/// An ask that tells nobody but its callback. The node of the ask is free again when the answer is known: it carries the
/// callback to its executor where that is needed.
template <class Ask, class Callback>
class callback_ask final : public Ask {
    using R = typename Ask::R;

public:
    template <class C, class... A>
    callback_ask(C&& callback, A&&... args) : Ask{std::forward<A>(args)...}, callback_(std::forward<C>(callback)), told_{*this} {
        this->attach_first(told_);
    }

private:
    class listener final : public consumer {
    public:
        explicit listener(callback_ask& ask) noexcept : ask_{&ask} {}
        void on_ready(state_base&, delivery how) noexcept override { ask_->hear(how); }

    private:
        callback_ask* ask_;
    };

    void hear(delivery how) noexcept {
        // At the end of a step that already runs in the right place, the callback is the rest of it.
        if (how == delivery::tail && (state_base::runs_anywhere(this->executor()) || this->at_home())) {
            tell();
        } else {
            this->continue_after(how);
        }
    }
    void tell() noexcept {
        ANTIPHON_TRY {
            ambient_context const inherited{this->context()};
            static_cast<void>(antiphon::detail::invoke(std::move(callback_), this->take()));
        }
        ANTIPHON_CATCH_ALL { this->executor().unhandled(std::current_exception()); }
        this->release();  // the consumer's reference
    }
    void step(delivery how) noexcept override { this->ready() ? tell() : Ask::step(how); }
    void refuse(errc why, delivery how) noexcept override {
        if (!this->ready()) {
            Ask::refuse(why, how);
        } else if (how == delivery::dropped) {
            this->schedule(default_pool().get_executor());
        } else {
            tell();
        }
    }
    void destroy() noexcept override { delete this; }

    Callback callback_;
    listener told_;
};

template <class Handler, class... P, class H, class Arguments, std::size_t... I>
void submit_with_callback(H&& handler, Arguments&& args, std::index_sequence<I...>) {
    using given = std::tuple_element_t<sizeof...(I), std::remove_cvref_t<Arguments>>;
    using callback_type = std::decay_t<given>;
    using R = typename Handler::result_type;
    static_assert(std::is_invocable_v<callback_type, result<R>>, "antiphon: the callback must take the result<R> of the request");
    if constexpr (std::is_invocable_v<callback_type, result<R>>) {
        any_executor where = place_of(handler);
        using layer = std::remove_cvref_t<decltype(std::forward<H>(handler).layer())>;
        if constexpr (requires { typename layer::template ask<std::tuple_element_t<I, std::remove_cvref_t<Arguments>>...>; }) {
            using ask = typename layer::template ask<std::tuple_element_t<I, std::remove_cvref_t<Arguments>>...>;
            auto* const made = new callback_ask<ask, callback_type>{
                std::get<sizeof...(I)>(std::forward<Arguments>(args)), std::move(where), ambient_context::current(),
                std::forward<H>(handler).layer(), std::get<I>(std::forward<Arguments>(args))...};
            made->retain();
            state_ptr<> const alive{made};
            made->begin();
        } else {
            attach_callback(future_access::take(
                                start_ask(std::move(where), std::forward<H>(handler), std::get<I>(std::forward<Arguments>(args))...)),
                            std::get<sizeof...(I)>(std::forward<Arguments>(args)));
        }
    }
}

}  // namespace antiphon::detail
