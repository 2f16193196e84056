// SPDX-License-Identifier: BSL-1.0
#pragma once
// The context that runs work only when told to: for event loops, and for tests that decide what happens when.

#include <cstddef>
#include <type_traits>
#include <utility>

#include "antiphon/core/errc.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/executor.hpp"
#include "antiphon/execution/here.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/execution/work_queue.hpp"

namespace antiphon {

namespace detail {

class manual_core : public counted {
public:
    void post(work_item& item) noexcept {
        {
            parking_lock::scope const hold{lock_};
            if (!closed_) {
                queue_.push(item);
                return;
            }
        }
        item.reject(errc::shut_down, rejection::in_place);
    }
    bool run_one() noexcept {
        work_item* const item = take();
        if (item == nullptr) return false;
        place_scope const here{this};
        item->run();
        return true;
    }
    void close() noexcept {
        lock_.lock();
        closed_ = true;
        work_queue left{std::move(queue_)};
        lock_.unlock();
        left.reject_all(errc::shut_down);
    }
    [[nodiscard]] std::size_t pending() noexcept {
        parking_lock::scope const hold{lock_};
        return queue_.size();
    }

private:
    work_item* take() noexcept {
        parking_lock::scope const hold{lock_};
        return queue_.pop();
    }

    parking_lock lock_;
    // Guarded by lock_:
    work_queue queue_;
    bool closed_ = false;
};

}  // namespace detail

/// A queue of work that runs in whichever thread calls `run()`, oldest first.
/// **Threads**: posting, and everything here but the destructor, from any thread; jobs that one thread runs do not overlap.
/// **Errors**: destroying it rejects what is queued, in the destroying thread, and later work, in the posting thread, with
/// `errc::shut_down`.
/// **Cost**: one allocation for the context, none for a job.
class manual_executor {
public:
    /// The handle: outlives the context, and copies refer to the same queue.
    class executor_type {
    public:
        void execute(work job) const noexcept {
            if (work_item* const item = job.release()) core_->post(*item);
        }
        [[nodiscard]] void const* place() const noexcept { return core_.get(); }
        [[nodiscard]] bool claimable() const noexcept { return false; }
        /// A job that waits for its own queue waits for ever; any other thread may sleep until the queue is run.
        [[nodiscard]] assistance assist() const noexcept {
            return place_scope::inside(core_.get()) ? assistance::would_deadlock : assistance::none;
        }
        [[nodiscard]] bool operator==(executor_type const&) const noexcept = default;

    private:
        friend class manual_executor;
        explicit executor_type(shared_core<detail::manual_core> const& core) noexcept : core_{core} {}
        shared_core<detail::manual_core> core_;
    };

    manual_executor() : core_{new detail::manual_core} {}
    manual_executor(manual_executor const&) = delete;
    manual_executor& operator=(manual_executor const&) = delete;
    ~manual_executor() { core_->close(); }

    [[nodiscard]] executor_type get_executor() const noexcept { return executor_type{core_}; }

    /// Runs what is queued and what that queues, until nothing is left; returns how many jobs ran.
    std::size_t run() {
        shared_core const core{core_};  // a job may destroy the context
        std::size_t count = 0;
        while (core->run_one())
            ++count;
        return count;
    }
    /// Runs the oldest job; false when there is none.
    bool run_one() {
        shared_core const core{core_};
        return core->run_one();
    }
    /// How many jobs are queued.
    [[nodiscard]] std::size_t pending() const noexcept { return core_->pending(); }

private:
    shared_core<detail::manual_core> core_;
};

static_assert(executor<manual_executor::executor_type> && execution_context<manual_executor>);
static_assert(sizeof(manual_executor::executor_type) == sizeof(void*));

}  // namespace antiphon
