// SPDX-License-Identifier: BSL-1.0
#include "antiphon/interop/nats_options.hpp"

#include "antiphon/interop/nats.hpp"
#include "catch_compat.hpp"

using namespace antiphon::messaging;
using namespace std::chrono_literals;

TEST_CASE("nats_options: nonsense is refused by name") {
    CHECK_THROWS_WITH(nats({.servers = {}}), ContainsSubstring("nats_options.servers"));
    CHECK_THROWS_WITH(nats({.connect_timeout = 0s}), ContainsSubstring("nats_options.connect_timeout"));
    CHECK_THROWS_WITH(nats({.reconnect_wait = -1s}), ContainsSubstring("nats_options.reconnect_wait"));
    CHECK_THROWS_WITH(nats({.certificate_file = "x"}), ContainsSubstring("nats_options.certificate_file"));
}
