// SPDX-License-Identifier: BSL-1.0
#include "antiphon/core/time.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <ratio>

#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::saturating_add;
using ap::saturating_cast;
using ap::saturating_sub;

namespace {

constexpr ap::duration longest = ap::duration::max();
constexpr ap::duration shortest = ap::duration::min();
constexpr ap::duration tick{1};

template <class Rep, class Period = std::ratio<1>>
constexpr ap::duration cast(Rep count) {
    return saturating_cast(std::chrono::duration<Rep, Period>{count});
}

}  // namespace

TEST_CASE("a sum of durations that fits is exact") {
    STATIC_REQUIRE(saturating_add(2s, 3s) == 5s);
    STATIC_REQUIRE(saturating_add(2s, -3s) == -1s);
    STATIC_REQUIRE(saturating_add(longest - tick, tick) == longest);
    STATIC_REQUIRE(saturating_add(shortest, tick) == shortest + tick);
}

TEST_CASE("a sum of durations that does not fit is clamped") {
    STATIC_REQUIRE(saturating_add(longest - tick, 2s) == longest);
    STATIC_REQUIRE(saturating_add(shortest + tick, -2s) == shortest);
}

TEST_CASE("for ever plus anything is for ever") {
    STATIC_REQUIRE(saturating_add(longest, -1s) == longest);
    STATIC_REQUIRE(saturating_add(-1s, longest) == longest);
}

TEST_CASE("a moment plus for ever is never") {
    STATIC_REQUIRE(saturating_add(ap::time_point{5s}, longest) == ap::time_point::max());
    STATIC_REQUIRE(saturating_add(ap::time_point{5s}, 1s) == ap::time_point{6s});
}

TEST_CASE("the distance between moments is exact where it fits, else clamped") {
    STATIC_REQUIRE(saturating_sub(ap::time_point{5s}, ap::time_point{2s}) == 3s);
    STATIC_REQUIRE(saturating_sub(ap::time_point{2s}, ap::time_point{5s}) == -3s);
    STATIC_REQUIRE(saturating_sub(ap::time_point{longest - tick}, ap::time_point{-5s}) == longest);
    STATIC_REQUIRE(saturating_sub(ap::time_point{shortest}, ap::time_point{5s}) == shortest);
    STATIC_REQUIRE(saturating_sub(ap::time_point{0s}, ap::time_point{shortest}) == longest);
}

TEST_CASE("the distance to never is for ever") { STATIC_REQUIRE(saturating_sub(ap::time_point::max(), ap::time_point{5s}) == longest); }

TEST_CASE("a cast of the library's own duration changes nothing") {
    STATIC_REQUIRE(saturating_cast(longest) == longest);
    STATIC_REQUIRE(saturating_cast(3ns) == 3ns);
}

TEST_CASE("a cast of an integral duration that does not fit is clamped") {
    STATIC_REQUIRE(saturating_cast(std::chrono::hours::max()) == longest);
    STATIC_REQUIRE(saturating_cast(std::chrono::hours::min()) == shortest);
    STATIC_REQUIRE(saturating_cast(std::chrono::microseconds::max()) == longest);
    STATIC_REQUIRE(cast<std::uint64_t, std::nano>(~std::uint64_t{0}) == longest);
}

TEST_CASE("a cast of an integral duration is exact up to the last one that fits") {
    STATIC_REQUIRE(cast<std::int64_t, std::micro>(9223372036854775) == ap::duration{9223372036854775000});
    STATIC_REQUIRE(cast<std::int64_t, std::micro>(9223372036854776) == longest);
    STATIC_REQUIRE(cast<std::int64_t, std::micro>(-9223372036854775) == ap::duration{-9223372036854775000});
    STATIC_REQUIRE(cast<std::int64_t, std::micro>(-9223372036854776) == shortest);
    STATIC_REQUIRE(cast<std::uint64_t, std::micro>(9223372036854775) == ap::duration{9223372036854775000});
}

TEST_CASE("a cast of a finer duration rounds towards zero") {
    STATIC_REQUIRE(cast<std::int64_t, std::pico>(1999) == 1ns);
    STATIC_REQUIRE(cast<std::int64_t, std::pico>(-1999) == -1ns);
}

TEST_CASE("a cast of a duration of odd units keeps the remainder") {
    STATIC_REQUIRE(cast<int, std::ratio<1, 60>>(61) == 1s + 16666666ns);
    STATIC_REQUIRE(cast<int, std::ratio<1, 60>>(-1) == -16666666ns);
}

TEST_CASE("a cast takes small and unsigned counts") {
    STATIC_REQUIRE(cast<signed char>(-5) == -5s);
    STATIC_REQUIRE(cast<unsigned char>(200) == 200s);
}

TEST_CASE("a cast of a floating duration gives the number one wrote") {
    STATIC_REQUIRE(cast<double>(0.3) == 300ms);
    STATIC_REQUIRE(cast<float>(0.5F) == 500ms);
    STATIC_REQUIRE(cast<double, std::milli>(-2.5) == -2500us);
}

TEMPLATE_TEST_CASE("a cast of a floating duration clamps what is far out", "", float, double, long double) {
    using limits = std::numeric_limits<TestType>;
    CHECK(cast<TestType>(limits::infinity()) == longest);
    CHECK(cast<TestType>(-limits::infinity()) == shortest);
    CHECK(cast<TestType>(limits::max()) == longest);
    CHECK(cast<TestType>(limits::lowest()) == shortest);
    CHECK(cast<TestType, std::nano>(static_cast<TestType>(9223372036854775808.0L)) == longest);
    CHECK(cast<TestType, std::nano>(static_cast<TestType>(-9223372036854775808.0L)) == shortest);
    CHECK(cast<TestType, std::nano>(static_cast<TestType>(4611686018427387904.0L)) == ap::duration{4611686018427387904});
}

TEST_CASE("a cast of not-a-number is no time at all") {
    STATIC_REQUIRE(cast<double>(std::numeric_limits<double>::quiet_NaN()) == 0s);
    STATIC_REQUIRE(cast<float>(std::numeric_limits<float>::quiet_NaN()) == 0s);
}

namespace {
struct options {
    ap::any_duration limit = 1s;
};
}  // namespace

TEST_CASE("an option that is a duration takes floating ones") {
    STATIC_REQUIRE(options{.limit = 1.5s}.limit == 1500ms);
    STATIC_REQUIRE(options{.limit = 0.25ms}.limit == 250us);
}

TEST_CASE("an option that is a duration clamps what is longer than for ever") {
    STATIC_REQUIRE(options{.limit = std::chrono::hours::max()}.limit == ap::duration::max());
    STATIC_REQUIRE(options{.limit = std::chrono::hours::min()}.limit == ap::duration::min());
    STATIC_REQUIRE(options{.limit = std::chrono::duration<double>::max()}.limit == ap::duration::max());
}

TEST_CASE("an option that is a duration is one, by default zero") {
    STATIC_REQUIRE(ap::any_duration{} == 0s);
    ap::duration const d = options{}.limit;
    CHECK(d == 1s);
}

TEST_CASE("any duration is added to a moment, clamped") {
    STATIC_REQUIRE(ap::saturating_add(ap::time_point{1s}, 1.5s) == ap::time_point{2500ms});
    STATIC_REQUIRE(ap::saturating_add(ap::time_point{1s}, std::chrono::hours::max()) == ap::time_point::max());
}
