// SPDX-License-Identifier: BSL-1.0
#pragma once
// The pool of requests that name no executor.

#include "antiphon/core/time.hpp"
#include "antiphon/execution/thread_pool.hpp"

namespace antiphon {

namespace detail {

/// A pool that is shut down by static destruction but never destroyed, so that what runs later finds it, and is refused.
class immortal_pool {
public:
    immortal_pool() : pool{thread_pool_options{.name = "antiphon"}} {}
    immortal_pool(immortal_pool const&) = delete;
    immortal_pool& operator=(immortal_pool const&) = delete;
    ~immortal_pool() { pool.shut_down(duration::zero()); }

    union {
        thread_pool pool;
    };
};

}  // namespace detail

/// One thread for each that the machine runs at once; made on first use.
/// **Threads**: any, at any time. **Errors**: the first call throws `std::system_error` when threads cannot be started.
/// At static destruction it is shut down without a drain: what is queued fails with `errc::shut_down`, what runs is asked to stop
/// and waited for. Afterwards it refuses work with `errc::shut_down`.
[[nodiscard]] inline thread_pool& default_pool() {
    static detail::immortal_pool shared;
    return shared.pool;
}

}  // namespace antiphon
