// SPDX-License-Identifier: BSL-1.0
#pragma once
// Functions that a thread of a pool has forked and will join: its own, unless others take the oldest meanwhile.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/execution/detail/crew.hpp"
#include "antiphon/execution/fork.hpp"
#include "antiphon/execution/here.hpp"
#include "antiphon/execution/parking.hpp"

namespace antiphon {

/// A function that was forked. Lives in the frame that joins it.
///
/// `end_`: running → asleep, by the joiner, when looking for a while was in vain; from either → done, by whoever took it, who touches
/// nothing of it afterwards: the frame may be gone.
class forked_call {
public:
    using function = void (*)(forked_call&) noexcept;
    explicit forked_call(function run) noexcept : run_{run} {}
    forked_call(forked_call const&) = delete;
    forked_call& operator=(forked_call const&) = delete;

private:
    friend class fork_line;
    static constexpr std::uint32_t running = 0, asleep = 1, done = 2;

    [[nodiscard]] bool is_done() const noexcept { return end_.load(std::memory_order_acquire) == done; }  // pairs with finish
    void finish() noexcept {
        // release pairs with is_done and sleep: the joiner sees what the call has written
        if (end_.exchange(done, std::memory_order_release) == asleep) futex_wake_one(end_);
    }
    void sleep() noexcept {
        std::uint32_t seen = running;
        // acquire pairs with finish, where it has come first
        if (!end_.compare_exchange_strong(seen, asleep, std::memory_order_acquire, std::memory_order_acquire)) return;
        while (!is_done())
            futex_wait(end_, asleep);
    }

    function run_;
    std::atomic<std::uint32_t> end_{running};
    std::atomic<fork_line*> taker_{nullptr};
};

/// The calls that one thread has forked, oldest first. They are joined newest first, so this is a stack, and nearly always nobody else
/// has touched it: only the oldest few are offered to others, who take them from the lower end.
///
///   calls_:  | taken … | offered, at most `most` … | private … |
///            0         taken(word_)                split(word_) top_
///
/// `word_` says where both borders are. Takers move the lower one by a compare-exchange, the owner the upper one: that is what makes a
/// call somebody's. What is above the split is the owner's by itself, without an exchange. A place is filled anew only after the
/// call in it was joined, so who has taken a place reads it afterwards, and it does not matter that the word comes back to old values (ABA).
///
/// As the oldest is taken first: when the owner finds its newest call taken, so are all others, and whatever is in the taker's line was forked
/// inside that call. So the owner helps by taking from there, and from nowhere else: never unrelated work. The taker may come to the end of the
/// call while the owner looks: so `take_part_of` looks at the line first and at the call then, and takes from the line only as it saw it, which
/// the count of offers in the word tells.
/// **Threads**: `fork` and `join` are the owner's, everything else anybody's.
/// **Cost**: a private call some ten instructions; an offered one two exchanges more, and a wake-up where workers sleep.
/// **Source**: van Dijk and van de Pol, "Lace: non-blocking split deque for work-stealing", 2014; Wagner and Calder, "Leapfrogging", 1993.
class fork_line {
public:
    /// So deep; below, nothing is forked.
    static constexpr std::uint32_t capacity = 128;

    enum class joined : unsigned char {
        untaken,  ///< nobody has run it: the owner does
        done,
        lost,  ///< the taker stayed behind in a parent process
    };

    fork_line() noexcept = default;
    fork_line(fork_line const&) = delete;
    fork_line& operator=(fork_line const&) = delete;
    /// Before it is used: who is called when there is something to take, and how much is offered at a time.
    void serve(detail::crew& takers, std::uint32_t most) noexcept {
        takers_ = &takers;
        most_ = most;
    }

    /// False: too deep. Else `call` is to be joined before any older one.
    [[nodiscard]] bool fork(forked_call& call) noexcept {
        std::uint32_t const at = top_;
        if (at == capacity) return false;
        calls_[at] = &call;
        top_ = at + 1;
        std::uint64_t const seen = word_.load(std::memory_order_relaxed);  // a hint; the split is the owner's own
        if (split(seen) - taken(seen) < most_) offer();
        return true;
    }
    [[nodiscard]] joined join(forked_call& call) noexcept {
        std::uint32_t const at = top_ - 1;
        if (at < split(word_.load(std::memory_order_relaxed))) return join_offered(call, at);
        top_ = at;
        return joined::untaken;
    }

    /// Takes the oldest call that is offered, which is to be run by `run`; null when there is none.
    [[nodiscard]] forked_call* take() noexcept {
        std::uint64_t seen = word_.load(std::memory_order_relaxed);
        while (taken(seen) != split(seen))
            // acquire pairs with `offer`: the call and what it refers to
            if (word_.compare_exchange_weak(seen, seen + one_taken, std::memory_order_acquire, std::memory_order_relaxed))
                return calls_[taken(seen)];
        return nullptr;
    }
    /// The same of the line of whoever runs `whole`: what `whole` has forked, nothing else; null when there is none, or `whole` is done.
    [[nodiscard]] forked_call* take_part_of(forked_call const& whole) noexcept {
        for (;;) {
            // acquire pairs with `offer`: if this sees a call that was offered after the end of `whole`, is_done sees that end
            std::uint64_t seen = word_.load(std::memory_order_acquire);
            if (taken(seen) == split(seen) || whole.is_done()) return nullptr;
            if (word_.compare_exchange_strong(seen, seen + one_taken, std::memory_order_acquire, std::memory_order_relaxed))
                return calls_[taken(seen)];
        }
    }
    static void run(forked_call& call, fork_line* by) noexcept {
        call.taker_.store(by, std::memory_order_relaxed);  // a hint where to help; lines live as long as their pool
        call.run_(call);
        call.finish();
    }
    /// Whether nothing is offered; seq_cst against `offer`: who is about to sleep either sees it or is seen, see crew.
    [[nodiscard]] bool empty() const noexcept {
        std::uint64_t const seen = word_.load(std::memory_order_seq_cst);
        return taken(seen) == split(seen);
    }
    /// What is offered now: as long as it stays the same, the same calls probably are.
    [[nodiscard]] std::uint64_t look() const noexcept { return word_.load(std::memory_order_relaxed); }

    /// Of a line that serves whichever thread needs one.
    [[nodiscard]] bool lend() noexcept {
        // acquire pairs with give_back: what is the owner's own
        return !lent_.load(std::memory_order_relaxed) && !lent_.exchange(true, std::memory_order_acquire);
    }
    void give_back() noexcept { lent_.store(false, std::memory_order_release); }  // pairs with lend

private:
    // Eight bits for each border, and above them how many calls were ever offered, in what room there is.
    static constexpr std::uint64_t one_taken = std::uint64_t{1} << 8, one_offered = (std::uint64_t{1} << 16) + 1;
    static constexpr std::uint64_t border = 0xFF;
    static_assert(capacity <= border);
    static std::uint32_t taken(std::uint64_t w) noexcept { return static_cast<std::uint32_t>((w >> 8) & border); }
    static std::uint32_t split(std::uint64_t w) noexcept { return static_cast<std::uint32_t>(w & border); }

    ANTIPHON_COLD void offer() noexcept {
        // release pairs with `take`; seq_cst against `empty`
        word_.fetch_add(one_offered, std::memory_order_seq_cst);
        takers_->call_one();
    }
    ANTIPHON_COLD joined join_offered(forked_call& call, std::uint32_t at) noexcept {
        std::uint64_t seen = word_.load(std::memory_order_relaxed);
        while (taken(seen) <= at)
            // relaxed: the call is the owner's own; only that it is not a taker's matters
            if (word_.compare_exchange_weak(seen, seen - 1, std::memory_order_relaxed, std::memory_order_relaxed)) {
                top_ = at;
                return joined::untaken;
            }
        bool const done = await(call);
        // Both borders are here, so nobody else writes.
        seen = word_.load(std::memory_order_relaxed);
        word_.store((seen & ~(border * one_taken + border)) + at * one_taken + at, std::memory_order_relaxed);
        top_ = at;
        return done ? joined::done : joined::lost;
    }
    bool await(forked_call& call) noexcept {
        for (bool helped = true; helped;) {
            if (fork_generation() != generation_) return call.is_done();
            helped = false;
            auto const look = [&] {
                if (call.is_done()) return true;
                // relaxed, see run
                fork_line* const there = call.taker_.load(std::memory_order_relaxed);
                if (forked_call* const part = there != nullptr ? there->take_part_of(call) : nullptr) {
                    run(*part, this);
                    helped = true;
                }
                return call.is_done();
            };
            if (await_briefly(look)) return true;
        }
        call.sleep();
        return true;
    }

    // The owner's:
    alignas(64) std::uint32_t top_ = 0;
    std::uint32_t most_ = 0;
    detail::crew* takers_ = nullptr;
    std::uint32_t const generation_ = fork_generation();
    // Everybody's:
    alignas(64) std::atomic<std::uint64_t> word_{0};
    std::atomic<bool> lent_{false};
    alignas(64) forked_call* calls_[capacity];
};

/// The lines of a pool: one for each worker, and some for threads that lend themselves to it while they wait.
class fork_lines {
public:
    static constexpr std::size_t guests = 4;
    /// So much is offered at a time by one thread, to at most so many others.
    static constexpr std::size_t most_offered = 4;

    fork_lines(std::size_t workers, detail::crew& all) : workers_{workers}, lines_{new fork_line[workers + guests]} {
        for (std::size_t i = 0; i != count(); ++i) {
            std::size_t const others = i < workers ? workers - 1 : workers;
            lines_[i].serve(all, static_cast<std::uint32_t>(others < most_offered ? others : most_offered));
        }
    }
    ~fork_lines() { delete[] lines_; }
    fork_lines(fork_lines const&) = delete;
    fork_lines& operator=(fork_lines const&) = delete;

    [[nodiscard]] std::size_t count() const noexcept { return workers_ + guests; }
    [[nodiscard]] fork_line& operator[](std::size_t i) noexcept { return lines_[i]; }
    [[nodiscard]] bool empty() const noexcept {
        for (std::size_t i = 0; i != count(); ++i)
            if (!lines_[i].empty()) return false;
        return true;
    }
    /// Takes the oldest call of some line, from number `start` on. A patient thief leaves what it sees for the first time to its owner, who may
    /// be about to join it: `seen` is what it saw last.
    [[nodiscard]] forked_call* take(std::size_t start, bool patient, std::uint64_t& seen) noexcept {
        for (std::size_t i = 0; i != count(); ++i) {
            std::size_t const at = start + i < count() ? start + i : start + i - count();
            if (lines_[at].empty()) continue;
            std::uint64_t const now = lines_[at].look() * count() + at;
            if (patient && std::exchange(seen, now) != now) return nullptr;
            if (forked_call* const call = lines_[at].take()) return call;
        }
        return nullptr;
    }
    /// For a thread that is not a worker; null when there is none left. The pool must live until it is given back.
    [[nodiscard]] fork_line* borrow() noexcept {
        for (std::size_t i = workers_; i != count(); ++i)
            if (lines_[i].lend()) return &lines_[i];
        return nullptr;
    }

private:
    std::size_t const workers_;
    fork_line* const lines_;  ///< owned
};

}  // namespace antiphon
