// SPDX-License-Identifier: BSL-1.0
#pragma once
// Blocking until an answer is there: look, help, attach, look again, sleep.

#include <atomic>
#include <cstdint>
#include <utility>

#include "antiphon/core/time.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/timer.hpp"
#include "antiphon/request/detail/helping.hpp"
#include "antiphon/request/detail/state_base.hpp"
#include "antiphon/request/detail/waiter.hpp"

namespace antiphon::detail {

/// Ends a wait by the executor's own clock. Lives in the waiter's frame; after `rang` it is not touched.
class state_base::alarm final : private timer {
public:
    alarm(state_base& s, time_point moment) : state_{&s} {
        state_->retain();
        ANTIPHON_TRY { state_->executor_.arm(*this, moment); }
        ANTIPHON_CATCH_ALL {
            state_->release();
            ANTIPHON_RETHROW;
        }
    }
    ~alarm() {
        if (state_->executor_.disarm(*this)) {
            state_->release();
        } else {
            while (!rang())
                futex_wait(rang_, 0);
        }
    }
    alarm(alarm const&) = delete;
    alarm& operator=(alarm const&) = delete;
    // seq_cst: a waiter that has registered and does not see this is seen by fire
    [[nodiscard]] bool rang() const noexcept { return rang_.load(std::memory_order_seq_cst) != 0; }

private:
    void fire() noexcept override {
        state_base* const s = state_;
        rang_.store(1, std::memory_order_seq_cst);  // seq_cst against a waiter that registers and looks again
        futex_wake_one(rang_);
        s->wake_own_waiter();
        s->release();
    }
    state_base* state_;
    std::atomic<std::uint32_t> rang_{0};
};

inline wait_end state_base::wait(time_point until) {
    bool const claim = until == time_point::max();
    if (claim && claim_alone() && ready()) return wait_end::ready;
    if (claim || !executor_.own_clock()) return wait(until, nullptr);
    if (executor_.now() >= until) return ready() ? wait_end::ready : wait_end::timed_out;
    alarm limit{*this, until};
    return wait(time_point::max(), &limit);
}

inline wait_end state_base::wait(time_point until, alarm* limit) {
    bool const claim = until == time_point::max() && limit == nullptr;
    fan const outermost;
    for (walk along;;) {
        for (;;) {
            if (ready()) return wait_end::ready;
            if (executor_.forked()) return wait_end::forked;
            if (limit != nullptr ? limit->rang() : !claim && clock::now() >= until) return wait_end::timed_out;
            assistance const found = help(claim, along);
            if (found == assistance::would_deadlock) return along.forked ? wait_end::forked : wait_end::would_deadlock;
            if (found == assistance::none) break;
        }
        waiter sleeper;
        if (!attach(sleeper)) {
            // Ready, or somebody waits already: another thread, or a frame below this one, which would wait for itself.
            return ready() ? wait_end::ready : wait_end::would_deadlock;
        }
        // What became runnable before the attachment is seen now; what becomes so later finds the waiter (schedule).
        assistance const found = limit != nullptr && limit->rang() ? assistance::progress : help(claim, along);
        if (found != assistance::none) {
            detach(sleeper);
            if (found == assistance::would_deadlock && !ready()) return along.forked ? wait_end::forked : wait_end::would_deadlock;
            continue;
        }
        if (!sleeper.sleep_until(until)) detach(sleeper);
    }
}

/// The ask that this thread is beginning and will then wait for without a limit: the innermost `call()`, until it waits.
class awaited_ask {
public:
    explicit awaited_ask(state_base const& root) noexcept : outer_{std::exchange(current_, &root)} {}
    ~awaited_ask() { current_ = outer_; }
    awaited_ask(awaited_ask const&) = delete;
    awaited_ask& operator=(awaited_ask const&) = delete;
    [[nodiscard]] static state_base const* current() noexcept { return current_; }

private:
    state_base const* outer_;
    static constinit inline thread_local state_base const* current_ = nullptr;
};

}  // namespace antiphon::detail
