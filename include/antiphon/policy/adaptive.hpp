// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that decides for itself whether a hand-off pays: short asks run in the calling thread, long ones on the executor.

#include <atomic>
#include <cstdint>
#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/executor.hpp"
#include "antiphon/execution/here.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/execution/timer.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/request/observer.hpp"

namespace antiphon {

struct adaptive_options {
    double explore = 1.0 / 64;  ///< of the asks that would run in the calling thread, so many are handed over, to measure that anew
};

/// What an `adaptive` has measured and decided.
struct adaptive_metrics {
    std::uint64_t in_place = 0;     ///< asks that ran in the calling thread
    std::uint64_t handed_over = 0;  ///< asks that went to the executor
    duration service{};             ///< moving average, from the handler's start to its answer; zero before the first
    duration hand_off{};            ///< moving average, from the hand-over to the handler's start; zero before the first
};

namespace detail {

/// The averages are read and written without a lock: an update that another overwrites is one measurement less. relaxed throughout:
/// they guard nothing.
class hand_off_estimate final : public counted {
public:
    explicit hand_off_estimate(adaptive_options const& o) : explore_{o.explore} {
        require(o.explore >= 0 && o.explore <= 1, "adaptive_options.explore: must be from 0 to 1");
    }
    [[nodiscard]] bool prefers_place(any_executor const& executor) const {
        duration::rep const service = service_.load(std::memory_order_relaxed);
        if (service < 0 || service >= hand_off_.load(std::memory_order_relaxed)) return false;
        return explore_ <= 0 || static_cast<double>(executor.random() >> 11) * 0x1p-53 >= explore_;
    }
    void count(bool in_place) noexcept { (in_place ? in_place_ : handed_over_).fetch_add(1, std::memory_order_relaxed); }
    void served(duration took) noexcept { learn(service_, took); }
    void handed_over(duration took) noexcept { learn(hand_off_, took); }
    [[nodiscard]] adaptive_metrics metrics() const noexcept {
        return {in_place_.load(std::memory_order_relaxed), handed_over_.load(std::memory_order_relaxed), known(service_),
                known(hand_off_)};
    }

private:
    using average = std::atomic<duration::rep>;
    static void learn(average& a, duration took) noexcept {
        duration::rep const old = a.load(std::memory_order_relaxed);
        duration::rep const now = took.count() < 0 ? 0 : took.count();
        a.store(old < 0 ? now : old + (now - old) / 8, std::memory_order_relaxed);
    }
    static duration known(average const& a) noexcept {
        duration::rep const now = a.load(std::memory_order_relaxed);
        return duration{now < 0 ? 0 : now};
    }
    double explore_;
    average service_{-1};
    average hand_off_{-1};
    std::atomic<std::uint64_t> in_place_{0};
    std::atomic<std::uint64_t> handed_over_{0};
};

/// The part of the layer's ask that its inner one's executor refers to.
/// `turn_`: the next job is to run where it is posted. Set and cleared by the thread that begins the inner ask, before anybody else
/// can post; relaxed, since later posters come after that by way of the ask.
class adaptive_turn {
public:
    void execute(work job) {
        if (!turn_.load(std::memory_order_relaxed)) return self_->executor().execute(std::move(job));
        turn_.store(false, std::memory_order_relaxed);
        place_scope const lent{self_->executor().place()};
        std::move(job)();
    }
    [[nodiscard]] state_base& self() const noexcept { return *self_; }

protected:
    adaptive_turn() = default;
    ~adaptive_turn() = default;
    /// The executor of what is inside the ask, which has just been made.
    [[nodiscard]] any_executor place_in(state_base& self) noexcept;
    void take_turn(bool in_place) noexcept { turn_.store(in_place, std::memory_order_relaxed); }

private:
    state_base* self_ = nullptr;
    std::atomic<bool> turn_{false};
};

/// The ask's executor, save for its turn. It keeps the layer's ask alive.
class adaptive_place {
public:
    explicit adaptive_place(adaptive_turn& turn) noexcept : turn_{&turn} { turn_->self().retain(); }
    adaptive_place(adaptive_place const& other) noexcept : adaptive_place{*other.turn_} {}
    adaptive_place& operator=(adaptive_place const&) = delete;
    ~adaptive_place() { turn_->self().release(); }

    void execute(work job) const { turn_->execute(std::move(job)); }
    void arm(timer& t, time_point when) const { under().arm(t, when); }
    bool disarm(timer& t) const noexcept { return under().disarm(t); }
    [[nodiscard]] std::uint64_t random() const { return under().random(); }
    [[nodiscard]] void const* place() const noexcept { return under().place(); }
    [[nodiscard]] bool claimable() const noexcept { return under().claimable(); }
    assistance assist() const noexcept { return under().assist(); }
    void unhandled(std::exception_ptr e) const noexcept { under().unhandled(std::move(e)); }
    [[nodiscard]] bool forked() const noexcept { return under().forked(); }

protected:
    [[nodiscard]] any_executor const& under() const noexcept { return turn_->self().executor(); }

private:
    adaptive_turn* turn_;
};
/// The same over an executor with a clock of its own.
class adaptive_timed_place : public adaptive_place {
public:
    using adaptive_place::adaptive_place;
    [[nodiscard]] time_point now() const { return under().now(); }
};

inline any_executor adaptive_turn::place_in(state_base& self) noexcept {
    self_ = &self;
    if (self.executor().own_clock()) return any_executor{adaptive_timed_place{*this}};
    return any_executor{adaptive_place{*this}};
}
static_assert(sizeof(adaptive_timed_place) == sizeof(void*), "fits into an any_executor without an allocation");

/// Tells the core what happens, and the observer around it too.
class adaptive_watch : public observer {
public:
    void started(std::uint32_t number) noexcept override {
        first_start();
        if (outer != nullptr) outer->started(number);
    }
    void retried(std::uint32_t number, failure const& why, duration delay) noexcept override {
        if (outer != nullptr) outer->retried(number, why, delay);
    }
    void hedged(std::uint32_t number) noexcept override {
        if (outer != nullptr) outer->hedged(number);
    }
    void rejected(char const* by, failure const& why) noexcept override {
        if (outer != nullptr) outer->rejected(by, why);
    }
    void answered_by(char const* by) noexcept override {
        if (outer != nullptr) outer->answered_by(by);
    }
    void late() noexcept override {
        if (outer != nullptr) outer->late();
    }
    void late_reply(late_answer answer) noexcept override {
        if (outer != nullptr) outer->late_reply(answer);
    }

protected:
    ~adaptive_watch() = default;
    observer* outer = nullptr;

private:
    virtual void first_start() noexcept = 0;
};

/// The first `started` ends the hand-off. `started_` is never, then the moment of the first start; relaxed, since the ask itself orders
/// it before its answer.
template <class Layer, class... A>
class hybrid_ask : private adaptive_turn, public layer_ask<Layer, A...>, private adaptive_watch {
public:
    using R = typename Layer::result_type;
    template <class L, class... X>
    hybrid_ask(any_executor&& executor_for, context_data const* around, L&& layer, X&&... args)
        : layer_ask<Layer, A...>{[this](state_base& me) { return this->place_in(me); }, std::move(executor_for), around,
                                 std::forward<L>(layer), std::forward<X>(args)...},
          policy_(layer.policy()) {}

protected:
    void start() noexcept override {
        adaptive_watch::outer = std::exchange(this->inherited().observer, static_cast<observer*>(this));
        bool const in_place = may_run_here() && policy_.core().prefers_place(this->executor());
        policy_.core().count(in_place);
        handed_over_ = !in_place;
        begun_ = this->executor().now();
        this->take_turn(in_place);
        this->begin_inner();
    }
    void answered(result<R>& answer, delivery how) noexcept override {
        time_point const started{duration{started_.load(std::memory_order_relaxed)}};
        if (started != never) policy_.core().served(saturating_sub(this->executor().now(), started));
        this->complete_from(answer, how);
    }

private:
    static constexpr time_point never = time_point::min();

    /// The thread that begins this is blocked until its answer, and may do the executor's work.
    [[nodiscard]] bool may_run_here() noexcept {
        state_base const* const awaited = awaited_ask::current();
        if (awaited == nullptr || !this->holds_up(*awaited)) return false;
        void const* const place = this->executor().place();
        return this->executor().claimable() || (place != nullptr && place == place_scope::current());
    }
    void first_start() noexcept override {
        time_point const now = this->executor().now();
        duration::rep expected = never.time_since_epoch().count();
        if (!started_.compare_exchange_strong(expected, now.time_since_epoch().count(), std::memory_order_relaxed)) return;
        if (handed_over_) policy_.core().handed_over(saturating_sub(now, begun_));
    }

    typename Layer::policy_type policy_;
    time_point begun_;
    bool handed_over_ = false;
    std::atomic<duration::rep> started_{never.time_since_epoch().count()};
};

}  // namespace detail

/// `request | starts_on(pool) | adaptive()`: a `call()` runs in the calling thread, without any hand-off, once the measured service time
/// is below the measured cost of a hand-off, and goes to the executor otherwise. Only an asker that blocks until the answer runs
/// anything: `submit`, `call_for`, `co_await`, and asks under a `timeout` or whatever else may give up, go to the executor. So do asks
/// of executors whose place matters (a strand), unless the asker is in that place already. A handle: copies measure together.
/// **Threads**: any. **Errors**: none of its own. **Time**, randomness: the executor's, so that a simulation decides alike every time.
/// **Cost**: three readings of the clock; no allocation beyond the ask's.
class adaptive {
public:
    using antiphon_policy = void;
    static constexpr bool abandons = false;
    template <class Layer, class... A>
    using ask = detail::hybrid_ask<Layer, A...>;

    explicit adaptive(adaptive_options options = {}) : core_{new detail::hand_off_estimate{options}} {}

    [[nodiscard]] adaptive_metrics metrics() const noexcept { return core_->metrics(); }
    /// The library's side.
    [[nodiscard]] detail::hand_off_estimate& core() const noexcept { return *core_; }
    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::wrap(*this, std::move(r));
    }

private:
    shared_core<detail::hand_off_estimate> core_;
};

static_assert(policy<adaptive> && sizeof(adaptive) == sizeof(void*));

}  // namespace antiphon
