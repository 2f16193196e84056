// SPDX-License-Identifier: BSL-1.0
#pragma once
// The metadata of an ask as headers of its message, and back.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "antiphon/request/metadata.hpp"
#include "antiphon/messaging/headers.hpp"
#include "antiphon/messaging/message.hpp"

namespace antiphon::messaging::detail {

/// The entry that is not a header but the key of the ask.
inline constexpr std::string_view key_entry = "Idempotency-Key";

/// What a header cannot carry stays behind.
inline void carry(metadata_view metadata, message& m) {
    for (metadata_entry const& each : metadata) {
        if (equal_without_case(each.key, key_entry)) {
            if (is_value(each.value)) m.key = each.value;
        } else {
            static_cast<void>(m.headers.set(each.key, each.value));
        }
    }
}
/// The first of each name, and no more than anybody needs: who sends them may be anybody.
[[nodiscard]] inline std::vector<metadata_entry> carried(message const& m) {
    static constexpr std::size_t most = 64;
    std::vector<metadata_entry> all;
    if (!m.key.empty() && is_value(m.key)) all.push_back({std::string{key_entry}, m.key});
    for (header const& each : m.headers) {
        bool const known = std::any_of(all.begin(), all.end(), [&](auto const& e) { return equal_without_case(e.key, each.name); });
        if (all.size() == most) break;
        if (!known) all.push_back({each.name, each.value});
    }
    return all;
}

}  // namespace antiphon::messaging::detail
