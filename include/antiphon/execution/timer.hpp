// SPDX-License-Identifier: BSL-1.0
#pragma once
// One timer: an intrusive node that somebody embeds, and that a timer queue fires once.

#include <cstddef>
#include <cstdint>

#include "antiphon/core/time.hpp"

namespace antiphon {

/// Embedded in what waits for a moment; armed through an executor (`any_executor::arm`), which allocates nothing for it
/// beyond its queue's own growth.
/// **Threads**: `fire` runs on the timer's thread: it decides and hands on, it runs no user code and does not block.
/// **Errors**: after `disarm` returned true `fire` will not be called; after false it was, is being, or is about to be.
class timer {
public:
    timer() = default;
    timer(timer const&) = delete;
    timer& operator=(timer const&) = delete;
    virtual void fire() noexcept = 0;

    // Owned by the timer queue while armed.
    time_point when{};
    std::uint64_t order = 0;       ///< ties fire in the order of arming
    timer* child = nullptr;        ///< pairing heap: first child
    timer* sibling = nullptr;      ///< next sibling
    timer** back = nullptr;        ///< the pointer that points here; null when not queued

protected:
    ~timer() = default;
};

}  // namespace antiphon
