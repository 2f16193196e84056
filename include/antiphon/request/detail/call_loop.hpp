// SPDX-License-Identifier: BSL-1.0
#pragma once
// The executor of a call() without one: the calling thread, which runs what its own ask needs while it waits.

#include <atomic>
#include <cstdint>
#include <utility>

#include "antiphon/core/node_cache.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/executor.hpp"
#include "antiphon/execution/fork.hpp"
#include "antiphon/execution/here.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/request/state.hpp"

namespace antiphon::detail {

/// The queue of one call. Shared by the executors that refer to it; closed when the call returns.
class call_loop_core : public recycled {
public:
    void retain() noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }  // relaxed: the caller holds one already
    void release() noexcept {
        if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;  // acq_rel pairs with the other decrements
    }

    /// The ask whose waiter is woken when something arrives.
    void open(state_base& root) noexcept {
        parking_lock::scope const held{lock_};
        root_ = &root;
    }
    void push(work job) noexcept {
        if (thread_ == &here_) mend_after_fork();
        {
            parking_lock::scope const held{lock_};
            if (!closed_) {
                work_item* const item = job.release();
                item->next = nullptr;
                *tail_ = item;
                tail_ = &item->next;
                // The caller cannot leave while the lock is held: the root and its waiter are alive.
                if (root_ != nullptr) root_->wake_waiter_downstream();
                return;
            }
        }
        std::move(job).reject(errc::shut_down);
    }
    [[nodiscard]] assistance run_one() noexcept {
        if (thread_ != &here_) return assistance::none;
        mend_after_fork();
        work_item* item = nullptr;
        {
            parking_lock::scope const held{lock_};
            item = pop();
        }
        if (item == nullptr) return assistance::none;
        place_scope const inside{this};
        item->run();
        return assistance::progress;
    }
    void close() noexcept {
        mend_after_fork();
        work_item* left = nullptr;
        {
            parking_lock::scope const held{lock_};
            closed_ = true;
            root_ = nullptr;
            left = std::exchange(head_, nullptr);
            tail_ = &head_;
        }
        while (left != nullptr) {
            work_item* const next = left->next;
            left->reject(errc::shut_down, rejection::in_place);
            left = next;
        }
    }

private:
    /// For the caller's thread, which may have forked inside its own work: in the child it is alone, and whoever had the lock, perhaps
    /// in the midst of a push, is not there.
    void mend_after_fork() noexcept {
        std::uint32_t const now = fork_generation();
        if (now == generation_) return;
        generation_ = now;
        lock_.reset_after_fork();
        for (tail_ = &head_; *tail_ != nullptr;)
            tail_ = &(*tail_)->next;
    }
    [[nodiscard]] work_item* pop() noexcept {
        work_item* const item = head_;
        if (item != nullptr) {
            head_ = item->next;
            if (head_ == nullptr) tail_ = &head_;
        }
        return item;
    }

    static constinit inline thread_local char here_ = 0;  // its address names the thread

    std::atomic<std::uint32_t> refs_{1};
    parking_lock lock_;
    bool closed_ = false;
    state_base* root_ = nullptr;
    work_item* head_ = nullptr;
    work_item** tail_ = &head_;
    char const* thread_ = &here_;
    std::uint32_t generation_ = fork_generation();  ///< that thread's
};

class call_loop_executor {
public:
    explicit call_loop_executor(call_loop_core* adopted) noexcept : core_{adopted} {}
    call_loop_executor(call_loop_executor const& other) noexcept : core_{other.core_} { core_->retain(); }
    call_loop_executor& operator=(call_loop_executor const&) = delete;
    ~call_loop_executor() { core_->release(); }

    void execute(work job) const { core_->push(std::move(job)); }
    [[nodiscard]] void const* place() const noexcept { return core_; }
    [[nodiscard]] assistance assist() const noexcept { return core_->run_one(); }

private:
    call_loop_core* core_;
};
static_assert(executor<call_loop_executor>);

/// One call's loop, in the caller's frame.
class call_loop {
public:
    call_loop() : core_{new call_loop_core} {}
    call_loop(call_loop const&) = delete;
    call_loop& operator=(call_loop const&) = delete;
    ~call_loop() {
        core_->close();
        core_->release();
    }
    void open(state_base& root) noexcept { core_->open(root); }
    [[nodiscard]] any_executor get_executor() const {
        core_->retain();
        return any_executor{call_loop_executor{core_}};
    }

private:
    call_loop_core* core_;
};

}  // namespace antiphon::detail
