// SPDX-License-Identifier: BSL-1.0
#pragma once
// One answer for several readers: each reader is a state of its own, told when the answer is there.

#include <atomic>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "antiphon/execution/parking.hpp"
#include "antiphon/request/detail/settle.hpp"
#include "antiphon/request/state.hpp"

namespace antiphon::detail {

class shared_block_base;

/// The part of a reader that the block knows. Linked under the block's lock.
class shared_subscriber {
public:
    virtual state_base& as_state() noexcept = 0;
    shared_subscriber* before = nullptr;
    shared_subscriber* after = nullptr;
    bool listed = false;
    delivery how = delivery::nested;  ///< of the answer; written before the reader's step is scheduled

protected:
    ~shared_subscriber() = default;
};

/// References: one for each handle and each reader, and the source's until it is ready.
/// `interest_` counts the handles and the readers somebody may still want: at 0 the source is asked to stop.
class shared_block_base : public consumer {
public:
    void retain() noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }  // relaxed: the caller holds one already
    void release() noexcept {
        if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;  // acq_rel pairs with the other decrements
    }
    /// Of a handle or a reader.
    void gain() noexcept {
        interest_.fetch_add(1, std::memory_order_relaxed);  // relaxed: as for the references
        retain();
    }
    /// True: nobody is interested any more. relaxed: only who is the last matters, and it holds a reference.
    [[nodiscard]] bool lose_interest() noexcept { return interest_.fetch_sub(1, std::memory_order_relaxed) == 1; }
    void lose() noexcept {
        if (lose_interest() && !source_->ready()) source_->request_stop();
        release();
    }

    [[nodiscard]] state_base& source() const noexcept { return *source_; }

    /// False: the answer is here. Else the list keeps a reference to the reader.
    [[nodiscard]] bool subscribe(shared_subscriber& s) noexcept {
        parking_lock::scope const held{lock_};
        if (closed_) return false;
        s.as_state().retain();
        s.before = last_;
        s.listed = true;
        (last_ != nullptr ? last_->after : first_) = &s;
        last_ = &s;
        return true;
    }
    /// True: it was still there, and the list's reference is the caller's now.
    [[nodiscard]] bool unsubscribe(shared_subscriber& s) noexcept {
        parking_lock::scope const held{lock_};
        if (!s.listed) return false;
        (s.before != nullptr ? s.before->after : first_) = s.after;
        (s.after != nullptr ? s.after->before : last_) = s.before;
        s.listed = false;
        return true;
    }

    void on_ready(state_base&, delivery how) noexcept final {
        tell_all(how);
        release();
    }
    /// Wakes them all, and ends the walk: while the lock is held, the source cannot finish any of them.
    state_base* downstream() noexcept final {
        parking_lock::scope const held{lock_};
        for (shared_subscriber* s = first_; s != nullptr; s = s->after)
            s->as_state().wake_waiter_downstream();
        return nullptr;
    }

protected:
    /// Adopts the consumer's reference to `source`. Made with one handle.
    explicit shared_block_base(state_base& source) noexcept : source_{&source} {}
    virtual ~shared_block_base() { source_->release(); }

    void attach() noexcept {
        retain();
        if (!source_->attach(*this)) on_ready(*source_, delivery::nested);
    }

private:
    void tell_all(delivery how) noexcept {
        shared_subscriber* each = nullptr;
        {
            parking_lock::scope const held{lock_};
            closed_ = true;
            each = std::exchange(first_, nullptr);
            last_ = nullptr;
            for (shared_subscriber* s = each; s != nullptr; s = s->after)
                s->listed = false;
        }
        while (each != nullptr) {
            shared_subscriber& s = *std::exchange(each, each->after);
            s.how = how;
            state_base& told = s.as_state();
            settle(told, how);
            told.release();  // the list's
        }
    }

    std::atomic<std::uint32_t> refs_{1};
    std::atomic<std::uint32_t> interest_{1};
    state_base* source_;
    parking_lock lock_;
    // Guarded by lock_:
    bool closed_ = false;
    shared_subscriber* first_ = nullptr;
    shared_subscriber* last_ = nullptr;
};

template <class T>
class shared_block final : public shared_block_base {
public:
    [[nodiscard]] static shared_block* make(state_ptr<state<T>> source) {
        auto* const made = new shared_block{*source};
        static_cast<void>(source.release());
        made->attach();
        return made;
    }
    [[nodiscard]] bool ready() const noexcept { return source().ready(); }
    [[nodiscard]] result<T> const& answer() const noexcept { return static_cast<state<T>&>(source()).get(); }

private:
    explicit shared_block(state_base& source) noexcept : shared_block_base{source} {}
    ~shared_block() override = default;
};

/// What a reader that looks at the shared value, without a copy, has for its result.
template <class T>
using shared_view =
    std::conditional_t<std::is_void_v<T> || std::is_reference_v<T>, T, std::add_lvalue_reference_t<std::add_const_t<T>>>;

/// A reader with an answer of type V: T itself, a copy, or a view of it. Stopped, it answers `cancelled` and leaves the others alone.
/// References: the consumer's and the producer's.
template <class T, class V>
class shared_reader final : public state<V>, private shared_subscriber {
public:
    /// A reader whose answer somebody may want; to be started.
    explicit shared_reader(shared_block<T>& block) noexcept
        : state<V>{any_executor{block.source().executor()}, block.source().context(), 2, 0}, block_{&block} {
        block.gain();
    }
    [[nodiscard]] static state_ptr<state<V>> start(shared_block<T>& block) {
        auto* const made = new shared_reader{block};
        state_ptr<state<V>> mine{made};
        if (!block.subscribe(*made)) settle(*made, delivery::nested);
        return mine;
    }
    /// Blocks until the shared answer is there.
    [[nodiscard]] static wait_end wait(shared_block<T>& block, time_point until) {
        state_ptr<state<V>> const mine = start(block);
        wait_end const end = mine->wait(until);
        if (end != wait_end::ready) static_cast<shared_reader&>(*mine).leave();
        return end;
    }

private:
    ~shared_reader() {
        if (interested_.load(std::memory_order_relaxed)) static_cast<void>(block_->lose_interest());
        block_->release();
    }

    state_base& as_state() noexcept override { return *this; }
    /// Gives up waiting; nobody is told.
    void leave() noexcept {
        if (!block_->unsubscribe(*this)) return;
        this->release();  // the list's
        this->release();  // the producer's: there will be no answer
    }
    void step(delivery from) noexcept override {
        if (decided_.exchange(true, std::memory_order_relaxed)) return;
        delivery const way = how == delivery::nested ? how : from;
        if (!block_->ready()) return this->fail(failure{errc::cancelled, executed::maybe}, way);
        this->decide([&] { return view(); }, way);
    }
    [[nodiscard]] result<V> view() const {
        result<T> const& shared = block_->answer();
        if (!shared) return shared.error();
        if constexpr (std::is_void_v<T>) {
            return {};
        } else {
            return result<V>(std::in_place, *shared);
        }
    }
    void refuse(errc, delivery from) noexcept override { from == delivery::dropped ? settle(*this, from) : step(from); }
    state_base* on_stop() noexcept override {
        bool const last = interested_.exchange(false, std::memory_order_relaxed) && block_->lose_interest();
        if (block_->unsubscribe(*this)) {
            settle(*this, delivery::nested);
            this->release();  // the list's
        }
        if (!last) return nullptr;
        block_->source().retain();
        return &block_->source();
    }
    state_base* upstream() noexcept override {
        block_->source().retain();
        return &block_->source();
    }
    void destroy() noexcept override { delete this; }

    shared_block<T>* block_;
    std::atomic<bool> interested_{true};
    std::atomic<bool> decided_{false};  ///< guards against a step after the step
};

}  // namespace antiphon::detail
