// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policies that a request over a network should have, in the order that they should have.

#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/policy/backoff.hpp"
#include "antiphon/policy/circuit_breaker.hpp"
#include "antiphon/policy/failure_predicate.hpp"
#include "antiphon/policy/retry.hpp"
#include "antiphon/policy/retry_budget.hpp"
#include "antiphon/policy/timeout.hpp"

namespace antiphon {

struct standard_options {
    duration total = std::chrono::seconds{30};    ///< for everything; zero and less, `duration::max()`: no limit
    duration attempt = std::chrono::seconds{10};  ///< for each attempt
    int max_attempts = 3;
    antiphon::backoff backoff{};
    failure_predicate retry_if{};
    retry_budget budget{};  ///< one of its own, unless given
    circuit_breaker_options breaker{};
};

/// `request | standard({.total = 2s, .attempt = 300ms})`: from inside to outside a timeout for each attempt, a circuit breaker, retries
/// with back-off and a budget, a timeout for everything. What else there is goes inside (a rate limit, a balance) or outside (a
/// fallback, a concurrency limit, an observer) of it; docs/policies.md says why. A handle: what copies of it are put around shares the
/// breaker and the budget, as asks of one endpoint should.
/// **Threads**, **Errors**, **Time**: of its parts. **Cost**: of its parts: two timers; no allocation beyond the ask's while nothing fails.
class standard {
public:
    using antiphon_policy = void;

    explicit standard(standard_options options = {}) : options_{std::move(options)}, breaker_{options_.breaker} { repeats().check(); }

    [[nodiscard]] circuit_breaker const& breaker() const noexcept { return breaker_; }
    [[nodiscard]] retry_budget const& budget() const noexcept { return options_.budget; }
    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return std::move(r) | timeout{.limit = options_.attempt} | breaker_ | repeats() | timeout{.limit = options_.total};
    }

private:
    [[nodiscard]] retry repeats() const {
        return {.max_attempts = options_.max_attempts,
                .backoff = options_.backoff,
                .retry_if = options_.retry_if,
                .budget = options_.budget};
    }
    standard_options options_;
    circuit_breaker breaker_;
};

static_assert(policy<standard>);

}  // namespace antiphon
