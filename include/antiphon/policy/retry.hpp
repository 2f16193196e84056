// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that asks again when an attempt failed in a way that may pass.

#include <type_traits>
#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/policy/backoff.hpp"
#include "antiphon/policy/detail/attempts.hpp"
#include "antiphon/policy/detail/retrying_ask.hpp"
#include "antiphon/policy/failure_predicate.hpp"
#include "antiphon/policy/retry_budget.hpp"

namespace antiphon {

namespace detail {

template <bool Unsafe, class Unwanted>
struct retrying;
template <class Unwanted>
class value_retry;

}  // namespace detail

/// `request | retry{.max_attempts = 4, .backoff = {.initial = 50ms}}`: asks again, after a back-off, while attempts fail in a way
/// that `retry_if` calls transient. The last failure is what the caller sees, with `attempts()` set, and `executed()` the worst of all
/// attempts. A request that is `repeat::unsafe` is asked again only after a failure that is `executed::no`; arguments that cannot be
/// copied make one attempt the last.
/// A failure's `retry_after()` replaces the back-off exactly, and the next back-off is the first one again; a negative one ends it. If
/// the deadline would come first, the failure comes at once. Stop, or the executor's end, during a back-off ends it there and then:
/// `cancelled`, `shut_down`.
/// **Threads**: attempts run where the request runs; without an executor, those of `call()` in the calling thread. `retry_if` is asked
/// where a failure arrives, never on the timer thread.
/// **Errors**: what `retry_if` throws is the ask's failure. Nonsense is refused with `std::invalid_argument` by `|`.
/// `retry{...}.when([](std::string const& s) { return s == "pending"; })` asks again after such values too, as after a transient failure; the
/// last of them is the answer.
/// **Time**: the executor's clock and randomness. **Cost**: the first attempt is part of the ask; each further one is an allocation.
/// **Source**: gRFC A6.
struct retry {
    int max_attempts = 3;  ///< the first one included
    antiphon::backoff backoff{};
    failure_predicate retry_if{};  ///< `is_transient` unless given
    retry_budget budget = retry_budget::unlimited();  ///< shared with others, on purpose

    using antiphon_policy = void;
    template <class Signature, class Repeat, class Handler>
    [[nodiscard]] auto operator()(request<Signature, Repeat, Handler> r) const {
        check();
        return detail::wrap_shared(detail::retrying<std::is_same_v<Repeat, repeat::unsafe>, detail::none_unwanted>{*this, {}},
                                   std::move(r));
    }
    /// The same, and asks again while `unwanted` says so of a value, which it is given as const. A request that is unsafe to repeat has
    /// executed then, and is not. A budget counts such a value as a failure.
    /// **Threads**: as `retry_if`. **Errors**: what it throws is the ask's failure.
    template <class F>
    [[nodiscard]] auto when(F&& unwanted) const {
        using function = detail::light_function<std::decay_t<F>>;
        return detail::value_retry<function>{*this, function{std::forward<F>(unwanted)}};
    }
    /// **Errors**: refuses nonsense with `std::invalid_argument`.
    void check() const {
        detail::require(max_attempts >= 1, "retry.max_attempts: must be at least 1");
        backoff.check();
    }
};

namespace detail {

template <bool Unsafe, class Unwanted>
struct retrying : retry {
    static constexpr bool abandons = false;
    static constexpr bool unsafe = Unsafe;
    static constexpr bool looks_at_values = !std::is_same_v<Unwanted, none_unwanted>;
    ANTIPHON_NO_UNIQUE_ADDRESS Unwanted unwanted;
    template <class Layer, class... A>
    using ask = retrying_ask<Layer, A...>;
};

/// What `retry.when` is.
template <class Unwanted>
class value_retry {
public:
    using antiphon_policy = void;
    value_retry(retry policy, Unwanted unwanted) : policy_(std::move(policy)), unwanted_(std::move(unwanted)) {}
    template <class Signature, class Repeat, class Handler>
    [[nodiscard]] auto operator()(request<Signature, Repeat, Handler> r) const {
        policy_.check();
        return wrap_shared(retrying<std::is_same_v<Repeat, repeat::unsafe>, Unwanted>{policy_, unwanted_}, std::move(r));
    }

private:
    retry policy_;
    ANTIPHON_NO_UNIQUE_ADDRESS Unwanted unwanted_;
};

}  // namespace detail

}  // namespace antiphon
