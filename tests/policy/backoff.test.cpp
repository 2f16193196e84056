// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/backoff.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include "antiphon/execution/random.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t lowest = 0, highest = ~std::uint64_t{0};

/// The smallest and largest of many delays, and their mean.
struct spread {
    ap::duration low = ap::duration::max(), high{};
    double mean = 0;
};
spread of(ap::backoff const& b, std::uint64_t n) {
    ap::random_source random{7};
    spread s;
    constexpr int draws = 20000;
    for (int i = 0; i < draws; ++i) {
        ap::duration const d = b.delay(n, {}, random());
        if (d < s.low) s.low = d;
        if (d > s.high) s.high = d;
        s.mean += static_cast<double>(d.count()) / draws;
    }
    return s;
}
bool near(double a, ap::duration b) {
    double const expected = static_cast<double>(b.count());
    return a > 0.98 * expected && a < 1.02 * expected;
}

#if ANTIPHON_EXCEPTIONS
/// What the refusal of an argument says.
template <class F>
std::string refusal(F f) {
    try {
        f();
    } catch (std::invalid_argument const& e) {
        return e.what();
    }
    return "nothing was refused";
}
#endif

}  // namespace

TEST_CASE("backoff: by default it grows from 100 ms, doubling, to 10 s, fully jittered") {
    ap::backoff const b;
    CHECK(b.initial == 100ms);
    CHECK(b.multiplier == 2);
    CHECK(b.max == 10s);
    CHECK(b.jitter == ap::jitter::full);
}

TEST_CASE("backoff: without jitter a delay is its centre, which grows to the ceiling and stays there") {
    ap::backoff const b{.initial = 100ms, .multiplier = 2, .max = 10s, .jitter = ap::jitter::none};
    CHECK(b.delay(1, {}, highest) == 100ms);
    CHECK(b.delay(2, {}, highest) == 200ms);
    CHECK(b.delay(3, {}, lowest) == 400ms);
    CHECK(b.delay(7, {}, lowest) == 6400ms);
    CHECK(b.delay(8, {}, lowest) == 10s);
    CHECK(b.delay(9, {}, lowest) == 10s);
}

TEST_CASE("backoff: it saturates at any n, and never wraps") {
    constexpr auto last = std::numeric_limits<std::uint64_t>::max();
    for (ap::jitter j :
         {ap::jitter::none, ap::jitter::full, ap::jitter::equal, ap::jitter::decorrelated, ap::jitter::proportional(1)}) {
        ap::backoff const b{.initial = ap::duration::max(), .multiplier = 1e300, .max = ap::duration::max(), .jitter = j};
        for (std::uint64_t n : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{64}, last})
            for (std::uint64_t r : {lowest, highest, highest / 2}) {
                CHECK(b.delay(n, ap::duration::max(), r) >= 0ms);
                CHECK(b.centre(n) == ap::duration::max());
            }
    }
    CHECK(ap::backoff{}.centre(last) == 10s);
    CHECK(ap::backoff{.initial = 0ms}.centre(last) == 0ms);
}

TEST_CASE("backoff: an initial delay above the ceiling is the ceiling") {
    CHECK(ap::backoff{.initial = 1min, .max = 10s}.centre(1) == 10s);
}

TEST_CASE("backoff: full jitter draws from zero to the centre") {
    auto const s = of({.jitter = ap::jitter::full}, 2);
    CHECK(s.low >= 0ms);
    CHECK(s.low < 1ms);
    CHECK(s.high <= 200ms);
    CHECK(s.high > 199ms);
    CHECK(near(s.mean, 100ms));
}

TEST_CASE("backoff: equal jitter draws from half the centre to all of it") {
    auto const s = of({.jitter = ap::jitter::equal}, 2);
    CHECK(s.low >= 100ms);
    CHECK(s.high <= 200ms);
    CHECK(near(s.mean, 150ms));
}

TEST_CASE("backoff: proportional jitter draws around the centre, and may exceed the ceiling") {
    auto const s = of({.jitter = ap::jitter::proportional(0.2)}, 20);
    CHECK(s.low >= 8s);
    CHECK(s.high <= 12s);
    CHECK(s.high > 11s);
    CHECK(near(s.mean, 10s));
}

TEST_CASE("backoff: decorrelated jitter draws from the initial delay to three times the one before, up to the ceiling") {
    ap::backoff const b{.jitter = ap::jitter::decorrelated};
    auto const first = of(b, 1);
    CHECK(first.low >= 100ms);
    CHECK(first.high <= 300ms);
    CHECK(near(first.mean, 200ms));
    ap::random_source random{3};
    for (int i = 0; i < 1000; ++i) {
        ap::duration const d = b.delay(5, 1s, random());
        CHECK((d >= 100ms && d <= 3s));
    }
    CHECK(b.delay(5, 10s, highest) == 10s);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("backoff: nonsense is refused, naming the field") {
    CHECK(refusal([&] { (void)(ap::backoff{.initial = -1ms}.check()); }) == "backoff.initial: must not be negative");
    CHECK(refusal([&] { (void)(ap::backoff{.max = -1ms}.check()); }) == "backoff.max: must not be negative");
    for (double m : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
        CHECK(refusal([&] { (void)(ap::backoff{.multiplier = m}.check()); }) == "backoff.multiplier: must be a positive number");
    for (double p : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()})
        CHECK_THROWS_AS(ap::jitter::proportional(p), std::invalid_argument);
}
#endif
