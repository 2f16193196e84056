// SPDX-License-Identifier: BSL-1.0
#include "antiphon/messaging/gather_options.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/testing/simulation.hpp>

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "antiphon/messaging/client.hpp"
#include "antiphon/messaging/loopback.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace antiphon::messaging;
using namespace std::chrono_literals;

namespace {

/// Three who answer everything, after 10, 20 and 200 ms; the second one fails.
struct three {
    ap::testing::simulation sim{1};
    loopback broker{sim};
    client bus{broker};
    std::vector<responder> serving;
    three() {
        int number = 0;
        for (ap::duration delay : {ap::duration{10ms}, ap::duration{20ms}, ap::duration{200ms}}) {
            ++number;
            serving.push_back(bus.serve("all", ap::request{[delay, number](int n) -> ap::task<int> {
                                            co_await ap::sleep_for(delay);
                                            if (number == 2) co_await ap::fail_with(ap::errc::not_found);
                                            co_return n* number;
                                        }},
                                        {.group = ""}));
        }
    }
    ap::duration elapsed() const { return sim.now().time_since_epoch() - 1h; }
};

}  // namespace

TEST_CASE("gather_options: so many answers are enough, and the rest are late") {
    three w;
    auto const all = w.bus.request_many<int(int)>("all", {.count = 2}).call(5);
    REQUIRE(all.has_value());
    REQUIRE(all->size() == 2);
    CHECK((*all)[0] == 5);
    CHECK((*all)[1].error() == ap::errc::not_found);
    CHECK(w.elapsed() == 20ms);
    w.sim.run();
    CHECK(w.bus.late() == 1);
    CHECK(w.bus.under_way() == 0);
}

TEST_CASE("gather_options: when it has become quiet, it ends") {
    three w;
    auto const all = w.bus.request_many<int(int)>("all", {.quiet = 50ms}).call(5);
    REQUIRE(all.has_value());
    CHECK(all->size() == 2);
    CHECK(w.elapsed() == 70ms);
}

TEST_CASE("gather_options: after its limit it ends with what has come, nothing included") {
    three w;
    CHECK(w.bus.request_many<int(int)>("all", {.limit = 1s}).call(5)->size() == 3);
    CHECK(w.elapsed() == 1s);
    CHECK(w.bus.request_many<int(int)>("all", {.limit = 5ms}).call(5)->empty());
    CHECK(w.bus.under_way() == 0);
}

TEST_CASE("gather_options: policies stand around it as around any request") {
    three w;
    auto const r = (w.bus.request_many<int(int)>("all", {.count = 3}) | ap::timeout{.limit = 100ms}).call(5);
    CHECK(r.error() == ap::errc::deadline_exceeded);
    CHECK(w.bus.under_way() == 0);
}

TEST_CASE("gather_options: nobody to answer is unavailable") {
    three w;
    CHECK(w.bus.request_many<int(int)>("none", {.count = 1}).call(5).error() == ap::errc::unavailable);
}

TEST_CASE("gather_options: an outage, or the client's end, ends it with a failure") {
    three w;
    auto lost = w.bus.request_many<int(int)>("all", {.count = 3}).submit(5);
    w.sim.advance(15ms);
    w.broker.disconnect();
    CHECK(std::move(lost).get().error() == ap::errc::unavailable);
}

TEST_CASE("gather_options: with threads, every answer counts once") {
    loopback const broker;
    client const bus{broker};
    std::vector<responder> serving;
    for (int i = 0; i < 4; ++i)
        serving.push_back(bus.serve("all", ap::request{[i](int n) { return n + i; }}, {.group = ""}));
    for (int round = 0; round < 200; ++round) {
        auto const all = bus.request_many<int(int)>("all", {.count = 4}).submit(10).get();
        REQUIRE(all.has_value());
        int sum = 0;
        for (auto const& each : *all)
            sum += each.value();
        REQUIRE(sum == 46);
    }
    CHECK(bus.late() == 0);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("gather_options: nonsense is refused by name") {
    client const bus{loopback{}, {.timeout = ap::duration::max()}};
    CHECK_THROWS_WITH((bus.request_many<int()>("a", {.quiet = 0s})), ContainsSubstring("gather_options.quiet"));
    CHECK_THROWS_WITH((bus.request_many<int()>("a", {.limit = -1s})), ContainsSubstring("gather_options.limit"));
    CHECK_THROWS_WITH((bus.request_many<int()>("a", {})), ContainsSubstring("something has to end it"));
}
#endif
