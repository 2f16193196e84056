// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that stops asking what keeps failing, and tries again after a while.

#include <concepts>
#include <cstdint>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "antiphon/core/arithmetic.hpp"
#include "antiphon/core/config.hpp"
#include "antiphon/core/contract.hpp"
#include "antiphon/core/errc.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/policy/detail/breaker_core.hpp"
#include "antiphon/policy/detail/breaking_ask.hpp"
#include "antiphon/policy/detail/shared_function.hpp"
#include "antiphon/policy/sliding_window.hpp"

namespace antiphon {

/// How long a breaker stays open: always the same, or by how many times it has opened in a row (from 1), as in
/// `.open_for = [](int n) { return n * 10s; }`. A function is asked when the breaker is made, and after each opening for the next one.
class open_time {
public:
    template <class Rep, class Period>
    open_time(std::chrono::duration<Rep, Period> always) noexcept : always_{saturating_cast(always)} {}
    template <class F>
        requires(!std::same_as<std::remove_cvref_t<F>, open_time> && std::is_invocable_v<std::decay_t<F> const&, int>)
    open_time(F&& by_count)
        : by_count_{[f = std::decay_t<F>(std::forward<F>(by_count))](int n) { return saturating_cast(detail::invoke(f, n)); }} {}

    [[nodiscard]] bool varies() const noexcept { return static_cast<bool>(by_count_); }
    [[nodiscard]] duration operator()(std::uint32_t opening) const {
        return varies() ? by_count_(static_cast<int>(detail::smaller(opening, std::uint32_t{INT32_MAX}))) : always_;
    }

private:
    duration always_{};
    detail::shared_function<duration(int)> by_count_;
};

struct circuit_breaker_options {
    double failure_rate = 0.5;            ///< opens at this fraction of failures, more than 0 and at most 1
    double slow_call_rate = 1.0;          ///< or at this fraction of slow calls
    any_duration slow_call = std::chrono::seconds{60};  ///< what takes longer is slow
    sliding_window window = last(100);    ///< over which calls: `last(100)`, `last(10s)`
    int minimum_calls = 100;              ///< fewer open nothing; a window of calls caps it at its size
    open_time open_for = std::chrono::seconds{60};  ///< a call strictly later finds it half-open
    int half_open_calls = 10;             ///< so many are let in then, and decide by the same rates
    any_duration half_open_for = std::chrono::seconds{60};  ///< one that has not come back by then makes room for another
    detail::shared_function<bool(failure const&)> ignored{};  ///< which failures are not recorded; besides those that are `cancelled`
    detail::shared_function<bool(failure const&)>
        failed{};  ///< which failures count as such, the others as successes; all unless given
    detail::shared_function<void(circuit_breaker_words::transition const&)> on_transition{};  ///< told of every change of state
};

/// What a breaker has seen.
struct circuit_breaker_metrics {
    circuit_breaker_words::status state = circuit_breaker_words::closed;
    std::uint32_t calls = 0;  ///< in the window now, or, half-open, the results that are in
    double failure_rate = 0;  ///< of those; 0 without any
    double slow_call_rate = 0;
    std::uint32_t opened_in_a_row = 0;
    // Since it was made or reset, whatever state they fell into:
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    std::uint64_t slow = 0;  ///< of those two
    std::uint64_t ignored = 0;  ///< cancelled ones too
    std::uint64_t rejected = 0;
};

/// `circuit_breaker guard{{.window = last(20), .open_for = 5s}};  request | guard`: while too many of the last calls failed, or were
/// slow, asks fail at once. Copies are handles to one breaker, and so are the policies in the requests that one is put around.
/// Closed, every result is recorded and may open it, a success too. Open, asks are rejected; the first one strictly after `open_for`
/// finds it half-open: then `half_open_calls` are let in, and when so many results are in they open or close it. Results that are
/// ignored or cancelled (by their code, or failures of asks that were asked to stop) are not recorded and give their place back; so
/// does, after `half_open_for`, one that has not come back: when it does, it counts all the same, or what is slower than that could
/// never decide. A result whose ask went in during an earlier state changes nothing but the metrics.
/// **Threads**: any. The user's functions are called where asks are made and answers arrive, under no lock, never on the timer thread.
/// **Errors**: rejects with `errc::circuit_open`, `executed::no`, and `retry_after()`: how long until the first instant that lets an
/// ask in (half-open: at which a place is free at the latest); none where it was opened by hand. What `ignored` or `failed` throws is
/// the ask's failure; what the others throw goes to the executor's `unhandled`. Nonsense is refused with `std::invalid_argument`.
/// **Time**: the ask's executor's clock. **Cost**: two readings of it and a short lock; no allocation beyond the ask's.
/// **Source**: resilience4j, CircuitBreakerStateMachine.
class circuit_breaker : public circuit_breaker_words {
public:
    using antiphon_policy = void;
    static constexpr bool abandons = false;
    template <class Layer, class... A>
    using ask = detail::breaking_ask<Layer, A...>;

    explicit circuit_breaker(circuit_breaker_options options = {}) : shared_{new shared{std::move(options)}} {}

    /// The state that was entered last: an open one stays so until an ask comes.
    [[nodiscard]] status state() const noexcept { return shared_->core.state(); }
    /// Whether an ask at `now` would be let in.
    [[nodiscard]] bool admits(time_point now) const noexcept { return shared_->core.admits(now); }
    /// As of the last result: a window of time stands still while none comes.
    [[nodiscard]] circuit_breaker_metrics metrics() const noexcept { return read({}); }
    /// As of `now`: what a window of time has left behind by then is not in it.
    [[nodiscard]] circuit_breaker_metrics metrics(time_point now) const noexcept { return read(now); }

    /// From now on rejects everything.
    void force_open() const { change(shared_->core.force(forced_open)); }
    /// From now on lets everything through, and measures nothing.
    void disable() const { change(shared_->core.force(disabled)); }
    /// From now on lets everything through, and only measures.
    void metrics_only() const { change(shared_->core.force(measuring)); }
    /// Closed, and nothing seen yet: ends the three above too.
    void reset() const { change(shared_->core.reset()); }

    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::wrap(*this, std::move(r));
    }

private:
    template <class, class...>
    friend class detail::breaking_ask;

    [[nodiscard]] circuit_breaker_metrics read(std::optional<time_point> now) const noexcept {
        auto const r = shared_->core.read(now);
        double const calls = r.sums.calls != 0 ? r.sums.calls : 1;
        return {r.state,          r.sums.calls,   r.sums.failed / calls, r.sums.slow / calls, r.opened_in_a_row, r.counted.succeeded,
                r.counted.failed, r.counted.slow, r.counted.ignored,     r.counted.rejected};
    }

    struct shared final : counted {
        explicit shared(circuit_breaker_options given)
            : options{std::move(given)}, core{checked(options), options.window, first_open_for(options)} {}
        circuit_breaker_options const options;
        detail::breaker_core core;
    };
    static detail::breaker_limits checked(circuit_breaker_options const& o) {
        detail::require(o.failure_rate > 0 && o.failure_rate <= 1, "circuit_breaker.failure_rate: must be more than 0 and at most 1");
        detail::require(o.slow_call_rate > 0 && o.slow_call_rate <= 1,
                        "circuit_breaker.slow_call_rate: must be more than 0 and at most 1");
        detail::require(o.slow_call >= duration::zero(), "circuit_breaker.slow_call: must not be negative");
        detail::require(o.minimum_calls >= 1, "circuit_breaker.minimum_calls: must be at least 1");
        detail::require(o.half_open_calls >= 1, "circuit_breaker.half_open_calls: must be at least 1");
        detail::require(o.half_open_for > duration::zero(), "circuit_breaker.half_open_for: must be more than zero");
        auto const minimum = static_cast<std::uint32_t>(o.minimum_calls);
        return {o.failure_rate, o.slow_call_rate, o.window.timed() ? minimum : detail::smaller(minimum, o.window.size()),
                static_cast<std::uint32_t>(o.half_open_calls), o.half_open_for};
    }
    static duration first_open_for(circuit_breaker_options const& o) {
        duration const first = o.open_for(1);
        detail::require(first >= duration::zero(), "circuit_breaker.open_for: must not be negative");
        return first;
    }

    // For the asks:
    [[nodiscard]] detail::breaker_core& core() const noexcept { return shared_->core; }
    [[nodiscard]] bool is_slow(duration took) const noexcept { return took > shared_->options.slow_call; }
    /// Whether a transition is somebody's business.
    [[nodiscard]] bool tells() const noexcept { return shared_->options.on_transition || shared_->options.open_for.varies(); }
    /// Whether recording this may call a function of the user's.
    [[nodiscard]] bool asks(failure const* why) const noexcept {
        return tells() || (why != nullptr && (shared_->options.ignored || shared_->options.failed));
    }
    /// What is to be recorded of a failure; `stopped`: it may be what came of a stop request.
    void judge(failure const& why, bool stopped, std::optional<detail::outcome>& how) const {
        circuit_breaker_options const& o = shared_->options;
        if (stopped || why == errc::cancelled || (o.ignored && o.ignored(why))) {
            how.reset();
        } else {
            how->failed = !o.failed || o.failed(why);
        }
    }
    void tell(transition const& changed, any_executor const& where) const noexcept {
        ANTIPHON_TRY { change(changed); }
        ANTIPHON_CATCH_ALL { where.unhandled(std::current_exception()); }
    }
    void change(std::optional<transition> const& changed) const {
        if (!changed) return;
        circuit_breaker_options const& o = shared_->options;
        if (changed->to == open && o.open_for.varies()) {
            std::uint32_t const next = shared_->core.next_opening();
            shared_->core.prepare(next, detail::larger(o.open_for(next), duration::zero()));
        }
        if (o.on_transition) o.on_transition(*changed);
    }

    shared_core<shared> shared_;
};

static_assert(policy<circuit_breaker> && sizeof(circuit_breaker) == sizeof(void*));

}  // namespace antiphon
