// SPDX-License-Identifier: BSL-1.0
#pragma once
// Asks of one key share one flight: one ask of what is inside, and everybody who waits for it gets its result.

#include <atomic>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "antiphon/core/lifetime.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/request/observer.hpp"
#include "antiphon/request/shared_future.hpp"
#include "antiphon/policy/detail/attempts.hpp"
#include "antiphon/policy/detail/keyed_table.hpp"
#include "antiphon/policy/detail/unwanted.hpp"

namespace antiphon::detail {

/// Somebody who waits for a flight: part of its ask. Linked under the flight's lock; while it is, the list has a reference to the ask.
struct passenger {
    explicit passenger(state_base& self) noexcept : ask{&self} {}
    state_base* ask;
    passenger* before = nullptr;
    passenger* after = nullptr;
    bool aboard = false;
    // Written before the ask's step is scheduled:
    bool alone = false;               ///< the flight's only one: it may take the result instead of copying it
    delivery how = delivery::nested;  ///< of the result
};

/// It lies in the ask that began it, which its passengers and the ask inside keep alive. `closed_`: nobody boards any more, because it
/// has landed or because the last passenger has left.
template <class R, class Key>
class flight final : public table_node<flight<R, Key>>, public consumer {
public:
    using table = keyed_table<flight>;
    struct shared_table final : counted, table {};

    flight(state_base& owner, shared_table& in) noexcept : owner_{&owner}, table_{&in} {}

    void retain() noexcept { owner_->retain(); }
    void release() noexcept { owner_->release(); }
    [[nodiscard]] Key const& key() const noexcept { return *key_; }
    void set_key(Key&& key) { key_.emplace(std::move(key)); }

    [[nodiscard]] bool board(passenger& p) noexcept {
        parking_lock::scope const hold{lock_};
        if (closed_) return false;
        p.ask->retain();
        p.before = nullptr;
        p.after = first_;
        if (first_ != nullptr) first_->before = &p;
        first_ = &p;
        p.aboard = true;
        return true;
    }
    enum class leaving {
        not_aboard,
        others_stay,
        last
    };
    /// Unless `not_aboard`, the list's reference to the ask is the caller's.
    [[nodiscard]] leaving leave(passenger& p) noexcept {
        parking_lock::scope const hold{lock_};
        if (!p.aboard) return leaving::not_aboard;
        (p.before != nullptr ? p.before->after : first_) = p.after;
        if (p.after != nullptr) p.after->before = p.before;
        p.aboard = false;
        if (first_ != nullptr) return leaving::others_stay;
        closed_ = true;
        return leaving::last;
    }
    /// Before it was in the table.
    void reopen() noexcept {
        parking_lock::scope const hold{lock_};
        closed_ = false;
    }
    void take_from_table() noexcept { static_cast<void>(table_->remove(*this)); }

    /// False: everybody has left.
    [[nodiscard]] bool wanted() noexcept {
        parking_lock::scope const hold{lock_};
        return !closed_;
    }
    void take_off(state_ptr<state<R>> ask) noexcept {
        state_base& inner = *ask;
        inner.attach_first(*this);
        inner.retain();
        state_ptr<> const alive{&inner};
        lock_.lock();
        ask_ = ask.release();
        begun_ = true;
        bool const left = closed_;
        lock_.unlock();
        if (left) inner.request_stop();
        inner.begin();
    }
    void land(result<R>&& answer, delivery how) noexcept {
        retain();
        node_ref<flight> const alive{this};
        landed_.emplace(std::move(answer));
        lock_.lock();
        closed_ = true;
        state_ptr<> const ask{std::exchange(ask_, nullptr)};
        passenger* each = std::exchange(first_, nullptr);
        for (passenger* p = each; p != nullptr; p = p->after)
            p->aboard = false;
        lock_.unlock();
        take_from_table();
        if (each != nullptr && each->after == nullptr) each->alone = true;
        while (each != nullptr) {
            passenger& p = *std::exchange(each, each->after);
            p.how = how;
            state_ptr<> const told{p.ask};
            settle(*told, how);
        }
    }
    /// A reference to the ask inside, while it flies.
    [[nodiscard]] state_base* acquire() noexcept {
        parking_lock::scope const hold{lock_};
        if (ask_ != nullptr) ask_->retain();
        return ask_;
    }
    [[nodiscard]] std::optional<result<R>>& landed() noexcept { return landed_; }
    /// For the last passenger, who has left: what is known of the handler now.
    [[nodiscard]] executed outcome() noexcept {
        parking_lock::scope const hold{lock_};
        if (!begun_) return executed::no;
        return ask_ == nullptr && landed_ && !*landed_ ? landed_->error().executed() : executed::maybe;
    }

    void on_ready(state_base& source, delivery how) noexcept override { land(static_cast<state<R>&>(source).take(), how); }
    /// Wakes them all, and ends the walk. A flight that waits for itself is met again: its thread has the lock.
    state_base* downstream() noexcept override {
        if (waker_.load(std::memory_order_relaxed) == &here_) return nullptr;  // only ever compared with the reader's own thread
        parking_lock::scope const hold{lock_};
        waker_.store(&here_, std::memory_order_relaxed);
        for (passenger* p = first_; p != nullptr; p = p->after)
            p->ask->wake_waiter_downstream();
        waker_.store(nullptr, std::memory_order_relaxed);
        return nullptr;
    }

private:
    static constinit inline thread_local char here_ = 0;  // its address names the thread

    state_base* owner_;
    shared_table* table_;
    std::optional<Key> key_;
    std::optional<result<R>> landed_;
    std::atomic<char const*> waker_{nullptr};
    parking_lock lock_;
    // Guarded by lock_:
    bool closed_ = false;
    bool begun_ = false;  ///< what is inside was asked
    passenger* first_ = nullptr;
    state<R>* ask_ = nullptr;
};

/// An ask through the layer: a passenger, with room for a flight of its own.
template <class Layer, class... A>
class coalescing_ask : public state<typename Layer::result_type> {
    using asked = question<Layer, typename Layer::signature, A...>;
    using policy_type = typename Layer::policy_type;
    using flight_type = typename policy_type::flight_type;

public:
    using R = typename Layer::result_type;

    template <class L, class... X>
    coalescing_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : state<R>{std::move(executor_for), outer, 2, 0},
          policy_(layer.policy()),
          me_{*this},
          own_{*this, policy_.table()},
          context_{*this},
          question_{std::forward<L>(layer), std::forward<X>(args)...} {}

    void begin() noexcept final {
        if (timer_thread::is_current()) return this->continue_after(delivery::nested);
        arrive(delivery::nested);
    }

protected:
    ~coalescing_ask() {
        if (flight_ != nullptr && flight_ != &own_) flight_->release();
    }
    void step(delivery how) noexcept override { arrived_ ? deliver(how) : arrive(how); }
    void refuse(errc why, delivery how) noexcept override {
        if (!arrived_) return this->fail(failure{why, executed::no}, how);
        how == delivery::dropped ? this->schedule(default_pool().get_executor()) : deliver(how);
    }
    state_base* on_stop() noexcept final { return leave(); }
    state_base* upstream() noexcept final {
        parking_lock::scope const hold{lock_};
        return flight_ != nullptr ? flight_->acquire() : nullptr;
    }
    [[nodiscard]] bool may_abandon() const noexcept final { return true; }

private:
    /// Finds its flight or begins one. From the moment it is aboard, anybody may decide it.
    void arrive(delivery how) noexcept {
        this->retain();
        state_ptr<> const alive{this};
        arrived_ = true;
        if (this->stop_requested()) return this->fail(failure{errc::cancelled, executed::no}, how);
        bool first = false;
        ANTIPHON_TRY { first = board(); }
        ANTIPHON_CATCH_ALL { return this->fail(failure::current(executed::no), how); }
        // A stop request either finds the flight, or is seen here.
        if (this->stop_requested()) {
            if (state_ptr<> const unwanted{leave()}) unwanted->request_stop();
        }
        if (first) take_off(how);
    }
    [[nodiscard]] bool board() {
        typename flight_type::shared_table& table = policy_.table();
        own_.set_key(question_.read([&](auto const&... args) { return policy_.key(args...); }));
        std::uint64_t const hash = hash_of(own_.key());
        for (;;) {
            std::uint64_t seen = 0;
            node_ref<flight_type> found = table.find(hash, own_.key(), seen);
            if (!found) {
                if (!enter(own_)) continue;  // not while it is nobody's
                ANTIPHON_TRY {
                    if (table.insert(own_, hash, seen)) return true;
                }
                ANTIPHON_CATCH_ALL {
                    if (!step_down()) return false;
                    ANTIPHON_RETHROW;
                }
                if (!step_down()) return false;
            } else if (enter(*found)) {
                static_cast<void>(found.release());
                if (this->context() != nullptr && this->context()->observer != nullptr)
                    this->context()->observer->answered_by("coalesce");
                return false;
            } else {
                found->take_from_table();  // it closes
            }
        }
    }
    /// A stop request, and whoever lands the flight, finds it aboard with the flight known.
    [[nodiscard]] bool enter(flight_type& of) noexcept {
        parking_lock::scope const hold{lock_};
        flight_ = &of;
        if (of.board(me_)) return true;
        flight_ = nullptr;
        return false;
    }
    /// False: a stop request was first, and decides the ask.
    [[nodiscard]] bool step_down() noexcept {
        parking_lock::scope const hold{lock_};
        if (own_.leave(me_) == flight_type::leaving::not_aboard) return false;
        own_.reopen();
        flight_ = nullptr;
        this->release();  // the list's
        return true;
    }
    void take_off(delivery how) noexcept {
        if (!own_.wanted()) return;
        context_.inherit_from(*this);
        context_.deadline = time_point::max();  // this asker's; those who join later have their own
        state_ptr<state<R>> ask;
        ANTIPHON_TRY { ask = question_.ask(slot_, *this, context_, true); }
        ANTIPHON_CATCH_ALL { return own_.land(failure::current(executed::no), how); }
        own_.take_off(std::move(ask));
    }
    /// What to stop next. One who leaves others to it cannot know that the handler will not run.
    [[nodiscard]] state_base* leave() noexcept {
        lock_.lock();
        flight_type* const from = flight_;
        typename flight_type::leaving const how = from != nullptr ? from->leave(me_) : flight_type::leaving::not_aboard;
        lock_.unlock();
        if (how == flight_type::leaving::not_aboard) return nullptr;
        state_ptr<> const lists{this};
        executed ran = executed::maybe;
        state_base* further = nullptr;
        if (how == flight_type::leaving::last) {
            from->take_from_table();
            state_ptr<> inside{from->acquire()};
            if (!inside || unwanted::stop(*inside)) ran = from->outcome();
            further = inside.release();
        }
        this->fail(failure{errc::cancelled, ran}, delivery::nested);
        return further;
    }
    void deliver(delivery from) noexcept {
        flight_type& of = *flight_;
        delivery const way = me_.how == delivery::nested ? me_.how : from;
        std::optional<result<R>>& answer = of.landed();
        if (me_.alone) return this->complete(*std::move(answer), way);
        this->decide([&]() -> result<R> const& { return *answer; }, way);
    }

    policy_type policy_;
    passenger me_;
    parking_lock lock_;
    flight_type* flight_ = nullptr;  ///< with a reference, unless it is its own; guarded by lock_
    bool arrived_ = false;
    flight_type own_;
    context_data context_;
    asked question_;
    typename asked::slot slot_;
};

}  // namespace antiphon::detail
