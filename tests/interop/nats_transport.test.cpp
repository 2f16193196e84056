// SPDX-License-Identifier: BSL-1.0
#include <antiphon/interop/jetstream.hpp>
#include <antiphon/interop/nats.hpp>
#include <antiphon/messaging/loopback.hpp>

#include <memory>
#include <string>
#include <vector>

#include "messaging/transport_laws.hpp"
#include "support/nats_server.hpp"

namespace messaging_laws {

std::vector<world> worlds() {
    if (servers::find_program("nats-server").empty()) {
        WARN("nats-server is not installed: skipped, a loopback stands in for it");
        ms::loopback const broker;
        return {{.name = "no NATS", .connect = [broker] { return broker.connection(); }}};
    }
    static servers::nats_server server;
    static int number = 0;
    world made{.name = "NATS", .connect = {}};
    made.prefix = "test" + std::to_string(++number);
    made.large = 1'500'000;
    auto const open = std::make_shared<std::vector<std::unique_ptr<ms::nats>>>();
    made.connect = [open] {
        open->push_back(std::make_unique<ms::nats>(ms::nats_options{.servers = {server.url()}}));
        return open->back()->connection();
    };
    // And by a stream.
    static servers::temporary_folder folder;
    static servers::nats_server keeping{{"-js", "-sd", folder / "js"}};
    world kept{.name = "JetStream", .connect = {}};
    kept.prefix = "kept.test" + std::to_string(number);
    kept.large = made.large;
    kept.durable = kept.kept = true;
    auto const streams = std::make_shared<std::vector<std::unique_ptr<ms::jetstream>>>();
    kept.connect = [streams] {
        streams->push_back(
            std::make_unique<ms::jetstream>(ms::jetstream_options{.nats = {.servers = {keeping.url()}}, .subjects = {"kept.>"}}));
        return streams->back()->connection();
    };
    return {made, kept};
}

}  // namespace messaging_laws
