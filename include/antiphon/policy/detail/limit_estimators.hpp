// SPDX-License-Identifier: BSL-1.0
#pragma once
// How many asks a service bears at once, learned from how long they take and which are dropped.

#include <cstdint>

#include "antiphon/core/arithmetic.hpp"
#include "antiphon/core/time.hpp"

namespace antiphon::detail {

struct limit_sample {
    duration took;
    std::uint32_t in_flight;  ///< when it went in, itself included
    bool dropped;
    bool ran = true;  ///< else `took` says nothing about the service
};

/// Additive increase, multiplicative decrease.
/// **Source**: Netflix concurrency-limits, AIMDLimit.
class aimd_estimator {
public:
    explicit aimd_estimator(duration slow) noexcept : slow_{slow} {}
    [[nodiscard]] double next(double limit, limit_sample const& s) noexcept {
        if (s.dropped || s.took > slow_) return limit * 0.9;
        return 2.0 * s.in_flight >= limit ? limit + 1 : limit;
    }

private:
    duration slow_;
};

/// By the queue that the latency tells of, against the shortest one seen.
/// **Source**: Netflix concurrency-limits, VegasLimit; Brakmo, Peterson, "TCP Vegas", 1995.
class vegas_estimator {
public:
    [[nodiscard]] double next(double limit, limit_sample const& s) noexcept {
        if (s.ran && ++samples_ >= probe_every * limit) {  // the service may have become another
            samples_ = 0;
            shortest_ = s.took;
            return limit;
        }
        if (s.ran && (shortest_ == duration::zero() || s.took < shortest_)) {
            shortest_ = s.took;
            return limit;
        }
        double const step = detail::larger(1.0, detail::floor(detail::log10(limit)));
        if (s.dropped) return limit - step;
        if (2.0 * s.in_flight < limit) return limit;
        double const queue = detail::ceil(limit * (1 - static_cast<double>(shortest_.count()) / static_cast<double>(s.took.count())));
        if (queue <= 1 * step) return limit + 6 * step;
        if (queue < 3 * step) return limit + step;
        return queue > 6 * step ? limit - step : limit;
    }

private:
    static constexpr double probe_every = 30;
    double samples_ = 0;
    duration shortest_{};
};

/// By how much longer it takes now than it does in the long run.
/// **Source**: Netflix concurrency-limits, Gradient2Limit.
class gradient_estimator {
public:
    [[nodiscard]] double next(double limit, limit_sample const& s) noexcept {
        if (!s.ran) return limit;
        double const now = static_cast<double>(detail::larger(s.took, duration{1}).count());
        ++samples_;
        // A plain mean of the first ten, then an exponential one over 600.
        long_run_ += (now - long_run_) * (samples_ <= 10 ? 1.0 / samples_ : 2.0 / 601);
        double const ratio = long_run_ / now;
        if (ratio > 2) long_run_ *= 0.95;  // it recovers
        if (2.0 * s.in_flight < limit) return limit;
        double const gradient = detail::clamped(1.5 * ratio, 0.5, 1.0);
        return 0.8 * limit + 0.2 * (limit * gradient + 4);
    }

private:
    double samples_ = 0;
    double long_run_ = 0;
};

}  // namespace antiphon::detail
