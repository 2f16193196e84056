// SPDX-License-Identifier: BSL-1.0
#pragma once
// A request message made ready for curl: checked once, shared by all asks for it.

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/http/client_options.hpp"
#include "antiphon/http/fields.hpp"
#include "antiphon/http/idempotency_key.hpp"
#include "antiphon/http/message.hpp"
#include "antiphon/http/url.hpp"
#include "antiphon/interop/detail/curl_loop.hpp"

namespace antiphon::http::detail {

/// Owns a list of header lines; curl only reads it.
class header_lines {
public:
    header_lines() = default;
    header_lines(header_lines const&) = delete;
    header_lines& operator=(header_lines const&) = delete;
    ~header_lines() { curl_slist_free_all(list_); }
    void append(std::string const& line) {
        curl_slist* const longer = curl_slist_append(list_, line.c_str());
        if (longer == nullptr) poll_loop::throw_no_memory();
        list_ = longer;
    }
    [[nodiscard]] curl_slist* get() const noexcept { return list_; }

private:
    curl_slist* list_ = nullptr;
};

/// Immutable once it is made.
struct question {
    http::method method = "GET";
    http::url where = {};
    http::fields headers = {};
    std::string body = {};
    bool repeatable = true;  ///< curl may send it again by itself, over another connection
    header_lines lines = {};
    std::optional<failure> wrong = {};  ///< why it cannot be asked

    void make_lines() {
        for (field const each : headers) {
            // An empty field is written with a semicolon; with a colon it would be left out.
            std::string line{each.name};
            lines.append(each.value.empty() ? line + ";" : line.append(": ").append(each.value));
        }
        if (!headers.contains("Content-Type")) lines.append("Content-Type:");
        lines.append("Expect:");
    }
};

[[nodiscard]] inline std::optional<failure> why_not(http::url const& where, fields const& headers) noexcept {
    if (!equal_without_case(where.scheme(), "http") && !equal_without_case(where.scheme(), "https"))
        return failure{errc::invalid_argument, executed::no, "the URL must be one of http or https"};
    if (headers.contains("Content-Length") || headers.contains("Transfer-Encoding"))
        return failure{errc::invalid_argument, executed::no, "Content-Length and Transfer-Encoding are the client's own business"};
    return std::nullopt;
}

/// Everything that `message` may do wrong is found out here, and told to who asks.
[[nodiscard]] inline std::shared_ptr<question const> make_question(http::url const& base, client_options const& options,
                                                                   request_message message) {
    auto made = std::make_shared<question>();
    result<http::url> target = http::url::parse(message.target);
    if (target && !target->absolute()) target = base.resolve(*target);
    if (!target) {
        made->wrong = target.error();
        return made;
    }
    made->method = message.method;
    made->where = *std::move(target);
    made->headers = std::move(message.headers);
    made->body = std::move(message.body);
    for (field const each : options.headers)
        if (!made->headers.contains(each.name)) static_cast<void>(made->headers.add(each.name, each.value));
    made->repeatable = made->method.idempotent() || made->headers.contains(idempotency_key::field_name);
    made->wrong = why_not(made->where, made->headers);
    if (!made->wrong) made->make_lines();
    return made;
}

/// The message that a question was made of, its target whole.
[[nodiscard]] inline result<request_message> message_of(question const& from) {
    if (from.wrong) return *from.wrong;
    return request_message{.method = from.method, .target = from.where.text(), .headers = from.headers, .body = from.body};
}

/// What a redirection makes of a question; null when it is none that is followed.
/// **Source**: RFC 9110, 15.4; what belongs to one origin stays there.
[[nodiscard]] inline std::shared_ptr<question const> redirected(question const& from, int status, std::string_view location,
                                                                result<http::url> target) {
    if (location.empty() || !target) return nullptr;
    auto made = std::make_shared<question>();
    made->method = from.method;
    made->headers = from.headers;
    made->where = *std::move(target);
    made->repeatable = from.repeatable;
    bool const rewritten =
        status == 303 ? from.method != http::method{"HEAD"} : (status == 301 || status == 302) && from.method == http::method{"POST"};
    if (rewritten) {
        made->method = "GET";
        made->repeatable = true;
        erase_content_fields(made->headers);
    } else {
        made->body = from.body;
    }
    if (!from.where.same_origin(made->where)) erase_credentials(made->headers);
    made->wrong = why_not(made->where, made->headers);
    if (!made->wrong) made->make_lines();
    return made;
}

}  // namespace antiphon::http::detail
