// SPDX-License-Identifier: BSL-1.0
#pragma once
// How long to wait before asking again: exponential growth with a ceiling, scattered by a jitter.

#include <cstdint>

#include "antiphon/core/arithmetic.hpp"
#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"

namespace antiphon {

/// How a delay is scattered, so that those who failed together do not come back together.
/// **Source**: AWS Architecture Blog, "Exponential Backoff and Jitter"; gRFC A6 for the proportional form.
class jitter {
public:
    static jitter const none;          ///< the centre `c` itself
    static jitter const full;          ///< U(0, c)
    static jitter const equal;         ///< c/2 + U(0, c/2)
    static jitter const decorrelated;  ///< min(max, U(initial, 3 · the delay before)); the centre plays no part
    /// c · U(1−p, 1+p): may exceed the ceiling. **Errors**: a fraction outside 0 to 1 is refused with `std::invalid_argument`.
    [[nodiscard]] static constexpr jitter proportional(double fraction) {
        detail::require(fraction >= 0 && fraction <= 1, "jitter::proportional: the fraction must be from 0 to 1");
        return jitter{form::proportional, fraction};
    }
    [[nodiscard]] constexpr bool operator==(jitter const&) const noexcept = default;

private:
    friend struct backoff;
    enum class form : unsigned char {
        none,
        full,
        equal,
        decorrelated,
        proportional
    };
    constexpr explicit jitter(form f, double fraction = 0) noexcept : fraction_{fraction}, form_{f} {}

    double fraction_;
    form form_;
};

inline constexpr jitter jitter::none{form::none};
inline constexpr jitter jitter::full{form::full};
inline constexpr jitter jitter::equal{form::equal};
inline constexpr jitter jitter::decorrelated{form::decorrelated};

/// The delays between attempts: centre `min(initial · multiplier^(n−1), max)` for the n-th, n from 1. Saturates at any n.
/// **Time**: lengths only; whoever uses it has the clock.
struct backoff {
    any_duration initial = std::chrono::milliseconds{100};
    double multiplier = 2;
    any_duration max = std::chrono::seconds{10};
    antiphon::jitter jitter = antiphon::jitter::full;

    /// The n-th delay without jitter.
    [[nodiscard]] duration centre(std::uint64_t n) const noexcept {
        if (n <= 1 || initial == duration::zero()) return at_most(initial);
        double const grown = static_cast<double>(initial.count()) * detail::pow(multiplier, static_cast<double>(n) - 1);
        return at_most(clamp(grown));
    }
    /// The n-th delay. `previous` is the one before it (any for n = 1), `random` 64 random bits.
    [[nodiscard]] duration delay(std::uint64_t n, duration previous, std::uint64_t random) const noexcept {
        using form = antiphon::jitter::form;
        if (jitter.form_ == form::decorrelated) return decorrelated(n <= 1 ? duration{initial} : previous, unit(random));
        duration const c = centre(n);
        double const width = static_cast<double>(c.count());
        switch (jitter.form_) {
            case form::full: return clamp(width * unit(random));
            case form::equal: return c / 2 + clamp(width / 2 * unit(random));
            case form::proportional: return clamp(width * (1 + jitter.fraction_ * (2 * unit(random) - 1)));
            default: return c;
        }
    }
    /// Whether `delay` looks at its random bits.
    [[nodiscard]] constexpr bool random() const noexcept { return jitter.form_ != antiphon::jitter::form::none; }

    /// **Errors**: refuses nonsense with `std::invalid_argument`.
    constexpr void check() const {
        detail::require(initial >= duration::zero(), "backoff.initial: must not be negative");
        detail::require(multiplier > 0 && multiplier <= 1e300, "backoff.multiplier: must be a positive number");
        detail::require(max >= duration::zero(), "backoff.max: must not be negative");
    }

private:
    [[nodiscard]] constexpr duration at_most(duration d) const noexcept { return d < max ? d : duration{max}; }
    /// In [0, 1).
    [[nodiscard]] static constexpr double unit(std::uint64_t random) noexcept { return static_cast<double>(random >> 11) * 0x1p-53; }
    [[nodiscard]] static constexpr duration clamp(double ticks) noexcept {
        return ticks < 0x1p63 ? duration{static_cast<duration::rep>(ticks)} : duration::max();
    }
    [[nodiscard]] duration decorrelated(duration previous, double u) const noexcept {
        double const low = static_cast<double>(initial.count());
        double const high = 3 * static_cast<double>(previous.count());
        return at_most(clamp(high > low ? low + (high - low) * u : low));
    }
};

}  // namespace antiphon
