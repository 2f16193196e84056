// SPDX-License-Identifier: BSL-1.0
#pragma once
// What the asks of one batched request share: the batch that is open, and who is in which.

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/request/layering.hpp"
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

}  // namespace antiphon::detail
