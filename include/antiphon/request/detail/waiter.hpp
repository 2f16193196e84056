// SPDX-License-Identifier: BSL-1.0
#pragma once
// A thread that waits for an answer.

#include <atomic>
#include <cstdint>

#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"

namespace antiphon::detail {

/// A thread that sleeps until a state is ready or has changed. Lives in the waiter's frame.
///
/// `word_`: awake → asleep, by the waiter, when looking for a while was in vain; from either → told, by `signal`, which tells the kernel
/// only of one that sleeps: a wake-up costs its caller microseconds.
class waiter {
public:
    /// The last touch: the sleeper may be gone before the kernel has been told its address.
    void signal() noexcept {
        // release pairs with `signaled` and with the exchange of sleep_until
        if (word_.exchange(told, std::memory_order_release) == asleep) futex_wake_one(word_);
    }
    [[nodiscard]] bool signaled() const noexcept { return word_.load(std::memory_order_acquire) == told; }
    /// False when `until` came first.
    bool sleep_until(time_point until) noexcept {
        if (await_briefly([this] { return signaled(); }, until)) return true;
        std::uint32_t seen = awake;
        // acquire pairs with `signal`; one that gave up before is asleep already
        if (!word_.compare_exchange_strong(seen, asleep, std::memory_order_acquire, std::memory_order_acquire) && seen == told)
            return true;
        while (!signaled())
            if (!futex_wait_until(word_, asleep, until)) return signaled();
        return true;
    }
    void sleep() noexcept { static_cast<void>(sleep_until(time_point::max())); }

private:
    static constexpr std::uint32_t awake = 0, told = 1, asleep = 2;
    std::atomic<std::uint32_t> word_{awake};
};

/// The answer of a wait.
enum class wait_end {
    ready,
    timed_out,
    would_deadlock,
    forked
};

}  // namespace antiphon::detail
