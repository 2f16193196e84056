// SPDX-License-Identifier: BSL-1.0
#include <antiphon/messaging/client.hpp>
#include <antiphon/messaging/loopback.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "messaging/transport_laws.hpp"

namespace messaging_laws {

namespace {

world in_process(std::string name, ms::loopback_options options = {}) {
    world made{.name = std::move(name), .connect = {}};
    made.ordered = !options.latency && options.duplicates == 0;
    ms::loopback const broker{std::move(options)};
    made.connect = [broker] { return broker.connection(); };
    return made;
}

}  // namespace

std::vector<world> worlds() {
    return {in_process("loopback"), in_process("loopback, in small pieces", {.max_body = 100}),
            in_process("loopback, everything twice", {.duplicates = 1}),
            // Everything arrives on the timer thread, where nothing may block.
            in_process("loopback, late and out of order",
                       {.latency = [](std::uint64_t bits) { return std::chrono::microseconds{bits % 200}; }})};
}

}  // namespace messaging_laws
