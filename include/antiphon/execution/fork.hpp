// SPDX-License-Identifier: BSL-1.0
#pragma once
// How often this process descends from a fork(): threads do not follow into a child, so what owns threads must know.

#include <atomic>
#include <cstdint>

#include "antiphon/core/config.hpp"

#if ANTIPHON_HAS_FORK
#include <pthread.h>
#endif

namespace antiphon {

namespace detail {

inline constinit std::atomic<std::uint32_t> fork_count{0};

#if ANTIPHON_HAS_FORK
// relaxed: the handler runs in a child's only thread, before fork() returns there
inline bool const forks_are_watched =
    ::pthread_atfork(nullptr, nullptr, [] { fork_count.fetch_add(1, std::memory_order_relaxed); }) == 0;
#endif

}  // namespace detail

/// Differs between a process and its forked children. **Threads**: any. **Cost**: one relaxed load.
[[nodiscard]] inline std::uint32_t fork_generation() noexcept { return detail::fork_count.load(std::memory_order_relaxed); }

}  // namespace antiphon
