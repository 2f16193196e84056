// SPDX-License-Identifier: BSL-1.0
#pragma once
// Continuations that run in the completing thread are queued here and run by a loop, so that a chain of any length uses constant stack.

#include <utility>

#include "antiphon/core/work.hpp"

namespace antiphon::detail {

/// The queues of this thread's trampolines, innermost first. Everything here belongs to one thread.
class trampoline {
public:
    /// Queues `item`. The first one starts the loop, which returns true when the queue is empty; later ones return false at once.
    static bool run(work_item& item, bool nested) noexcept {
        item.next = nullptr;
        if (top_ != nullptr && top_->open_) {
            top_->push(item);
            return false;
        }
        trampoline mine{nested};
        mine.push(item);
        mine.loop();
        return true;
    }

    /// Whether `run` would start a loop.
    [[nodiscard]] static bool idle() noexcept { return top_ == nullptr || !top_->open_; }
    /// Whether this thread has no loop of this kind.
    [[nodiscard]] static bool none() noexcept { return top_ == nullptr; }
    /// Where the thread is idle: calls `first` as the first item of a loop, which then runs what that has queued.
    template <class F>
    static void start(F&& first, bool nested) noexcept {
        trampoline mine{nested};
        std::forward<F>(first)();
        mine.loop();
    }

    /// Whether `item` is queued on this thread: then a wait for it may run it here, whatever its executor.
    static bool holds(work_item const& item) noexcept {
        for (trampoline const* t = top_; t != nullptr; t = t->outer_)
            for (work_item const* i = t->head_; i != nullptr; i = i->next)
                if (i == &item) return true;
        return false;
    }

    /// Closes the loops below while a thread runs something on its own behalf (a claimed ask, one executor item), so that
    /// what this completes is run inside it and not after whatever is suspended below. The item that a loop runs leaves it
    /// open: what that completes is the loop's next one, and the stack does not grow.
    class barrier {
    public:
        explicit barrier(work_item const* item = nullptr) noexcept {
            if (top_ == nullptr) return;
            if (item != nullptr && std::exchange(top_->running_, nullptr) == item) {
                nested_ = top_->nested_;
                return;
            }
            was_open_ = std::exchange(top_->open_, false);
            closed_ = top_;
        }
        ~barrier() {
            if (closed_ != nullptr) closed_->open_ = was_open_;
        }
        barrier(barrier const&) = delete;
        barrier& operator=(barrier const&) = delete;

        /// Whether it is the item of a loop that was started inside somebody's call.
        [[nodiscard]] bool nested() const noexcept { return nested_; }

    private:
        bool nested_ = false;
        trampoline* closed_ = nullptr;
        bool was_open_ = false;
    };

private:
    explicit trampoline(bool nested) noexcept : nested_{nested}, outer_{top_} { top_ = this; }
    ~trampoline() { top_ = outer_; }

    void loop() noexcept {
        while (work_item* next = pop()) {
            running_ = next;
            next->run();
        }
    }
    void push(work_item& item) noexcept {
        *tail_ = &item;
        tail_ = &item.next;
    }
    work_item* pop() noexcept {
        work_item* const first = head_;
        if (first != nullptr) {
            head_ = first->next;
            if (head_ == nullptr) tail_ = &head_;
        }
        return first;
    }

    bool nested_;
    work_item* head_ = nullptr;
    work_item** tail_ = &head_;
    work_item const* running_ = nullptr;  ///< what the loop is about to run
    trampoline* outer_;
    bool open_ = true;
    static constinit inline thread_local trampoline* top_ = nullptr;
};

}  // namespace antiphon::detail
