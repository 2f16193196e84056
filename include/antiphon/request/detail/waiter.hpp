// SPDX-License-Identifier: BSL-1.0
#pragma once
// A thread that waits for an answer.

#include <atomic>
#include <cstdint>

#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"

namespace antiphon::detail {

/// A thread that sleeps until a state is ready or has changed. Lives in the waiter's frame.
class waiter {
public:
    /// The last touch: the sleeper may be gone before the kernel has been told its address.
    void signal() noexcept {
        signaled_.store(1, std::memory_order_release);  // pairs with `signaled`
        futex_wake_one(signaled_);
    }
    [[nodiscard]] bool signaled() const noexcept { return signaled_.load(std::memory_order_acquire) != 0; }
    /// False when `until` came first.
    bool sleep_until(time_point until) noexcept {
        while (!signaled())
            if (!futex_wait_until(signaled_, 0, until)) return signaled();
        return true;
    }
    void sleep() noexcept { static_cast<void>(sleep_until(time_point::max())); }

private:
    std::atomic<std::uint32_t> signaled_{0};
};

/// The answer of a wait.
enum class wait_end {
    ready,
    timed_out,
    would_deadlock,
    forked
};

}  // namespace antiphon::detail
