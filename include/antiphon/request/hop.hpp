// SPDX-License-Identifier: BSL-1.0
#pragma once
// In a task: go on somewhere else, or let others go first.

#include <coroutine>
#include <optional>
#include <utility>

#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/executor.hpp"
#include "antiphon/request/host.hpp"

namespace antiphon {

namespace detail {

class hop_awaiter {
public:
    explicit hop_awaiter(any_executor where) noexcept : where_{std::move(where)} {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        constexpr bool in_task = requires { h.promise().host(); };
        static_assert(in_task, "antiphon: resume_on and reschedule are awaited inside a task");
        if constexpr (in_task) {
            host_base& host = h.promise().host();
            if (where_) host.move_to(std::move(where_));
            return host.hop(h);
        } else {
            return false;
        }
    }
    void await_resume() const noexcept {}

private:
    any_executor where_;
};

}  // namespace detail

/// `co_await resume_on(executor)`: the task goes on there, and resumes there from now on.
template <class E>
    requires(executor<std::remove_cvref_t<E>> || execution_context<std::remove_reference_t<E>>)
[[nodiscard]] auto resume_on(E&& where) {
    return detail::hop_awaiter{any_executor{executor_of(where)}};
}

/// `co_await reschedule()`: goes to the end of its executor's queue, so that others get their turn.
[[nodiscard]] inline auto reschedule() noexcept { return detail::hop_awaiter{any_executor{}}; }

}  // namespace antiphon
