// SPDX-License-Identifier: BSL-1.0
#pragma once
// How a thread pool is made.

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"

namespace antiphon {

/// What happens to work posted from outside while the queue is at its capacity.
enum class full_policy {
    block,        ///< the poster waits for room
    reject,       ///< the work fails with `errc::resource_exhausted`, in place
    caller_runs,  ///< the poster runs it
};

/// **Errors**: a pool refuses nonsense with `std::invalid_argument` that names the field.
struct thread_pool_options {
    /// As many threads as the machine runs at once.
    static constexpr std::size_t automatic = SIZE_MAX;
    static constexpr std::size_t unbounded = SIZE_MAX;

    std::size_t threads = automatic;
    /// The name of its threads, as debuggers show it; the system keeps 15 bytes.
    std::string name{};
    /// How many jobs may wait. A pool's own work never blocks on it: it runs in the posting job instead.
    std::size_t queue_capacity = unbounded;
    full_policy when_full = full_policy::block;
    /// Whether a thread that waits for a request of this pool may run it itself. False where thread identity matters.
    bool claimable = true;
    /// How long the destructor lets queued work run before it stops and rejects it. **Time**: `clock`; `max()` is for ever.
    any_duration drain_for = duration::max();
    /// Where an exception that leaves a callback goes; null is `std::terminate`.
    void (*unhandled)(std::exception_ptr) = nullptr;
};

/// What a shut-down did with what it found; the sum is everything that was queued or running.
struct shut_down_counts {
    std::size_t drained = 0;   ///< ended before the drain was over
    std::size_t stopped = 0;   ///< were running then, and were asked to stop
    std::size_t rejected = 0;  ///< were queued then, and failed with `errc::shut_down`
};

namespace detail {

inline void check(thread_pool_options const& o) {
    require(o.threads != 0, "thread_pool_options.threads: must not be zero");
    require(o.queue_capacity != 0, "thread_pool_options.queue_capacity: must not be zero");
    require(o.drain_for >= duration::zero(), "thread_pool_options.drain_for: must not be negative");
}

}  // namespace detail

}  // namespace antiphon
