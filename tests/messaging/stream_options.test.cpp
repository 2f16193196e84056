// SPDX-License-Identifier: BSL-1.0
#include "antiphon/messaging/stream_options.hpp"

#include <antiphon/messaging/client.hpp>
#include <antiphon/messaging/loopback.hpp>

#include <stdexcept>

#include "catch_compat.hpp"

namespace ms = antiphon::messaging;
using namespace std::chrono_literals;

#if ANTIPHON_EXCEPTIONS
TEST_CASE("stream_options: nonsense is refused where the request is made") {
    ms::loopback const broker;
    ms::client const bus{broker};
    CHECK_THROWS_AS(bus.stream<int(int)>("numbers", {.buffer = 0}), std::invalid_argument);
    CHECK_THROWS_AS(bus.stream<int(int)>("numbers", {.quiet = 0s}), std::invalid_argument);
    CHECK_THROWS_AS(bus.stream<int(int)>("numbers.*"), std::invalid_argument);
}
#endif
TEST_CASE("stream_options: the defaults make sense") {
    ms::loopback const broker;
    ms::client const bus{broker};
    CHECK(bus.stream<int(int)>("numbers").call(1).error().executed() == antiphon::executed::no);
}
