// SPDX-License-Identifier: BSL-1.0
#pragma once
// Any executor behind two words, with every capability that it does not offer filled in.

#include <atomic>
#include <cstdint>
#include <exception>
#include <new>
#include <type_traits>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/detail/executor_traits.hpp"
#include "antiphon/execution/executor.hpp"
#include "antiphon/execution/timer.hpp"

namespace antiphon {

/// A type-erased executor. Copies share what they refer to.
/// **Threads**: as safe as the executor it holds; distinct copies are independent.
/// **Errors**: a default-constructed one is empty: `execute` drops its work (so its request fails with `cancelled`).
/// **Cost**: two words; an executor of one word (a pool's, a strand's) is held in place, a larger one in one shared allocation.
class any_executor {
public:
    any_executor() noexcept = default;
    template <class E>
        requires(!std::same_as<std::remove_cvref_t<E>, any_executor> && executor<std::remove_cvref_t<E>>)
    any_executor(E&& held) {
        using erased = detail::erased_executor<std::remove_cvref_t<E>>;
        erased::create(word_, std::forward<E>(held));
        table_ = &erased::table;
    }
    /// That of a context: `any_executor where{pool}`.
    template <execution_context C>
        requires(!executor<C>)
    any_executor(C& context) : any_executor{context.get_executor()} {}
    any_executor(any_executor const& other) noexcept : table_{other.table_}, word_{other.word_} {
        if (table_ != nullptr && table_->copy != nullptr) table_->copy(word_, other.word_);
    }
    any_executor(any_executor&& other) noexcept : table_{std::exchange(other.table_, nullptr)}, word_{other.word_} {}
    any_executor& operator=(any_executor other) noexcept {
        std::swap(table_, other.table_);
        std::swap(word_, other.word_);
        return *this;
    }
    ~any_executor() {
        if (table_ != nullptr && table_->destroy != nullptr) table_->destroy(word_);
    }

    [[nodiscard]] explicit operator bool() const noexcept { return table_ != nullptr; }
    /// Both empty, or of one type and equal. What has no `==` equals its own copies; if it fits into a word and is not empty, nothing.
    [[nodiscard]] friend bool operator==(any_executor const& a, any_executor const& b) noexcept {
        return a.table_ == b.table_ && (a.table_ == nullptr || a.table_->equal(a.word_, b.word_));
    }

    /// Hands `job` over. Whatever the executor does with it, the request behind it is decided; what it throws is passed on
    /// after `job` was decided.
    void execute(work job) const {
        if (table_ != nullptr) table_->execute(word_, std::move(job));
    }

    /// **Time**: the executor's own clock, `clock::now()` without one.
    [[nodiscard]] time_point now() const { return table_ != nullptr ? table_->now(word_) : clock::now(); }
    /// Whether that clock is not the real one: then only the executor knows when a moment has come.
    [[nodiscard]] bool own_clock() const noexcept { return table_ != nullptr && table_->own_clock; }
    /// Whether it runs work in the posting thread, whichever that is (`inline_executor`).
    [[nodiscard]] bool runs_in_place() const noexcept { return table_ != nullptr && table_->runs_in_place; }
    /// Calls `t.fire()` once, at `when` or soon after, unless disarmed. `t` must not be armed already.
    void arm(timer& t, time_point when) const { table_ != nullptr ? table_->arm(word_, t, when) : detail::default_arm(t, when); }
    /// True: `t` was armed and will not fire. False: it fired, or is about to.
    bool disarm(timer& t) const noexcept { return table_ != nullptr ? table_->disarm(word_, t) : detail::default_disarm(t); }
    [[nodiscard]] std::uint64_t random() const { return table_ != nullptr ? table_->random(word_) : detail::default_random(); }
    /// What identifies the context; null when the executor has no identity.
    [[nodiscard]] void const* place() const noexcept { return table_ != nullptr ? table_->place(word_) : nullptr; }
    /// Whether a thread that waits for this executor's work may run that very work itself.
    [[nodiscard]] bool claimable() const noexcept { return table_ != nullptr && table_->claimable(word_); }
    /// Asked by a thread that is about to block until this executor has run something.
    [[nodiscard]] assistance assist() const noexcept { return table_ != nullptr ? table_->assist(word_) : assistance::none; }
    /// Where an exception that left a callback goes.
    void unhandled(std::exception_ptr e) const noexcept {
        table_ != nullptr ? table_->unhandled(word_, std::move(e)) : detail::default_unhandled(std::move(e));
    }
    /// Whether the threads behind this executor stayed behind in a parent process.
    [[nodiscard]] bool forked() const noexcept { return table_ != nullptr && table_->forked(word_); }
    /// Where a thread that runs this executor's work in its stead may fork; null: nowhere.
    [[nodiscard]] fork_lines* lines() const noexcept { return table_ != nullptr ? table_->lines(word_) : nullptr; }

private:
    detail::executor_table const* table_ = nullptr;
    detail::executor_word word_{};
};

static_assert(executor<any_executor>);
static_assert(sizeof(any_executor) == 2 * sizeof(void*));

}  // namespace antiphon
