// SPDX-License-Identifier: BSL-1.0
#pragma once
// Percent-encoding: any bytes as the characters that a URL may have.

#include <cstddef>
#include <string>
#include <string_view>

#include "antiphon/core/result.hpp"
#include "antiphon/http/characters.hpp"
#include "antiphon/http/fault.hpp"

namespace antiphon::http {

/// `text` with everything but unreserved characters as %XX: safe as one segment of a path, one name or value of a query.
[[nodiscard]] inline std::string percent_encoded(std::string_view text) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (char const c : text) {
        if (is_unreserved(c)) {
            out += c;
        } else {
            auto const byte = static_cast<unsigned char>(c);
            out += '%';
            out += digits[byte >> 4];
            out += digits[byte & 15];
        }
    }
    return out;
}
/// The bytes that `text` stands for. **Errors**: `fault::bad_escape`.
[[nodiscard]] inline result<std::string> percent_decoded(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (text.size() - i < 3 || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0) return at_fault(fault::bad_escape, i);
        out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
        i += 2;
    }
    return out;
}

}  // namespace antiphon::http
