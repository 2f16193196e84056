// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a status code says: its class, its name, and the failure that it is for those who do not want it.

#include "antiphon/core/failure.hpp"

namespace antiphon::http {

/// **Source**: RFC 9110, 15.
enum class status_class {
    invalid = 0,
    informational = 1,
    success = 2,
    redirection = 3,
    client_error = 4,
    server_error = 5
};
[[nodiscard]] constexpr status_class class_of(int status) noexcept {
    return status < 100 || status > 599 ? status_class::invalid : static_cast<status_class>(status / 100);
}

/// Its name, with the number before it; a class's name where it has none of its own.
[[nodiscard]] inline static_text status_text(int status) noexcept {
    switch (status) {
        case 100: return "100 Continue";
        case 200: return "200 OK";
        case 201: return "201 Created";
        case 202: return "202 Accepted";
        case 204: return "204 No Content";
        case 206: return "206 Partial Content";
        case 301: return "301 Moved Permanently";
        case 302: return "302 Found";
        case 303: return "303 See Other";
        case 304: return "304 Not Modified";
        case 307: return "307 Temporary Redirect";
        case 308: return "308 Permanent Redirect";
        case 400: return "400 Bad Request";
        case 401: return "401 Unauthorized";
        case 402: return "402 Payment Required";
        case 403: return "403 Forbidden";
        case 404: return "404 Not Found";
        case 405: return "405 Method Not Allowed";
        case 406: return "406 Not Acceptable";
        case 408: return "408 Request Timeout";
        case 409: return "409 Conflict";
        case 410: return "410 Gone";
        case 411: return "411 Length Required";
        case 412: return "412 Precondition Failed";
        case 413: return "413 Content Too Large";
        case 414: return "414 URI Too Long";
        case 415: return "415 Unsupported Media Type";
        case 416: return "416 Range Not Satisfiable";
        case 417: return "417 Expectation Failed";
        case 421: return "421 Misdirected Request";
        case 422: return "422 Unprocessable Content";
        case 425: return "425 Too Early";
        case 426: return "426 Upgrade Required";
        case 428: return "428 Precondition Required";
        case 429: return "429 Too Many Requests";
        case 431: return "431 Request Header Fields Too Large";
        case 500: return "500 Internal Server Error";
        case 501: return "501 Not Implemented";
        case 502: return "502 Bad Gateway";
        case 503: return "503 Service Unavailable";
        case 504: return "504 Gateway Timeout";
        default: break;
    }
    switch (class_of(status)) {
        case status_class::informational: return "a status of 1xx";
        case status_class::success: return "a status of 2xx";
        case status_class::redirection: return "a status of 3xx";
        case status_class::client_error: return "a status of 4xx";
        case status_class::server_error: return "a status of 5xx";
        case status_class::invalid: break;
    }
    return "not a status";
}

/// The nearest code of the library. Those that another attempt may cure are transient there, too: `unavailable`,
/// `deadline_exceeded`, `aborted`, `resource_exhausted`.
[[nodiscard]] constexpr errc errc_of_status(int status) noexcept {
    switch (status) {
        case 401: return errc::unauthenticated;
        case 403: return errc::permission_denied;
        case 404:
        case 410: return errc::not_found;
        case 408:
        case 504: return errc::deadline_exceeded;
        case 409: return errc::aborted;
        case 412:
        case 428: return errc::failed_precondition;
        case 416: return errc::out_of_range;
        case 425:
        case 502:
        case 503: return errc::unavailable;
        case 429: return errc::resource_exhausted;
        case 405:
        case 501: return errc::unimplemented;
        default: break;
    }
    switch (class_of(status)) {
        case status_class::client_error: return errc::invalid_argument;
        case status_class::server_error: return errc::internal;
        default: return errc::unknown;
    }
}

/// The failure of a status that was not wanted. It was an answer: `executed::yes`.
[[nodiscard]] inline failure failure_of_status(int status) noexcept {
    return failure{errc_of_status(status), executed::yes, status_text(status)};
}

}  // namespace antiphon::http
