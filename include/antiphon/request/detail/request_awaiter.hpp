// SPDX-License-Identifier: BSL-1.0
#pragma once
// co_await request(args...): without a future in between, and for a bare handler without an allocation.

#include <coroutine>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "antiphon/request/detail/call.hpp"
#include "antiphon/request/detail/handler.hpp"

namespace antiphon::detail {

/// One ask, made when it is awaited. It keeps its arguments; a bare handler is called from where it is awaited.
template <class Handler, class Parameters, class... Kept>
class [[nodiscard(
    "antiphon: request(args...) asks nothing until it is awaited: co_await it, or use call() or submit()")]] request_awaiter {
    using R = typename Handler::result_type;

public:
    template <class... A>
    explicit request_awaiter(Handler const& handler, A&&... args) : handler_(handler), args_(std::forward<A>(args)...) {}

    [[nodiscard]] bool await_ready() {
        if constexpr (is_plain<Handler>) {
            arrived_.emplace(std::apply([&](Kept&... args) { return call_plain(handler_, std::move(args)...); }, args_));
            return true;
        } else {
            return false;
        }
    }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        constexpr bool in_task = requires { h.promise().host(); };
        static_assert(in_task, "antiphon: co_await request(args...) is for tasks; elsewhere co_await request.submit(args...)");
        if constexpr (in_task) {
            host_base& host = h.promise().host();
            any_executor const* const fixed = handler_.executor();
            using layer = std::remove_cvref_t<decltype(handler_.layer())>;
            asked_ = std::apply(
                [&](Kept&... args) {
                    return layer::make(handler_.layer(), any_executor{fixed != nullptr ? *fixed : host.home()}, host.self().context(),
                                       std::move(args)...);
                },
                args_);
            asked_->retain();
            state_ptr<state<R>> const begun{asked_.get()};
            begun->ask_anew();
            begun->begin();
            return host.await(*begun, h);
        } else {
            return false;
        }
    }
    /// The same without a coroutine: for a handler that returns `request(args...)`.
    [[nodiscard]] future<R> submit() && {
        return std::apply([&](Kept&... args) { return start_ask(place_of(handler_), std::move(handler_), std::move(args)...); }, args_);
    }
    [[nodiscard]] result<R> await_resume() {
        if (arrived_) return *std::move(arrived_);
        return asked_->take();
    }

private:
    Handler handler_;
    std::tuple<Kept...> args_;
    std::optional<result<R>> arrived_;
    state_ptr<state<R>> asked_;
};

template <class Handler, class Parameters, class... Kept>
struct answer_traits<request_awaiter<Handler, Parameters, Kept...>> {
    using type = typename Handler::result_type;
    static constexpr bool immediate = false;

    template <class Host>
    static void deliver(Host& host, request_awaiter<Handler, Parameters, Kept...>&& answer, delivery how) {
        host.answer_by(future_access::take(std::move(answer).submit()), how);
    }
};

}  // namespace antiphon::detail
