// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a server sends back: a response, or the beginning of one whose body is still being written.

#include <utility>

#include "antiphon/http/body.hpp"
#include "antiphon/http/message.hpp"

namespace antiphon::http {

/// Where `stream` is there it is the body, and `whole.body` is not sent. A stream that breaks off breaks the connection off.
/// **Threads**: a value; moved, not copied.
struct reply {
    reply() = default;
    reply(response r) noexcept : whole{std::move(r)} {}
    reply(streamed_response r) noexcept
        : whole{.status = r.status, .headers = std::move(r.headers), .url = std::move(r.url)}, stream{std::move(r.body)} {}

    response whole = {};
    body_reader stream = {};
};

}  // namespace antiphon::http
