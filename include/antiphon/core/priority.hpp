// SPDX-License-Identifier: BSL-1.0
#pragma once
// How urgent an ask is.

namespace antiphon {

/// How urgent an ask is. A pool prefers the more urgent, then the one whose deadline is nearer.
enum class priority {
    idle = -2,
    low = -1,
    normal = 0,
    high = 1,
    urgent = 2
};

}  // namespace antiphon
