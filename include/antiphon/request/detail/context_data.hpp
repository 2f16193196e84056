// SPDX-License-Identifier: BSL-1.0
#pragma once
// What an ask inherits from the asks around it, and where its attempts have been.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "antiphon/core/priority.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/request/detail/state_base.hpp"

namespace antiphon::detail {

/// Where the attempts of one ask have been: the last few of them. The first balance that they meet has it: the replicas of others are
/// others. What their handlers ask in turn are asks of their own.
class tried_replicas {
public:
    static constexpr std::size_t remembered = 6;

    /// False: it is another's.
    [[nodiscard]] bool belongs_to(void const* balance) noexcept {
        void const* owner = nullptr;
        return by_.compare_exchange_strong(owner, balance, std::memory_order_relaxed) || owner == balance;
    }
    void add(std::uint64_t replica) noexcept {
        std::uint32_t const at = count_.fetch_add(1, std::memory_order_relaxed);
        which_[at % remembered].store(replica, std::memory_order_relaxed);
    }
    /// All of them but the last are forgotten; not when there are none.
    void begin_again() noexcept { since_.store(count_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed); }
    /// As they are now.
    class list {
    public:
        explicit list(tried_replicas const& of) noexcept {
            std::uint32_t const end = of.count_.load(std::memory_order_relaxed);
            std::uint32_t at = of.since_.load(std::memory_order_relaxed);
            if (end - at > remembered) at = end - static_cast<std::uint32_t>(remembered);
            for (; at != end; ++at)
                which_[size_++] = of.which_[at % remembered].load(std::memory_order_relaxed);
        }
        list() noexcept = default;
        [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
        [[nodiscard]] bool contains(std::uint64_t replica) const noexcept {
            for (std::size_t i = 0; i != size_; ++i) {
                if (which_[i] == replica) return true;
            }
            return false;
        }

    private:
        std::size_t size_ = 0;
        std::array<std::uint64_t, remembered> which_;
    };

private:
    std::atomic<void const*> by_{nullptr};  // relaxed, all: hints
    std::atomic<std::uint32_t> count_{0};
    std::atomic<std::uint32_t> since_{0};
    std::array<std::atomic<std::uint64_t>, remembered> which_{};
};

struct metadata_block;

/// What an ask inherits from the asks around it: deadline, priority, metadata, observer, and, inside one pipeline, the attempt. Part
/// of the state that introduced it, which it keeps alive.
class context_data {
public:
    explicit context_data(state_base& owner) noexcept : owner_{&owner} {}
    void retain() const noexcept { fresh_ ? owner_->retain_first() : owner_->retain(); }
    void release() const noexcept { owner_->release(); }
    [[nodiscard]] bool belongs_to(state_base const& s) const noexcept { return owner_ == &s; }
    /// While its owner is being made, and nobody else knows that.
    void owner_is_new(bool now) noexcept { fresh_ = now; }

    time_point deadline = time_point::max();
    std::uint32_t attempt = 1;
    antiphon::priority priority = antiphon::priority::normal;
    bool patient = false;
    metadata_block const* metadata = nullptr;  // as the observer
    tried_replicas* tried = nullptr;  // where the attempts of one ask have been, for the next to go elsewhere; as the observer
    antiphon::observer* observer = nullptr;  // kept alive by the state that introduced it
    bool may_queue = true;  ///< else what would have to wait in line for a policy is refused

    /// For what is inside `ask`.
    void inherit_from(state_base const& ask) noexcept {
        context_data const* const outer = ask.context();
        if (outer == nullptr) return;
        deadline = outer->deadline;
        attempt = ask.asked_anew() ? 1 : outer->attempt;
        priority = outer->priority;
        patient = outer->patient;
        metadata = outer->metadata;
        tried = ask.asked_anew() ? nullptr : outer->tried;
        observer = outer->observer;
        may_queue = outer->may_queue;
    }

    /// Whether an executor that orders its work wants to know.
    [[nodiscard]] bool orders() const noexcept { return deadline != time_point::max() || priority != antiphon::priority::normal; }

private:
    state_base* owner_;
    bool fresh_ = false;
};

inline urgency state_base::how_urgent() const noexcept {
    context_data const* const c = context();
    return c != nullptr ? urgency{c->priority, c->deadline, c->patient} : urgency{};
}
/// The job that `entry` is in an executor's queue, for an ask with this context.
[[nodiscard]] inline work work_of(work_item& entry, context_data const* context) noexcept {
    return context != nullptr && context->orders() ? work::ordered(entry) : work{entry};
}

inline state_base::state_base(any_executor&& executor, context_data const* context, std::uint32_t references,
                              std::uint32_t word) noexcept
    : refs_{references}, word_{word}, executor_{std::move(executor)}, context_{reinterpret_cast<std::uintptr_t>(context)} {
    static_assert(alignof(context_data) > is_anew);
    if (context != nullptr) context->retain();
}
inline state_base::~state_base() {
    if (context_data const* const c = context()) c->release();
}
inline bool state_base::take_context_of(state_base const& owner) noexcept {
    context_data const* const c = context();
    if (c == nullptr || !c->belongs_to(owner)) return false;
    context_ = 0;
    return true;
}
inline std::uint32_t state_base::attempt_around() const noexcept {
    context_data const* const c = context();
    return c != nullptr && !asked_anew() ? c->attempt : 1;
}

}  // namespace antiphon::detail
