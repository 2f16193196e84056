// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that lets so many asks start in so much time.

#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/invoke.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/policy/detail/rate_core.hpp"
#include "antiphon/policy/detail/rate_limited_ask.hpp"

namespace antiphon {

/// `bursty`: `permits` at any moments of each cycle of `per`. `smooth`: one in each interval of `per / permits`.
enum class rate_form : std::uint8_t {
    bursty,
    smooth
};

struct rate_limit_options {
    int permits = 0;                               ///< no default
    any_duration per = std::chrono::seconds{1};
    any_duration max_wait = duration::zero();          ///< longer is refused; zero refuses whatever would have to wait
    rate_form form = rate_form::bursty;
};

struct rate_limit_metrics {
    std::uint64_t admitted = 0;  ///< asks
    std::uint64_t delayed = 0;   ///< of those: had to wait
    std::uint64_t rejected = 0;
    std::uint64_t returned = 0;  ///< of the delayed: stopped before they started
    std::uint64_t waiting = 0;   ///< now
};

namespace detail {

template <class Price>
class priced_rate_limit;

}  // namespace detail

/// `rate_limit limiter{{.permits = 100, .per = 1s, .max_wait = 50ms}};  request | limiter`. Copies are handles to one limit. An ask
/// takes one permit, or as many as `limiter.cost(...)` says.
/// Cycles are counted from the first ask. What cannot start now reserves permits of a later cycle and starts with it, if that is within
/// `max_wait` and the ask's deadline; otherwise it is refused at once. One that is stopped meanwhile gives its reservation back, to the
/// next ask that needs one. At most `permits` start in a cycle, so at most `permits * (t / per + 2)` in any time t. An ask that costs
/// more than `permits` has to wait for the cycles that it takes.
/// **Threads**: any. **Errors**: refuses with `errc::resource_exhausted`, `executed::no`, and `retry_after()`: how long until it could
/// have started. Nonsense is refused with `std::invalid_argument`. **Time**: the ask's executor's clock.
/// **Cost**: one reading of it, a short lock, and a timer for who waits; no allocation beyond the ask's.
/// **Source**: resilience4j, AtomicRateLimiter; Failsafe, the smooth form.
class rate_limit {
public:
    using enum rate_form;
    using antiphon_policy = void;
    static constexpr bool abandons = false;
    template <class Layer, class... A>
    using ask = detail::rate_limited_ask<Layer, A...>;

    explicit rate_limit(rate_limit_options const& options) : core_{make(options)}, max_wait_{options.max_wait}, form_{options.form} {}

    /// Other numbers, for all handles, from the cycle on that follows the one of `now`, a moment of the executor's clock. What was reserved stays so:
    /// until it has started, a cycle may see it beside the permits of a higher rate, and a lower rate makes new asks wait for it as if it were its own.
    /// **Errors**: refuses nonsense with `std::invalid_argument`.
    void set_rate(time_point now, int permits, any_duration per) const {
        check(permits, per);
        form_ == bursty ? core_->change(now, permits, per) : core_->change(now, 1, interval(permits, per));
    }

    /// The same limit, for asks that take `permits` each, or as many as a function of their arguments says: none for zero.
    /// **Errors**: at least 1 (`std::invalid_argument`). What the function throws is the ask's failure; a negative answer makes it
    /// `errc::invalid_argument`. It is called where the ask is made.
    template <std::integral N>
    [[nodiscard]] auto cost(N count) const {
        detail::require(count >= 1, "rate_limit.cost: must be at least 1");
        auto const permits = static_cast<std::int64_t>(count);
        auto const always = [permits](auto const&...) { return permits; };
        return detail::priced_rate_limit<std::remove_const_t<decltype(always)>>{*this, always};
    }
    template <class F>
        requires(!std::integral<std::remove_cvref_t<F>>)
    [[nodiscard]] auto cost(F&& of_arguments) const {
        return detail::priced_rate_limit<std::decay_t<F>>{*this, std::forward<F>(of_arguments)};
    }

    /// Permits that could be taken at `now` without waiting.
    [[nodiscard]] std::int64_t available(time_point now) const noexcept { return core_->available(now); }
    /// Asks with a reservation that have not started.
    [[nodiscard]] std::size_t waiting() const noexcept { return static_cast<std::size_t>(core_->read().waiting); }
    [[nodiscard]] rate_limit_metrics metrics() const noexcept {
        auto const r = core_->read();
        return {r.admitted, r.delayed, r.rejected, r.returned, r.waiting};
    }

    // For the asks:
    [[nodiscard]] rate_limit const& limit() const noexcept { return *this; }
    [[nodiscard]] detail::rate_core& core() const noexcept { return *core_; }
    [[nodiscard]] duration max_wait() const noexcept { return max_wait_; }
    template <class... X>
    [[nodiscard]] std::int64_t price(X const&...) const noexcept {
        return 1;
    }
    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::wrap(*this, std::move(r));
    }

private:
    static detail::rate_core* make(rate_limit_options const& o) {
        check(o.permits, o.per);
        detail::require(o.max_wait >= duration::zero(), "rate_limit.max_wait: must not be negative");
        if (o.form == bursty) return new detail::rate_core{o.permits, o.per};
        return new detail::rate_core{1, interval(o.permits, o.per)};
    }
    static void check(int permits, duration per) {
        detail::require(permits >= 1, "rate_limit.permits: must be at least 1");
        detail::require(per > duration::zero() && per != duration::max(), "rate_limit.per: must be more than zero, and end");
    }
    static constexpr duration interval(int permits, duration per) noexcept { return duration{(per.count() - 1) / permits + 1}; }

    shared_core<detail::rate_core> core_;
    duration max_wait_;
    rate_form form_;
};

namespace detail {

template <class Price>
class priced_rate_limit {
public:
    using antiphon_policy = void;
    static constexpr bool abandons = false;
    template <class Layer, class... A>
    using ask = rate_limited_ask<Layer, A...>;

    priced_rate_limit(rate_limit limit, Price price) : limit_{std::move(limit)}, price_(std::move(price)) {}
    [[nodiscard]] rate_limit const& limit() const noexcept { return limit_; }
    template <class... X>
    [[nodiscard]] std::int64_t price(X const&... args) const {
        static_assert(std::is_invocable_v<Price const&, X const&...>,
                      "antiphon: the cost must be a number, or a function of the ask's arguments");
        if constexpr (std::is_invocable_v<Price const&, X const&...>) {
            return static_cast<std::int64_t>(detail::invoke(price_, args...));
        } else {
            return 0;
        }
    }
    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::wrap(*this, std::move(r));
    }

private:
    rate_limit limit_;
    ANTIPHON_NO_UNIQUE_ADDRESS Price price_;
};

}  // namespace detail

static_assert(policy<rate_limit>);

}  // namespace antiphon
