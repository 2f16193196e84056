// SPDX-License-Identifier: BSL-1.0
#pragma once
// The library's own fields of a message as headers: for transports whose messages have subject, body and headers.

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "antiphon/core/errc.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/messaging/message.hpp"

namespace antiphon::messaging::wire {

/// 16 hexadecimal digits.
inline void append_hex(std::string& text, std::uint64_t word) {
    char digits[16];
    for (unsigned i = 0; i < 16; ++i)
        digits[i] = "0123456789abcdef"[(word >> (60 - 4 * i)) & 15];
    text.append(digits, 16);
}
[[nodiscard]] inline std::string to_hex(std::uint64_t word) {
    std::string text;
    append_hex(text, word);
    return text;
}
[[nodiscard]] inline std::optional<std::uint64_t> from_hex(std::string_view text) noexcept {
    std::uint64_t word = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), word, 16);
    if (text.size() != 16 || error != std::errc{} || end != text.data() + 16) return std::nullopt;
    return word;
}
[[nodiscard]] inline std::string to_hex(inbox_id inbox) { return to_hex(inbox.high) + to_hex(inbox.low); }
[[nodiscard]] inline std::optional<inbox_id> inbox_from_hex(std::string_view text) noexcept {
    if (text.size() != 32) return std::nullopt;
    std::optional<std::uint64_t> const high = from_hex(text.substr(0, 16)), low = from_hex(text.substr(16));
    if (!high || !low) return std::nullopt;
    return inbox_id{*high, *low};
}

inline constexpr std::array<std::string_view, 8> kind_names{"publication", "ask",    "reply",  "part",
                                                            "refusal",     "cancel", "invite", "piece"};
inline constexpr std::array<std::string_view, 3> executed_names{"no", "maybe", "yes"};

/// Whether `write` has nothing to say.
[[nodiscard]] inline bool is_plain(message const& m, message_kind implied) noexcept {
    return m.kind == implied && m.kind != message_kind::refusal && m.remaining == duration::max() && m.priority == priority::normal &&
           !m.more && m.sequence == 0 && m.origin == inbox_id{} && m.key.empty();
}
/// Calls `put(name, value)` for each field that says something: of most asks and answers none does. `implied` is the kind that the
/// receiver takes it for without being told.
template <class Put>
void write(message const& m, message_kind implied, Put&& put) {
    if (m.kind != implied) put("Antiphon-Kind", std::string{kind_names[static_cast<std::size_t>(m.kind)]});
    if (m.remaining != duration::max()) put("Antiphon-Timeout", std::to_string(m.remaining.count()));
    if (m.priority != priority::normal) put("Antiphon-Priority", std::to_string(static_cast<int>(m.priority)));
    if (m.more) put("Antiphon-More", std::string{"1"});
    if (m.sequence != 0) put("Antiphon-Sequence", std::to_string(m.sequence));
    if (!(m.origin == inbox_id{})) put("Antiphon-Origin", to_hex(m.origin));
    if (!m.key.empty()) put("Antiphon-Key", m.key);
    if (m.kind != message_kind::refusal) return;
    bool const known = m.code.category() == error_category() || m.code.category() == std::generic_category() ||
                       m.code.category() == std::system_category();
    put("Antiphon-Code", known ? std::string{m.code.category().name()} + ' ' + std::to_string(m.code.value())
                               : "antiphon " + std::to_string(static_cast<int>(errc::unknown)));
    put("Antiphon-Executed", std::string{executed_names[static_cast<std::size_t>(m.executed)]});
    if (m.thrown) put("Antiphon-Thrown", std::string{"1"});
    if (m.retry_after != duration::min()) put("Antiphon-Retry-After", std::to_string(m.retry_after.count()));
}

namespace detail {

template <class N>
[[nodiscard]] bool read_number(std::string_view text, N& into) noexcept {
    N value{};
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return false;
    into = value;
    return true;
}
template <class E, std::size_t N>
[[nodiscard]] bool read_name(std::array<std::string_view, N> const& names, std::string_view text, E& into) noexcept {
    for (std::size_t i = 0; i < N; ++i)
        if (names[i] == text) {
            into = static_cast<E>(i);
            return true;
        }
    return false;
}
[[nodiscard]] inline bool read_code(std::string_view text, std::error_code& into) noexcept {
    std::size_t const blank = text.find(' ');
    int value = 0;
    if (blank == std::string_view::npos || !read_number(text.substr(blank + 1), value)) return false;
    std::string_view const category = text.substr(0, blank);
    if (category == "antiphon") {
        into = {value, error_category()};
    } else if (category == "generic") {
        into = {value, std::generic_category()};
    } else if (category == "system") {
        into = {value, std::system_category()};
    } else {
        into = errc::unknown;
    }
    return true;
}

}  // namespace detail

/// Takes over one header of the library's own. False: it is none, or its value is nonsense, and nothing has changed.
[[nodiscard]] inline bool read(message& m, std::string_view name, std::string_view value) {
    using namespace detail;
    duration::rep ticks = 0;
    int number = 0;
    if (name == "Antiphon-Kind") return read_name(kind_names, value, m.kind);
    if (name == "Antiphon-Executed") return read_name(executed_names, value, m.executed);
    if (name == "Antiphon-Code") return read_code(value, m.code);
    if (name == "Antiphon-Sequence") return read_number(value, m.sequence);
    if (name == "Antiphon-More") return m.more = value == "1";
    if (name == "Antiphon-Thrown") return m.thrown = value == "1";
    if (name == "Antiphon-Key") {
        if (!messaging::detail::is_value(value)) return false;
        m.key = value;
        return true;
    }
    if (name == "Antiphon-Timeout" && read_number(value, ticks)) {
        m.remaining = duration{ticks};
        return true;
    }
    if (name == "Antiphon-Retry-After" && read_number(value, ticks)) {
        m.retry_after = duration{ticks};
        return true;
    }
    if (name == "Antiphon-Priority" && read_number(value, number) && number >= -2 && number <= 2) {
        m.priority = static_cast<priority>(number);
        return true;
    }
    if (name == "Antiphon-Origin") {
        std::optional<inbox_id> const origin = inbox_from_hex(value);
        if (origin) m.origin = *origin;
        return origin.has_value();
    }
    return false;
}

}  // namespace antiphon::messaging::wire
