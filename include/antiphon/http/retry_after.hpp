// SPDX-License-Identifier: BSL-1.0
#pragma once
// Retry-After: how long a server asks to wait, in seconds or until a date.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/http/characters.hpp"
#include "antiphon/http/date.hpp"
#include "antiphon/http/fault.hpp"

namespace antiphon::http {

/// Digits as seconds, saturating. **Errors**: `fault::missing`, `fault::bad_number`.
[[nodiscard]] inline result<duration> parse_seconds(std::string_view text) {
    if (text.empty()) return at_fault(fault::missing, 0);
    std::int64_t value = 0;
    constexpr std::int64_t enough = INT64_MAX / 10 - 1;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!is_digit(text[i])) return at_fault(fault::bad_number, i);
        if (value < enough) value = value * 10 + (text[i] - '0');
    }
    return saturating_cast(std::chrono::seconds{value});
}

/// The value of a Retry-After field, seen at `now`; a date that has passed is no wait. **Time**: `now` is the calendar's.
/// **Errors**: `fault::missing`, `fault::bad_number`, `fault::bad_date`. **Source**: RFC 9110, 10.2.3.
[[nodiscard]] inline result<duration> parse_retry_after(std::string_view text, date_time now) {
    text = trimmed(text);
    if (text.empty() || is_digit(text.front())) return parse_seconds(text);
    result<date_time> const until = parse_date(text, now);
    if (!until) return until.error();
    return *until <= now ? duration::zero() : saturating_cast(*until - now);
}

}  // namespace antiphon::http
