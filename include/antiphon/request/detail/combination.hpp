// SPDX-License-Identifier: BSL-1.0
#pragma once
// The state of when_all and its like: decided by its inputs, whichever thread they complete in.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#include "antiphon/core/invoke.hpp"
#include "antiphon/request/detail/continuation.hpp"
#include "antiphon/request/detail/inputs.hpp"
#include "antiphon/request/detail/settle.hpp"
#include "antiphon/request/detail/stop_fan.hpp"
#include "antiphon/request/future.hpp"
#include "antiphon/request/state.hpp"

namespace antiphon::detail {

enum class combining {
    all,      ///< the values of all; the first failure is the answer at once
    any,      ///< the first value; the failure of the first input when there is none
    first,    ///< the first answer of either kind
    settled,  ///< the results of all
};

/// The common state. `Make` builds the answer from the inputs: `make(inputs)` of all, or `make(inputs, winner)`.
///
/// Who decides: for `all` the first failure, for `any` the first value, for `first` the first arrival, each by `winner_`; without one,
/// and for `settled`, the last arrival, by `left_`, which they all count down.
/// An input's node is its completer's until that has arrived, then the decider's: all of them when `left_` has come to 0,
/// the winner's otherwise. Arrivals at a decided combination drop their answers.
///
/// References: the consumer's, the producer's, and one that the last arrival gives up: until then a late one may touch its node.
template <combining Kind, class R, class Inputs, class Make>
class combination final : public state<R>, private combiner, private stop_fan {
    static constexpr bool picks = Kind == combining::any || Kind == combining::first;
    template <class Node>
    static void destroy_one(Node& node) noexcept {
        node.~Node();
    }
    static constexpr bool wide = alignof(state<R>) > __STDCPP_DEFAULT_NEW_ALIGNMENT__;

public:
    /// Of a pack.
    template <class... T>
    combination(any_executor&& executor, context_data const* context, Make&& make, future<T>&... from) noexcept
        requires(!Inputs::is_range)
        : state<R>{std::move(executor), context, 3, 0}, left_{sizeof...(T)}, make_(std::move(make)), inputs_{*this, from...} {}
    /// Of a range, whose nodes are made by `add`.
    combination(any_executor&& executor, context_data const* context, Make&& make, std::size_t size) noexcept
        requires Inputs::is_range
        : state<R>{std::move(executor), context, 3, 0}, left_{size}, make_(std::move(make)), inputs_{nodes(), size} {}
    template <class T>
    void add(std::size_t position, future<T>&& from) noexcept {
        ::new (static_cast<void*>(nodes() + position)) input_of<T>{input_start<T>{*this, future_access::take(std::move(from))}};
    }

    /// Memory for one, and for the nodes of a range behind it.
    [[nodiscard]] static void* allocate(std::size_t behind = 0) {
        if constexpr (wide) {
            return ::operator new(sizeof(combination) + behind, std::align_val_t{alignof(combination)});
        } else {
            return node_cache::allocate(sizeof(combination) + behind);
        }
    }

    /// All links are set: what completes meanwhile can stop the others.
    [[nodiscard]] future<R> start() noexcept {
        state_ptr<state<R>> mine{this};
        this->retain_first();
        state_ptr<> const alive{this};
        inputs_.each([](auto& node) { node.attach(); });
        return future_access::make<R>(std::move(mine));
    }

private:
    ~combination() = default;

    state_base& self() noexcept override { return *this; }
    void arrived(input& from, bool succeeded, delivery how) noexcept override {
        if constexpr (Kind != combining::settled) {
            bool const may_win = Kind == combining::first || succeeded == (Kind == combining::any);
            if (may_win && win(from)) {
                settle_by(how);
            } else {
                if (may_win || !from_needed(from)) state_ptr<> const late{from.source.take()};
                if constexpr (Kind == combining::any) look_again();
            }
        }
        if (!count_down()) return;  // the others' reference may be gone with this
        if (winner_.load(std::memory_order_relaxed) == nullptr) {
            settle_by(how);
        } else if (how == delivery::dropped) {
            settle(*this, how);  // the reference below may be the last, and what it keeps is the user's
        }
        this->release();
    }
    void settle_by(delivery how) noexcept {
        how_ = how;
        due_.store(true, std::memory_order_release);  // pairs with `step`
        settle(*this, how);
    }
    // acq_rel: release pairs with the last one's acquire, who then sees all answers
    [[nodiscard]] bool count_down() noexcept { return left_.fetch_sub(1, std::memory_order_acq_rel) == 1; }
    [[nodiscard]] bool win(input& from) noexcept {
        input* none = nullptr;
        // relaxed: what is told from one thread to another goes through `due_`
        return winner_.compare_exchange_strong(none, &from, std::memory_order_relaxed);
    }
    [[nodiscard]] bool from_needed(input& from) noexcept {
        if constexpr (Kind == combining::any) return &from == inputs_.first();  // its failure stands for all
        return winner_.load(std::memory_order_relaxed) == nullptr;
    }
    /// One input less for a blocked thread to hope for.
    void look_again() noexcept {
        if (!walks.enter()) return;
        this->wake_waiter_downstream();
        walks.leave();
    }

    void step(delivery how) noexcept override {
        if (!due_.exchange(false, std::memory_order_acquire)) return;  // pairs with `arrived`
        perform(how_ == delivery::nested ? how_ : how);
    }
    void refuse(errc, delivery how) noexcept override { how == delivery::dropped ? settle(*this, how) : step(how); }
    void perform(delivery how) noexcept {
        input* const winner = winner_.load(std::memory_order_relaxed);
        if (winner != nullptr) stop_inputs();
        walks.close();
        if constexpr (Kind == combining::settled) {
            this->decide([&] { return make_(inputs_); }, how);
        } else if constexpr (picks) {
            this->decide([&] { return make_(inputs_, winner != nullptr ? *winner : *inputs_.first()); }, how);
        } else {
            this->decide([&] { return winner != nullptr ? failure_of(*winner) : make_(inputs_); }, how);
        }
    }
    /// The answers have been used. Chains of combinations do not keep each other.
    void discard() noexcept override {
        if (input* const winner = winner_.load(std::memory_order_relaxed)) {
            state_ptr<> const used{winner->source.take()};
        } else {
            inputs_.each([](auto& node) { state_ptr<> const used{node.source.take()}; });
        }
    }
    [[nodiscard]] result<R> failure_of(input& failed) noexcept {
        failure why{errc::unknown};
        inputs_.each([&](auto& node) {
            if (&node == &failed) why = std::move(node.answer()).error();
        });
        return why;
    }

    state_base* on_stop() noexcept override {
        fan_out();
        return nullptr;
    }
    void stop_inputs() noexcept override {
        inputs_.each([](auto& node) {
            if (state_ptr<> const each{node.source.acquire()}) each->request_stop();
        });
    }
    void keep() noexcept override { this->retain(); }
    void drop() noexcept override { this->release(); }

    /// A loser may be given up before it ends.
    bool may_abandon() const noexcept override { return picks; }
    assistance help_inputs(bool claim) noexcept override {
        std::size_t stuck = 0, waiting = 0;
        bool progress = false, done = false;
        inputs_.each([&](auto& node) {
            if (done || (done = this->ready())) return;
            state_ptr<> const each{node.source.acquire()};
            if (!each || each->ready()) return;
            switch (this->help_input(*each, claim)) {
                case assistance::progress: progress = true; break;
                case assistance::would_deadlock: ++stuck; break;
                case assistance::none: ++waiting; break;
            }
        });
        if (progress || done) return assistance::progress;
        return stuck != 0 && (!picks || waiting == 0) ? assistance::would_deadlock : assistance::none;
    }
    void destroy() noexcept override {
        if constexpr (Inputs::is_range) inputs_.each([](auto& node) { destroy_one(node); });
        void* const memory = this;
        std::size_t behind = 0;
        if constexpr (Inputs::is_range) behind = inputs_.size() * sizeof(typename Inputs::node);
        this->~combination();
        if constexpr (wide) {
            static_cast<void>(behind);
            ::operator delete(memory, std::align_val_t{alignof(combination)});
        } else {
            node_cache::deallocate(memory, sizeof(combination) + behind);
        }
    }
    [[nodiscard]] auto* nodes() noexcept {
        using node = typename Inputs::node;
        static_assert(alignof(combination) >= alignof(node));
        return reinterpret_cast<node*>(this + 1);
    }

    std::atomic<std::size_t> left_;
    std::atomic<input*> winner_{nullptr};
    std::atomic<bool> due_{false};
    delivery how_ = delivery::nested;  ///< of whoever decides, published by `due_`
    ANTIPHON_NO_UNIQUE_ADDRESS Make make_;
    Inputs inputs_;
};

template <combining Kind, class R, class Make, class... X>
[[nodiscard]] future<R> combine_pack(Make make, X&&... given) {
    using made = combination<Kind, R, pack_inputs<input_value<X>...>, Make>;
    std::tuple<future<input_value<X>>...> inputs(to_input(std::forward<X>(given))...);
    return std::apply(
        [&](auto& first, auto&... rest) {
            state_base const& leader = *future_access::peek(first);
            any_executor where = leader.executor();
            return (::new (made::allocate()) made(std::move(where), leader.context(), std::move(make), first, rest...))->start();
        },
        inputs);
}

template <class T>
[[nodiscard]] future<T> settled_future(result<T> answer) {
    return future_access::make<T>(plain_state<T>::settled(std::move(answer)));
}

/// `make(n)` gives the maker for n inputs; `none()` the answer for none.
template <combining Kind, class R, class Make, class None, class Range>
[[nodiscard]] future<R> combine_range(Make make, None none, Range&& given) {
    using element_type = range_element<Range>;
    using T = typename input_traits<element_type>::type;
    if constexpr (std::is_same_v<decltype(*std::begin(given)), future<T>&> && std::forward_iterator<decltype(std::begin(given))>) {
        std::size_t size = 0;
        for (future<T>& each : given) {
            if (!each.valid()) each = settled_future<T>(empty_future());
            ++size;
        }
        if (size == 0) return settled_future<R>(none());
        using maker = decltype(make(size));
        using made = combination<Kind, R, range_inputs<T>, maker>;
        maker makes = make(size);
        state_base const& leader = *future_access::peek(*std::begin(given));
        any_executor where = leader.executor();
        void* const memory = made::allocate(size * sizeof(input_of<T>));
        auto* const all = ::new (memory) made(std::move(where), leader.context(), std::move(makes), size);
        std::size_t position = 0;
        for (future<T>& each : given)
            all->add(position++, std::move(each));
        return all->start();
    } else {
        std::vector<future<T>> futures;
        for (auto&& each : given) {
            if constexpr (input_traits<element_type>::copyable) {
                futures.emplace_back(each);
            } else {
                futures.emplace_back(std::move(each));
            }
        }
        return combine_range<Kind, R>(std::move(make), std::move(none), std::move(futures));
    }
}

/// What a builder takes out of an input's answer.
template <class T>
[[nodiscard]] decltype(auto) value_of(result<T>& answer) {
    if constexpr (std::is_void_v<T>) {
        return std::monostate{};
    } else {
        return *std::move(answer);
    }
}

/// One input's answer, by position, as an answer of the common type.
template <class R, bool Same>
struct take_winner {
    template <class... T>
    [[nodiscard]] result<R> operator()(pack_inputs<T...>& inputs, combiner::input& winner) {
        return inputs.apply([&](auto&... nodes) { return pick<0>(winner, nodes...); });
    }
    template <class T>
    [[nodiscard]] result<R> operator()(range_inputs<T>&, combiner::input& winner) {
        return std::move(static_cast<input_of<T>&>(winner).answer());
    }

private:
    template <std::size_t Position, class Node, class... Further>
    [[nodiscard]] static result<R> pick(combiner::input& winner, Node& node, Further&... further) {
        if constexpr (sizeof...(Further) != 0) {
            if (&node != &winner) return pick<Position + 1>(winner, further...);
        }
        if constexpr (Same) {
            return std::move(node.answer());
        } else {
            if (!node.answer()) return std::move(node.answer()).error();
            return result<R>(from_invoke, [&] { return R(std::in_place_index<Position>, value_of(node.answer())); });
        }
    }
};

}  // namespace antiphon::detail
