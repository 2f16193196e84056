// SPDX-License-Identifier: BSL-1.0
#pragma once
// Who is inside a limit on concurrency, and who stands in line: what its handles and their asks share.

#include <cstddef>
#include <cstdint>
#include <utility>

#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/request/state.hpp"

namespace antiphon::detail {

/// A place in line. Its links belong to the core's lock.
class limit_waiter {
public:
    /// It has left the line and is inside. Called once, by whoever made room, under no lock; the last touch.
    virtual void granted(delivery how) noexcept = 0;

protected:
    ~limit_waiter() = default;

private:
    friend class limit_core;
    limit_waiter* ahead_ = nullptr;
    limit_waiter* behind_ = nullptr;
    bool in_line_ = false;
};

/// One lock guards everything. Whoever makes room lets in those who stand in line; nobody overtakes them. A thread that is letting
/// somebody in already, who may have run and left in this very thread, goes on with the next when that has returned: so the line is a
/// loop, however long it is.
class limit_core : public counted {
public:
    enum class entry {
        inside,
        in_line,
        refused
    };
    struct readings {
        std::uint32_t limit = 0, in_flight = 0, queued = 0;
        std::uint64_t admitted = 0, delayed = 0, rejected = 0;
    };

    limit_core(std::uint32_t limit, std::uint32_t longest_line) noexcept : limit_{limit}, longest_line_{longest_line} {}
    virtual ~limit_core() = default;

    [[nodiscard]] entry enter(limit_waiter& who, bool may_queue) noexcept {
        parking_lock::scope const hold{lock_};
        if (first_ == nullptr && in_flight_ < limit_) {
            ++in_flight_;
            ++counted_.admitted;
            return entry::inside;
        }
        if (!may_queue || queued_ >= longest_line_) {
            ++counted_.rejected;
            return entry::refused;
        }
        append(who);
        return entry::in_line;
    }
    /// False: it is not in line any more.
    [[nodiscard]] bool leave_line(limit_waiter& who, bool refused = false) noexcept {
        parking_lock::scope const hold{lock_};
        if (!who.in_line_) return false;
        take_out(who);
        counted_.rejected += refused;
        return true;
    }
    /// Somebody who was inside is not any more.
    void leave(delivery how) noexcept {
        {
            parking_lock::scope const hold{lock_};
            --in_flight_;
            if (first_ == nullptr) return;
        }
        if (letting_in::here(*this)) return;
        letting_in const now{*this};
        while (limit_waiter* const next = let_in())
            next->granted(how);
    }
    [[nodiscard]] readings read() noexcept {
        parking_lock::scope const hold{lock_};
        readings now = counted_;
        now.limit = limit_;
        now.in_flight = in_flight_;
        now.queued = queued_;
        return now;
    }

private:
    /// On this thread's stack, while it lets somebody in.
    class letting_in {
    public:
        explicit letting_in(limit_core const& core) noexcept : core_{&core}, outer_{top_} { top_ = this; }
        ~letting_in() { top_ = outer_; }
        letting_in(letting_in const&) = delete;
        letting_in& operator=(letting_in const&) = delete;
        [[nodiscard]] static bool here(limit_core const& core) noexcept {
            for (letting_in const* each = top_; each != nullptr; each = each->outer_)
                if (each->core_ == &core) return true;
            return false;
        }

    private:
        limit_core const* core_;
        letting_in* outer_;
        static constinit inline thread_local letting_in* top_ = nullptr;
    };

    [[nodiscard]] limit_waiter* let_in() noexcept {
        parking_lock::scope const hold{lock_};
        if (first_ == nullptr || in_flight_ >= limit_) return nullptr;
        limit_waiter* const next = first_;
        take_out(*next);
        ++in_flight_;
        ++counted_.admitted;
        return next;
    }
    void append(limit_waiter& who) noexcept {
        who.in_line_ = true;
        who.behind_ = nullptr;
        who.ahead_ = last_;
        (last_ != nullptr ? last_->behind_ : first_) = &who;
        last_ = &who;
        ++queued_;
        ++counted_.delayed;
    }
    void take_out(limit_waiter& who) noexcept {
        (who.ahead_ != nullptr ? who.ahead_->behind_ : first_) = who.behind_;
        (who.behind_ != nullptr ? who.behind_->ahead_ : last_) = who.ahead_;
        who.in_line_ = false;
        --queued_;
    }

    parking_lock lock_;
    // Guarded by lock_:
    std::uint32_t limit_;
    std::uint32_t const longest_line_;
    std::uint32_t in_flight_ = 0;
    std::uint32_t queued_ = 0;
    limit_waiter* first_ = nullptr;
    limit_waiter* last_ = nullptr;
    readings counted_;
};

}  // namespace antiphon::detail
