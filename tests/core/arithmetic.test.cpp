// SPDX-License-Identifier: BSL-1.0
#include "antiphon/core/arithmetic.hpp"

#include <cmath>

#include "catch_compat.hpp"

namespace ap = antiphon;

TEST_CASE("The smaller, the larger and the clamped are those of the standard library") {
    STATIC_REQUIRE(ap::detail::smaller(1, 2) == 1);
    STATIC_REQUIRE(ap::detail::smaller(2, 1) == 1);
    STATIC_REQUIRE(ap::detail::larger(1, 2) == 2);
    STATIC_REQUIRE(ap::detail::larger(2, 1) == 2);
    STATIC_REQUIRE(ap::detail::clamped(0, 1, 3) == 1);
    STATIC_REQUIRE(ap::detail::clamped(2, 1, 3) == 2);
    STATIC_REQUIRE(ap::detail::clamped(4, 1, 3) == 3);
}

TEST_CASE("The functions of floating point give what <cmath> gives") {
    for (double const x : {-2.5, -0.5, 0.0, 0.5, 1.0, 2.5, 10.0, 12345.678}) {
        CHECK(ap::detail::exp(x / 100) == std::exp(x / 100));
        CHECK(ap::detail::floor(x) == std::floor(x));
        CHECK(ap::detail::ceil(x) == std::ceil(x));
        CHECK(ap::detail::llround(x) == std::llround(x));
        CHECK(ap::detail::pow(1.5, x / 100) == std::pow(1.5, x / 100));
        if (x > 0) CHECK(ap::detail::log10(x) == std::log10(x));
    }
}
