// SPDX-License-Identifier: BSL-1.0
#pragma once
// One batch: who waits in it, its one ask, and how the answers get back.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/execution/timer.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/request/shared_future.hpp"
#include "antiphon/policy/detail/batch_core.hpp"
#include "antiphon/policy/detail/unwanted.hpp"

namespace antiphon::detail {

/// One batch: gathers until it is full or its time is up, then asks, then hands out the results. It lives as long as its ask.
/// `phase_`: `armed` is set once arming has returned, `sealed` by whoever takes it out of gathering; the second of both disarms.
template <class Core>
class batch_load final : public state_base, public consumer, private timer {
    using item = typename Core::item;
    using R = typename Core::R;
    using X = typename Core::X;
    using handler = std::remove_cvref_t<decltype(std::declval<typename Core::inner_type const&>().layer())>;
    using answer_type = typename handler::result_type;

public:
    batch_load(any_executor const& executor, shared_core<Core> core)
        : state_base{any_executor{executor}, nullptr, 1, 0}, core_{std::move(core)}, context_{*this} {}

    void arm() noexcept {
        this->retain();
        ANTIPHON_TRY { this->executor().arm(*this, saturating_add(this->executor().now(), core_->delay())); }
        ANTIPHON_CATCH_ALL {
            this->release();
            if (core_->seal(*this)) depart(delivery::nested);
            return;
        }
        if ((phase_.fetch_or(armed, std::memory_order_acq_rel) & sealed) != 0) disarm();  // acq_rel pairs with `leave_full`
    }
    void leave_full() noexcept {
        if ((phase_.fetch_or(sealed, std::memory_order_acq_rel) & armed) != 0) disarm();
        if (timer_thread::is_current()) return this->continue_after(delivery::nested);
        depart(delivery::nested);
    }
    void on_ready(state_base& source, delivery how) noexcept override {
        auto& answered = static_cast<state<answer_type>&>(source);
        if (answered.get()) {
            ran_ = executed::yes;
        } else {
            ran_ = answered.get().error().executed();
        }
        share(answered.get());
        hand_out(how);
        source.release();  // the consumer's
        this->release();
    }
    /// Wakes them all, and ends the walk: while the lock is held, none of them can be finished.
    state_base* downstream() noexcept override {
        parking_lock::scope const hold{lock_};
        for (item* i = first_; i != nullptr; i = i->after)
            i->ask->wake_waiter_downstream();
        return nullptr;
    }
    /// How many there are now.
    [[nodiscard]] std::size_t add(item& i) noexcept {
        parking_lock::scope const hold{lock_};
        i.ask->retain();
        i.listed = true;
        i.before = last_;
        (last_ != nullptr ? last_->after : first_) = &i;
        last_ = &i;
        return ++count_;
    }
    enum class leaving {
        not_listed,
        others_stay,
        last
    };
    [[nodiscard]] leaving remove(item& i) noexcept {
        parking_lock::scope const hold{lock_};
        if (!i.listed) return leaving::not_listed;
        i.listed = false;
        (i.before != nullptr ? i.before->after : first_) = i.after;
        (i.after != nullptr ? i.after->before : last_) = i.before;
        return --count_ != 0 ? leaving::others_stay : leaving::last;
    }
    [[nodiscard]] bool empty() noexcept {
        parking_lock::scope const hold{lock_};
        return count_ == 0;
    }
    /// A reference to the ask inside, while it is under way.
    [[nodiscard]] state_base* acquire() noexcept {
        parking_lock::scope const hold{lock_};
        if (ask_ != nullptr) ask_->retain();
        return ask_;
    }
    /// When everybody has left: what is known of the handler now.
    [[nodiscard]] executed outcome() noexcept {
        parking_lock::scope const hold{lock_};
        return ask_ == nullptr ? ran_ : executed::maybe;
    }
    /// Everybody has left before it did.
    void give_up() noexcept {
        if ((phase_.fetch_or(sealed, std::memory_order_acq_rel) & armed) != 0) disarm();
        this->release();
    }

private:
    enum : unsigned {
        armed = 1,
        sealed = 2
    };
    void disarm() noexcept {
        if (this->executor().disarm(*this)) this->release();
    }
    void fire() noexcept override {
        state_ptr<> const timers_reference{this};
        if (!core_->seal(*this)) return;
        this->continue_after(delivery::nested);
        static_cast<void>(downstream());  // whoever waits for one of the items may run that step
    }
    void step(delivery how) noexcept override { depart(how); }
    void refuse(errc why, delivery how) noexcept override { abort(failure{why, executed::no}, how); }
    void destroy() noexcept override { delete this; }

    /// The gathering's reference is this call's.
    void depart(delivery how) noexcept {
        state_ptr<state<answer_type>> ask;
        ANTIPHON_TRY {
            take_items();
            if (order_.empty()) return this->release();
            std::vector<X> values;
            values.reserve(order_.size());
            for (item* i : order_)
                values.push_back(std::move(i->value));
            ask = slot_.make(*this, &context_, core_->inner().layer(), std::move(values));
        }
        ANTIPHON_CATCH_ALL { return abort(failure::current(executed::no), how); }
        state_base& inner = *ask;
        inner.attach_first(*this);
        inner.retain();
        state_ptr<> const alive{&inner};
        bool unwanted = false;
        {
            parking_lock::scope const hold{lock_};
            ask_ = ask.release();
            unwanted = first_ == nullptr;
        }
        if (unwanted) inner.request_stop();
        inner.begin();
    }
    /// From now on their places are fixed. Each keeps a reference to its ask.
    void take_items() {
        std::size_t expected = 0;
        for (;;) {
            order_.reserve(expected);
            parking_lock::scope const hold{lock_};
            if (count_ > order_.capacity()) {
                expected = count_;
                continue;
            }
            for (item* i = first_; i != nullptr; i = i->after) {
                i->departed = true;
                i->ask->retain();
                order_.push_back(i);
            }
            return;
        }
    }
    void share(result<answer_type>& all) noexcept {
        ANTIPHON_TRY {
            if (!all) return fail_all(all.error());
            if (all->size() != order_.size())
                return fail_all(
                    failure{errc::internal, executed::yes, "batch: the handler gave another number of results than it was asked for"});
            std::size_t n = 0;
            for (auto&& each : *all)
                order_[n++]->answer.emplace(std::move(each));
        }
        ANTIPHON_CATCH_ALL { fail_all(failure::current()); }
    }
    void fail_all(failure const& why) noexcept {
        for (item* i : order_)
            if (!i->answer) i->answer.emplace(why);
    }
    void abort(failure why, delivery how) noexcept {
        if (order_.empty()) {
            ANTIPHON_TRY { take_items(); }
            ANTIPHON_CATCH_ALL {
                // hand_out finds those without an answer in the list
            }
        }
        fail_all(why);
        hand_out(how);
        this->release();
    }
    void hand_out(delivery how) noexcept {
        item* listed = nullptr;
        {
            parking_lock::scope const hold{lock_};
            ask_ = nullptr;
            listed = std::exchange(first_, nullptr);
            last_ = nullptr;
            count_ = 0;
            for (item* i = listed; i != nullptr; i = i->after)
                i->listed = false;
        }
        while (listed != nullptr) {
            item& i = *std::exchange(listed, listed->after);
            i.how = how;
            state_ptr<> const told{i.ask};
            settle(*told, how);
        }
        for (item* i : std::exchange(order_, {}))
            i->ask->release();
    }

    shared_core<Core> core_;
    std::atomic<unsigned> phase_{0};
    parking_lock lock_;
    // Guarded by lock_:
    item* first_ = nullptr;
    item* last_ = nullptr;
    std::size_t count_ = 0;
    state_base* ask_ = nullptr;  ///< while it is under way
    // The sender's:
    std::vector<item*> order_;
    executed ran_ = executed::maybe;  ///< told by `ask_` being null again
    context_data context_;
    child_slot<handler, std::vector<X>> slot_;
};

}  // namespace antiphon::detail
