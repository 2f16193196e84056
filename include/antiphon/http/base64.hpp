// SPDX-License-Identifier: BSL-1.0
#pragma once
// Bytes as text of 64 characters.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "antiphon/core/result.hpp"
#include "antiphon/http/fault.hpp"

namespace antiphon::http {

/// With padding. **Source**: RFC 4648, 4.
[[nodiscard]] inline std::string base64_encoded(std::string_view bytes) {
    static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 3; ++j)
            group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
        for (std::size_t j = 0; j < 4; ++j)
            out += i + j <= bytes.size() ? digits[group >> (18 - 6 * j) & 63] : '=';
    }
    return out;
}

/// **Errors**: `fault::unexpected_character` where a character, the padding or the unused bits are not as they have to be.
[[nodiscard]] inline result<std::string> base64_decoded(std::string_view text) {
    if (text.size() % 4 != 0) return at_fault(fault::unexpected_character, text.size());
    std::size_t const padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    std::string out;
    out.reserve(text.size() / 4 * 3);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char const c = text[i];
        int value = -1;
        if (c >= 'A' && c <= 'Z') value = c - 'A';
        if (c >= 'a' && c <= 'z') value = c - 'a' + 26;
        if (c >= '0' && c <= '9') value = c - '0' + 52;
        if (c == '+') value = 62;
        if (c == '/') value = 63;
        if (i >= text.size() - padding) value = 0;
        if (value < 0) return at_fault(fault::unexpected_character, i);
        group = group << 6 | static_cast<std::uint32_t>(value);
        if (i % 4 != 3) continue;
        for (int shift = 16; shift >= 0; shift -= 8)
            out += static_cast<char>(group >> shift & 255);
        group = 0;
    }
    for (std::size_t i = 0; i < padding; ++i) {
        if (out.back() != '\0') return at_fault(fault::unexpected_character, text.size() - padding - 1);
        out.pop_back();
    }
    return out;
}

}  // namespace antiphon::http
