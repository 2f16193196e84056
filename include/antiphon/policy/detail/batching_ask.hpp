// SPDX-License-Identifier: BSL-1.0
#pragma once
// Asks that wait for company and are asked together; each gets its own result.

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
#include "antiphon/policy/detail/unwanted.hpp"

namespace antiphon::detail {

/// An item and its answer: part of its ask. Linked under its batch's lock; while it is, the list has a reference to the ask.
template <class R, class X>
struct batch_item {
    template <class V>
    explicit batch_item(state_base& self, V&& v) : ask{&self}, value(std::forward<V>(v)) {}
    state_base* ask;
    X value;
    std::optional<result<R>> answer{};  ///< written before the ask's step is scheduled
    batch_item* before = nullptr;
    batch_item* after = nullptr;
    bool listed = false;
    bool departed = false;
    state_ptr<> load{};  ///< its batch; guarded by the core's lock
    delivery how = delivery::nested;
};

template <class Core>
class batch_load;

/// What the asks of one batched request share. `Inner` is asked with a vector of X.
template <class Inner, class R_, class X_>
class batch_core final : public counted {
public:
    using R = R_;
    using X = X_;
    using inner_type = Inner;
    using item = batch_item<R, X>;
    using load = batch_load<batch_core>;

    batch_core(Inner inner, std::size_t most, duration delay) : inner_(std::move(inner)), most_{most}, delay_{delay} {}

    [[nodiscard]] Inner const& inner() const noexcept { return inner_; }
    [[nodiscard]] duration delay() const noexcept { return delay_; }

    /// Lists the item; a batch that is complete thereby leaves at once.
    void join(item& i);
    /// A stop request. Unless `left`, it was not listed any more. `ran` is what is known of the handler, `further` what to stop next.
    struct departure {
        bool left = false;
        executed ran = executed::maybe;
        state_ptr<> further{};
    };
    [[nodiscard]] departure leave(item& i) noexcept;
    /// A reference to what a waiter may help with.
    [[nodiscard]] state_base* upstream(item& i) noexcept;
    /// True: `l` was still gathering, and is the caller's to send.
    [[nodiscard]] bool seal(load& l) noexcept {
        parking_lock::scope const hold{lock_};
        if (open_ != &l) return false;
        open_ = nullptr;
        return true;
    }

private:
    /// With a reference.
    [[nodiscard]] load* load_of(item& i) noexcept {
        parking_lock::scope const hold{lock_};
        if (i.load) i.load->retain();
        return static_cast<load*>(i.load.get());
    }
    Inner inner_;
    std::size_t most_;
    duration delay_;
    parking_lock lock_;
    load* open_ = nullptr;  ///< guarded by lock_; with a reference
};

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
        : state_base{executor, nullptr, 1, 0}, core_{std::move(core)}, context_{*this} {}

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

template <class Inner, class R, class X>
void batch_core<Inner, R, X>::join(item& i) {
    state_ptr<load> fresh;
    bool first = false;
    bool full = false;
    load* in = nullptr;
    for (;;) {
        {
            parking_lock::scope const hold{lock_};
            if (open_ == nullptr && fresh) {
                open_ = fresh.release();
                first = true;
            }
            if (open_ != nullptr) {
                in = open_;
                in->retain();
                in->retain();
                i.load = state_ptr<>{in};
                full = in->add(i) == most_;
                if (full) open_ = nullptr;
                break;
            }
        }
        fresh = state_ptr<load>{new load{i.ask->executor(), shared_core<batch_core>::another(*this)}};
    }
    state_ptr<> const alive{in};
    if (full) {
        in->leave_full();
    } else if (first) {
        in->arm();
    }
}

template <class Inner, class R, class X>
auto batch_core<Inner, R, X>::leave(item& i) noexcept -> departure {
    state_ptr<load> const in{load_of(i)};
    if (!in) return {};
    typename load::leaving const how = in->remove(i);
    if (how == load::leaving::not_listed) return {};
    departure made{true};
    if (!i.departed) made.ran = executed::no;
    if (how == load::leaving::last) {
        // Somebody may have come since; then it is not for us to close.
        bool closes = false;
        {
            parking_lock::scope const hold{lock_};
            closes = open_ == in.get() && in->empty();
            if (closes) open_ = nullptr;
        }
        if (closes) {
            in->give_up();
        } else if ((made.further = state_ptr<>{in->acquire()}) && unwanted::stop(*made.further)) {
            made.ran = in->outcome();
        }
    }
    return made;
}

template <class Inner, class R, class X>
state_base* batch_core<Inner, R, X>::upstream(item& i) noexcept {
    state_ptr<load> in{load_of(i)};
    if (!in) return nullptr;
    if (state_base* const ask = in->acquire()) return ask;
    return in.release();
}

/// One item's ask.
template <class Layer, class Kept>
class batching_ask : public state<typename Layer::result_type> {
    using core_type = typename Layer::core_type;

public:
    using R = typename Layer::result_type;

    template <class L, class V>
    batching_ask(any_executor executor_for, context_data const* outer, L&& layer, V&& value)
        : state<R>{std::move(executor_for), outer, 2, 0}, core_{layer.core()}, item_{*this, std::forward<V>(value)} {}

    void begin() noexcept final {
        if (timer_thread::is_current()) return this->continue_after(delivery::nested);
        arrive(delivery::nested);
    }

protected:
    ~batching_ask() = default;
    void step(delivery how) noexcept override { arrived_ ? deliver(how) : arrive(how); }
    void refuse(errc why, delivery how) noexcept override {
        if (!arrived_) return this->fail(failure{why, executed::no}, how);
        how == delivery::dropped ? this->schedule(default_pool().get_executor()) : deliver(how);
    }
    state_base* on_stop() noexcept final { return leave().release(); }
    state_base* upstream() noexcept final { return core_->upstream(item_); }
    [[nodiscard]] bool may_abandon() const noexcept final { return true; }

private:
    void arrive(delivery how) noexcept {
        this->retain();
        state_ptr<> const alive{this};
        arrived_ = true;
        if (this->stop_requested()) return this->fail(failure{errc::cancelled, executed::no}, how);
        ANTIPHON_TRY { core_->join(item_); }
        ANTIPHON_CATCH_ALL { return this->fail(failure::current(executed::no), how); }
        // A stop request either finds it listed, or is seen here. (Its answer may be there already.)
        if (this->stop_requested()) {
            if (state_ptr<> const further = leave()) further->request_stop();
        }
    }
    /// What to stop next.
    [[nodiscard]] state_ptr<> leave() noexcept {
        typename core_type::departure made = core_->leave(item_);
        if (!made.left) return {};
        state_ptr<> const lists{this};
        this->fail(failure{errc::cancelled, made.ran}, delivery::nested);
        return std::move(made.further);
    }
    void deliver(delivery from) noexcept {
        delivery const way = item_.how == delivery::nested ? item_.how : from;
        if (item_.answer) return this->complete(*std::move(item_.answer), way);
        this->fail(failure{errc::cancelled, item_.departed ? executed::maybe : executed::no}, way);
    }

    shared_core<core_type> core_;
    batch_item<R, typename core_type::X> item_;
    bool arrived_ = false;
};

}  // namespace antiphon::detail
