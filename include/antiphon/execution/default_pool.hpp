// SPDX-License-Identifier: BSL-1.0
#pragma once
// The pool of requests that name no executor.

#include <new>

#include "antiphon/core/time.hpp"
#include "antiphon/execution/thread_pool.hpp"

namespace antiphon {

namespace detail {

/// Shuts a pool down when it is destroyed, and leaves the pool standing: what runs later finds it, and is refused.
class pool_closer {
public:
    explicit pool_closer(thread_pool& pool) noexcept : pool_{&pool} {}
    pool_closer(pool_closer const&) = delete;
    pool_closer& operator=(pool_closer const&) = delete;
    ~pool_closer() { pool_->shut_down(duration::zero()); }

private:
    thread_pool* pool_;
};

}  // namespace detail

/// One thread for each that the machine runs at once; made on first use.
/// **Threads**: any, at any time. **Errors**: the first call throws `std::system_error` when threads cannot be started.
/// At static destruction it is shut down without a drain: what is queued fails with `errc::shut_down`, what runs is asked to stop
/// and waited for. Afterwards it refuses work with `errc::shut_down`.
[[nodiscard]] inline thread_pool& default_pool() {
    alignas(thread_pool) static unsigned char room[sizeof(thread_pool)];
    static thread_pool& shared = *::new (static_cast<void*>(room)) thread_pool{thread_pool_options{.name = "antiphon"}};
    static detail::pool_closer const closer{shared};
    return shared;
}

}  // namespace antiphon
