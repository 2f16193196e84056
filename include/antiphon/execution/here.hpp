// SPDX-License-Identifier: BSL-1.0
#pragma once
// Where the current thread is: the places it runs for, innermost first, and whose worker it is.

#include <atomic>
#include <cstdint>

#include "antiphon/core/config.hpp"

namespace antiphon {

class any_executor;
class fork_line;

/// One level of "this thread is running work of that place", on the thread's own stack.
/// A place is the address that identifies an execution context (`place()` of its executors).
class place_scope {
public:
    /// `lender`: the executor of that place, where the thread runs its work without being one of its workers.
    explicit place_scope(void const* place, any_executor const* lender = nullptr) noexcept
        : place_{place}, outer_{top_}, lender_{lender}, line_{line} {
        if (outer_ == nullptr || outer_->place_ != place) line = nullptr;
        top_ = this;
    }
    ~place_scope() {
        line = line_;
        top_ = outer_;
    }
    place_scope(place_scope const&) = delete;
    place_scope& operator=(place_scope const&) = delete;

    /// The innermost place, or null outside every executor.
    [[nodiscard]] static void const* current() noexcept { return top_ != nullptr ? top_->place_ : nullptr; }
    /// Whether this thread is inside `place` at any depth: then waiting for it to run something else cannot end.
    [[nodiscard]] static bool inside(void const* place) noexcept {
        for (place_scope const* s = top_; s != nullptr; s = s->outer_)
            if (s->place_ == place) return true;
        return false;
    }
    /// Whether this thread is in `place` and nowhere else: then it goes on with that place's next item when it returns.
    [[nodiscard]] static bool only(void const* place) noexcept {
        return top_ != nullptr && top_->place_ == place && top_->outer_ == nullptr;
    }
    /// The executor whose work this thread runs in its stead; null for workers, and where it is not known.
    [[nodiscard]] static any_executor const* lender() noexcept { return top_ != nullptr ? top_->lender_ : nullptr; }

    /// Where this thread forks, in the innermost place; null: nowhere. Set by the worker's main function, and for a while by `fork_join`.
    static constinit inline thread_local fork_line* line = nullptr;

private:
    void const* place_;
    place_scope* outer_;
    any_executor const* lender_;
    fork_line* line_;  ///< outside
    static constinit inline thread_local place_scope* top_ = nullptr;
};

namespace detail {

/// The place whose worker this thread is; set once by the worker's main function.
constinit inline thread_local void const* worker_place = nullptr;

}  // namespace detail

/// The pool (its `place()`) that this thread is a worker of; null outside pools, and in threads lent to a pool.
[[nodiscard]] inline void const* worker_of_place() noexcept { return detail::worker_place; }

/// Whatever is running on a worker and can be asked to stop; registered by running requests whose handler can notice.
class stoppable {
public:
    virtual void request_stop() noexcept = 0;
    virtual void retain() noexcept = 0;
    virtual void release() noexcept = 0;

protected:
    ~stoppable() = default;
};

/// What one worker thread is running now, so that a shut-down can ask it to stop.
/// **Threads**: `enter` and `leave` belong to the worker; `request_stop` may come from any thread, and keeps alive what it
/// found while it uses it.
class running_slot {
public:
    /// The slot of the current thread, null outside pools. Set by the worker's main function.
    static constinit inline thread_local running_slot* mine = nullptr;

    /// Registers `now`; returns what was registered before (a waiting worker runs other work inside its own).
    stoppable* enter(stoppable& now) noexcept {
        stoppable* const outer = swap(&now);
        if (stopping_.load(std::memory_order_relaxed)) now.request_stop();  // relaxed: `swap` has acquired it
        return outer;
    }
    void leave(stoppable* outer) noexcept {
        swap(outer);
        if (outer != nullptr && stopping_.load(std::memory_order_relaxed)) outer->request_stop();  // as in enter
    }
    /// Stops what runs now and whatever enters later.
    void request_stop() noexcept {
        // Against enter and leave, which exchange `current_` too: either this exchange comes later, and finds what they registered
        // (acquire), or theirs does, and finds the flag (the store below releases it).
        stopping_.store(true, std::memory_order_relaxed);
        stoppable* const found = current_.exchange(busy(), std::memory_order_acquire);
        if (found != nullptr) found->retain();
        current_.store(found, std::memory_order_release);
        current_.notify_all();
        if (found == nullptr) return;
        found->request_stop();  // user code may run here: the registration is free again
        found->release();
    }

private:
    static stoppable* busy() noexcept { return reinterpret_cast<stoppable*>(std::uintptr_t{1}); }
    /// Replaces the registration, waiting out a `request_stop` that is about to retain it.
    stoppable* swap(stoppable* to) noexcept {
        stoppable* found = current_.load(std::memory_order_relaxed);
        for (;;) {
            if (found == busy()) {
                // relaxed: the exchange below acquires
                current_.wait(found, std::memory_order_relaxed);
                found = current_.load(std::memory_order_relaxed);
            } else if (current_.compare_exchange_weak(found, to, std::memory_order_acq_rel, std::memory_order_relaxed)) {
                return found;  // acq_rel pairs with request_stop's exchange and store: what was registered, and the flag
            }
        }
    }

    std::atomic<stoppable*> current_{nullptr};
    std::atomic<bool> stopping_{false};
};

}  // namespace antiphon
