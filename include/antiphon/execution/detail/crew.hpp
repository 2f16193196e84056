// SPDX-License-Identifier: BSL-1.0
#pragma once
// Which workers of a pool sleep, who looks for work, and when somebody must be woken: often enough, and no oftener.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "antiphon/execution/parking.hpp"

namespace antiphon::detail {

/// Every worker is awake (it runs jobs), searching (it looks for one), or lies down (it sleeps, or is about to).
/// `word_` counts the last two: sleepers | searchers | turns, the number of times that somebody got up.
///
///   awake ──start_search, while nobody else searches──► searching ──end_search──► awake
///   awake, searching ──lie_down──► lying ──get_up, by itself─────────────────────► searching
///                                  lying ──call_one (by anybody), a permit──sleep──► searching
///
/// `permits_`: how many sleepers were called and have not noticed. Callers take a sleeper out of the count before they leave a
/// permit, so at all times lying workers = sleepers in the word + permits left or about to be left: it does not matter whose is whose.
///
/// **Nothing is left lying.** Whoever makes a job visible (a push, or moving jobs from one queue to another) does so with a seq_cst
/// write and then calls `call_one`, which wakes nobody if nobody sleeps or somebody searches. Whoever lies down or ends a search, and
/// leaves nobody searching, changes the word by a seq_cst exchange and then looks at all queues, with seq_cst loads. Changes that
/// begin a search need no order: whoever sees one will be followed by the end of that search. In the one order of
/// all these either the caller's look at the word comes after the exchange: then it sees a sleeper and no searcher, and wakes; or
/// before: then the job was visible before that look, and the other finds it. So while there is a job, somebody is awake to find
/// it, or is on the way: a searcher that finds one job calls the next worker if there are more.
/// **Source**: the idle protocol of Go's scheduler, runtime/proc.go.
class crew {
public:
    using state = std::uint64_t;
    static constexpr std::size_t most = (1u << 20) - 1;

    [[nodiscard]] state look() const noexcept { return word_.load(std::memory_order_seq_cst); }
    [[nodiscard]] static std::size_t sleepers(state s) noexcept { return s & most; }
    [[nodiscard]] static std::size_t searchers(state s) noexcept { return (s >> shift) & most; }
    /// Somebody sleeps, and nobody looks.
    [[nodiscard]] static bool unattended(state s) noexcept { return sleepers(s) != 0 && searchers(s) == 0; }

    /// Wakes a sleeper to search, unless somebody searches. After a job was made visible.
    void call_one() noexcept {
        for (state seen = look(); unattended(seen);) {
            if (!word_.compare_exchange_weak(seen, seen - sleeper + searcher + turn, std::memory_order_relaxed,
                                             std::memory_order_relaxed))
                continue;
            leave_permits(1);
            return;
        }
    }

    /// False when somebody else searches: one is enough.
    [[nodiscard]] bool start_search() noexcept {
        state seen = look();
        while (searchers(seen) == 0)
            if (word_.compare_exchange_weak(seen, seen + searcher, std::memory_order_relaxed, std::memory_order_relaxed)) return true;
        return false;
    }
    /// True when nobody searches now and somebody sleeps: then the caller must look at all queues, and `call_one` if it finds a job.
    [[nodiscard]] bool end_search() noexcept { return unattended(word_.fetch_sub(searcher, std::memory_order_seq_cst) - searcher); }

    /// The caller goes to sleep. True when nobody searches now: then it must look at all queues first.
    [[nodiscard]] bool lie_down(bool searching) noexcept {
        state const change = sleeper - (searching ? searcher : 0);
        return searchers(word_.fetch_add(change, std::memory_order_seq_cst) + change) == 0;
    }
    /// The caller found something at that look: it searches instead.
    void get_up() noexcept {
        state seen = look();
        while (sleepers(seen) != 0)
            if (word_.compare_exchange_weak(seen, seen - sleeper + searcher + turn, std::memory_order_relaxed,
                                            std::memory_order_relaxed))
                return;
        sleep();  // everybody who lies down was called, this one too: its permit is here, or on its way
    }
    /// Until called; the caller searches then.
    void sleep() noexcept {
        std::uint32_t permits = permits_.load(std::memory_order_relaxed);
        for (;;) {
            if (permits == 0) {
                futex_wait(permits_, 0);
                permits = permits_.load(std::memory_order_relaxed);
            } else if (permits_.compare_exchange_weak(permits, permits - 1, std::memory_order_acquire, std::memory_order_relaxed)) {
                return;  // acquire pairs with leave_permits
            }
        }
    }
    /// Nobody sleeps any more: for the end.
    void dismiss() noexcept {
        permits_.fetch_add(most, std::memory_order_release);  // pairs with `sleep`
        futex_wake_all(permits_);
    }

private:
    static constexpr unsigned shift = 20;
    static constexpr state sleeper = 1, searcher = state{1} << shift, turn = state{1} << (2 * shift);

    void leave_permits(std::uint32_t count) noexcept {
        permits_.fetch_add(count, std::memory_order_release);  // pairs with `sleep`
        futex_wake_one(permits_);
    }

    std::atomic<state> word_{0};
    std::atomic<std::uint32_t> permits_{0};
};

}  // namespace antiphon::detail
