// SPDX-License-Identifier: BSL-1.0
#pragma once
// submit(args..., callback): the callback lives in the ask, so that both are one allocation.

#include <cstddef>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

#include "antiphon/request/detail/call.hpp"
#include "antiphon/request/detail/continuation.hpp"
#include "antiphon/request/detail/direct_ask.hpp"
#include "antiphon/request/detail/nullable.hpp"
#include "antiphon/request/detail/room.hpp"
#include "antiphon/request/detail/told_ask.hpp"

namespace antiphon::detail {

/// What an ask that does not know its callback's type does with it.
template <class R>
struct callback_table {
    room needs;
    void (*create)(void* at, void* from);
    void (*tell)(void* at, result<R>&& answer);
    void (*destroy)(void* at) noexcept;
};

/// A callback that is still its caller's.
template <class R>
struct given_callback {
    callback_table<R> const* table;
    void* from;
};
template <class R, class Callback>
[[nodiscard]] given_callback<R> give(Callback&& callback) noexcept {
    using F = std::remove_cvref_t<Callback>;
    static constexpr callback_table<R> table{
        {sizeof(F), alignof(F)},
        [](void* at, void* from) { ::new (at) F(std::forward<Callback>(*static_cast<std::remove_reference_t<Callback>*>(from))); },
        [](void* at, result<R>&& answer) { static_cast<void>(call_back(std::move(*static_cast<F*>(at)), std::move(answer))); },
        [](void* at) noexcept { static_cast<F*>(at)->~F(); }};
    return {&table, const_cast<void*>(static_cast<void const*>(detail::addressof(callback)))};
}

/// A callback in the room behind its ask.
template <class R>
class distant_callback {
public:
    struct seed {
        given_callback<R> given;
        void* at;
    };
    explicit distant_callback(seed from) : table_{from.given.table}, at_{from.at} { table_->create(at_, from.given.from); }
    distant_callback(distant_callback const&) = delete;
    distant_callback& operator=(distant_callback const&) = delete;
    ~distant_callback() { table_->destroy(at_); }

    template <class U>
    void operator()(result<U>&& answer) && {
        table_->tell(at_, convert<R>(std::move(answer)));
    }
    [[nodiscard]] room needs() const noexcept { return table_->needs; }

private:
    callback_table<R> const* table_;
    void* at_;
};

/// Made before the ask that has it: an ask that was made has to be answered.
template <class Callback>
struct callback_holder {
    template <class C>
    explicit callback_holder(C&& callback) : callback_(std::forward<C>(callback)) {}
    Callback callback_;
};

/// An ask that tells nobody but its callback. The node of the ask is free again when the answer is known: it carries the
/// callback to its executor where that is needed.
template <class Ask, class Callback>
class callback_ask : private callback_holder<Callback>, public Ask {
    using R = typename Ask::R;

public:
    template <class C, class... A>
    explicit callback_ask(C&& callback, A&&... args)
        : callback_holder<Callback>{std::forward<C>(callback)}, Ask{std::forward<A>(args)...}, told_{*this} {
        this->attach_first_end(told_);
    }

protected:
    ~callback_ask() = default;
    [[nodiscard]] room behind() const noexcept {
        if constexpr (requires { this->callback_.needs(); }) {
            return this->callback_.needs();
        } else {
            return Ask::behind();
        }
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
            static_cast<void>(call_back(std::move(this->callback_), this->take()));
        }
        ANTIPHON_CATCH_ALL { this->executor().unhandled(std::current_exception()); }
        this->release();  // the consumer's reference
    }
    void step(delivery how) noexcept override { this->ready() ? tell() : Ask::step(how); }
    void step_from_queue(delivery how) noexcept override {
        if (!this->ready()) return Ask::step_from_queue(how);
        tell();
        this->release();
    }
    void refuse(errc why, delivery how) noexcept override {
        if (!this->ready()) {
            Ask::refuse(why, how);
        } else if (how == delivery::dropped) {
            this->schedule(default_pool().get_executor());
        } else {
            tell();
        }
    }

    listener told_;
};

/// Begins an ask that nobody holds but itself, made in the context of the handler that asks.
inline void begin_alone(state_base& ask) noexcept {
    ask.retain_first();
    state_ptr<> const alive{&ask};
    ask.ask_anew();
    ask.begin_unshared();
    ask.begin();
}

template <class Handler, class... P, class H, class Arguments, std::size_t... I>
void submit_with_callback(H&& handler, Arguments&& args, std::index_sequence<I...>) {
    using given = std::tuple_element_t<sizeof...(I), std::remove_cvref_t<Arguments>>;
    using callback_type = std::decay_t<given>;
    using R = typename Handler::result_type;
    static_assert(std::is_invocable_v<callback_type, result<R>>, "antiphon: the callback must take the result<R> of the request");
    if constexpr (!(kept<P, std::tuple_element_t<I, std::remove_cvref_t<Arguments>>>::possible && ...)) {
        (explain_argument<P, std::tuple_element_t<I, std::remove_cvref_t<Arguments>>>(), ...);
    } else if constexpr (std::is_invocable_v<callback_type, result<R>>) {
        any_executor where = place_of(handler);
        using layer = std::remove_cvref_t<decltype(std::forward<H>(handler).layer())>;
        if constexpr (needs_no_state<layer>) {
            using ask = told_ask<layer, callback_type, kept_t<P, std::tuple_element_t<I, std::remove_cvref_t<Arguments>>>...>;
            any_executor const while_posting{where};
            auto* const told =
                new ask{std::get<sizeof...(I)>(std::forward<Arguments>(args)), std::move(where), ambient_context::current(),
                        std::forward<H>(handler).layer(), std::get<I>(std::forward<Arguments>(args))...};
            told->begin_on(while_posting);
        } else if constexpr (requires { typename layer::template ask<std::tuple_element_t<I, std::remove_cvref_t<Arguments>>...>; }) {
            using ask = typename layer::template ask<std::tuple_element_t<I, std::remove_cvref_t<Arguments>>...>;
            begin_alone(*new heap_ask<callback_ask<ask, callback_type>>{
                std::get<sizeof...(I)>(std::forward<Arguments>(args)), std::move(where), ambient_context::current(),
                std::forward<H>(handler).layer(), std::get<I>(std::forward<Arguments>(args))...});
        } else {
            layer::submit(std::forward<H>(handler).layer(), std::move(where), ambient_context::current(),
                          std::get<sizeof...(I)>(std::forward<Arguments>(args)), std::get<I>(std::forward<Arguments>(args))...);
        }
    }
}

}  // namespace antiphon::detail
