// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/random.hpp>

#include <cstdint>
#include <random>
#include <set>

#include "catch_compat.hpp"

namespace ap = antiphon;

static_assert(std::uniform_random_bit_generator<ap::random_source>);

TEST_CASE("a random source gives the published numbers of SplitMix64") {
    ap::random_source source{1234567};
    CHECK(source() == 6457827717110365317u);
    CHECK(source() == 3203168211198807973u);
    CHECK(source() == 9817491932198370423u);
}

TEST_CASE("the process's numbers do not repeat") {
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1000; ++i)
        CHECK(seen.insert(ap::process_random()).second);
}
