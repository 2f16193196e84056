// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a client may be told.

#include <cstddef>
#include <optional>
#include <string>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/http/fields.hpp"

namespace antiphon::http {

/// Every field has a default; nonsense is refused by the client's constructor (`std::invalid_argument`).
struct client_options {
    /// How many transfers are under way at once; what is asked beyond waits its turn, oldest first. The client finds out which number
    /// between these two brings the most answers: few with a quick server, for which more would only wait there, many with a slow
    /// one. Where both are equal, or `max_active` is the smaller one, it is `max_active`. Bodies that are still read count: who keeps
    /// many streams open raises `min_active`.
    std::size_t min_active = 64;
    std::size_t max_active = 1024;
    /// The whole of one ask, its redirections too; an earlier deadline of the ask's context counts.
    any_duration timeout = duration::max();
    /// Until a connection stands, TLS included.
    any_duration connect_timeout = std::chrono::seconds{30};
    /// Sent along with every request that does not have that field itself.
    fields headers = {};
    std::string user_agent = "antiphon";
    /// What is left of the ask's deadline goes out in this field, in whole milliseconds; empty: it does not.
    std::string deadline_field = "Request-Timeout-Ms";
    /// How many redirections are followed; the one after that is a failure. 0: they are answers like any other.
    unsigned max_redirects = 10;
    /// Larger bodies, after decompression, are a failure.
    std::size_t max_body = std::size_t{64} << 20;
    /// How much of a streamed body waits to be read before the server is made to wait; no other limit holds for streamed bodies.
    std::size_t stream_window = std::size_t{256} << 10;
    /// Of all fields of a response together.
    std::size_t max_header = std::size_t{256} << 10;
    /// Ask for compressed bodies, and give them decompressed.
    bool compression = true;
    /// HTTP/2 where the server of a https URL offers it: many transfers over one connection.
    bool http2 = true;
    /// The file of certificate authorities to trust (PEM); empty: the system's.
    std::string ca_file = {};
    /// Not set: what the environment says (http_proxy and the others). Empty: none.
    std::optional<std::string> proxy = {};
};

namespace detail {

inline void check(client_options const& o) {
    using antiphon::detail::require;
    require(o.min_active != 0, "client_options.min_active: must not be zero");
    require(o.max_active != 0, "client_options.max_active: must not be zero");
    require(o.timeout > duration::zero(), "client_options.timeout: must be positive");
    require(o.connect_timeout > duration::zero(), "client_options.connect_timeout: must be positive");
    require(o.stream_window != 0, "client_options.stream_window: must not be zero");
    require(o.max_header != 0, "client_options.max_header: must not be zero");
    require(check_field_value(o.user_agent).has_value(), "client_options.user_agent: must not have control characters");
    require(o.deadline_field.empty() || check_field_name(o.deadline_field).has_value(),
            "client_options.deadline_field: must be a token");
}

}  // namespace detail

}  // namespace antiphon::http
