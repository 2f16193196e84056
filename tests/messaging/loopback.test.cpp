// SPDX-License-Identifier: BSL-1.0
#include "antiphon/messaging/loopback.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/testing/chaos.hpp>
#include <antiphon/testing/simulation.hpp>

#include <string>
#include <utility>
#include <vector>

#include "antiphon/messaging/client.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace antiphon::messaging;
using namespace std::chrono_literals;

namespace {

ap::request<int(int)> const same = [](int n) { return n; };

}  // namespace

TEST_CASE("loopback: in a simulation everything happens in its time") {
    ap::testing::simulation sim;
    loopback const broker{sim, {.latency = ap::testing::latency::constant(5ms)}};
    client const bus{broker};
    auto const serving = bus.serve("same", same);
    auto answer = bus.request<int(int)>("same").submit(7);
    sim.advance(9ms);
    CHECK_FALSE(answer.ready());
    sim.advance(1ms);
    REQUIRE(answer.ready());
    CHECK(std::move(answer).get() == 7);
}

TEST_CASE("loopback: a run with trouble replays with its seed") {
    auto const run = [](std::uint64_t seed) {
        ap::testing::simulation sim{seed};
        loopback const broker{sim, {.latency = ap::testing::latency::exponential(5ms), .drops = 0.2, .duplicates = 0.2}};
        client const bus{broker, {.timeout = 1s}};
        auto const serving = bus.serve("same", same);
        auto const ask = bus.request<int(int)>("same") | ap::timeout{.limit = 50ms} | ap::retry{.max_attempts = 4};
        std::string story;
        for (int i = 0; i < 50; ++i)
            ask.submit(i, [&story, i, &sim](ap::result<int> r) {
                story += std::to_string(i) + (r ? "+" : "-") + std::to_string((sim.now().time_since_epoch()).count()) + ' ';
            });
        sim.run();
        return story + std::to_string(bus.late()) + ' ' + std::to_string(serving.answered());
    };
    CHECK(run(1) == run(1));
    CHECK(run(1) != run(2));
}

TEST_CASE("loopback: with losses and duplicates, every ask has one outcome") {
    ap::testing::simulation sim{3};
    loopback const broker{sim, {.latency = ap::testing::latency::uniform(0ms, 9ms), .drops = 0.3, .duplicates = 0.3}};
    client const bus{broker, {.timeout = 1s}};
    auto const serving = bus.serve("same", same);
    int values = 0, failures = 0;
    for (int i = 0; i < 500; ++i)
        bus.request<int(int)>("same").submit(i, [&, i](ap::result<int> r) {
            if (r) CHECK(*r == i);
            ++(r ? values : failures);
        });
    sim.run();
    CHECK(values + failures == 500);
    CHECK(values > 200);
    CHECK(failures > 100);
    CHECK(bus.under_way() == 0);
    CHECK(serving.running() == 0);
    CHECK(bus.late() > 0);
}

TEST_CASE("loopback: the members of a group take turns") {
    loopback const broker;
    client const bus{broker};
    ap::request<int()> const one = [] { return 1; };
    ap::request<int()> const two = [] { return 2; };
    auto const a = bus.serve("turn", one), b = bus.serve("turn", two);
    auto const ask = bus.request<int()>("turn");
    int const first = ask.call().value(), second = ask.call().value();
    CHECK(first + second == 3);
    CHECK(ask.call().value() == first);
}

TEST_CASE("loopback: an outage decides what is under way, and refuses what comes") {
    ap::testing::simulation sim;
    loopback broker{sim, {.latency = ap::testing::latency::constant(5ms)}};
    client const bus{broker};
    auto const serving = bus.serve("same", same);
    auto const ask = bus.request<int(int)>("same");
    auto lost = ask.submit(1);
    sim.advance(7ms);
    broker.disconnect();
    CHECK(lost.ready());
    ap::failure const why = std::move(lost).get().error();
    CHECK(why == ap::errc::unavailable);
    CHECK(why.executed() == ap::executed::maybe);
    ap::failure const refused = ask.call(2).error();
    CHECK(refused == ap::errc::unavailable);
    CHECK(refused.executed() == ap::executed::no);
    broker.reconnect();
    CHECK(ask.call(3) == 3);
}

TEST_CASE("loopback: with retry, an outage is only a delay") {
    ap::testing::simulation sim{11};
    loopback broker{sim, {.latency = ap::testing::latency::constant(5ms)}};
    client const bus{broker};
    auto const serving = bus.serve("same", same);
    auto const ask = bus.request<int(int)>("same") | ap::retry{.max_attempts = 20, .backoff = {.initial = 50ms, .max = 200ms}};
    auto answer = ask.submit(1);
    sim.advance(7ms);
    broker.disconnect();
    sim.advance(300ms);
    CHECK_FALSE(answer.ready());
    broker.reconnect();
    sim.advance(300ms);
    REQUIRE(answer.ready());
    CHECK(std::move(answer).get() == 1);
}

TEST_CASE("loopback: every pattern that matches hears a publication") {
    loopback const broker;
    client const bus{broker};
    std::vector<std::string> heard;
    auto const note = [&](std::string who) {
        return ap::request{[&heard, who](std::string what) { heard.push_back(who + ":" + what); }} |
               ap::starts_on(ap::inline_executor{});
    };
    auto const a = bus.serve("news.*", note("star")), b = bus.serve("news.>", note("more")), c = bus.serve("news.local", note("exact"));
    CHECK(bus.publish("news.local", "rain").has_value());
    CHECK(bus.publish("news.far.away", "sun").has_value());
    CHECK(heard.size() == 4);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("loopback: nonsense is refused by name") {
    CHECK_THROWS_WITH(loopback{{.drops = 1.5}}, ContainsSubstring("loopback_options.drops"));
    CHECK_THROWS_WITH(loopback{{.duplicates = -0.1}}, ContainsSubstring("loopback_options.duplicates"));
    CHECK_THROWS_WITH(loopback{{.max_body = 0}}, ContainsSubstring("loopback_options.max_body"));
}
#endif
