// SPDX-License-Identifier: BSL-1.0
#include "antiphon/messaging/idempotency.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/messaging/client.hpp>
#include <antiphon/messaging/loopback.hpp>
#include <antiphon/testing/simulation.hpp>

#include <set>
#include <string>
#include <utility>

#include "catch_compat.hpp"

namespace ap = antiphon;
namespace ms = antiphon::messaging;
using namespace std::chrono_literals;

namespace {

ap::request<std::string(int)> asks_for_key() {
    return ap::request{[](ap::context const& c, int) { return std::string{c.metadata().find("idempotency-key").value_or("none")}; }};
}

}  // namespace

TEST_CASE("with_key: every ask has a key of its own, which its handler sees") {
    ms::loopback const broker;
    ms::client const bus{broker};
    auto const serving = bus.serve("key", asks_for_key());
    auto const bare = bus.request<std::string(int)>("key");
    auto const keyed = bare | ms::with_key();
    std::set<std::string> seen;
    for (int i = 0; i < 10; ++i)
        seen.insert(keyed.call(i).value());
    CHECK(seen.size() == 10);
    CHECK(seen.begin()->size() == 48);
    CHECK(bare.call(1) == "none");
    auto const named = bare | ms::with_key("order");
    CHECK(named.call(1) == "order-1");
    CHECK(named.call(1) == "order-2");
}

TEST_CASE("with_key: all attempts of one ask have one key, so what is repeated runs once") {
    ap::testing::simulation sim;
    ms::loopback const broker{sim, {.latency = [](std::uint64_t) { return 20ms; }}};
    ms::client const bus{broker};
    int charged = 0;
    auto const slow = [&](int amount) -> ap::task<int> {
        co_await ap::sleep_for(200ms);
        charged += amount;
        co_return charged;
    };
    auto const serving = bus.serve("charge", ap::request{slow}, {.remember = 1h});
    // Each attempt is given up before the answer is there; without a key each would charge.
    auto const charge = bus.request<int(int)>("charge") | ap::hedge{.after = 50ms, .max_attempts = 3} | ms::with_key();
    CHECK(charge.call(100) == 100);
    sim.run();
    CHECK(charged == 100);
    CHECK(serving.repeated() >= 1);
    CHECK(charge.call(100) == 200);
}

TEST_CASE("with_key: a message that has a key keeps it") {
    ms::loopback const broker;
    ms::client const bus{broker};
    auto const serving = bus.serve("key", asks_for_key());
    ms::message m{.body = "1"};
    m.key = "mine";
    CHECK((bus.request<std::string(ms::message)>("key") | ms::with_key()).call(m) == "mine");
}
