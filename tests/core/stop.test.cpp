// SPDX-License-Identifier: BSL-1.0
#include "antiphon/core/stop.hpp"

#include "catch_compat.hpp"
#include "support/allocations.hpp"

TEST_CASE("never_stopped can never be stopped") {
    CHECK_FALSE(antiphon::never_stopped().stop_possible());
    CHECK_FALSE(antiphon::never_stopped().stop_requested());
}

TEST_CASE("never_stopped allocates nothing") {
    CHECK(test::allocations_of([] { static_cast<void>(antiphon::never_stopped()); }) == 0);
}
