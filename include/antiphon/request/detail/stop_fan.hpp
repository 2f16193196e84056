// SPDX-License-Identifier: BSL-1.0
#pragma once
// A stop request that goes on to several: nested ones use constant stack.

#include <utility>

namespace antiphon::detail {

/// Stop requests that fan out are queued here, so that combinations of combinations use constant stack.
class stop_fan {
public:
    stop_fan(stop_fan const&) = delete;
    stop_fan& operator=(stop_fan const&) = delete;

    /// Once for each object: calls `stop_inputs`, now or from the loop below.
    void fan_out() noexcept {
        if (depth_ == deepest) {
            next_fan_ = std::exchange(waiting_, this);
            keep();
            return;
        }
        ++depth_;
        stop_inputs();
        --depth_;
        if (depth_ != 0) return;
        while (stop_fan* const next = waiting_) {
            waiting_ = next->next_fan_;
            ++depth_;
            next->stop_inputs();
            --depth_;
            next->drop();
        }
    }

protected:
    stop_fan() = default;
    ~stop_fan() = default;
    virtual void stop_inputs() noexcept = 0;
    virtual void keep() noexcept = 0;
    virtual void drop() noexcept = 0;

private:
    static constexpr int deepest = 32;
    static constinit inline thread_local int depth_ = 0;
    static constinit inline thread_local stop_fan* waiting_ = nullptr;
    stop_fan* next_fan_ = nullptr;
};

}  // namespace antiphon::detail
