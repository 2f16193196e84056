// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/percentile.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <stdexcept>
#include <vector>

#include "antiphon/execution/random.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

constexpr ap::time_point start{1h};

std::unique_ptr<ap::detail::latency_window> window(double fraction) {
    return std::make_unique<ap::detail::latency_window>(ap::percentile{fraction});
}

}  // namespace

TEST_CASE("percentile: nothing is known until one measurement can lie beyond it") {
    CHECK(ap::percentile(0.5).samples_needed() == 20);
    CHECK(ap::percentile(0.95).samples_needed() == 20);
    CHECK(ap::percentile(0.99).samples_needed() == 100);
    CHECK(ap::percentile(0.999).samples_needed() == 1000);
    CHECK(ap::percentile(1).samples_needed() == 1000);
    auto const w = window(0.95);
    for (int i = 0; i < 19; ++i)
        w->record(start, 10ms);
    CHECK_FALSE(w->read(start).has_value());
    w->record(start, 10ms);
    CHECK(w->read(start).has_value());
}

TEST_CASE("percentile: it is read within 1/32, never below what was measured") {
    for (double q : {0.5, 0.9, 0.95, 0.99}) {
        auto const w = window(q);
        ap::random_source random{5};
        std::vector<ap::duration> all;
        for (int i = 0; i < 10000; ++i) {
            all.push_back(ap::duration{1ms} + ap::duration{static_cast<ap::duration::rep>(random() % 5'000'000'000u)});
            w->record(start, all.back());
        }
        std::sort(all.begin(), all.end());
        auto const exact = all[static_cast<std::size_t>(q * 10000) - 1];
        auto const read = w->read(start);
        REQUIRE(read.has_value());
        CHECK(*read > exact);
        CHECK(*read <= exact + exact / 30);
    }
}

TEST_CASE("percentile: it is at least one millisecond, and bounded for any length") {
    auto const w = window(0.5);
    for (int i = 0; i < 20; ++i)
        w->record(start, 3us);
    CHECK(w->read(start) == 1ms);
    auto const v = window(0.5);
    for (int i = 0; i < 20; ++i)
        v->record(start, ap::duration::max());
    CHECK(*v->read(start) > 1h);
}

TEST_CASE("percentile: measurements are forgotten after half a minute") {
    auto const w = window(0.95);
    for (int i = 0; i < 40; ++i)
        w->record(start, 1s);
    CHECK(*w->read(start) >= 1s);
    for (int i = 0; i < 40; ++i)
        w->record(start + 29s, 2ms);
    CHECK(*w->read(start + 29s) >= 1s);
    CHECK(*w->read(start + 30s) < 3ms);
    CHECK_FALSE(w->read(start + 24h).has_value());
    for (int i = 0; i < 20; ++i)
        w->record(start + 24h, 4ms);
    CHECK(*w->read(start + 24h) < 5ms);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("percentile: a fraction outside 0 to 1 is refused") {
    for (double p : {-0.01, 1.01, 95.0, std::numeric_limits<double>::quiet_NaN()})
        CHECK_THROWS_AS(ap::percentile(p), std::invalid_argument);
}
#endif
