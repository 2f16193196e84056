// SPDX-License-Identifier: BSL-1.0
#pragma once
// JSON bodies by nlohmann-json: what is sent, and what a response holds.

#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
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

/// The codec of a service's routes: `site.route("POST", "/sum", sum, http::json_codec{})`. No argument, or the body as the only one, or several
/// as an array; the answer is the body. **Errors**: `invalid_argument` (400) for a body that is not JSON, or not those types'.
struct json_codec {
    template <class... A>
    [[nodiscard]] result<std::tuple<A...>> decode(request_message const& message) const {
        if constexpr (sizeof...(A) == 0) {
            return std::tuple<>{};
        } else {
            result<json> parsed = parse_json(message.body);
            if (!parsed) return failure{errc::invalid_argument, executed::no, "the body is not JSON, or too deep"};
            if (sizeof...(A) > 1 && (!parsed->is_array() || parsed->size() != sizeof...(A)))
                return failure{errc::invalid_argument, executed::no, "the body must be an array with a value for each argument"};
            ANTIPHON_TRY { return taken<A...>(*parsed, std::index_sequence_for<A...>{}); }
            ANTIPHON_CATCH_ALL { return failure{errc::invalid_argument, executed::no, "the JSON is not what was expected"}; }
        }
    }
    /// What is no UTF-8 is sent as the replacement character.
    template <class T>
    [[nodiscard]] response encode(T const& value) const {
        return {.status = 200,
                .headers = {{"Content-Type", "application/json"}},
                .body = json(value).dump(-1, ' ', false, json::error_handler_t::replace)};
    }
    [[nodiscard]] response encode() const { return {.status = 204}; }

private:
    template <class... A, std::size_t... I>
    [[nodiscard]] static std::tuple<A...> taken(json const& from, std::index_sequence<I...>) {
        if constexpr (sizeof...(A) == 1) {
            return std::tuple<A...>{from.template get<A>()...};
        } else {
            return std::tuple<A...>{from[I].template get<A>()...};
        }
    }
};

}  // namespace antiphon::http
