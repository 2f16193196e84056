// SPDX-License-Identifier: BSL-1.0
#pragma once
// The engine of a strand: a queue whose drain is one job on the underlying executor, taken by a worker or by a waiter.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/errc.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/executor.hpp"
#include "antiphon/execution/here.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/execution/work_queue.hpp"

namespace antiphon::detail {

/// The drain is this object itself. Its turn changes under the lock only:
///   idle -> waiting   a job came; the drain is posted below, unless it is in the queue there already
///   waiting -> taken  by the worker that reaches the drain, or by a waiter that helps: one of them wins
///   taken -> waiting  the holder leaves jobs behind       taken -> idle  it leaves none
/// A waiter that wins leaves a husk in the queue below; a worker that reaches it while nothing waits does nothing.
/// The drain, while posted, holds a reference to the core.
class strand_core final : public counted, public work_item {
public:
    explicit strand_core(any_executor below) noexcept : below_{std::move(below)} {}

    [[nodiscard]] any_executor const& below() const noexcept { return below_; }

    /// What the underlying executor throws passes through, after it was decided what is queued.
    void post(work_item& item) {
        // In a forked child the lock may belong to a thread that does not exist.
        if (below_.forked()) return item.reject(errc::forked, rejection::in_place);
        bool send = false;
        {
            parking_lock::scope const hold{lock_};
            arrived_.push(item);
            ++posted_count_;
            send = turn_ == turn::idle && offer();
        }
        if (send) send_drain();
    }

    /// For a thread about to block until this strand has run something.
    assistance assist() noexcept {
        if (place_scope::inside(this)) return assistance::would_deadlock;
        if (!below_.claimable()) return below_.assist();
        if (below_.forked()) return assistance::none;
        parking_lock::scope hold{lock_};
        if (turn_ == turn::waiting) {
            turn_ = turn::taken;
            helping_.store(1, std::memory_order_relaxed);  // under the lock, as every access but the kernel's
            hold.unlock();
            hold_turn(1);
            return assistance::progress;
        }
        if (turn_ == turn::idle) return assistance::none;
        if (helping_.load(std::memory_order_relaxed) != 0) {
            wait_for_helper(hold);
            return assistance::progress;
        }
        // A worker has the turn. The caller will sleep, and might be the thread that the next drain would need: so the worker goes
        // on until it has run everything that was posted before now.
        owed_ = posted_count_;
        return assistance::none;
    }

private:
    enum class turn : unsigned char {
        idle,
        waiting,
        taken
    };
    /// Jobs that a worker runs before it lets the underlying executor run something else.
    static constexpr std::size_t batch = 64;

    /// "This thread is posting the drain of `core` again": an executor that runs in place sets `again` instead of recursing.
    class repost {
    public:
        explicit repost(strand_core const* core) noexcept : core_{core}, outer_{top_} { top_ = this; }
        ~repost() { top_ = outer_; }
        repost(repost const&) = delete;
        repost& operator=(repost const&) = delete;
        static repost* of(strand_core const* core) noexcept {
            for (repost* r = top_; r != nullptr; r = r->outer_)
                if (r->core_ == core) return r;
            return nullptr;
        }
        bool again = false;

    private:
        strand_core const* core_;
        repost* outer_;
        static constinit inline thread_local repost* top_ = nullptr;
    };

    /// A worker reached the drain.
    void run() noexcept override {
        shared_core<strand_core> const self{this};  // the reference that came with the drain
        if (!reach_drain()) return;
        if (repost* const r = repost::of(this)) {
            r->again = true;
        } else {
            hold_turn(batch);
        }
    }
    /// The underlying executor will not run the drain: whatever is queued shares that fate.
    void reject(errc why, rejection how) noexcept override {
        shared_core<strand_core> const self{this};
        if (!reach_drain()) return;
        place_scope const here{this};
        for (;;) {
            {
                parking_lock::scope const hold{lock_};
                if (ours_.empty()) ours_.swap(arrived_);
                if (ours_.empty()) {
                    turn_ = turn::idle;
                    return;
                }
            }
            run_count_ += ours_.reject_all(why, how);
        }
    }
    /// The drain has left the queue below; true if that gives the caller the turn.
    bool reach_drain() noexcept {
        parking_lock::scope const hold{lock_};
        in_queue_below_ = false;
        if (turn_ != turn::waiting) return false;
        turn_ = turn::taken;
        return true;
    }
    /// Under the lock: the turn is free to take. True if the drain has to be posted for that.
    bool offer() noexcept {
        turn_ = turn::waiting;
        return !std::exchange(in_queue_below_, true);
    }
    void send_drain() {
        add_ref();
        below_.execute(work{*this});
    }

    /// Runs jobs, at most `limit` and then those owed to sleepers; passes the turn on.
    void hold_turn(std::size_t limit) noexcept {
        while (run_jobs(limit)) {
            repost r{this};
            ANTIPHON_TRY { send_drain(); }
            ANTIPHON_CATCH_ALL {}  // dropping the drain has rejected the queue: that is the report
            if (!r.again) return;
            limit = batch;
        }
    }
    /// True if the drain has to be posted again.
    bool run_jobs(std::size_t limit) noexcept {
        place_scope const here{this};
        for (std::size_t count = 0;; ++count) {
            if (ours_.empty() || count >= limit) {
                parking_lock::scope const hold{lock_};
                if (ours_.empty()) ours_.swap(arrived_);
                if (ours_.empty() || (count >= limit && run_count_ >= owed_)) return pass_turn();
            }
            ++run_count_;
            ours_.pop()->run();
        }
    }
    /// Under the lock.
    bool pass_turn() noexcept {
        if (helping_.load(std::memory_order_relaxed) != 0) {
            helping_.store(0, std::memory_order_relaxed);
            if (helper_awaited_ != 0) futex_wake_all(helping_);
        }
        if (!ours_.empty()) return offer();
        turn_ = turn::idle;
        return false;
    }
    /// A helper runs one job and goes; then somebody else must look again, at the latest after a moment: the caller's own answer
    /// may arrive meanwhile from elsewhere.
    void wait_for_helper(parking_lock::scope& hold) noexcept {
        ++helper_awaited_;
        hold.unlock();
        futex_wait_until(helping_, 1, saturating_add(clock::now(), std::chrono::milliseconds{1}));
        hold.lock();
        --helper_awaited_;
    }

    any_executor const below_;

    parking_lock lock_;
    // Guarded by lock_:
    work_queue arrived_;
    std::uint64_t posted_count_ = 0;
    std::uint64_t owed_ = 0;  ///< the holder of the turn goes on until run_count_ is this
    turn turn_ = turn::idle;
    bool in_queue_below_ = false;
    std::uint32_t helper_awaited_ = 0;
    std::atomic<std::uint32_t> helping_{0};  ///< 1 while a waiter holds the turn; a word to sleep on
    // Belongs to whoever holds the turn, which passes on under the lock:
    work_queue ours_;
    std::uint64_t run_count_ = 0;
};

}  // namespace antiphon::detail
