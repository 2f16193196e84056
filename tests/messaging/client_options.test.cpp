// SPDX-License-Identifier: BSL-1.0
#include "antiphon/messaging/client_options.hpp"

#include "antiphon/messaging/client.hpp"
#include "antiphon/messaging/loopback.hpp"
#include "catch_compat.hpp"

using namespace antiphon::messaging;
using namespace std::chrono_literals;

TEST_CASE("client_options: the defaults are accepted") {
    client const bus{loopback{}};
    CHECK(bus.under_way() == 0);
    CHECK(client_options{}.timeout == 60s);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("client_options: nonsense is refused by name") {
    loopback const broker;
    CHECK_THROWS_WITH((client{broker, {.timeout = 0s}}), ContainsSubstring("client_options.timeout"));
    CHECK_THROWS_WITH((client{broker, {.max_body = 0}}), ContainsSubstring("client_options.max_body"));
    client const bus{broker};
    CHECK_THROWS_WITH((bus.request<int(int)>("a..b")), ContainsSubstring("subject"));
    CHECK_THROWS_WITH(bus.publish("a.*", 1), ContainsSubstring("subject"));
}
#endif
