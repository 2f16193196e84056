// SPDX-License-Identifier: BSL-1.0
#pragma once
// The peers that were found, each with its own header.

#include <thread>

#if ANTIPHON_BENCH_TBB
#include <oneapi/tbb/task_arena.h>
#endif

#if ANTIPHON_BENCH_ASIO
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#endif
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
#endif

namespace bench {

/// As many workers as antiphon's default pool has.
inline unsigned workers() { return std::thread::hardware_concurrency() != 0 ? std::thread::hardware_concurrency() : 1; }

}  // namespace bench
