// SPDX-License-Identifier: BSL-1.0
#include <antiphon/interop/amqp.hpp>
#include <antiphon/messaging/loopback.hpp>

#include <memory>
#include <string>
#include <vector>

#include "messaging/transport_laws.hpp"
#include "support/rabbit_server.hpp"

namespace messaging_laws {

std::vector<world> worlds() {
    if (servers::find_rabbit().empty()) {
        WARN("rabbitmq-server is not installed: skipped, a loopback stands in for it");
        ms::loopback const broker;
        return {{.name = "no RabbitMQ", .connect = [broker] { return broker.connection(); }}};
    }
    static servers::rabbit_server server;
    static int number = 0;
    auto const made = [](std::string name, ms::amqp_options options) {
        options.servers = {server.url()};
        world w{.name = std::move(name), .connect = {}};
        w.prefix = "test" + std::to_string(++number);
        w.large = 3'000'000;
        auto const open = std::make_shared<std::vector<std::unique_ptr<ms::amqp>>>();
        w.connect = [open, options] {
            open->push_back(std::make_unique<ms::amqp>(options));
            return open->back()->connection();
        };
        return w;
    };
    world transient = made("RabbitMQ", {.max_body = 1'000'000});
    world durable = made("RabbitMQ, durable", {.durable = true});
    durable.durable = true;
    return {transient, durable};
}

}  // namespace messaging_laws
