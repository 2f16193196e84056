// SPDX-License-Identifier: BSL-1.0
#pragma once
// Who is inside a limit on concurrency, and who stands in line: what its handles and their asks share.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

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
    virtual ~limit_waiter() = default;
    /// How many were inside when it had come in, itself included.
    [[nodiscard]] std::uint32_t inside_with() const noexcept { return inside_with_; }

private:
    friend class limit_core;
    std::uint32_t partition_ = 0;
    std::uint32_t inside_with_ = 0;
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

    /// `partition` is 0, or the place of one that `guarantee` has made.
    [[nodiscard]] entry enter(limit_waiter& who, bool may_queue, std::uint32_t partition) noexcept {
        parking_lock::scope const hold{lock_};
        who.partition_ = partition;
        if ((first_ == nullptr && in_flight_ < limit_) || (below_guarantee(partition) && shares_[partition].queued == 0)) {
            let_in(who);
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
    void leave(limit_waiter const& who, delivery how) noexcept {
        {
            parking_lock::scope const hold{lock_};
            --in_flight_;
            if (!shares_.empty()) --shares_[who.partition_].in_flight;
            if (first_ == nullptr) return;
        }
        let_others_in(how);
    }
    /// From now on. Who is inside stays there; who stands in line goes in where there is room now.
    void set_limit(std::uint32_t limit) noexcept {
        {
            parking_lock::scope const hold{lock_};
            limit_ = limit;
        }
        let_others_in(delivery::nested);
    }
    [[nodiscard]] readings read() noexcept {
        parking_lock::scope const hold{lock_};
        readings now = counted_;
        now.limit = limit_;
        now.in_flight = in_flight_;
        now.queued = queued_;
        return now;
    }

protected:
    /// Before it is used: a partition of its own that may have this share of the limit whatever the others do; its place.
    std::uint32_t guarantee(double of_limit) {
        if (shares_.empty()) shares_.push_back({});  // of those that belong to none
        shares_.push_back({of_limit, 0, 0});
        return static_cast<std::uint32_t>(shares_.size() - 1);
    }
    void let_others_in(delivery how) noexcept {
        if (letting_in::here(*this)) return;
        letting_in const now{*this};
        while (limit_waiter* const next = next_in())
            next->granted(how);
    }

    parking_lock lock_;
    std::uint32_t limit_;  ///< guarded by lock_
    std::uint32_t in_flight_ = 0;  ///< guarded by lock_

private:
    struct share {
        double of_limit = 0;
        std::uint32_t in_flight = 0;
        std::uint32_t queued = 0;
    };

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

    [[nodiscard]] bool below_guarantee(std::uint32_t partition) const noexcept {
        if (partition == 0) return false;
        double const mine = shares_[partition].of_limit * limit_;
        return shares_[partition].in_flight < (mine > 1 ? mine : 1);
    }
    void let_in(limit_waiter& who) noexcept {
        ++in_flight_;
        if (!shares_.empty()) ++shares_[who.partition_].in_flight;
        who.inside_with_ = in_flight_;
        ++counted_.admitted;
    }
    /// Taken out of the line: the first, or, where all are inside, the first whose partition has less than it is guaranteed.
    [[nodiscard]] limit_waiter* next_in() noexcept {
        parking_lock::scope const hold{lock_};
        limit_waiter* next = first_;
        if (in_flight_ >= limit_) {
            if (shares_.empty()) return nullptr;
            while (next != nullptr && !below_guarantee(next->partition_))
                next = next->behind_;
        }
        if (next == nullptr) return nullptr;
        take_out(*next);
        let_in(*next);
        return next;
    }
    void append(limit_waiter& who) noexcept {
        who.in_line_ = true;
        who.behind_ = nullptr;
        who.ahead_ = last_;
        (last_ != nullptr ? last_->behind_ : first_) = &who;
        last_ = &who;
        ++queued_;
        if (!shares_.empty()) ++shares_[who.partition_].queued;
        ++counted_.delayed;
    }
    void take_out(limit_waiter& who) noexcept {
        (who.ahead_ != nullptr ? who.ahead_->behind_ : first_) = who.behind_;
        (who.behind_ != nullptr ? who.behind_->ahead_ : last_) = who.ahead_;
        who.in_line_ = false;
        --queued_;
        if (!shares_.empty()) --shares_[who.partition_].queued;
    }

    std::uint32_t const longest_line_;
    // Guarded by lock_:
    std::vector<share> shares_;  ///< none without partitions
    std::uint32_t queued_ = 0;
    limit_waiter* first_ = nullptr;
    limit_waiter* last_ = nullptr;
    readings counted_;
};

}  // namespace antiphon::detail
