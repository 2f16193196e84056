// SPDX-License-Identifier: BSL-1.0
#pragma once
// In a task: wait for a moment without holding a thread.

#include <coroutine>
#include <type_traits>

#include "antiphon/core/time.hpp"
#include "antiphon/execution/timer.hpp"
#include "antiphon/request/host.hpp"

namespace antiphon {

namespace detail {

/// Ready at a moment, or at a stop request. One reference for the timer's side, one for the awaiter.
class sleep_state final : public state<void>, private timer {
public:
    explicit sleep_state(any_executor executor) noexcept : state<void>{std::move(executor), nullptr, 2, 0} {}
    void start(time_point until) { this->executor().arm(*this, until); }

private:
    // Exactly one of fire and a successful disarm completes it.
    void fire() noexcept override { complete({}, delivery::nested); }
    state_base* on_stop() noexcept override {
        if (executor().disarm(*this)) complete({}, delivery::nested);
        return nullptr;
    }
    void destroy() noexcept override { delete this; }
    void step(delivery) noexcept override {}
    void refuse(errc, delivery) noexcept override {}
};

class sleep_awaiter {
public:
    sleep_awaiter(duration length, time_point until) noexcept : length_{length}, until_{until} {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        constexpr bool in_task = requires { h.promise().host(); };
        static_assert(in_task, "antiphon: sleep_for and sleep_until are awaited inside a task");
        if constexpr (in_task) {
            host_base& host = h.promise().host();
            any_executor const& home = host.home();
            time_point const now = home.now();
            time_point const until = length_ == duration::min() ? until_ : saturating_add(now, length_);
            if (until <= now || host.self().stop_requested()) return false;
            auto* const sleeper = new sleep_state{home};
            sleeper_ = state_ptr<>{sleeper};
            sleeper->start(until);
            return host.await(*sleeper, h);
        } else {
            return false;
        }
    }
    void await_resume() const noexcept {}

private:
    duration length_;
    time_point until_;
    state_ptr<> sleeper_;
};

}  // namespace detail

/// `co_await sleep_for(d)`: resumes on the task's executor after `d`, or early when stop is requested; gives nothing.
/// **Time**: the executor's clock. Zero and negative lengths do not suspend; `duration::max()` sleeps until stop.
/// **Cost**: one allocation.
template <class Rep, class Period>
[[nodiscard]] auto sleep_for(std::chrono::duration<Rep, Period> length) noexcept {
    duration const d = saturating_cast(length);
    return detail::sleep_awaiter{d < duration::zero() ? duration::zero() : d, {}};
}

/// The same until a moment of the executor's clock.
[[nodiscard]] inline auto sleep_until(time_point until) noexcept { return detail::sleep_awaiter{duration::min(), until}; }
/// One of another clock, `system_clock`'s, is converted to it once, here.
template <class Clock, class Duration>
[[nodiscard]] auto sleep_until(std::chrono::time_point<Clock, Duration> until) noexcept {
    if constexpr (std::is_same_v<Clock, clock>) {
        return sleep_until(detail::moment_of(until, {}));
    } else {
        return sleep_for(detail::remaining_until(until));
    }
}

}  // namespace antiphon
