// SPDX-License-Identifier: BSL-1.0
#include "antiphon/interop/amqp_options.hpp"

#include <antiphon/interop/amqp.hpp>

#include <stdexcept>
#include <string>

#include "catch_compat.hpp"

namespace ms = antiphon::messaging;
using namespace std::chrono_literals;

TEST_CASE("amqp_options: nonsense is refused before anything is connected") {
    CHECK_THROWS_AS(ms::amqp({.servers = {}}), std::invalid_argument);
    CHECK_THROWS_AS(ms::amqp({.exchange = ""}), std::invalid_argument);
    CHECK_THROWS_AS(ms::amqp({.prefetch = 0}), std::invalid_argument);
    CHECK_THROWS_AS(ms::amqp({.reply_queue = std::string(300, 'q')}), std::invalid_argument);
    CHECK_THROWS_AS(ms::amqp({.connect_timeout = 0s}), std::invalid_argument);
    CHECK_THROWS_AS(ms::amqp({.heartbeat = 10ms}), std::invalid_argument);
    CHECK_THROWS_AS(ms::amqp({.reconnect_wait = 2s, .reconnect_most = 1s}), std::invalid_argument);
    CHECK_THROWS_AS(ms::amqp({.most_unsent = 0}), std::invalid_argument);
    CHECK_THROWS_AS(ms::amqp({.max_body = 0}), std::invalid_argument);
    CHECK_THROWS_AS(ms::amqp({.tls = true}), std::invalid_argument);
    CHECK_THROWS_AS(ms::amqp({.certificate_file = "c.pem"}), std::invalid_argument);
}
