// SPDX-License-Identifier: BSL-1.0
#include "antiphon/core/config.hpp"

#include "catch_compat.hpp"

TEST_CASE("a guarded block runs, and its handler does not when nothing is thrown") {
    int ran = 0;
    ANTIPHON_TRY { ran += 1; }
    ANTIPHON_CATCH_ALL { ran += 10; }
    CHECK(ran == 1);
}

#if ANTIPHON_EXCEPTIONS

TEST_CASE("what a handler rethrows arrives outside") {
    auto const rethrow = [] {
        ANTIPHON_TRY { throw 1; }
        ANTIPHON_CATCH_ALL { ANTIPHON_RETHROW; }
    };
    CHECK_THROWS_AS(rethrow(), int);
}

#endif
