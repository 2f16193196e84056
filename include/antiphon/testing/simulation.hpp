// SPDX-License-Identifier: BSL-1.0
#pragma once
// An executor whose time and chance belong to the test: an hour of retries in microseconds, and a failing seed replays.

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/errc.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/default_executor.hpp"
#include "antiphon/execution/executor.hpp"
#include "antiphon/execution/here.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/random.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/execution/timer.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/execution/work_queue.hpp"

namespace antiphon::testing {

namespace detail {

class simulation_core : public counted {
public:
    static constexpr time_point beginning{std::chrono::hours{1}};

    explicit simulation_core(std::uint64_t seed) noexcept : random_{seed} {}

    void post(work_item& item) noexcept {
        {
            parking_lock::scope const hold{lock_};
            if (!closed_) {
                ready_.push(item);
                return;
            }
        }
        item.reject(errc::shut_down, rejection::in_place);
    }
    [[nodiscard]] time_point now() const noexcept {
        // relaxed: a test that compares times across threads synchronises them by other means
        return time_point{duration{now_.load(std::memory_order_relaxed)}};
    }
    [[nodiscard]] std::uint64_t random() noexcept {
        parking_lock::scope const hold{lock_};
        return random_();
    }
    void arm(timer& t, time_point when) {
        {
            parking_lock::scope const hold{lock_};
            if (!closed_) {
                timers_.push(t, when);
                if (when != time_point::max()) ++armed_;
                return;
            }
        }
        timer_thread::process().arm(t, clock::now());  // nobody drives this clock any more
    }
    bool disarm(timer& t) noexcept {
        {
            parking_lock::scope const hold{lock_};
            if (t.back == nullptr) return false;
            if (t.order >= first_order) {
                take_out(t);
                return true;
            }
        }
        return timer_thread::process().disarm(t);
    }

    /// Runs the oldest job, else moves to the next timer, `until` at most, and fires it; false if there is neither.
    bool step(time_point until) noexcept {
        driver_.store(this_thread(), std::memory_order_relaxed);  // only ever compared with the reader's own thread
        parking_lock::scope hold{lock_};
        if (work_item* const item = ready_.pop()) {
            hold.unlock();
            place_scope const here{this};
            own_time_scope const now_here{this, &handle};
            item->run();
            return true;
        }
        timer* const due = timers_.pop_due(until);
        if (due == nullptr) return false;
        --armed_;
        move_to(due->when);
        hold.unlock();
        place_scope const here{this};
        own_time_scope const now_here{this, &handle};
        due->fire();
        return true;
    }
    void drive(time_point until) noexcept {
        while (step(until)) {
        }
        if (until != time_point::max()) move_to(until);
    }
    assistance assist() noexcept {
        if (driver_.load(std::memory_order_relaxed) != this_thread()) return assistance::none;
        return step(time_point::max()) ? assistance::progress : assistance::would_deadlock;
    }
    [[nodiscard]] std::size_t pending() noexcept {
        parking_lock::scope const hold{lock_};
        return ready_.size() + armed_;
    }
    void close() noexcept {
        lock_.lock();
        closed_ = true;
        work_queue left{std::move(ready_)};
        lock_.unlock();
        left.reject_all(errc::shut_down);
        while (timer* const t = take_first())
            t->fire();
    }

private:
    /// Tells its timers from those of the process's timer thread.
    static constexpr std::uint64_t first_order = std::uint64_t{1} << 63;

    static void const* this_thread() noexcept {
        static constinit thread_local char self = 0;
        return &self;
    }
    static any_executor handle(void* core);
    void move_to(time_point when) noexcept {
        if (when > now()) now_.store(when.time_since_epoch().count(), std::memory_order_relaxed);  // see now()
    }
    void take_out(timer& t) noexcept {
        timers_.remove(t);
        if (t.when != time_point::max()) --armed_;
    }
    timer* take_first() noexcept {
        parking_lock::scope const hold{lock_};
        return timers_.pop();
    }

    parking_lock lock_;
    // Guarded by lock_:
    work_queue ready_;
    timer_queue timers_{first_order};
    std::size_t armed_ = 0;  ///< timers that some moment would fire
    random_source random_;
    bool closed_ = false;
    // Written by the driving thread only:
    std::atomic<duration::rep> now_{beginning.time_since_epoch().count()};
    std::atomic<void const*> driver_{this_thread()};
};

}  // namespace detail

/// A context with a virtual clock, which stands still unless told to move, and a seeded random source. The same seed and the same
/// calls give the same run. What its jobs ask without naming an executor runs on it too.
/// **Threads**: posting and reading from any thread; `advance`, `run`, `run_until` and blocking waits from one, the driving thread:
/// the one that made the simulation or drove it last. Inside a job it may be driven again.
/// **Errors**: a thread that blocks on the simulation's work drives it until the answer is there; when nothing is left to run,
/// the wait ends in `errc::would_deadlock`. Destroying it rejects queued work with `errc::shut_down`, then fires every armed timer, in
/// order, where whatever they post is rejected alike: so every request is decided. Later work is rejected where it is posted.
/// **Time**: its own, from one hour after the clock's epoch.
class simulation {
public:
    /// The handle: outlives the context, and copies refer to the same simulation.
    class executor_type {
    public:
        void execute(work job) const noexcept {
            if (work_item* const item = job.release()) core_->post(*item);
        }
        [[nodiscard]] time_point now() const noexcept { return core_->now(); }
        void arm(timer& t, time_point when) const { core_->arm(t, when); }
        bool disarm(timer& t) const noexcept { return core_->disarm(t); }
        [[nodiscard]] std::uint64_t random() const noexcept { return core_->random(); }
        [[nodiscard]] void const* place() const noexcept { return core_.get(); }
        [[nodiscard]] bool claimable() const noexcept { return false; }
        assistance assist() const noexcept { return core_->assist(); }
        [[nodiscard]] bool operator==(executor_type const&) const noexcept = default;

    private:
        friend class simulation;
        friend detail::simulation_core;
        explicit executor_type(shared_core<detail::simulation_core> const& core) noexcept : core_{core} {}
        shared_core<detail::simulation_core> core_;
    };

    explicit simulation(std::uint64_t seed = 0) : core_{new detail::simulation_core{seed}} {}
    simulation(simulation const&) = delete;
    simulation& operator=(simulation const&) = delete;
    ~simulation() { core_->close(); }

    [[nodiscard]] executor_type get_executor() const noexcept { return executor_type{core_}; }

    /// Runs what is ready and what comes due until `d` from now, each timer at its own moment; then it is exactly `d` later.
    /// `duration::max()` is `run()`. A negative `d` is refused with `std::invalid_argument`.
    void advance(any_duration d) {
        antiphon::detail::require(d >= duration::zero(), "simulation::advance: d must not be negative");
        until(saturating_add(now(), d));
    }
    /// Runs until idle, jumping from timer to timer. Timers that were disarmed do not move the clock.
    void run() { until(time_point::max()); }
    /// `advance` to a moment; one already past only runs what is ready and due.
    void run_until(time_point when) { until(when > now() ? when : now()); }
    /// Runs one step after the other until `done()`; false if it became idle first.
    template <std::predicate<> Done>
    bool run_until(Done done) {
        shared_core const core{core_};  // a job may destroy the context
        while (!done())
            if (!core->step(time_point::max())) return done();
        return true;
    }

    [[nodiscard]] time_point now() const noexcept { return core_->now(); }
    [[nodiscard]] std::uint64_t random() noexcept { return core_->random(); }
    /// Queued work and armed timers; a timer for `time_point::max()` does not count.
    [[nodiscard]] std::size_t pending() const noexcept { return core_->pending(); }
    [[nodiscard]] bool idle() const noexcept { return pending() == 0; }

private:
    void until(time_point when) {
        shared_core const core{core_};  // a job may destroy the context
        core->drive(when);
    }

    shared_core<detail::simulation_core> core_;
};

inline any_executor detail::simulation_core::handle(void* core) {
    return simulation::executor_type{shared_core<simulation_core>::another(*static_cast<simulation_core*>(core))};
}

static_assert(executor<simulation::executor_type> && execution_context<simulation>);
static_assert(sizeof(simulation::executor_type) == sizeof(void*));
static_assert(!std::is_copy_constructible_v<simulation>);

}  // namespace antiphon::testing
