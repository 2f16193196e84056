// SPDX-License-Identifier: BSL-1.0
#pragma once
// The state of one ask for a handler: one allocation that is job, arguments and result.

#include <cstdint>
#include <new>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

#include "antiphon/core/invoke.hpp"
#include "antiphon/core/lifetime.hpp"
#include "antiphon/execution/here.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/detail/leaf.hpp"
#include "antiphon/request/host.hpp"
#include "antiphon/request/observer.hpp"

namespace antiphon::detail {

/// Lets a pool's shut-down reach an ask whose handler can notice it.
class stop_registration final : public stoppable {
public:
    explicit stop_registration(state_base& ask) noexcept : ask_{&ask} {}
    void request_stop() noexcept override { ask_->request_stop(); }
    void retain() noexcept override { ask_->retain(); }
    void release() noexcept override { ask_->release(); }

private:
    state_base* ask_;
};

/// Registers what runs on this worker, while it runs.
class running_scope {
public:
    explicit running_scope(stoppable& what) noexcept : slot_{running_slot::mine} {
        if (slot_ != nullptr) outer_ = slot_->enter(what);
    }
    ~running_scope() {
        if (slot_ != nullptr) slot_->leave(outer_);
    }
    running_scope(running_scope const&) = delete;
    running_scope& operator=(running_scope const&) = delete;

private:
    running_slot* slot_;
    stoppable* outer_ = nullptr;
};

/// What a handler's lead needs in its ask; `settle` comes before the handler is called.
template <lead Lead>
struct lead_source {
    explicit lead_source(state_base&) noexcept {}
    void settle(state_base const&) noexcept {}
    void request_stop() noexcept {}
};
template <>
struct lead_source<lead::stop_token> {
    explicit lead_source(state_base& ask) : entry{ask} {}
    void settle(state_base const&) noexcept {}
    void request_stop() noexcept { source.request_stop(); }
    [[nodiscard]] std::stop_token get() const noexcept { return source.get_token(); }
    std::stop_source source;
    stop_registration entry;
};
template <>
struct lead_source<lead::context> {
    explicit lead_source(state_base& ask) noexcept : held{ask.executor(), ask.context()}, entry{ask} {}
    void settle(state_base const& ask) noexcept {
        if (ask.asked_anew()) held.begin_anew();
    }
    void request_stop() noexcept { held.request_stop(); }
    [[nodiscard]] antiphon::context const& get() const noexcept { return held; }
    antiphon::context held;
    stop_registration entry;
};

/// Runs a handler that is given the promise of its own ask; `end` destroys what the ask consists of. A drop of the promise while it
/// runs is decided when it has returned: what it throws says more than that.
template <class R, class Run, class End>
void run_with_promise(state<R>& ask, Run&& run, End&& end, delivery how) noexcept {
    ask.guard_promise();
    failure why{errc::broken_promise, executed::maybe};
    bool threw = false;
    ANTIPHON_TRY { run(promise_access::make<R>(ask)); }
    ANTIPHON_CATCH_ALL {
        why = failure::current();
        threw = true;
    }
    switch (ask.unguard_promise()) {
        case state_base::promise_fate::dropped: return ask.fail(std::move(why), how);
        case state_base::promise_fate::fulfilled: end(); break;
        case state_base::promise_fate::kept: break;
    }
    // The answer comes from where the promise went; the exception has nobody else to go to.
    if (threw) ask.executor().unhandled(why.exception());
}

/// The base of an ask: slim when nothing is awaited.
template <class Leaf>
using ask_base = std::conditional_t<Leaf::immediate, state<typename Leaf::result_type>, host_state<typename Leaf::result_type>>;

/// What is asked before a handler runs: whether there is one, and whether anybody still wants its answer.
template <class Leaf>
[[nodiscard]] result<void> may_begin(Leaf const& handler, any_executor const& executor, context_data const* context,
                                     std::uint32_t attempt) noexcept {
    if (handler.empty()) return empty_request();
    if (context != nullptr) {
        if (context->deadline != time_point::max() && context->deadline <= executor.now())
            return failure{errc::deadline_exceeded, executed::no};
        if (context->observer != nullptr) context->observer->started(attempt);
    }
    return {};
}

/// The handler and the arguments of an ask, while it needs them.
template <class Leaf, class... Kept>
struct ask_payload {
    ANTIPHON_NO_UNIQUE_ADDRESS Leaf handler;
    ANTIPHON_NO_UNIQUE_ADDRESS std::tuple<Kept...> args;
};

/// Where an ask keeps its payload: behind the result.
template <class Payload, bool InTheResultsPlace>
class payload_place {
public:
    template <class... A>
    explicit payload_place(void*, A&&... args) : held_{std::forward<A>(args)...} {}
    ~payload_place() {}
    payload_place(payload_place const&) = delete;
    payload_place& operator=(payload_place const&) = delete;
    [[nodiscard]] Payload& in(void*) noexcept { return held_; }

private:
    union {
        Payload held_;
    };
};
/// The same in the place that the result will have: they are never there together.
template <class Payload>
class payload_place<Payload, true> {
public:
    template <class... A>
    explicit payload_place(void* place, A&&... args) {
        ::new (place) Payload{std::forward<A>(args)...};
    }
    [[nodiscard]] Payload& in(void* place) noexcept { return *std::launder(static_cast<Payload*>(place)); }
};

/// One ask for a handler. References: producer, consumer, queue; it is made runnable and queued, `begin` hands it over.
template <class Leaf, class... Kept>
class direct_ask : public ask_base<Leaf> {
    using base = ask_base<Leaf>;

public:
    using R = typename Leaf::result_type;

    template <class L, class... A>
    direct_ask(any_executor&& executor, context_data const* context, L&& handler, A&&... args)
        : base{std::move(executor), context, 3, state_base::queued | state_base::runnable | state_base::unasked},
          source_{*this},
          place_{this->place(), std::forward<L>(handler), std::tuple<Kept...>(std::forward<A>(args)...)} {}

    void begin() noexcept override { this->hand_over(); }
    void dismiss() noexcept override {
        destroy_payload();
        this->release();  // the queue's reference
        this->release();  // the producer's
    }

protected:
    ~direct_ask() {}

    void step(delivery how) noexcept override { go(how, 1); }
    // The answer gives up what it holds, and the queue's reference with it.
    void step_from_queue(delivery how) noexcept override {
        if constexpr (Leaf::immediate) {
            go(how, 2);
        } else {
            base::step_from_queue(how);
        }
    }
    void refuse(errc why, delivery how) noexcept override {
        if constexpr (!Leaf::immediate) {
            if (this->started_) return this->refuse_further(why, how);
        }
        conclude(failure{why, executed::no}, how);
    }
    state_base* on_stop() noexcept override {
        if (this->take_first_step()) {
            if (this->ready()) {  // that was not the first step but the one that tells a callback
                this->schedule();
                return nullptr;
            }
            conclude(failure{errc::cancelled, executed::no}, delivery::nested);
            return nullptr;
        }
        source_.request_stop();
        return this->upstream();
    }
    void discard() noexcept override {
        if constexpr (Leaf::with_promise) {
            if (this->defer_discard()) return;
        }
        destroy_payload();
    }

private:
    using payload_type = ask_payload<Leaf, Kept...>;
    /// The answer is then made beside them and moved into their place.
    static constexpr bool shares_place = Leaf::immediate && std::is_nothrow_move_constructible_v<result<R>> &&
                                         sizeof(payload_type) <= sizeof(result<R>) && alignof(payload_type) <= alignof(result<R>);

    [[nodiscard]] payload_type& payload() noexcept { return place_.in(this->place()); }
    void destroy_payload() noexcept { detail::destroy_at(detail::addressof(payload())); }

    /// `references` are given up once the answer is published.
    void go(delivery how, std::uint32_t references) noexcept {
        if constexpr (!Leaf::immediate) {
            if (this->started_) return this->go_on(how);
            this->started_ = true;
            this->mark_begun();
        }
        if (result<void> may = may_begin(payload().handler, this->executor(), this->context(), this->attempt_around()); !may)
            return conclude(std::move(may).error(), how, references);
        source_.settle(*this);
        ambient_context const inherited{this->context()};
        if constexpr (Leaf::with_promise) {
            run_with_promise<R>(
                *this,
                [&](promise<R> reply) {
                    running_scope const during{*this};
                    static_cast<void>(call(std::move(reply)));
                },
                [&] { destroy_payload(); }, how);
        } else if constexpr (Leaf::immediate) {
            settle(
                [&]() -> decltype(auto) {
                    if constexpr (Leaf::first == lead::nothing) {
                        return call();
                    } else {
                        running_scope const during{source_.entry};
                        return call();
                    }
                },
                how, references);
        } else {
            this->answer_with([&]() -> decltype(auto) { return call(); }, how);
        }
    }
    template <class Make>
    void settle(Make&& make, delivery how, std::uint32_t references) noexcept {
        if constexpr (shares_place) {
            result<R> answer = caught_result<R>(std::forward<Make>(make));
            destroy_payload();
            this->put(std::move(answer));
        } else {
            this->prepare([&] { return immediate_result<R>(std::forward<Make>(make)); });
        }
        this->publish(how, references);
    }
    void conclude(failure why, delivery how, std::uint32_t references = 1) noexcept {
        if constexpr (shares_place) {
            destroy_payload();
            this->put(std::move(why));
        } else {
            this->prepare([&] { return result<R>(std::move(why)); });
        }
        this->publish(how, references);
    }
    template <class... Reply>
    decltype(auto) call(Reply&&... reply) {
        payload_type& mine = payload();
        return std::apply(
            [&](Kept&... args) -> decltype(auto) {
                return std::as_const(mine.handler).invoke(source_, std::move(args)..., std::forward<Reply>(reply)...);
            },
            mine.args);
    }

    ANTIPHON_NO_UNIQUE_ADDRESS lead_source<Leaf::first> source_;
    ANTIPHON_NO_UNIQUE_ADDRESS payload_place<payload_type, shares_place> place_;
};

}  // namespace antiphon::detail
