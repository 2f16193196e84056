// SPDX-License-Identifier: BSL-1.0
#pragma once
// The context that owns threads.

#include <cstddef>
#include <exception>
#include <thread>
#include <type_traits>
#include <utility>

#include "antiphon/core/time.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/detail/pool_core.hpp"
#include "antiphon/execution/detail/reference_stock.hpp"
#include "antiphon/execution/executor.hpp"
#include "antiphon/execution/here.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/execution/thread_pool_options.hpp"

namespace antiphon {

/// A fixed number of threads that run posted work, oldest first: strictly so where there is one thread. Several take work from one
/// another, and each runs what its own jobs post behind what it already has; of more than 192 of these the newest first.
/// **Threads**: everything here, the destructor apart, from any thread.
/// **Errors**: the constructor throws `std::invalid_argument` for nonsense and `std::system_error` when a thread cannot be
/// started, leaving none behind. Work is refused, in the posting thread, with `errc::shut_down` once a shut-down has begun,
/// `errc::resource_exhausted` when full (`full_policy::reject`), `errc::forked` in a child process.
/// **Cost**: no allocation, no lock and no system call for a job while workers are busy; a wake-up when one sleeps and none is looking
/// for work. A worker without work looks around for 25 µs, giving way to other threads, and then sleeps: idle costs nothing.
class thread_pool {
public:
    /// The handle: one word, outlives the pool, and copies refer to the same pool.
    class executor_type {
    public:
        void execute(work job) const noexcept {
            bool const ordered = job.is_ordered();
            if (work_item* const item = job.release()) core_->post(*item, ordered);
        }
        [[nodiscard]] void const* place() const noexcept { return core_.get(); }
        [[nodiscard]] bool claimable() const noexcept { return core_->options().claimable; }
        void unhandled(std::exception_ptr e) const noexcept {
            if (core_->options().unhandled == nullptr) std::terminate();
            core_->options().unhandled(std::move(e));
        }
        /// Whether the process has forked since, leaving the threads in the parent.
        [[nodiscard]] bool forked() const noexcept { return core_->forked(); }
        /// Where a thread that runs the pool's work in its stead forks (fork_join.hpp).
        [[nodiscard]] fork_lines* lines() const noexcept { return &core_->lines(); }
        [[nodiscard]] bool operator==(executor_type const&) const noexcept = default;

    private:
        friend class thread_pool;
        explicit executor_type(shared_core<detail::pool_core> const& core) noexcept : core_{core} {}
        shared_core<detail::pool_core> core_;
    };

    thread_pool() : thread_pool{thread_pool_options{}} {}
    explicit thread_pool(thread_pool_options options) : core_{make(std::move(options))} { core_->start(); }
    thread_pool(thread_pool const&) = delete;
    thread_pool& operator=(thread_pool const&) = delete;
    /// Shuts down, letting queued work run for `thread_pool_options::drain_for`. Blocks until running work has returned.
    /// Inside the pool's own work it cannot wait for itself: that is an error of the program, met by stopping, rejecting and detaching.
    ~thread_pool() {
        if (place_scope::inside(core_.get())) {
            core_->shut_down(duration::zero());
            core_->detach_unless_joined();
        } else {
            core_->shut_down(core_->options().drain_for);
        }
        detail::reference_stock<detail::pool_core>::give_back(*core_);
    }

    [[nodiscard]] executor_type get_executor() const noexcept { return executor_type{core_}; }
    [[nodiscard]] std::size_t thread_count() const noexcept { return core_->options().threads; }
    /// How many jobs are queued. **Cost**: a lock, and a walk over what has come from outside since a worker last looked.
    [[nodiscard]] std::size_t pending() const noexcept { return core_->pending(); }

    /// From now on refuses work from outside. Until `drain_for` has passed, queued work and what it posts runs; then running work
    /// is asked to stop and the queue is rejected with `errc::shut_down`. Returns when all of that has ended and the threads are joined.
    /// **Threads**: any, also several at once: all return when it is done. From inside the pool's own work it does not drain, does
    /// not wait and does not join; a later call from outside, or the destructor, does. What still runs then is counted as stopped.
    /// **Time**: `clock`; zero (or less) does not drain, `max()` drains for ever. It cannot abandon work that ignores stop.
    shut_down_counts shut_down(any_duration drain_for = duration::zero()) noexcept { return core_->shut_down(drain_for); }

    /// Blocks until nothing is queued and no worker runs anything; what jobs post counts, what timers or other threads post later does
    /// not, nor does what a waiter runs in its own thread. False when that took longer than `limit`, or could not end: from inside the
    /// pool's own work, after it was shut down from there, or in a child process. What the jobs wrote is seen.
    /// **Time**: `clock`; zero (or less) only looks.
    bool wait_until_idle(any_duration limit = duration::max()) noexcept {
        return core_->wait_until_idle(saturating_add(clock::now(), duration{limit}));
    }

    /// The pool whose worker the calling thread is, as the `place()` of its executors; null in other threads.
    [[nodiscard]] static void const* current() noexcept { return worker_of_place(); }

private:
    static detail::pool_core* make(thread_pool_options options) {
        detail::check(options);
        if (options.threads == thread_pool_options::automatic) {
            std::size_t const machine = std::thread::hardware_concurrency();
            options.threads = machine != 0 ? machine : 1;
        }
        return new detail::pool_core{std::move(options)};
    }

    shared_core<detail::pool_core> core_;
};

static_assert(executor<thread_pool::executor_type> && execution_context<thread_pool>);
static_assert(sizeof(thread_pool::executor_type) == sizeof(void*));

}  // namespace antiphon
