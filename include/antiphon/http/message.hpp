// SPDX-License-Identifier: BSL-1.0
#pragma once
// What goes over the wire: a request message and a response.

#include <optional>
#include <string>
#include <utility>

#include "antiphon/core/time.hpp"
#include "antiphon/http/date.hpp"
#include "antiphon/http/fields.hpp"
#include "antiphon/http/method.hpp"
#include "antiphon/http/retry_after.hpp"
#include "antiphon/http/status.hpp"

namespace antiphon::http {

/// Takes away what belongs to one origin: a message that goes to another must not have it.
inline void erase_credentials(fields& headers) {
    for (char const* name : {"Authorization", "Cookie", "Proxy-Authorization", "Host"})
        headers.erase(name);
}
/// Takes away what describes a body that does not go along.
inline void erase_content_fields(fields& headers) {
    for (char const* name : {"Content-Type", "Content-Encoding", "Content-Language", "Content-Location"})
        headers.erase(name);
}

/// What a client sends. `target` is a URL, or a reference that is resolved against the client's base.
struct request_message {
    http::method method = "GET";
    std::string target = "/";
    http::fields headers = {};
    std::string body = {};
};

/// What a server answers.
struct response {
    int status = 0;
    http::fields headers = {};
    std::string body = {};
    /// Where it came from in the end, redirections followed.
    std::string url = {};

    [[nodiscard]] status_class category() const noexcept { return class_of(status); }
    /// 2xx.
    [[nodiscard]] bool ok() const noexcept { return category() == status_class::success; }
    /// How long the server asks to wait, seen at `now`; one that cannot be understood is none.
    [[nodiscard]] std::optional<duration> retry_after(date_time now) const {
        std::optional<std::string_view> const text = headers.get("Retry-After");
        if (!text) return std::nullopt;
        result<duration> const wait = parse_retry_after(*text, now);
        return wait ? std::optional{*wait} : std::nullopt;
    }
    /// Seen when it was sent, by the server's own clock (its Date field), else now, by this one's.
    [[nodiscard]] std::optional<duration> retry_after() const {
        auto const now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
        std::optional<std::string_view> const sent = headers.get("Date");
        return retry_after(sent ? parse_date(*sent, now).value_or(now) : now);
    }
    /// The failure that it is for who wants success: the status as a code, and when to come again.
    [[nodiscard]] failure as_failure() const {
        failure why = failure_of_status(status);
        if (std::optional<duration> const wait = retry_after()) why.with_retry_after(*wait);
        return why;
    }
};

}  // namespace antiphon::http
