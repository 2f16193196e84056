// SPDX-License-Identifier: BSL-1.0
#pragma once
// Naming the current thread, where the platform can.

#include <cstddef>

#include "antiphon/core/config.hpp"

#if ANTIPHON_HAS_THREAD_NAMES
#include <pthread.h>
#endif

namespace antiphon::detail {

/// Names the calling thread; the kernel keeps 15 bytes. An empty name changes nothing.
inline void name_this_thread([[maybe_unused]] char const* name) noexcept {
#if ANTIPHON_HAS_THREAD_NAMES
    char kept[16] = {};
    for (std::size_t i = 0; i < 15 && name[i] != '\0'; ++i)
        kept[i] = name[i];
    if (kept[0] != '\0') ::pthread_setname_np(::pthread_self(), kept);
#endif
}

}  // namespace antiphon::detail
