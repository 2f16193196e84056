// SPDX-License-Identifier: BSL-1.0
#pragma once
// Trouble on demand: a policy that makes its asks slow, failed, lost, doubled or late, by chance and by a seed.

#include <cmath>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numbers>
#include <type_traits>
#include <utility>
#include <vector>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/random.hpp"
#include "antiphon/execution/timer.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/request/sleep.hpp"
#include "antiphon/request/starts_on.hpp"
#include "antiphon/request/task.hpp"

namespace antiphon::testing {

/// A distribution of durations: a function of 64 random bits, so that the same bits give the same duration.
/// **Errors**: the makers throw `std::invalid_argument` for what is negative, not a number or empty. **Threads**: constant.
class latency {
    enum class kind {
        constant,
        uniform,
        exponential,
        log_normal,
        pareto,
        empirical
    };

public:
    [[nodiscard]] static latency constant(duration d) { return {kind::constant, d, 0, "latency::constant: must not be negative"}; }
    /// Evenly from `least` to `most`.
    [[nodiscard]] static latency uniform(duration least, duration most) {
        require(most >= least, "latency::uniform: most must not be less than least");
        return {kind::uniform, least, count(most) - count(least), "latency::uniform: least must not be negative"};
    }
    [[nodiscard]] static latency exponential(duration mean) {
        return {kind::exponential, mean, 0, "latency::exponential: the mean must not be negative"};
    }
    /// Half take less than `median`; 84 % less than `median` times e to the `sigma`.
    [[nodiscard]] static latency log_normal(duration median, double sigma) {
        require(sigma >= 0 && std::isfinite(sigma), "latency::log_normal: sigma must not be negative");
        return {kind::log_normal, median, sigma, "latency::log_normal: the median must not be negative"};
    }
    /// At least `least`; more than x times that with probability x to the minus `shape`. Below a shape of 1 there is no mean.
    [[nodiscard]] static latency pareto(duration least, double shape) {
        require(shape > 0 && std::isfinite(shape), "latency::pareto: the shape must be positive");
        return {kind::pareto, least, shape, "latency::pareto: least must not be negative"};
    }
    /// One of those measured, each as likely.
    [[nodiscard]] static latency empirical(std::vector<duration> measured) {
        require(!measured.empty(), "latency::empirical: needs a measurement");
        for (duration d : measured)
            require(d >= duration::zero(), "latency::empirical: must not be negative");
        latency made{kind::empirical, duration::zero(), 0, ""};
        made.measured_ = std::make_shared<std::vector<duration> const>(std::move(measured));
        return made;
    }

    [[nodiscard]] duration operator()(std::uint64_t bits) const {
        double const u = unit(bits);
        switch (kind_) {
            case kind::constant: break;
            case kind::uniform: return of(count(scale_) + u * shape_);
            case kind::exponential: return of(-count(scale_) * std::log(u));
            case kind::log_normal: {
                // Box and Muller's; the second number is another hash of the same bits
                double const turn = 2 * std::numbers::pi * unit(mix64(bits ^ random_source::step));
                return of(count(scale_) * std::exp(shape_ * std::sqrt(-2 * std::log(u)) * std::cos(turn)));
            }
            case kind::pareto: return of(count(scale_) * std::pow(u, -1 / shape_));
            case kind::empirical: return (*measured_)[static_cast<std::size_t>(u * static_cast<double>(measured_->size()))];
        }
        return scale_;
    }

private:
    latency(kind k, duration scale, double shape, char const* refusal) : kind_{k}, scale_{scale}, shape_{shape} {
        require(scale >= duration::zero(), refusal);
    }
    static void require(bool holds, char const* text) { antiphon::detail::require(holds, text); }
    [[nodiscard]] static double count(duration d) noexcept { return static_cast<double>(d.count()); }
    [[nodiscard]] static duration of(double ns) noexcept { return saturating_cast(std::chrono::duration<double, std::nano>{ns}); }
    /// Between 0 and 1, neither of both.
    [[nodiscard]] static double unit(std::uint64_t bits) noexcept { return (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52; }

    kind kind_;
    duration scale_;
    double shape_;
    std::shared_ptr<std::vector<duration> const> measured_;
};

namespace detail {

/// A sleep that a stop request does not end.
class deaf_sleep_state final : public antiphon::detail::state<void>, private timer {
public:
    explicit deaf_sleep_state(any_executor executor) noexcept : state<void>{std::move(executor), nullptr, 2, 0} {}
    void start(time_point until) { this->executor().arm(*this, until); }

private:
    void fire() noexcept override { complete({}, antiphon::detail::delivery::nested); }
    void destroy() noexcept override { delete this; }
    void step(antiphon::detail::delivery) noexcept override {}
    void refuse(errc, antiphon::detail::delivery) noexcept override {}
};

class deaf_sleep {
public:
    explicit deaf_sleep(duration length) noexcept : length_{length} {}
    [[nodiscard]] bool await_ready() const noexcept { return length_ <= duration::zero(); }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        antiphon::detail::host_base& host = h.promise().host();
        auto* const sleeper = new deaf_sleep_state{host.home()};
        sleeper_ = antiphon::detail::state_ptr<>{sleeper};
        sleeper->start(saturating_add(host.home().now(), length_));
        return host.await(*sleeper, h);
    }
    void await_resume() const noexcept {}

private:
    duration length_;
    antiphon::detail::state_ptr<> sleeper_;
};

template <class Signature, class Request, class Options>
class chaotic;
template <class R, class... P, class Request, class Options>
class chaotic<R(P...), Request, Options> {
public:
    chaotic(Request inner, Options options) : inner_(std::move(inner)), options_(std::move(options)) {}

    task<R> operator()(context const& c, P... args) const {
        // Every ask draws as often, so that one probability changes nothing but what it is about.
        random_source dice{c.random()};
        duration const delay = options_.delay(dice());
        duration const late_by = options_.late_by(dice());
        bool const fails = below(options_.fails, dice());
        bool const drops = below(options_.drops, dice());
        bool const doubled = below(options_.duplicates, dice());
        bool const late = below(options_.late, dice());
        co_await sleep_for(delay);
        result<R> answer = failure{errc::cancelled, executed::maybe};
        if (drops) {
            co_await sleep_for(duration::max());
        } else if (fails) {
            answer = options_.with;
        } else if (!c.stop_requested() || late) {
            if constexpr (std::is_copy_constructible_v<Request> && (std::is_copy_constructible_v<std::decay_t<P>> && ...)) {
                if (doubled) (inner_ | starts_on(c.executor())).submit(args...).detach();
            }
            answer = co_await inner_(std::forward<P>(args)...);
        }
        if (late) co_await deaf_sleep{late_by};
        if constexpr (std::is_void_v<R>) {
            if (!answer) co_await fail_with(std::move(answer).error());
        } else {
            co_return std::move(answer);
        }
    }

private:
    [[nodiscard]] static bool below(double probability, std::uint64_t bits) noexcept {
        return static_cast<double>(bits >> 11) * 0x1p-53 < probability;
    }
    Request inner_;
    Options options_;
};

}  // namespace detail

/// `request | testing::chaos{.delay = latency::pareto(1ms, 1.5), .fails = 0.1}`: first the delay, then what chance has chosen. Chance is
/// the executor's: under `simulation` the same seed gives the same trouble.
/// **Errors**: probabilities from 0 to 1 (`std::invalid_argument`, by `|`). **Time**: the executor's clock. A stop request ends a delay,
/// and the ask with `cancelled`, unless it is to be late. **Cost**: a coroutine an ask.
struct chaos {
    latency delay = latency::constant(duration::zero());
    double fails = 0;  ///< fails `with` this, without asking what is inside
    failure with{errc::unavailable};
    double drops = 0;  ///< never answers, and ends only when it is stopped
    double duplicates = 0;  ///< asks what is inside twice; the second answer is dropped
    double late = 0;  ///< answers only `late_by` later, and is deaf to stop requests meanwhile
    latency late_by = latency::constant(std::chrono::seconds{1});

    using antiphon_policy = void;
    template <class R, class... P, class Repeat, class Handler>
    [[nodiscard]] request<R(P...), Repeat> operator()(request<R(P...), Repeat, Handler> r) const {
        auto const check = [](double probability, char const* text) {
            antiphon::detail::require(probability >= 0 && probability <= 1, text);
        };
        check(fails, "chaos.fails: must be from 0 to 1");
        check(drops, "chaos.drops: must be from 0 to 1");
        check(duplicates, "chaos.duplicates: must be from 0 to 1");
        check(late, "chaos.late: must be from 0 to 1");
        return detail::chaotic<R(P...), request<R(P...), Repeat, Handler>, chaos>{std::move(r), *this};
    }
};

static_assert(policy<chaos>);

}  // namespace antiphon::testing
