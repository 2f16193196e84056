// SPDX-License-Identifier: BSL-1.0
#pragma once
// A door that walkers pass and that the owner of what lies behind it closes.

#include <atomic>
#include <cstdint>

#include "antiphon/execution/parking.hpp"

namespace antiphon::detail {

/// Keeps an answer that has several inputs from being published while a walk, which began at one of the inputs and knows nothing
/// of the others, passes through.
class gate {
public:
    /// False: it is closed.
    [[nodiscard]] bool enter() noexcept {
        // relaxed: of two exchanges of one word the later sees the earlier, so `close` sees who is inside, or is seen here
        if ((word_.fetch_add(one, std::memory_order_relaxed) & closed) == 0) return true;
        leave();
        return false;
    }
    void leave() noexcept {
        // release pairs with `close`; only the address is used afterwards
        std::uint32_t const old = word_.fetch_sub(one, std::memory_order_release);
        if ((old & closed) != 0 && old < 2 * one) futex_wake_all(word_);
    }
    /// Nobody enters any more, and who is inside has left.
    void close() noexcept {
        // acquire, both, pairs with `leave`
        for (std::uint32_t seen = word_.fetch_or(closed, std::memory_order_acquire) | closed; seen >= one;
             seen = word_.load(std::memory_order_acquire))
            futex_wait(word_, seen);
    }

private:
    static constexpr std::uint32_t closed = 1, one = 2;
    std::atomic<std::uint32_t> word_{0};
};

}  // namespace antiphon::detail
