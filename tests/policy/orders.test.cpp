// SPDX-License-Identifier: BSL-1.0
// Six policies in every order around a handler full of trouble: what each of them did, against a model of it that knows nothing of the
// library. This is the daily form: an eighth of the orders; tests/stress/orders.stress.cpp goes through all of them, a million asks.
#include <cstdint>

#include "catch_compat.hpp"
#include "support/orders.hpp"

using namespace test::orders;

TEST_CASE("orders: in every one of the 720, each policy does what its model says, and nothing is left over") {
    std::uint64_t seed = 0;
    each_order([&](order const& o) {
        if (++seed % 8 != 0) return;
        INFO(describe(o) << ", seed " << seed);
        run one{o, seed};
        one.play(40, true);
        for (auto const& what : one.complaints_texts())
            FAIL_CHECK(what);
    });
}

TEST_CASE("orders: directly on each other, each layer gives as many answers as it is asked, and nothing is left over") {
    std::uint64_t seed = 0;
    each_order([&](order const& o) {
        if (++seed % 8 != 1) return;
        INFO(describe(o) << ", seed " << seed);
        run one{o, seed};
        one.play(40, false);
        for (auto const& what : one.complaints_texts())
            FAIL_CHECK(what);
        CHECK(one.values + one.failures == 40);
    });
}
