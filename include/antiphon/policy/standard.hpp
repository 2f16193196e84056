// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policies that a request over a network should have, in the order that they should have.

#include <optional>
#include <type_traits>
#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/policy/backoff.hpp"
#include "antiphon/policy/circuit_breaker.hpp"
#include "antiphon/policy/concurrency_limit.hpp"
#include "antiphon/policy/detail/optional_layer.hpp"
#include "antiphon/policy/failure_predicate.hpp"
#include "antiphon/policy/fallback.hpp"
#include "antiphon/policy/hedge.hpp"
#include "antiphon/policy/load_shed.hpp"
#include "antiphon/policy/rate_limit.hpp"
#include "antiphon/policy/retry.hpp"
#include "antiphon/policy/retry_budget.hpp"
#include "antiphon/policy/timeout.hpp"

namespace antiphon {

/// From inside to outside. What is not given is not there, and costs an ask nothing.
struct standard_options {
    any_duration total = std::chrono::seconds{30};    ///< for everything; zero and less, `duration::max()`: no limit
    any_duration attempt = std::chrono::seconds{10};  ///< for each attempt
    int max_attempts = 3;
    antiphon::backoff backoff{};
    failure_predicate retry_if{};
    retry_budget budget{};  ///< one of its own, unless given; gates copies of `hedge` too
    circuit_breaker_options breaker{};
    std::optional<antiphon::rate_limit> rate_limit{};                ///< innermost: every attempt and every copy takes a permit
    std::optional<antiphon::hedge> hedge{};                          ///< of each attempt; `budget` takes the place of its own
    std::optional<antiphon::concurrency_limit> concurrency_limit{};  ///< around the total
    std::optional<antiphon::load_shed> load_shed{};                  ///< outermost
};

template <class F>
class standard_with_fallback;

/// `request | standard({.total = 2s, .attempt = 300ms})`: from inside to outside a rate limit, a timeout for each attempt, a circuit
/// breaker, a hedge, retries with back-off and a budget, a timeout for everything, a limit on concurrency, load shedding; those that
/// protect from others only where they are given. `standard{...}.with_fallback(f)` answers instead when all attempts have failed, within the
/// total. What else there is goes inside (a balance) or outside (an observer) of it; docs/policies.md says why. A handle: what copies of it are
/// put around shares the breaker, the budget and the limits, as asks of one endpoint should.
/// **Threads**, **Errors**, **Time**: of its parts; a hedge around a request that is unsafe to repeat is refused with `std::invalid_argument`
/// by `|`. **Cost**: of its parts: two timers; no allocation beyond the ask's while nothing fails.
class standard {
public:
    using antiphon_policy = void;

    explicit standard(standard_options options = {}) : options_{std::move(options)}, breaker_{options_.breaker} {
        repeats().check();
        if (!options_.hedge) return;
        options_.hedge->check();
        options_.hedge->budget = options_.budget;
    }

    [[nodiscard]] circuit_breaker const& breaker() const noexcept { return breaker_; }
    [[nodiscard]] retry_budget const& budget() const noexcept { return options_.budget; }
    /// The same, and `f` answers (see `fallback`) when all attempts have failed.
    template <class F>
    [[nodiscard]] auto with_fallback(F&& f) const {
        return standard_with_fallback{*this, fallback(std::forward<F>(f))};
    }
    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return around(inside(std::move(r)));
    }

private:
    template <class F>
    friend class standard_with_fallback;

    [[nodiscard]] retry repeats() const {
        return {.max_attempts = options_.max_attempts,
                .backoff = options_.backoff,
                .retry_if = options_.retry_if,
                .budget = options_.budget};
    }
    template <class Request>
    [[nodiscard]] auto inside(Request r) const {
        if constexpr (std::is_same_v<typename Request::repeat_type, repeat::unsafe>)
            detail::require(!options_.hedge, "standard.hedge: this request is unsafe to repeat: say idempotent(request) if it is not");
        std::optional<detail::hedging> copies;
        if (options_.hedge) copies.emplace(*options_.hedge);
        auto attempt = detail::wrap_optional(options_.rate_limit, std::move(r)) | timeout{.limit = options_.attempt} | breaker_;
        return detail::wrap_optional_shared(std::move(copies), std::move(attempt)) | repeats();
    }
    template <class Request>
    [[nodiscard]] auto around(Request r) const {
        auto whole = std::move(r) | timeout{.limit = options_.total};
        return detail::wrap_optional(options_.load_shed, detail::wrap_optional(options_.concurrency_limit, std::move(whole)));
    }

    standard_options options_;
    circuit_breaker breaker_;
};

/// What `standard::with_fallback` gives.
template <class F>
class standard_with_fallback {
public:
    using antiphon_policy = void;
    standard_with_fallback(standard of, F substitute) : standard_{std::move(of)}, substitute_(std::move(substitute)) {}
    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return standard_.around(standard_.inside(std::move(r)) | substitute_);
    }

private:
    standard standard_;
    F substitute_;
};

static_assert(policy<standard>);

}  // namespace antiphon
