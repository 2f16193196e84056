// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a server may be told.

#include <cstddef>
#include <cstdint>
#include <string>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"

namespace antiphon::http {

/// Every field has a default; nonsense is refused by the server's constructor (`std::invalid_argument`).
struct server_options {
    /// An IP address; nobody else can connect, unless it is told so.
    std::string address = "127.0.0.1";
    /// 0: whichever is free; see `server::port`.
    std::uint16_t port = 0;
    /// Beyond it connections wait to be accepted.
    std::size_t max_connections = 10'000;
    /// Of the request line and the fields; larger: 431.
    std::uint32_t max_header = 64U << 10;
    /// Larger: 413.
    std::uint64_t max_body = std::uint64_t{8} << 20;
    /// A connection is closed that is silent for so long between messages, or on which one message, an answer, or a part of a streamed one
    /// takes longer than that to be read or written. How long a handler takes is not counted.
    any_duration idle = std::chrono::seconds{60};
};

namespace detail {

inline void check(server_options const& o) {
    using antiphon::detail::require;
    require(o.max_connections != 0, "server_options.max_connections: must not be zero");
    require(o.max_header != 0, "server_options.max_header: must not be zero");
    require(o.idle > duration::zero(), "server_options.idle: must be positive");
}

}  // namespace detail

}  // namespace antiphon::http
