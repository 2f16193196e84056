// SPDX-License-Identifier: BSL-1.0
#pragma once
// How to reach a NATS server.

#include <string>
#include <vector>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"

namespace antiphon::messaging {

/// Every field has a default; nonsense is refused by the constructor of `nats` (`std::invalid_argument`).
struct nats_options {
    /// Any of a cluster; the others are learned from it.
    std::vector<std::string> servers = {"nats://127.0.0.1:4222"};
    std::string name = "antiphon";
    /// Sends what is asked at once. False batches for up to milliseconds: more throughput, and twenty times the latency.
    bool send_at_once = true;
    any_duration connect_timeout = std::chrono::seconds{5};
    /// Between two attempts to reconnect to the same server; attempts go on for ever.
    any_duration reconnect_wait = std::chrono::milliseconds{250};
    /// What is sent while the connection is lost waits for the next one, instead of being unavailable.
    bool send_after_reconnect = false;

    std::string user = {};
    std::string password = {};
    std::string token = {};
    std::string credentials_file = {};  ///< a JWT and its seed
    bool tls = false;
    std::string ca_file = {};           ///< authorities to trust (PEM); empty: the system's
    std::string certificate_file = {};  ///< the client's own, with its key
    std::string key_file = {};
};

namespace detail {

inline void check(nats_options const& o) {
    using antiphon::detail::require;
    require(!o.servers.empty(), "nats_options.servers: must not be empty");
    require(o.connect_timeout > duration::zero(), "nats_options.connect_timeout: must be positive");
    require(o.reconnect_wait > duration::zero(), "nats_options.reconnect_wait: must be positive");
    require(o.certificate_file.empty() == o.key_file.empty(), "nats_options.certificate_file: wants key_file, and the other way round");
}

}  // namespace detail

}  // namespace antiphon::messaging
