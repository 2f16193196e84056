// SPDX-License-Identifier: BSL-1.0
#pragma once
// How to reach RabbitMQ, and how much it is to keep.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"

namespace antiphon::messaging {

/// Every field has a default; nonsense is refused by the constructor of `amqp` (`std::invalid_argument`).
struct amqp_options {
    /// Tried in turn, when connecting and when connecting again.
    std::vector<std::string> servers = {"amqp://guest:guest@127.0.0.1:5672"};
    /// The topic exchange that subjects are routing keys of. It is declared.
    std::string exchange = "antiphon";

    /// Queues outlive those who serve them, and messages the broker: an ask is the broker's until it is answered, and goes to another
    /// member of the group when its worker dies. So it may be done twice: see `serve_options::remember`. All members of a group must agree.
    bool durable = false;
    /// Durable: how many asks one responder holds that are not answered; the others wait at the broker.
    std::uint16_t prefetch = 256;
    /// A durable queue of one's own for answers, which waits for who comes back by that name. Empty: answers go straight to this
    /// connection, and end with it.
    std::string reply_queue = {};

    any_duration connect_timeout = std::chrono::seconds{5};
    any_duration heartbeat = std::chrono::seconds{10};  ///< in whole seconds; a silence of two is a lost connection
    /// Before the first attempt to connect again; doubled with each, up to `reconnect_most`, half of it by chance. Attempts go on for ever.
    any_duration reconnect_wait = std::chrono::milliseconds{100};
    any_duration reconnect_most = std::chrono::seconds{10};
    /// What is sent while the connection is lost waits for the next one, instead of being unavailable.
    bool send_after_reconnect = false;
    /// How many messages wait to be sent; beyond that they are refused as `overloaded`.
    std::size_t most_unsent = 100'000;
    /// Larger bodies are cut into pieces. A broker may take less.
    std::size_t max_body = std::size_t{16} << 20;

    bool tls = false;
    std::string ca_file = {};  ///< authorities to trust (PEM); needed for TLS
    std::string certificate_file = {};  ///< the client's own, with its key
    std::string key_file = {};
};

namespace detail {

inline void check(amqp_options const& o) {
    using antiphon::detail::require;
    require(!o.servers.empty(), "amqp_options.servers: must not be empty");
    require(!o.exchange.empty() && o.exchange.size() < 256, "amqp_options.exchange: from 1 to 255 bytes");
    require(o.reply_queue.size() < 256, "amqp_options.reply_queue: at most 255 bytes");
    require(o.prefetch != 0, "amqp_options.prefetch: must not be zero");
    require(o.connect_timeout > duration::zero(), "amqp_options.connect_timeout: must be positive");
    require(o.heartbeat >= std::chrono::seconds{1} && o.heartbeat <= std::chrono::hours{1},
            "amqp_options.heartbeat: from a second to an hour");
    require(o.reconnect_wait > duration::zero(), "amqp_options.reconnect_wait: must be positive");
    require(o.reconnect_most >= o.reconnect_wait, "amqp_options.reconnect_most: not less than reconnect_wait");
    require(o.most_unsent != 0, "amqp_options.most_unsent: must not be zero");
    require(o.max_body != 0, "amqp_options.max_body: must not be zero");
    require(!o.tls || !o.ca_file.empty(), "amqp_options.ca_file: TLS wants authorities to trust");
    require(o.certificate_file.empty() == o.key_file.empty(), "amqp_options.certificate_file: wants key_file, and the other way round");
}

}  // namespace detail

}  // namespace antiphon::messaging
