// SPDX-License-Identifier: BSL-1.0
#pragma once
// submit(args..., callback) of a bare handler: a job that runs both, and no state, since nobody can stop it, wait for it or take it over.

#include <cstdint>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/errc.hpp"
#include "antiphon/core/lifetime.hpp"
#include "antiphon/core/node_cache.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/default_pool.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/detail/call.hpp"
#include "antiphon/request/detail/direct_ask.hpp"
#include "antiphon/request/detail/nullable.hpp"
#include "antiphon/request/trampoline.hpp"

namespace antiphon::detail {

/// Whether an ask of this layer needs no state when only a callback hears of it.
template <class Layer>
inline constexpr bool needs_no_state = false;
template <class F, class Signature>
inline constexpr bool needs_no_state<leaf<F, Signature, lead::nothing, false>> =
    leaf<F, Signature, lead::nothing, false>::immediate &&
    std::is_nothrow_move_constructible_v<result<typename leaf<F, Signature, lead::nothing, false>::result_type>>;

/// One ask and its callback. Whoever runs it, or rejects it, owns it; until then its queue does. The answer is never kept: it goes from
/// the handler to the callback, after the handler and the arguments are gone.
/// **Cost**: the exchanges of its executor's queue, none of its own.
template <class Leaf, class Callback, class... Kept>
class told_ask final : public work_item, public recycled {
    using R = typename Leaf::result_type;

public:
    template <class C, class L, class... A>
    told_ask(C&& callback, any_executor&& executor, context_data const* context, L&& handler, A&&... args)
        : executor_{std::move(executor)},
          context_{context},
          callback_(std::forward<C>(callback)),
          payload_{std::forward<L>(handler), std::tuple<Kept...>(std::forward<A>(args)...)} {
        if (context_ != nullptr) context_->retain();
    }
    /// Once. `where` is a copy of its executor, since the ask may be gone before `execute` returns.
    void begin_on(any_executor const& where) noexcept { where ? hand_to(where) : run(); }

    void run() noexcept override {
        trampoline::barrier const closed{this};
        refused_ ? tell(refusal(why_)) : answer();
    }
    void reject(errc why, rejection how) noexcept override {
        dropping_scope const during{how};
        bool const first = !std::exchange(refused_, true);
        if (first) {
            why_ = why;
            detail::destroy_at(detail::addressof(payload_));
        }
        // The callback belongs on the executor; where that refuses it too, here; and what was dropped is run nowhere near.
        if (how == rejection::dropped) {
            hand_to(default_pool().get_executor());
        } else if (first) {
            hand_to(any_executor{executor_});
        } else {
            tell(refusal(why_));
        }
    }
    [[nodiscard]] urgency how_urgent() const noexcept override {
        return context_ != nullptr ? urgency{context_->priority, context_->deadline, context_->patient} : urgency{};
    }

private:
    ~told_ask() {
        if (context_ != nullptr) context_->release();
    }

    void hand_to(any_executor const& where) noexcept {
        work job = work_of(*this, context_);
        ANTIPHON_TRY { where.execute(std::move(job)); }
        ANTIPHON_CATCH_ALL {
            // The executor was given the job and let go of it while throwing: the ask is decided.
        }
    }
    void answer() noexcept {
        result<R> found = ask();
        detail::destroy_at(detail::addressof(payload_));
        tell(std::move(found));
    }
    [[nodiscard]] result<R> ask() noexcept {
        if (result<void> may = may_begin(payload_.handler, executor_, context_, attempt); !may) return std::move(may).error();
        ambient_context const inherited{context_};
        plain_source<lead::nothing> none;
        return caught_result<R>([&]() -> decltype(auto) {
            return std::apply(
                [&](Kept&... args) -> decltype(auto) { return std::as_const(payload_.handler).invoke(none, std::move(args)...); },
                payload_.args);
        });
    }
    [[nodiscard]] ANTIPHON_COLD static result<R> refusal(errc why) noexcept { return failure{why, executed::no}; }
    void tell(result<R> found) noexcept {
        ANTIPHON_TRY {
            ambient_context const inherited{context_};
            static_cast<void>(call_back(std::move(callback_), std::move(found)));
        }
        ANTIPHON_CATCH_ALL { executor_.unhandled(std::current_exception()); }
        delete this;
    }

    /// It is made in the context of whoever asks, and begins to count anew.
    static constexpr std::uint32_t attempt = 1;

    any_executor executor_;
    context_data const* context_;
    ANTIPHON_NO_UNIQUE_ADDRESS Callback callback_;
    union {
        ask_payload<Leaf, Kept...> payload_;  // until it was answered or refused
    };
    errc why_{};
    bool refused_ = false;
};

}  // namespace antiphon::detail
