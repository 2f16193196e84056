// SPDX-License-Identifier: BSL-1.0
// The full form of tests/policy/orders.test.cpp: a million virtual asks through six policies in each of their 720 orders.
#include <cstdint>
#include <cstdio>
#include <string>

#include "catch_compat.hpp"
#include "support/orders.hpp"

using namespace test::orders;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int asks = 70;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr int asks = 70;
#else
constexpr int asks = 700;
#endif
#else
constexpr int asks = 700;
#endif

TEST_CASE("every order of six policies does what their models say, and leaves nothing over") {
    std::uint64_t seed = 0;
    long asked = 0;
    long values = 0;
    long handled = 0;
    int bad = 0;
    each_order([&](order const& o) {
        ++seed;
        for (bool probed : {true, false}) {
            run one{o, seed};
            one.play(asks, probed);
            asked += asks;
            values += one.values;
            handled += one.handled;
            if (one.complaints_texts().empty() || ++bad > 10) continue;
            for (std::string const& what : one.complaints_texts())
                std::printf("  %s, seed %llu, %s\n    %s\n", describe(o).c_str(), static_cast<unsigned long long>(seed),
                            probed ? "probed" : "bare", what.c_str());
        }
    });
    std::printf("  orders: %ld asks, %ld values, %ld runs of the handler\n", asked, values, handled);
    CHECK(bad == 0);
    CHECK(asked == 720L * 2 * asks);
    CHECK(values > asked / 3);
    CHECK(handled > values);
}
