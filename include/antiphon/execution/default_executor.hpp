// SPDX-License-Identifier: BSL-1.0
#pragma once
// The executor of asks that name none: the default pool, and inside virtual time the executor that keeps it.

#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/default_pool.hpp"

namespace antiphon {

/// "This thread is running work of a context whose clock is its own", for those who write such contexts: what that work asks without
/// naming an executor stays in its time. Lives on the thread's stack.
class own_time_scope {
public:
    /// `handle(context)` is the executor; asked for when somebody needs it, while the scope lasts.
    own_time_scope(void* context, any_executor (*handle)(void*)) noexcept : context_{context}, handle_{handle}, outer_{top_} {
        top_ = this;
    }
    ~own_time_scope() { top_ = outer_; }
    own_time_scope(own_time_scope const&) = delete;
    own_time_scope& operator=(own_time_scope const&) = delete;

    /// The innermost one's executor; an empty one in real time.
    [[nodiscard]] static any_executor current() { return top_ != nullptr ? top_->handle_(top_->context_) : any_executor{}; }
    [[nodiscard]] static bool active() noexcept { return top_ != nullptr; }

private:
    void* context_;
    any_executor (*handle_)(void*);
    own_time_scope* outer_;
    static constinit inline thread_local own_time_scope* top_ = nullptr;
};

/// Where an ask without an executor runs that is not run in place.
[[nodiscard]] inline any_executor default_executor() {
    return own_time_scope::active() ? own_time_scope::current() : any_executor{default_pool().get_executor()};
}

}  // namespace antiphon
