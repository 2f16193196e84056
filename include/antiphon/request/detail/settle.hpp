// SPDX-License-Identifier: BSL-1.0
#pragma once
// Where the library's own last step of an answer is done: it moves user values, and the last user of a value destroys it.

#include "antiphon/execution/default_pool.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/state.hpp"

namespace antiphon::detail {

/// Performs the next step of `s` in the completing thread, trampolined, unless nothing of the user's may run there.
inline void settle(state_base& s, delivery how) noexcept {
    if (how == delivery::dropped || (timer_thread::is_current() && !s.executor())) {
        s.schedule(default_pool().get_executor());
    } else if (timer_thread::is_current()) {
        s.schedule();
    } else {
        s.bounce(how);
    }
}

}  // namespace antiphon::detail
