// SPDX-License-Identifier: BSL-1.0
#pragma once
// Between a body and the arguments and answers of a request: the codec of plain text, and what a failure looks like as a response.

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "antiphon/core/errc.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/http/message.hpp"

namespace antiphon::http {

/// Takes arguments out of a message, and makes a response of an answer: `decode<A...>(message)` gives a `result<std::tuple<A...>>`,
/// `encode(answer)`, or `encode()` for void, a `response`. `interop/json.hpp` has one for any type.
///
/// This one: no argument, or the body as the only one; the answer is the body.
struct text_codec {
    template <class... A>
    [[nodiscard]] result<std::tuple<A...>> decode(request_message const& message) const {
        static_assert(sizeof...(A) == 0 || (sizeof...(A) == 1 && (std::constructible_from<A, std::string const&> && ...)),
                      "antiphon: text_codec knows requests of one text, or of nothing: give the route another codec");
        if constexpr (sizeof...(A) == 0) {
            return std::tuple<>{};
        } else {
            return std::tuple<A...>{A(message.body)...};
        }
    }
    [[nodiscard]] response encode(std::string text) const {
        return {.status = 200, .headers = {{"Content-Type", "text/plain; charset=utf-8"}}, .body = std::move(text)};
    }
    [[nodiscard]] response encode() const { return {.status = 204}; }
};

/// The status that says most nearly what a code says. **Source**: RFC 9110, 15; google.rpc.Code.
[[nodiscard]] inline int status_of(failure const& why) noexcept {
    if (why.code().category() != error_category()) return why == std::errc::invalid_argument ? 400 : 500;
    switch (static_cast<errc>(why.code().value())) {
        case errc::invalid_argument:
        case errc::out_of_range: return 400;
        case errc::unauthenticated: return 401;
        case errc::permission_denied: return 403;
        case errc::not_found: return 404;
        case errc::already_exists:
        case errc::aborted: return 409;
        case errc::failed_precondition: return 412;
        case errc::resource_exhausted: return 429;
        case errc::unimplemented: return 501;
        case errc::unavailable:
        case errc::overloaded:
        case errc::circuit_open:
        case errc::cancelled:
        case errc::shut_down: return 503;
        case errc::deadline_exceeded: return 504;
        default: return 500;
    }
}

/// A failure as a response: its status, when to come again, and, where the client can do something about it, why. What a handler threw is
/// nobody's business outside.
[[nodiscard]] inline response response_of(failure const& why) {
    response made{.status = status_of(why), .headers = {{"Content-Type", "text/plain; charset=utf-8"}}};
    made.body = made.status == 500 || why.exception() != nullptr ? std::string{status_text(made.status).c_str()} : why.message();
    if (auto const wait = why.retry_after(); wait && *wait >= duration::zero()) {
        auto const seconds = std::chrono::duration_cast<std::chrono::seconds>(*wait);
        static_cast<void>(made.headers.add("Retry-After", std::to_string(seconds.count() + (seconds < *wait ? 1 : 0))));
    }
    return made;
}

}  // namespace antiphon::http
