// SPDX-License-Identifier: BSL-1.0
#pragma once
// The dates of HTTP, in the three forms that a recipient has to understand.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/http/characters.hpp"
#include "antiphon/http/fault.hpp"

namespace antiphon::http {

/// A moment of the calendar, in whole seconds.
using date_time = std::chrono::time_point<std::chrono::system_clock, std::chrono::seconds>;

namespace detail {

inline constexpr std::string_view month_names = "JanFebMarAprMayJunJulAugSepOctNovDec";
inline constexpr std::string_view day_names = "SunMonTueWedThuFriSat";

/// Days from 1970-01-01, in the proleptic Gregorian calendar.
[[nodiscard]] constexpr std::int64_t days_of(std::int64_t year, int month, int day) noexcept {
    std::int64_t const y = month <= 2 ? year - 1 : year;
    std::int64_t const era = (y >= 0 ? y : y - 399) / 400;
    std::int64_t const year_of_era = y - era * 400;
    std::int64_t const day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}
struct civil_date {
    std::int64_t year;
    int month;
    int day;
};
[[nodiscard]] constexpr civil_date date_of(std::int64_t days) noexcept {
    std::int64_t const z = days + 719468;
    std::int64_t const era = (z >= 0 ? z : z - 146096) / 146097;
    std::int64_t const doe = z - era * 146097;
    std::int64_t const yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    std::int64_t const doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    std::int64_t const mp = (5 * doy + 2) / 153;
    int const month = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
    return {yoe + era * 400 + (month <= 2 ? 1 : 0), month, static_cast<int>(doy - (153 * mp + 2) / 5 + 1)};
}
[[nodiscard]] constexpr int days_in(std::int64_t year, int month) noexcept {
    constexpr int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool const leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return lengths[month - 1] + (month == 2 && leap ? 1 : 0);
}

class date_parser {
public:
    date_parser(std::string_view text, date_time now) noexcept : text_{text}, now_{now} {}

    result<date_time> run() {
        std::size_t const comma = text_.find(',');
        bool const good = comma == std::string_view::npos ? asctime() : comma == 3 ? fixed() : rfc850();
        if (!good || at_ != text_.size() || !in_range()) return at_fault(fault::bad_date, at_);
        std::int64_t const seconds = days_of(year_, month_, day_) * 86400 + hour_ * 3600 + minute_ * 60 + second_;
        return date_time{std::chrono::seconds{seconds}};
    }

private:
    bool word(std::string_view expected) noexcept {
        if (!text_.substr(at_).starts_with(expected)) return false;
        at_ += expected.size();
        return true;
    }
    bool number(int digits, int& value) noexcept {
        value = 0;
        for (int i = 0; i < digits; ++i, ++at_) {
            if (at_ == text_.size() || !is_digit(text_[at_])) return false;
            value = value * 10 + (text_[at_] - '0');
        }
        return true;
    }
    bool one_of(std::string_view names, int& index) noexcept {
        std::string_view const name = text_.substr(at_, 3);
        for (std::size_t i = 0; name.size() == 3 && i < names.size(); i += 3) {
            if (names.substr(i, 3) != name) continue;
            index = static_cast<int>(i / 3);
            at_ += 3;
            return true;
        }
        return false;
    }
    bool month() noexcept {
        if (!one_of(month_names, month_)) return false;
        ++month_;
        return true;
    }
    bool time() noexcept { return number(2, hour_) && word(":") && number(2, minute_) && word(":") && number(2, second_); }

    /// Sun, 06 Nov 1994 08:49:37 GMT
    bool fixed() noexcept {
        return one_of(day_names, weekday_) && word(", ") && number(2, day_) && word(" ") && month() && word(" ") && number(4, year_) &&
               word(" ") && time() && word(" GMT");
    }
    /// Sunday, 06-Nov-94 08:49:37 GMT
    bool rfc850() noexcept {
        static constexpr std::string_view rest[] = {"day", "day", "sday", "nesday", "rsday", "day", "urday"};
        if (!one_of(day_names, weekday_) || !word(rest[weekday_]) || !word(", ") || !number(2, day_) || !word("-") || !month() ||
            !word("-") || !number(2, year_) || !word(" ") || !time() || !word(" GMT"))
            return false;
        // More than 50 years ahead is meant to be the past.
        std::int64_t const seconds = now_.time_since_epoch().count();
        int const this_year = static_cast<int>(date_of((seconds >= 0 ? seconds : seconds - 86399) / 86400).year);
        year_ += this_year - this_year % 100;
        if (year_ > this_year + 50) year_ -= 100;
        return true;
    }
    /// Sun Nov  6 08:49:37 1994
    bool asctime() noexcept {
        return one_of(day_names, weekday_) && word(" ") && month() && word(" ") && (word(" ") ? number(1, day_) : number(2, day_)) &&
               word(" ") && time() && word(" ") && number(4, year_);
    }
    /// A leap second is the last one of its minute.
    bool in_range() noexcept {
        if (second_ == 60) second_ = 59;
        return day_ >= 1 && day_ <= days_in(year_, month_) && hour_ < 24 && minute_ < 60 && second_ < 60;
    }

    std::string_view text_;
    date_time now_;
    std::size_t at_ = 0;
    int weekday_ = 0, day_ = 0, month_ = 0, year_ = 0, hour_ = 0, minute_ = 0, second_ = 0;
};

inline void append_number(std::string& out, std::int64_t value, int digits) {
    std::string const text = std::to_string(value);
    out.append(static_cast<std::size_t>(digits) > text.size() ? static_cast<std::size_t>(digits) - text.size() : 0, '0').append(text);
}

}  // namespace detail

/// A date in any of the three forms. `now` decides the century of a year of two digits. The weekday is not checked.
/// **Errors**: `fault::bad_date`. **Source**: RFC 9110, 5.6.7.
[[nodiscard]] inline result<date_time> parse_date(std::string_view text, date_time now) { return detail::date_parser{text, now}.run(); }

/// "Sun, 06 Nov 1994 08:49:37 GMT"; for years 0 to 9999.
[[nodiscard]] inline std::string print_date(date_time when) {
    std::int64_t const seconds = when.time_since_epoch().count();
    std::int64_t const days = (seconds >= 0 ? seconds : seconds - 86399) / 86400;
    std::int64_t const rest = seconds - days * 86400;
    detail::civil_date const date = detail::date_of(days);
    auto const weekday = static_cast<std::size_t>(((days % 7) + 11) % 7);  // the epoch was a Thursday
    std::string out{detail::day_names.substr(weekday * 3, 3)};
    out += ", ";
    detail::append_number(out, date.day, 2);
    out.append(" ").append(detail::month_names.substr(static_cast<std::size_t>(date.month - 1) * 3, 3)).append(" ");
    detail::append_number(out, date.year, 4);
    out += ' ';
    detail::append_number(out, rest / 3600, 2);
    out += ':';
    detail::append_number(out, rest / 60 % 60, 2);
    out += ':';
    detail::append_number(out, rest % 60, 2);
    return out += " GMT";
}

}  // namespace antiphon::http
