// SPDX-License-Identifier: BSL-1.0
#pragma once
// The shared state of one ask: who waits for it, what it waits for, the claim that lets exactly one thread run it, and its result.

#include <cstdint>
#include <new>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/lifetime.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/request/answer.hpp"
#include "antiphon/request/detail/context_data.hpp"
#include "antiphon/request/detail/helping.hpp"
#include "antiphon/request/detail/running.hpp"
#include "antiphon/request/detail/waiting.hpp"
#include "antiphon/request/detail/waking.hpp"
#include "antiphon/fwd.hpp"

namespace antiphon::detail {

/// A state with its result.
template <class R>
class state : public state_base {
public:
    /// Decides the ask by the result that `make` returns. What it throws becomes the failure.
    template <class Make>
    void decide(Make&& make, delivery how) noexcept {
        prepare(std::forward<Make>(make));
        this->publish(how);
    }
    void complete(result<R>&& answer, delivery how) noexcept {
        decide([&]() -> result<R>&& { return std::move(answer); }, how);
    }
    void fail(failure why, delivery how) noexcept {
        decide([&] { return result<R>(std::move(why)); }, how);
    }
    /// Decides the ask by the immediate answer that `make` gives.
    template <class Make>
    void answer_now(Make&& make, delivery how) noexcept {
        decide([&] { return immediate_result<R>(std::forward<Make>(make)); }, how);
    }
    /// Asks that tell from their answer what they still own say so themselves.
    void dismiss() noexcept override {
        discard();
        this->release();  // the producer's reference
    }
    /// Once ready.
    [[nodiscard]] result<R>& get() noexcept { return result_; }
    [[nodiscard]] result<R> take() noexcept {
        ANTIPHON_TRY { return std::move(result_); }
        ANTIPHON_CATCH_ALL { return failure::current(); }
    }

protected:
    state(any_executor&& executor, context_data const* context, std::uint32_t references, std::uint32_t word) noexcept
        : state_base{std::move(executor), context, references, word} {}
    ~state() {
        if (this->ready()) result_.~result<R>();
    }
    /// The first half of `decide`, for who has to look at the result before it is published.
    template <class Make>
    void prepare(Make&& make) noexcept {
        ANTIPHON_TRY { ::new (static_cast<void*>(detail::addressof(result_))) result<R>(std::forward<Make>(make)()); }
        ANTIPHON_CATCH_ALL { ::new (static_cast<void*>(detail::addressof(result_))) result<R>(failure::current()); }
        discard();
    }
    /// Where the result will be, for what is there before it.
    [[nodiscard]] void* place() noexcept { return detail::addressof(result_); }
    template <class X>
    void put(X&& answer) noexcept {
        ::new (place()) result<R>(std::forward<X>(answer));
    }
    /// The answer is known: the handler and its arguments may go, before anybody hears of it.
    virtual void discard() noexcept {}

    union {
        result<R> result_;
    };
};

}  // namespace antiphon::detail
