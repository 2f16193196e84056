// SPDX-License-Identifier: BSL-1.0
#pragma once
// The stop of an ask that nobody wants any more, where it matters at once whether it had started.

#include "antiphon/request/state.hpp"

namespace antiphon::detail {

/// What has not started is answered inside its stop request, in this thread. What shares one ask among several, and is left by the last
/// of them, stops it before it says how that one ended. Such asks may wait for others of their kind: after a few of them it is left
/// to the stop request that has come here, which needs no stack, and nothing is known.
class unwanted {
public:
    /// False: it was not stopped here.
    [[nodiscard]] static bool stop(state_base& ask) noexcept {
        if (depth_ == deepest) return false;
        ++depth_;
        ask.request_stop();
        --depth_;
        return true;
    }

private:
    static constexpr int deepest = 16;
    static constinit inline thread_local int depth_ = 0;
};

}  // namespace antiphon::detail
