// SPDX-License-Identifier: BSL-1.0
#pragma once
// The edge from an unfinished answer to the one it waits for; stop requests and waiters walk along it.

#include <atomic>
#include <cstdint>

#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"

namespace antiphon::detail {

/// An owning pointer to the state upstream, of which other threads may take a reference of their own.
///
/// State machine of `word_`: 0 (nothing) → p (`set`, by the owner) → 0 (`take`, by the owner). The low bits of p count the
/// walkers that are about to add their reference: p+k → p+k+1 when one arrives, back when it has its reference. Only the
/// owner removes p, so p's own reference exists for as long as the word names it. An owner that takes p away under k walkers
/// first adds k references: the link's own one and these are for itself and for the k walkers, each of whom finds the word
/// changed and drops one. Nobody waits for anybody, but the eighth walker for one of seven.
template <class State>
class link {
public:
    link() noexcept = default;
    link(link const&) = delete;
    link& operator=(link const&) = delete;
    ~link() {
        if (word_.load(std::memory_order_relaxed) == 0) return;
        if (State* s = take()) s->release();
    }

    /// Owner only; adopts one reference. The link must be empty, and is never set to the same state again: a walker that finds
    /// its state still there must know that it was there all along.
    void set(State& upstream) noexcept {
        static_assert(alignof(State) > walkers);
        // seq_cst: against the stop flag (state_base::request_stop) and against a waiter's last look (state_base::wait)
        word_.store(reinterpret_cast<std::uintptr_t>(&upstream), std::memory_order_seq_cst);
    }

    /// The same, before anybody but the owner knows the link.
    void set_first(State& upstream) noexcept { word_.store(reinterpret_cast<std::uintptr_t>(&upstream), std::memory_order_relaxed); }

    /// Owner only; hands one reference to the caller, or null.
    [[nodiscard]] State* take() noexcept {
        std::uintptr_t found = word_.load(std::memory_order_relaxed);
        while (found != 0) {
            State* const state = pointer(found);
            std::uintptr_t const seen = found & walkers;
            for (std::uintptr_t k = 0; k != seen; ++k)
                state->retain();
            // acq_rel pairs with the walkers' exchanges
            if (word_.compare_exchange_weak(found, 0, std::memory_order_acq_rel, std::memory_order_relaxed)) return state;
            // a walker came or went: give back what was added for another count
            for (std::uintptr_t k = 0; k != seen; ++k)
                state->release();
        }
        return nullptr;
    }

    /// Owner only: what it names, without a reference.
    [[nodiscard]] State* peek() const noexcept { return pointer(word_.load(std::memory_order_relaxed)); }

    /// Any thread that keeps the owner alive: a reference to what is upstream, or null.
    [[nodiscard]] State* acquire() noexcept {
        std::uintptr_t found = word_.load(std::memory_order_seq_cst);  // against `set`
        for (int looks = 0;;) {
            if (found == 0) return nullptr;
            if ((found & walkers) == walkers) {
                // All counted out, each for a few instructions; where one of them does not come to run, this thread makes way.
                if (++looks > 16) make_way();
                found = word_.load(std::memory_order_acquire);
            } else if (word_.compare_exchange_weak(found, found + 1, std::memory_order_acquire, std::memory_order_acquire)) {
                break;
            }
        }
        State* const state = pointer(found);
        state->retain();
        std::uintptr_t now = found + 1;
        // acq_rel pairs with `take` and with the other walkers
        while (!word_.compare_exchange_weak(now, now - 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
            if (now == 0 || pointer(now) != state) {
                state->release();  // `take` left one reference for each walker it saw
                break;
            }
        }
        return state;
    }

private:
    static void make_way() noexcept {
        std::atomic<std::uint32_t> nobody{0};
        futex_wait_until(nobody, 0, saturating_add(clock::now(), duration{20'000}));
    }
    static constexpr std::uintptr_t walkers = 7;
    static State* pointer(std::uintptr_t word) noexcept { return reinterpret_cast<State*>(word & ~walkers); }
    std::atomic<std::uintptr_t> word_{0};
};

}  // namespace antiphon::detail
