// SPDX-License-Identifier: BSL-1.0
#pragma once
// JSON bodies by nlohmann-json: what is sent, and what a response holds.

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include "antiphon/core/config.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/http/fields.hpp"
#include "antiphon/http/message.hpp"
#include "antiphon/interop/detail/json_text.hpp"

namespace antiphon::http {

using json = nlohmann::json;

/// A message with a JSON body: `web.send().call(http::json_message("POST", "/users", {{"name", "Ada"}}))`.
[[nodiscard]] inline request_message json_message(method verb, std::string target, json const& body, fields headers = {}) {
    if (!headers.contains("Content-Type")) static_cast<void>(headers.add("Content-Type", "application/json"));
    if (!headers.contains("Accept")) static_cast<void>(headers.add("Accept", "application/json"));
    return {.method = verb, .target = std::move(target), .headers = std::move(headers), .body = body.dump()};
}

/// The text as JSON. **Errors**: `data_loss` where it is none; nesting of more than 256 levels is `out_of_range`.
[[nodiscard]] inline result<json> parse_json(std::string_view text) { return antiphon::detail::json_from(text); }

/// `web.get("/users/42") | http::as_json<user>`: a request whose answer is the body, as any type that nlohmann-json reads; a status other
/// than 2xx is a failure, as with `expect_success`. **Errors**: `data_loss` for a body that is not JSON, or not that type's.
template <class T>
struct as_json_policy {
    using antiphon_policy = void;

    template <class... P, class Repeat, class Handler>
    [[nodiscard]] auto operator()(request<response(P...), Repeat, Handler> r) const {
        return antiphon::detail::in_place_of(
            r, [r](P... args) { return r.submit(std::move(args)...).then([](response got) { return read(got); }); });
    }

private:
    [[nodiscard]] static result<T> read(response const& got) {
        if (!got.ok()) return got.as_failure();
        result<json> parsed = parse_json(got.body);
        if (!parsed) return parsed.error();
        if constexpr (std::is_same_v<T, json>) {
            return parsed;
        } else {
            ANTIPHON_TRY { return parsed->template get<T>(); }
            ANTIPHON_CATCH_ALL { return failure{errc::data_loss, executed::yes, "the JSON is not what was expected"}; }
        }
    }
};
template <class T = json>
inline constexpr as_json_policy<T> as_json{};

}  // namespace antiphon::http
