// SPDX-License-Identifier: BSL-1.0
#include "antiphon/core/priority.hpp"

#include "catch_compat.hpp"

namespace ap = antiphon;

TEST_CASE("priority: the more urgent compares greater, and what says nothing is normal") {
    CHECK(ap::priority::idle < ap::priority::low);
    CHECK(ap::priority::low < ap::priority::normal);
    CHECK(ap::priority::normal < ap::priority::high);
    CHECK(ap::priority::high < ap::priority::urgent);
    CHECK(ap::priority{} == ap::priority::normal);
}

TEST_CASE("urgency: what says nothing is normal, has no deadline and is not patient") {
    ap::urgency const plain;
    CHECK(plain.level == ap::priority::normal);
    CHECK(plain.deadline == ap::time_point::max());
    CHECK_FALSE(plain.patient);
}
