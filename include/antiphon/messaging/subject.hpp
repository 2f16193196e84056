// SPDX-License-Identifier: BSL-1.0
#pragma once
// The names that messages are sent to: tokens with dots between them, and patterns over them.

#include <cstddef>
#include <string_view>

namespace antiphon::messaging {

/// Whether `text` is a subject that something can be sent to: tokens of visible characters, one dot between two, no wildcard.
[[nodiscard]] constexpr bool is_subject(std::string_view text) noexcept {
    bool in_token = false;
    for (char const c : text) {
        bool const visible = static_cast<unsigned char>(c) > 0x20 && c != 0x7F;
        if (!visible || c == '*' || c == '>' || (c == '.' && !in_token)) return false;
        in_token = c != '.';
    }
    return in_token;
}

/// Whether `text` is something to listen to: a subject whose tokens may be `*` (any one) and whose last may be `>` (one or more).
[[nodiscard]] constexpr bool is_pattern(std::string_view text) noexcept {
    while (!text.empty()) {
        std::size_t const dot = text.find('.');
        std::string_view const token = text.substr(0, dot);
        bool const last = dot == std::string_view::npos;
        if (token != "*" && !(token == ">" && last) && !is_subject(token)) return false;
        if (last) return true;
        text.remove_prefix(dot + 1);
    }
    return false;
}

/// Whether a message for `subject` comes to who listens to `pattern`.
[[nodiscard]] constexpr bool matches(std::string_view pattern, std::string_view subject) noexcept {
    for (;;) {
        std::size_t const p = pattern.find('.');
        std::size_t const s = subject.find('.');
        std::string_view const wanted = pattern.substr(0, p);
        if (wanted == ">") return true;
        if (wanted != "*" && wanted != subject.substr(0, s)) return false;
        if (p == std::string_view::npos || s == std::string_view::npos) return p == s;
        pattern.remove_prefix(p + 1);
        subject.remove_prefix(s + 1);
    }
}
/// Whether a pattern is more than one subject.
[[nodiscard]] constexpr bool has_wildcard(std::string_view pattern) noexcept {
    return pattern == "*" || pattern == ">" || pattern.ends_with(".>") || pattern.ends_with(".*") || pattern.starts_with("*.") ||
           pattern.find(".*.") != std::string_view::npos;
}

static_assert(is_subject("orders.price") && !is_subject("orders..price") && !is_subject(".") && !is_subject("a.*") && !is_subject(""));
static_assert(is_pattern("orders.*") && is_pattern(">") && !is_pattern("a.>.b") && !is_pattern("a."));
static_assert(matches("a.*", "a.b") && !matches("a.*", "a.b.c") && matches("a.>", "a.b.c") && !matches("a.>", "a"));

}  // namespace antiphon::messaging
