// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/stats.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <thread>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"
#include "support/allocations.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

auto slow() {
    return ap::request{[](ap::duration d) -> ap::task<int> {
        co_await ap::sleep_for(d);
        co_return 7;
    }};
}
[[nodiscard]] bool within_one_percent(ap::duration got, ap::duration exact) {
    return std::abs(static_cast<double>((got - exact).count())) <= 0.01 * static_cast<double>(exact.count()) + 1e-9;
}

}  // namespace

TEST_CASE("latency_histogram: every percentile is within one percent of the exact one over random data") {
    ap::random_source random{7};
    for (int round = 0; round != 20; ++round) {
        ap::latency_histogram h;
        std::vector<ap::duration> all;
        for (int i = 0; i != 5000; ++i) {
            // spread over every power of two up to 2^45 ns
            ap::duration const d{static_cast<ap::duration::rep>(random() >> (19 + random() % 45))};
            all.push_back(d);
            h.add(d);
        }
        std::sort(all.begin(), all.end());
        REQUIRE(h.count() == all.size());
        for (int permille = 0; permille <= 1000; ++permille) {
            double const q = permille / 1000.0;
            auto const rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(all.size())));
            ap::duration const exact = all[std::max<std::size_t>(rank, 1) - 1];
            if (!within_one_percent(h.percentile(q), exact)) FAIL(q << ": " << h.percentile(q).count() << " for " << exact.count());
        }
        long double sum = 0;
        for (ap::duration d : all)
            sum += static_cast<long double>(d.count());
        CHECK(within_one_percent(h.mean(), ap::duration{static_cast<ap::duration::rep>(sum / 5000)}));
    }
}

TEST_CASE("latency_histogram: every single duration is read back within one percent") {
    for (std::int64_t ns = 1; ns < (std::int64_t{1} << 46); ns += 1 + ns / 97) {
        ap::latency_histogram h;
        h.add(ap::duration{ns});
        if (!within_one_percent(h.percentile(0.5), ap::duration{ns})) FAIL(ns << " read as " << h.percentile(0.5).count());
    }
    SUCCEED("all of them");
}

TEST_CASE("latency_histogram: an empty one is zero everywhere, and negative durations count as zero") {
    ap::latency_histogram h;
    CHECK(h.percentile(0.5) == 0ns);
    CHECK(h.mean() == 0ns);
    h.add(-5ms);
    CHECK(h.percentile(1) == 0ns);
    CHECK(h.count() == 1);
}

TEST_CASE("latency_histogram: a duration beyond the longest counts as the longest") {
    ap::latency_histogram h;
    h.add(ap::duration::max());
    CHECK(h.percentile(1) > 19h);
}

TEST_CASE("latency_histogram: merging two is recording in one") {
    ap::latency_histogram a;
    ap::latency_histogram b;
    a.add(1ms, 3);
    b.add(1s);
    a.merge(b);
    CHECK(a.count() == 4);
    CHECK(within_one_percent(a.percentile(0.75), 1ms));
    CHECK(within_one_percent(a.percentile(0.76), 1s));
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("latency_histogram: a percentile outside zero to one is refused") {
    ap::latency_histogram const h;
    for (double q : {-0.1, 1.1, std::nan("")})
        CHECK_THROWS_AS((void)h.percentile(q), std::invalid_argument);
}

TEST_CASE("stats: without stripes it is refused") { CHECK_THROWS_AS(ap::stats{{.stripes = 0}}, std::invalid_argument); }
#endif

TEST_CASE("stats: counts asks, starts, values and failures, with what they took") {
    ap::testing::simulation sim{1};
    ap::stats counts;
    auto watched = slow() | ap::timeout{.limit = 100ms} | counts | ap::starts_on(sim);
    for (ap::duration d : {10ms, 20ms, 30ms})
        CHECK(watched.call(d));
    CHECK_FALSE(watched.call(1s));
    sim.run();
    auto const s = counts.snapshot();
    CHECK(s.asked == 4);
    CHECK(s.started == 4);
    CHECK(s.completed() == 4);
    CHECK(s.in_flight == 0);
    CHECK(s.values.count() == 3);
    CHECK(within_one_percent(s.values.percentile(0.5), 20ms));
    CHECK(within_one_percent(s.values.mean(), 20ms));
    CHECK(s.failures.count() == 1);
    CHECK(s.expired == 1);
    CHECK(s.cancelled == 0);
    CHECK(within_one_percent(s.failures.percentile(1), 100ms));
    CHECK(s.late == 1);
}

TEST_CASE("stats: every other event has a counter of its own") {
    ap::stats counts;
    ap::observer& o = counts.target();
    o.retried(1, ap::errc::unavailable, 1ms);
    for (int i = 0; i != 2; ++i)
        o.hedged(2);
    for (int i = 0; i != 3; ++i)
        o.rejected("limit", ap::errc::overloaded);
    for (int i = 0; i != 4; ++i)
        o.answered_by("cache");
    ap::failure const cancelled{ap::errc::cancelled};
    o.completed(&cancelled, 1ms);
    auto const s = counts.snapshot();
    CHECK(s.retried == 1);
    CHECK(s.hedged == 2);
    CHECK(s.rejected == 3);
    CHECK(s.answered_by == 4);
    CHECK(s.cancelled == 1);
}

TEST_CASE("stats: asks in flight are known, and survive a reset") {
    ap::testing::simulation sim{1};
    ap::stats counts;
    auto watched = slow() | counts | ap::starts_on(sim);
    auto f = watched.submit(1s);
    auto g = watched.submit(2s);
    sim.advance(1ms);
    CHECK(counts.reset().in_flight == 2);
    CHECK(counts.snapshot().asked == 0);
    CHECK(counts.snapshot().in_flight == 2);
    sim.advance(1s);
    CHECK(counts.snapshot().in_flight == 1);
    CHECK(counts.reset().in_flight == 1);
    sim.run();
    auto const s = counts.snapshot();
    CHECK(s.in_flight == 0);
    CHECK(s.completed() == 1);
}

TEST_CASE("stats: copies of the handle count together") {
    ap::testing::simulation sim{1};
    ap::stats const counts;
    ap::stats const copy = counts;
    CHECK((slow() | copy | ap::starts_on(sim)).call(1ms));
    CHECK((slow() | counts | ap::starts_on(sim)).call(1ms));
    CHECK(counts.snapshot().asked == 2);
}

TEST_CASE("stats: nothing is lost between resets while threads record") {
    ap::stats const counts{{.stripes = 2}};
    constexpr int each = 20'000;
    std::vector<std::thread> threads;
    for (int t = 0; t != 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i != each; ++i) {
                counts.target().asked();
                counts.target().completed(nullptr, ap::duration{i});
            }
        });
    std::uint64_t asked = 0;
    std::uint64_t completed = 0;
    for (int i = 0; i != 20; ++i) {
        auto const s = counts.reset();
        asked += s.asked;
        completed += s.completed();
    }
    for (auto& t : threads)
        t.join();
    auto const last = counts.reset();
    CHECK(asked + last.asked == 4 * each);
    CHECK(completed + last.completed() == 4 * each);
    CHECK(last.in_flight == 0);
    CHECK(counts.snapshot().in_flight == 0);
}

TEST_CASE("stats: recording does not allocate") {
    ap::testing::simulation sim{1};
    ap::stats const counts;
    auto const watched = ap::request{[](int x) { return x; }} | counts | ap::starts_on(sim);
    (void)watched.call(1);
    CHECK(test::allocations_of([&] { (void)watched.submit(1).get(); }) == 1);
    CHECK(test::allocations_of([&] { counts.target().completed(nullptr, 1ms); }) == 0);
}
