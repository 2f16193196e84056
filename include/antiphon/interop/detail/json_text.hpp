// SPDX-License-Identifier: BSL-1.0
#pragma once
// JSON from elsewhere, with a limit to how deep it goes.

#include <string_view>

#include <nlohmann/json.hpp>

#include "antiphon/core/result.hpp"

namespace antiphon::detail {

/// **Errors**: `data_loss` where it is no JSON; nesting of more than 256 levels is `out_of_range`.
[[nodiscard]] inline result<nlohmann::json> json_from(std::string_view text) {
    using json = nlohmann::json;
    bool too_deep = false;
    auto const shallow = [&](int depth, json::parse_event_t, json&) {
        too_deep = too_deep || depth > 256;
        return !too_deep;
    };
    json parsed = json::parse(text, shallow, false);
    if (too_deep) return failure{errc::out_of_range, executed::yes, "the JSON is nested too deeply"};
    if (parsed.is_discarded()) return failure{errc::data_loss, executed::yes, "the body is not JSON"};
    return parsed;
}

}  // namespace antiphon::detail
