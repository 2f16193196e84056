// SPDX-License-Identifier: BSL-1.0
#pragma once
// The inputs of a combination: what may be one, what its value is called, how many there are and where they lie.

#include <cstddef>
#include <iterator>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "antiphon/core/result.hpp"
#include "antiphon/request/detail/continuation.hpp"
#include "antiphon/request/future.hpp"
#include "antiphon/request/state.hpp"
#include "antiphon/fwd.hpp"

namespace antiphon::detail {

// --- what may be an input -------------------------------------------------------------------------------------------------

template <class X>
struct input_traits {
    static constexpr bool is_input = false;
};
template <class T>
struct input_traits<future<T>> {
    static constexpr bool is_input = true, copyable = false;
    using type = T;
};
template <class T>
struct input_traits<ready_future<T>> : input_traits<future<T>> {};
template <class T>
struct input_traits<shared_future<T>> : input_traits<future<T>> {
    static constexpr bool copyable = true;
};

/// A future of some kind, given so that it may be consumed (a shared one: in any way).
template <class X>
concept combinable = input_traits<std::remove_cvref_t<X>>::is_input &&
                     (!std::is_lvalue_reference_v<X> || input_traits<std::remove_cvref_t<X>>::copyable);
template <class X>
using input_value = typename input_traits<std::remove_cvref_t<X>>::type;

template <class R>
concept range_like = requires(R& r) {
    std::begin(r) != std::end(r);
    *std::begin(r);
};
template <range_like R>
using range_element = std::remove_cvref_t<decltype(*std::begin(std::declval<std::remove_reference_t<R>&>()))>;
/// A range of futures. One that owns them is given as an rvalue.
template <class R>
concept combinable_range = range_like<std::remove_reference_t<R>> && input_traits<range_element<R>>::is_input &&
                           (!std::is_lvalue_reference_v<R> || input_traits<range_element<R>>::copyable);

// --- how values are called in a combined answer ---------------------------------------------------------------------------

template <class T>
struct element {
    using in_tuple = T;
    using in_vector = T;
};
template <>
struct element<void> {
    using in_tuple = std::monostate;
};
template <class T>
struct element<T&> {
    using in_tuple = T&;
    using in_vector = std::reference_wrapper<T>;  // declared by <type_traits> and its like; whoever uses it includes <functional>
};
template <class T>
using variant_element =
    std::conditional_t<std::is_reference_v<T>, std::reference_wrapper<std::remove_reference_t<T>>, typename element<T>::in_tuple>;

template <class... T>
struct common_answer {
    using type = std::variant<variant_element<T>...>;
    static constexpr bool same = false;
};
template <class T, class... Same>
    requires(std::is_same_v<T, Same> && ...)
struct common_answer<T, Same...> {
    using type = T;
    static constexpr bool same = true;
};
template <>
struct common_answer<> {
    using type = void;
    static constexpr bool same = true;
};

// --- the nodes ------------------------------------------------------------------------------------------------------------

/// The part of a combination that its inputs know.
class combiner {
public:
    class input : public consumer {
    public:
        input(combiner& owner, state_base& adopted) noexcept : owner_{&owner} { source.set(adopted); }
        state_base* downstream() noexcept final { return &owner_->self(); }
        gate* passage() noexcept final { return &owner_->walks; }

        link<state_base> source;

    protected:
        ~input() = default;
        combiner* owner_;
    };

    gate walks;

    [[nodiscard]] virtual state_base& self() noexcept = 0;
    virtual void arrived(input& from, bool succeeded, delivery how) noexcept = 0;

protected:
    ~combiner() = default;
};

template <class T>
struct input_start {
    combiner& owner;
    state_ptr<state<T>> from;
};

template <class T>
class input_of final : public combiner::input {
public:
    explicit input_of(input_start<T>&& s) noexcept : input{s.owner, *s.from.release()} {}
    void on_ready(state_base& from, delivery how) noexcept override {
        owner_->arrived(*this, static_cast<state<T>&>(from).get().has_value(), how);
    }
    /// The answer, for whoever owns it after the arrival.
    [[nodiscard]] result<T>& answer() noexcept { return static_cast<state<T>*>(source.peek())->get(); }
    void attach() noexcept {
        state_base& from = *source.peek();
        if (!from.attach(*this)) on_ready(from, delivery::nested);
    }
};

/// An input as a future that has a state.
template <class X>
[[nodiscard]] auto to_input(X&& x) {
    using T = input_value<X>;
    future<T> f(std::forward<X>(x));
    return f.valid() ? std::move(f) : future_access::make<T>(plain_state<T>::settled(empty_future()));
}

/// The inputs of a pack, inside their combination.
template <class... T>
class pack_inputs {
public:
    static constexpr bool is_range = false;
    explicit pack_inputs(combiner& owner, future<T>&... from) noexcept
        : nodes_(input_start<T>{owner, future_access::take(std::move(from))}...) {}
    [[nodiscard]] static constexpr std::size_t size() noexcept { return sizeof...(T); }
    [[nodiscard]] combiner::input* first() noexcept { return &std::get<0>(nodes_); }
    /// f(node) for each, by its own type.
    template <class F>
    void each(F f) {
        std::apply([&](auto&... node) { (f(node), ...); }, nodes_);
    }
    template <class F>
    decltype(auto) apply(F&& f) {
        return std::apply(std::forward<F>(f), nodes_);
    }

private:
    std::tuple<input_of<T>...> nodes_;
};

/// The inputs of a range, behind their combination in the same allocation, which makes and destroys them.
template <class T>
class range_inputs {
public:
    static constexpr bool is_range = true;
    using node = input_of<T>;
    range_inputs(node* nodes, std::size_t size) noexcept : nodes_{nodes}, size_{size} {}
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] combiner::input* first() noexcept { return nodes_; }
    template <class F>
    void each(F f) {
        for (std::size_t i = 0; i != size_; ++i)
            f(nodes_[i]);
    }

private:
    node* nodes_;
    std::size_t size_;
};

}  // namespace antiphon::detail
