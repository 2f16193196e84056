// SPDX-License-Identifier: BSL-1.0
#pragma once
// JSON as the bodies of messages, by nlohmann-json.

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include "antiphon/core/config.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/interop/detail/json_text.hpp"
#include "antiphon/messaging/codec.hpp"

namespace antiphon::messaging {

/// Every type that nlohmann-json reads and writes, `nlohmann::json` itself included: `bus.request<price(query), repeat::safe, json_codec>(…)`.
/// It runs a type's own `from_json`, so it is used on the request's executor.
/// **Errors**: `invalid_argument` for what is no JSON, or not that type's, or text that is no UTF-8; `out_of_range` for more than 256 levels.
struct json_codec {
    template <class T>
        requires std::is_constructible_v<nlohmann::json, T const&>
    [[nodiscard]] result<std::string> encode(T const& value) const {
        ANTIPHON_TRY { return nlohmann::json(value).dump(); }
        ANTIPHON_CATCH_ALL { return failure{errc::invalid_argument, executed::no, "the value cannot be written as JSON"}; }
    }
    template <class T>
        requires requires(nlohmann::json const& j) { j.get<T>(); }
    [[nodiscard]] result<T> decode(type<T>, std::string_view body) const {
        result<nlohmann::json> parsed = antiphon::detail::json_from(body);
        if (!parsed && parsed.error() == errc::out_of_range)
            return failure{errc::out_of_range, executed::no, "the JSON is nested too deeply"};
        if (!parsed) return failure{errc::invalid_argument, executed::no, "the body is not JSON"};
        if constexpr (std::is_same_v<T, nlohmann::json>) {
            return parsed;
        } else {
            ANTIPHON_TRY { return parsed->template get<T>(); }
            ANTIPHON_CATCH_ALL { return failure{errc::invalid_argument, executed::no, "the JSON is not what was expected"}; }
        }
    }
};

static_assert(encodes<json_codec, std::string> && decodes<json_codec, int> && !quick_codec<json_codec>);

}  // namespace antiphon::messaging
