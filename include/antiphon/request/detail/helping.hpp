// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a waiting thread can do for the answer itself: the walk upstream to a step that is due, and its performance.

#include <cstddef>
#include <new>
#include <utility>

#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/here.hpp"
#include "antiphon/request/detail/state_base.hpp"
#include "antiphon/request/trampoline.hpp"

namespace antiphon::detail {

inline assistance state_base::help_queued(bool claim) noexcept {
    if ((bits() & unasked) != 0) return executor_.assist();  // not yet: its clock may have to be driven on until it is begun
    if ((bits() & pinned) != 0) return help_moved();
    void const* const place = executor_.place();
    bool const own_worker = place != nullptr && worker_of_place() == place;
    bool const may_run = own_worker || (claim && executor_.claimable());
    if (!may_run && !trampoline::holds(*this)) return (bits() & handers) != 0 ? assistance::none : assist_place();
    if (take_own_step()) {
        trampoline::barrier const closed;
        place_scope const lent{place, &executor_};
        step(delivery::tail);
    }
    return assistance::progress;
}

/// The commonest wait: for an ask that nobody has begun and that this thread may run. The caller holds a reference.
inline bool state_base::claim_alone() noexcept {
    constexpr std::uint32_t others = unasked | pinned | under_way | handers;
    if ((bits() & (runnable | others)) != runnable || executor_.forked() || !executor_.claimable()) return false;
    if (!take_own_step()) return false;
    trampoline::barrier const closed;
    place_scope const lent{executor_.place(), &executor_};
    step(delivery::tail);
    return true;
}

inline assistance state_base::help_moved() noexcept {
    new_place const now = moved();
    if (now.place == nullptr || worker_of_place() != now.place) return (bits() & handers) != 0 ? assistance::none : assist_place();
    if (take_pinned(*now.entry)) {
        trampoline::barrier const closed;
        place_scope const lent{now.place};
        step(delivery::tail);
    }
    return assistance::progress;
}

/// How far a waiter has come along a long chain: it looks again from there, not from the beginning.
class state_base::walk {
public:
    struct position {
        state_ptr<> at;
        bool claim;
    };
    [[nodiscard]] position begin(state_base& from, bool claim) noexcept {
        if (reached_ && !reached_->ready()) {
            reached_->retain();
            return {state_ptr<>{reached_.get()}, claim_};
        }
        reached_ = {};
        from.retain();
        return {state_ptr<>{&from}, claim};
    }
    void keep(state_base& at, bool claim, std::size_t steps) noexcept {
        if (steps < worth_it) return;
        at.retain();
        reached_ = state_ptr<>{&at};
        claim_ = claim;
    }

    bool forked = false;  ///< the way ends at an executor whose threads stayed behind in a parent process
    any_executor simulated;  ///< the clock on the way that must be driven on, if there is one

private:
    static constexpr std::size_t worth_it = 16;
    state_ptr<> reached_;
    bool claim_ = false;
};

inline assistance state_base::help(bool claim) noexcept {
    walk once;
    return help(claim, once);
}

inline assistance state_base::help(bool claim_all, walk& from) noexcept {
    auto [at, claim] = from.begin(*this, claim_all);
    bool lasting = true;
    for (std::size_t steps = 0;; ++steps) {
        if (at->ready()) return at.get() == this ? assistance::progress : assistance::none;
        if ((at->bits() & runnable) != 0) {
            if (at->executor_.forked()) {
                from.forked = true;
                return assistance::would_deadlock;
            }
            if (lasting) from.keep(*at, claim, steps);
            return at->help_queued(claim);
        }
        if (at->executor_.own_clock()) from.simulated = at->executor_;
        bool const given_up = at->may_abandon();
        bool const beyond = claim && !given_up;
        if (state_ptr<> further{at->upstream()}) {
            claim = beyond;
            lasting = lasting && !given_up;
            at = std::move(further);
            continue;
        }
        if (lasting) from.keep(*at, claim, steps);
        if (at->executor_.forked()) {
            from.forked = true;
            return assistance::would_deadlock;
        }
        assistance found = at->help_inputs(beyond);
        // One that has moved, and of which no step is due, runs, or is on its way: it says when there is something to do.
        if (found == assistance::none && (at->bits() & pinned) == 0) found = at->assist_place();
        if (found == assistance::none && executor_.assist() == assistance::progress) return assistance::progress;
        if (found != assistance::none || !from.simulated) return found;
        // Nothing can be done about a bare promise but to let the simulation go on; about another executor's work, to wait.
        found = from.simulated.assist();
        return found == assistance::progress || !at->executor_ ? found : assistance::none;
    }
}

/// A thread's way into states with several inputs. What lies too deep is put off for the outermost one, so that the stack does not
/// grow with the depth. A wait inside a step that is run on the way begins anew.
class state_base::fan {
public:
    fan() noexcept : outer_{std::exchange(top_, this)} {}
    ~fan() { top_ = outer_; }
    fan(fan const&) = delete;
    fan& operator=(fan const&) = delete;

    [[nodiscard]] static assistance help(state_base& input, bool claim) noexcept {
        if (top_ != nullptr) return top_->go_into(input, claim);
        fan first;
        return first.go_into(input, claim);
    }

private:
    struct branch {
        state_ptr<> at;
        bool claim;
        branch* next;
    };
    [[nodiscard]] assistance go_into(state_base& input, bool claim) noexcept {
        if (depth_ == deepest) {
            // Without memory for it, it is not helped: it still has its executor.
            if (auto* const put_off = new (std::nothrow) branch{{}, claim, later_}) {
                input.retain();
                put_off->at = state_ptr<>{&input};
                later_ = put_off;
            }
            return assistance::none;
        }
        ++depth_;
        assistance found = input.help(claim);
        --depth_;
        while (depth_ == 0 && later_ != nullptr) {
            branch* const now = std::exchange(later_, later_->next);
            ++depth_;
            if (found != assistance::progress && now->at->help(now->claim) == assistance::progress) found = assistance::progress;
            --depth_;
            delete now;
        }
        return found;
    }

    static constexpr int deepest = 64;
    static constinit inline thread_local fan* top_ = nullptr;
    fan* outer_;
    int depth_ = 0;
    branch* later_ = nullptr;
};

inline assistance state_base::help_input(state_base& input, bool claim) noexcept { return fan::help(input, claim); }

}  // namespace antiphon::detail
