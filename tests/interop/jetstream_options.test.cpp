// SPDX-License-Identifier: BSL-1.0
#include "antiphon/interop/jetstream_options.hpp"

#include <antiphon/interop/jetstream.hpp>

#include <stdexcept>

#include "catch_compat.hpp"

namespace ms = antiphon::messaging;
using namespace std::chrono_literals;

TEST_CASE("jetstream_options: nonsense is refused before anything is connected") {
    CHECK_THROWS_AS(ms::jetstream({}), std::invalid_argument);
    CHECK_THROWS_AS(ms::jetstream({.subjects = {"a..b"}}), std::invalid_argument);
    CHECK_THROWS_AS(ms::jetstream({.subjects = {"a"}, .stream = "has.dots"}), std::invalid_argument);
    CHECK_THROWS_AS(ms::jetstream({.subjects = {"a"}, .replicas = 0}), std::invalid_argument);
    CHECK_THROWS_AS(ms::jetstream({.subjects = {"a"}, .redeliver_after = 1ms}), std::invalid_argument);
    CHECK_THROWS_AS(ms::jetstream({.subjects = {"a"}, .prefetch = 0}), std::invalid_argument);
    CHECK_THROWS_AS(ms::jetstream({.nats = {.servers = {}}, .subjects = {"a"}}), std::invalid_argument);
}
