// SPDX-License-Identifier: BSL-1.0
#pragma once
// How urgent an ask is.

#include "antiphon/core/time.hpp"

namespace antiphon {

/// How urgent an ask is. A pool prefers the more urgent, then the one whose deadline is nearer.
enum class priority {
    idle = -2,
    low = -1,
    normal = 0,
    high = 1,
    urgent = 2
};

/// What an executor that orders its work may know of a job.
struct urgency {
    priority level = priority::normal;
    /// When it is too late; `time_point::max()` is never.
    time_point deadline = time_point::max();
    /// It may be put off while there is other work, as long as it makes its deadline.
    bool patient = false;
};

}  // namespace antiphon
