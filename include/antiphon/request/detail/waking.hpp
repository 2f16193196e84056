// SPDX-License-Identifier: BSL-1.0
#pragma once
// Who has to look again when a step becomes due: the walk from a state to the thread that sleeps on what depends on it.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "antiphon/execution/parking.hpp"
#include "antiphon/request/detail/consumer.hpp"
#include "antiphon/request/detail/gate.hpp"
#include "antiphon/request/detail/state_base.hpp"
#include "antiphon/request/detail/waiter.hpp"

namespace antiphon::detail {

inline state_base* state_base::farthest_downstream() noexcept {
    auto const steadfast_consumer = [](state_base& s) noexcept -> consumer* {
        consumer* const told = passage_of(s.slot_.load(std::memory_order_seq_cst));
        return told != nullptr && told->steadfast() ? told : nullptr;
    };
    state_base* end = this;
    std::size_t steps = 0;
    for (consumer* told = steadfast_consumer(*end); told != nullptr; told = steadfast_consumer(*end), ++steps)
        end = told->downstream();
    if (steps < 2) return end;
    for (state_base* at = this; at != end;) {
        consumer* const told = steadfast_consumer(*at);
        if (told == nullptr) break;  // the chain has grown, and another walk remembered an end beyond this one
        at = told->downstream();
        told->remember(*end);
    }
    return end;
}

inline bool state_base::holds_up(state_base const& end) noexcept {
    for (state_base* at = this; at != nullptr && !at->may_abandon();) {
        if (at == &end) return true;
        consumer* const told = passage_of(at->slot_.load(std::memory_order_seq_cst));
        if (told == nullptr || told->passage() != nullptr) return false;
        at = told->downstream();
    }
    return false;
}

inline waiter* state_base::find_waiter(state_base* at) noexcept {
    // From gate to gate, hand over hand: what lies behind the last one stays unpublished.
    struct {
        gate* held = nullptr;
        void move_to(gate* further) noexcept {
            if (gate* const behind = std::exchange(held, further)) behind->leave();
        }
    } passing;
    waiter* sleeper = nullptr;
    while (at != nullptr) {
        at = at->farthest_downstream();
        std::uintptr_t found = at->slot_.load(std::memory_order_seq_cst);
        if ((found & is_waiter) != 0) {
            bool const taken = at->slot_.compare_exchange_strong(found, 0, std::memory_order_acquire, std::memory_order_relaxed);
            if (taken) sleeper = waiter_of(found);
            break;
        }
        consumer* const told = passage_of(found);
        if (told == nullptr) break;
        if (gate* const ahead = told->passage()) {
            if (!ahead->enter()) break;
            passing.move_to(ahead);
        }
        at = told->downstream();
    }
    passing.move_to(nullptr);
    return sleeper;
}

inline void state_base::wake_waiter() noexcept {
    std::uintptr_t const found = slot_.load(std::memory_order_seq_cst);
    if ((found & is_waiter) != 0) return wake_own_waiter();
    if (passage_of(found) != nullptr) wake_counted(word_.fetch_add(waking, std::memory_order_seq_cst));
}

/// The end of a hand-over: what a waiter looks for, the node or its executor's own work, is in its queue by now.
inline void state_base::handed() noexcept {
    // Only a hint, which saves an exchange: a consumer stays until the answer is there.
    if (passage_of(slot_.load(std::memory_order_relaxed)) != nullptr) {
        wake_counted(word_.fetch_add(waking - handing, std::memory_order_seq_cst));
    } else {
        // seq_cst, and before the look at the slot: against a waiter that registers and then looks again
        word_.fetch_sub(handing, std::memory_order_seq_cst);
        wake_waiter();
    }
}

/// By a walker who is counted; `seen` is what the word was before that.
inline void state_base::wake_counted(std::uint32_t seen) noexcept {
    // States downstream live as long as this one is unfinished. While this walker is counted and `runnable` was still there,
    // whoever takes the step waits: so the walk is safe. Without `runnable` somebody performs the step already: nobody need be woken.
    waiter* const sleeper = (seen & runnable) != 0 ? find_waiter(this) : nullptr;
    // release pairs with await_wakers
    std::uint32_t const old = word_.fetch_sub(waking, std::memory_order_release);
    if ((old & wakers) == waking && (old & wake_awaited) != 0) futex_wake_all(word_);
    if (sleeper != nullptr) sleeper->signal();
}

inline void state_base::wake_own_waiter() noexcept {
    std::uintptr_t found = slot_.load(std::memory_order_seq_cst);
    // One that left meanwhile needs no signal, and one that came later looks for itself.
    if ((found & is_waiter) != 0 && slot_.compare_exchange_strong(found, 0, std::memory_order_acquire, std::memory_order_relaxed))
        waiter_of(found)->signal();
}

inline void state_base::await_wakers() noexcept {
    // acquire, both, pairs with wake_counted
    for (std::uint32_t seen = word_.fetch_or(wake_awaited, std::memory_order_acquire) | wake_awaited; (seen & wakers) != 0;
         seen = word_.load(std::memory_order_acquire))
        futex_wait(word_, seen);
}

}  // namespace antiphon::detail
