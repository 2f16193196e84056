// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/timer.hpp>

#include <type_traits>

#include "catch_compat.hpp"
#include "support/probe.hpp"

TEST_CASE("a timer begins outside every queue and can be neither copied nor moved") {
    probes::bell t;
    CHECK(t.back == nullptr);
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<probes::bell>);
    STATIC_REQUIRE_FALSE(std::is_move_constructible_v<probes::bell>);
}
