// SPDX-License-Identifier: BSL-1.0
#pragma once
// One ask for each item of a range, only so many under way at a time.

#include <atomic>
#include <cstddef>
#include <exception>
#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/invoke.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/request/answer.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/detail/continuation.hpp"
#include "antiphon/request/detail/settle.hpp"
#include "antiphon/request/detail/stop_fan.hpp"
#include "antiphon/request/future.hpp"
#include "antiphon/request/host.hpp"
#include "antiphon/fwd.hpp"

namespace antiphon {

namespace detail {

/// `events_` counts the reasons to look at the window that have not been handled. Whoever raises it from 0 becomes the driver,
/// alone, until it is 0 again; the iterators and f are the driver's. The end is the driver's, too, once nothing is under way.
/// References: the consumer's and the producer's; each item holds one.
template <class Range, class F>
class limited_walk final : public state<void>, private stop_fan {
    using iterator = decltype(std::begin(std::declval<Range&>()));
    using sentinel = decltype(std::end(std::declval<Range&>()));
    using answer = std::invoke_result_t<F&, decltype(*std::declval<iterator&>())>;
    using U = answer_t<answer>;

public:
    limited_walk(Range&& range, std::size_t limit, F&& f)
        : state<void>{any_executor{}, ambient_context::current(), 2, 0}, limit_{limit} {
        work_.emplace(std::move(range), std::move(f));
    }
    void begin() noexcept override { settle(*this, delivery::nested); }

private:
    /// An ask whose answer did not come at once. References: the producer's and the list's.
    class item final : public host_state<U> {
    public:
        explicit item(limited_walk& owner) noexcept
            : host_state<U>{any_executor{}, owner.context(), 2, 0}, told_{*this}, walk_{&owner} {
            owner.retain();
            this->attach_first(told_);
        }
        item* before = nullptr;
        item* after = nullptr;
        bool listed = false;
        bool told_to_stop = false;

    private:
        class listener final : public consumer {
        public:
            explicit listener(item& of) noexcept : item_{&of} {}
            void on_ready(state_base&, delivery how) noexcept override { item_->walk_->ended(*item_, how); }
            state_base* downstream() noexcept override { return item_->walk_; }

        private:
            item* item_;
        };
        ~item() { walk_->release(); }
        void step(delivery how) noexcept override { this->go_on(how); }
        void refuse(errc why, delivery how) noexcept override { this->refuse_further(why, how); }
        void destroy() noexcept override { delete this; }

        listener told_;
        limited_walk* walk_;
    };

    struct job {
        job(Range&& r, F&& g) : range(std::move(r)), f(std::move(g)), next(std::begin(range)), end(std::end(range)) {}
        Range range;
        F f;
        iterator next;
        sentinel end;
    };

    // --- the driver -------------------------------------------------------------------------------------------------------
    void step(delivery from) noexcept override {
        delivery const how = how_ == delivery::nested ? how_ : from;
        for (;;) {
            std::size_t const seen = events_.load(std::memory_order_acquire);  // pairs with `signal`
            fill();
            if (failed_.load(std::memory_order_relaxed) && !rest_stopped_) {
                rest_stopped_ = true;
                stop_inputs();
            }
            if (over() && under_way_.load(std::memory_order_acquire) == 0) return finish(how);  // pairs with `ended`
            // release pairs with `signal`: the next driver goes on from here
            if (events_.fetch_sub(seen, std::memory_order_release) == seen) return;
        }
    }
    void refuse(errc, delivery how) noexcept override { how == delivery::dropped ? settle(*this, how) : step(how); }

    [[nodiscard]] bool halted() const noexcept { return failed_.load(std::memory_order_relaxed) || stop_requested(); }
    [[nodiscard]] bool over() noexcept {
        bool exhausted = true;
        if (!halted()) try_or_fail([&] { exhausted = !(work_->next != work_->end); });
        return exhausted || halted();
    }
    void fill() noexcept {
        ambient_context const inherited{context()};
        try_or_fail([&] {
            // acquire, and before the look: the place of an item that has failed comes with the news that it has
            while (under_way_.load(std::memory_order_acquire) < limit_ && !halted() && work_->next != work_->end) {
                ask(*work_->next);
                ++work_->next;
            }
        });
    }
    template <class Item>
    void ask(Item&& each) {
        auto call = [&]() -> answer { return detail::invoke(work_->f, std::forward<Item>(each)); };
        if constexpr (answer_traits<answer>::immediate) {
            result<U> const r = immediate_result<U>(call);
            if (!r) fail_with(r.error());
        } else {
            auto* const asked = new item{*this};
            under_way_.fetch_add(1, std::memory_order_relaxed);  // relaxed: the driver reads its own
            insert(*asked);
            // seq_cst, within, against a stop request that looks through the list
            if (stop_requested()) asked->request_stop();
            asked->answer_with(call, delivery::nested);
        }
    }
    void finish(delivery how) noexcept {
        bool const cut_short = stop_requested() && !failed_.load(std::memory_order_relaxed) && work_->next != work_->end;
        if (cut_short) fail_with(failure{errc::cancelled, executed::maybe});
        this->decide([&] { return failed_.load(std::memory_order_relaxed) ? result<void>(std::move(why_)) : result<void>(); }, how);
    }
    void discard() noexcept override { work_.reset(); }

    template <class Action>
    void try_or_fail(Action action) noexcept {
        ANTIPHON_TRY { action(); }
        ANTIPHON_CATCH_ALL { fail_with(failure::current()); }
    }

    // --- any thread ---------------------------------------------------------------------------------------------------------
    /// The first one counts.
    void fail_with(failure why) noexcept {
        if (failing_.exchange(true, std::memory_order_relaxed)) return;  // relaxed: only decides who writes
        why_ = std::move(why);
        // relaxed: the failure itself is read when nothing is under way, which the writer's end of `under_way_`, or of its turn, precedes
        failed_.store(true, std::memory_order_relaxed);
    }
    void ended(item& which, delivery how) noexcept {
        if (!which.get()) fail_with(std::move(which.get()).error());
        state_ptr<item> const listed{remove(which)};
        under_way_.fetch_sub(1, std::memory_order_release);  // pairs with the driver's loads
        signal(how);
    }
    void signal(delivery how) noexcept {
        if (events_.fetch_add(1, std::memory_order_acq_rel) != 0) return;  // pairs with the driver's fetch_sub
        how_ = how;
        settle(*this, how);
    }

    // --- the items under way, those that have not been told to stop first -----------------------------------------------------
    void insert(item& i) noexcept {
        parking_lock::scope const held{lock_};
        link_first(i);
    }
    [[nodiscard]] item* remove(item& i) noexcept {
        parking_lock::scope const held{lock_};
        unlink(i);
        return &i;
    }
    void link_first(item& i) noexcept {
        i.listed = true;
        i.after = first_;
        (first_ != nullptr ? first_->before : last_) = &i;
        first_ = &i;
    }
    void link_last(item& i) noexcept {
        i.listed = true;
        i.before = last_;
        (last_ != nullptr ? last_->after : first_) = &i;
        last_ = &i;
    }
    void unlink(item& i) noexcept {
        (i.before != nullptr ? i.before->after : first_) = i.after;
        (i.after != nullptr ? i.after->before : last_) = i.before;
        i.before = i.after = nullptr;
        i.listed = false;
    }
    [[nodiscard]] state_ptr<item> next_to_stop() noexcept {
        parking_lock::scope const held{lock_};
        item* const i = first_;
        if (i == nullptr || i->told_to_stop) return {};
        i->told_to_stop = true;
        unlink(*i);
        link_last(*i);
        i->retain();
        return state_ptr<item>{i};
    }
    /// The first one; after `i`, while that is under way, its neighbour.
    [[nodiscard]] state_ptr<item> next_to_help(item* i) noexcept {
        parking_lock::scope const held{lock_};
        item* const found = i == nullptr ? first_ : i->listed ? i->after : nullptr;
        if (found != nullptr) found->retain();
        return state_ptr<item>{found};
    }

    state_base* on_stop() noexcept override {
        fan_out();
        return nullptr;
    }
    void stop_inputs() noexcept override {
        while (state_ptr<item> const each = next_to_stop())
            each->request_stop();
    }
    void keep() noexcept override { retain(); }
    void drop() noexcept override { release(); }
    assistance help_inputs(bool claim) noexcept override {
        bool progress = false, stuck = false;
        for (state_ptr<item> each = next_to_help(nullptr); each; each = next_to_help(each.get())) {
            // One that is ready is being told: whoever tells it goes on from there, and wakes those who sleep.
            assistance const found = each->ready() ? assistance::none : help_input(*each, claim);
            progress = progress || found == assistance::progress;
            stuck = stuck || found == assistance::would_deadlock;
            if (ready()) break;
        }
        return progress ? assistance::progress : stuck ? assistance::would_deadlock : assistance::none;
    }
    void destroy() noexcept override { delete this; }

    std::size_t const limit_;
    std::atomic<std::size_t> events_{1};
    std::atomic<std::size_t> under_way_{0};
    std::atomic<bool> failing_{false};
    std::atomic<bool> failed_{false};
    failure why_{errc::unknown};  ///< written by who set `failing_`, read when nothing is under way
    // The driver's:
    delivery how_ = delivery::nested;
    bool rest_stopped_ = false;
    std::optional<job> work_;
    parking_lock lock_;
    // Guarded by lock_:
    item* first_ = nullptr;
    item* last_ = nullptr;
};

}  // namespace detail

/// Calls `f(item)` for each item of `range`, in order, with at most `limit` answers awaited at a time. What `f` returns is flattened like
/// a handler's answer (a value, a result, a future, a request, a task), and its value dropped. The range is moved in, and lives with `f`
/// until the answer.
/// The first failure stops the rest and is the answer, once everything under way has ended; `f` is not called after that. A stop request
/// starts no further items (`errc::cancelled` if some were left).
/// **Threads**: the first items are asked for in the calling thread, further ones where the completions before them arrive; `f` is never
/// called by two threads at once. **Errors**: a limit of 0 is refused with `std::invalid_argument`; what `f` or the iterators throw is a
/// failure. **Cost**: one allocation, and one for each item whose answer is not immediate; constant stack.
template <class Range, class F>
[[nodiscard]] future<void> for_each_limited(Range range, std::size_t limit, F f) {
    constexpr bool walkable = requires { *std::begin(range), std::begin(range) != std::end(range); };
    static_assert(walkable, "antiphon: for_each_limited() takes a range, a limit, and a function");
    if constexpr (walkable) {
        constexpr bool takes_items = std::is_invocable_v<F&, decltype(*std::begin(range))>;
        static_assert(takes_items, "antiphon: the function given to for_each_limited() must take an item of the range");
        detail::require(limit != 0, "for_each_limited: limit must not be zero");
        if constexpr (takes_items) {
            detail::state_ptr<detail::state<void>> walk{new detail::limited_walk<Range, F>{std::move(range), limit, std::move(f)}};
            walk->begin();
            return detail::future_access::make<void>(std::move(walk));
        } else {
            return {};
        }
    } else {
        return {};
    }
}

}  // namespace antiphon
