// SPDX-License-Identifier: BSL-1.0
#pragma once
// Takes an URI reference apart, and says where it is wrong.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "antiphon/core/result.hpp"
#include "antiphon/http/characters.hpp"
#include "antiphon/http/fault.hpp"

namespace antiphon::http::detail {

/// A part of a text; one that is absent differs from one that is empty.
struct url_range {
    static constexpr std::uint32_t absent = 0xffffffff;
    std::uint32_t begin = absent;
    std::uint32_t size = 0;
    [[nodiscard]] bool given() const noexcept { return begin != absent; }
    [[nodiscard]] std::string_view of(std::string_view text) const noexcept {
        return given() ? text.substr(begin, size) : std::string_view{};
    }
};

/// Where the parts of an URI reference are in its text.
struct url_parts {
    url_range scheme, user_info, host, path{0, 0}, query, fragment;
    std::optional<std::uint16_t> port;
};

[[nodiscard]] inline std::optional<std::uint16_t> default_port(std::string_view scheme) noexcept {
    if (equal_without_case(scheme, "http")) return std::uint16_t{80};
    if (equal_without_case(scheme, "https")) return std::uint16_t{443};
    return std::nullopt;
}

/// Walks the text once, from left to right.
class url_parser {
public:
    static constexpr std::size_t longest = 1U << 20;

    explicit url_parser(std::string_view text) noexcept : text_{text} {}

    result<url_parts> run() {
        if (text_.size() > longest) return at_fault(fault::too_long, longest);
        for (std::size_t i = 0; i < text_.size(); ++i) {
            if (is_control(text_[i])) return at_fault(fault::control_character, i);
            if (!is_ascii(text_[i])) return at_fault(fault::not_ascii, i);
        }
        bool const good = scheme() && authority() && path() && tail('?', made_.query) && tail('#', made_.fragment);
        if (!good) return at_fault(wrong_.what, wrong_.position);
        return made_;
    }

private:
    bool fail(fault what, std::size_t position) noexcept {
        wrong_ = {what, position};
        return false;
    }
    [[nodiscard]] url_range between(std::size_t begin, std::size_t end) const noexcept {
        return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end - begin)};
    }
    /// Characters of `begin..end`: unreserved, escapes, sub-delimiters and `more`.
    bool check(std::size_t begin, std::size_t end, std::string_view more) noexcept {
        for (std::size_t i = begin; i < end; ++i) {
            char const c = text_[i];
            if (c == '%') {
                if (end - i < 3 || hex_value(text_[i + 1]) < 0 || hex_value(text_[i + 2]) < 0) return fail(fault::bad_escape, i);
                i += 2;
            } else if (!is_unreserved(c) && !is_sub_delimiter(c) && more.find(c) == std::string_view::npos) {
                return fail(fault::unexpected_character, i);
            }
        }
        return true;
    }
    bool scheme() noexcept {
        std::size_t const end = text_.find_first_of(":/?#");
        if (end == std::string_view::npos || text_[end] != ':') return true;
        if (end == 0) return fail(fault::bad_scheme, 0);
        for (std::size_t i = 0; i < end; ++i) {
            char const c = text_[i];
            bool const later = i != 0 && (is_digit(c) || c == '+' || c == '-' || c == '.');
            if (!is_alpha(c) && !later) return fail(fault::bad_scheme, i);
        }
        made_.scheme = between(0, end);
        at_ = end + 1;
        return true;
    }
    bool authority() noexcept {
        if (text_.substr(at_, 2) != "//") return true;
        std::size_t const begin = at_ + 2;
        std::size_t end = text_.find_first_of("/?#", begin);
        if (end == std::string_view::npos) end = text_.size();
        at_ = end;
        std::size_t host_begin = begin;
        if (std::size_t const sign = text_.substr(0, end).rfind('@'); sign != std::string_view::npos && sign >= begin) {
            if (!check(begin, sign, ":")) return false;
            made_.user_info = between(begin, sign);
            host_begin = sign + 1;
        }
        return host(host_begin, end);
    }
    bool host(std::size_t begin, std::size_t end) noexcept {
        std::size_t host_end = end;
        if (begin < end && text_[begin] == '[') {
            host_end = text_.substr(0, end).find(']', begin);
            if (host_end == std::string_view::npos) return fail(fault::bad_address, begin);
            if (!literal(begin + 1, host_end)) return false;
            ++host_end;
            if (host_end < end && text_[host_end] != ':') return fail(fault::bad_host, host_end);
        } else {
            if (std::size_t const colon = text_.substr(0, end).find(':', begin); colon != std::string_view::npos) host_end = colon;
            if (!check(begin, host_end, {})) return false;
        }
        made_.host = between(begin, host_end);
        if (host_end == begin && needs_host()) return fail(fault::bad_host, begin);
        return host_end == end || port(host_end + 1, end);
    }
    [[nodiscard]] bool needs_host() const noexcept { return default_port(text_.substr(0, made_.scheme.size)).has_value(); }
    bool port(std::size_t begin, std::size_t end) noexcept {
        std::uint32_t value = 0;
        for (std::size_t i = begin; i < end; ++i) {
            if (!is_digit(text_[i])) return fail(fault::bad_port, i);
            value = value * 10 + static_cast<std::uint32_t>(text_[i] - '0');
            if (value > 65535) return fail(fault::bad_port, begin);
        }
        if (begin != end) made_.port = static_cast<std::uint16_t>(value);
        return true;
    }
    /// The inside of the brackets.
    bool literal(std::size_t begin, std::size_t end) noexcept {
        if (begin < end && to_lower(text_[begin]) == 'v') {
            std::size_t const dot = text_.find('.', begin);
            if (dot == std::string_view::npos || dot >= end || dot == begin + 1 || dot + 1 == end)
                return fail(fault::bad_address, begin);
            for (std::size_t i = begin + 1; i < dot; ++i)
                if (hex_value(text_[i]) < 0) return fail(fault::bad_address, i);
            for (std::size_t i = dot + 1; i < end; ++i)
                if (!is_unreserved(text_[i]) && !is_sub_delimiter(text_[i]) && text_[i] != ':') return fail(fault::bad_address, i);
            return true;
        }
        return address(begin, end);
    }
    bool address(std::size_t begin, std::size_t end) noexcept {
        int groups = 0;
        bool shortened = false;
        std::size_t i = begin;
        if (text_.substr(begin, end - begin).substr(0, 2) == "::") {
            shortened = true;
            i += 2;
        }
        while (i < end) {
            std::size_t const group = i;
            while (i < end && hex_value(text_[i]) >= 0)
                ++i;
            if (i < end && text_[i] == '.') {
                if (!dotted(group, end)) return fail(fault::bad_address, group);
                groups += 2;
                i = end;
                break;
            }
            if (i == group || i - group > 4) return fail(fault::bad_address, i == group ? i : group);
            ++groups;
            if (i == end) break;
            if (text_[i] != ':') return fail(fault::bad_address, i);
            ++i;
            if (i == end) return fail(fault::bad_address, i - 1);
            if (text_[i] == ':') {
                if (shortened) return fail(fault::bad_address, i);
                shortened = true;
                ++i;
            }
        }
        bool const complete = shortened ? groups < 8 : groups == 8;
        return complete || fail(fault::bad_address, begin);
    }
    [[nodiscard]] bool dotted(std::size_t begin, std::size_t end) const noexcept {
        int numbers = 0;
        for (std::size_t i = begin;; ++i) {
            std::size_t const first = i;
            int value = 0;
            for (; i < end && is_digit(text_[i]) && i - first < 3; ++i)
                value = value * 10 + (text_[i] - '0');
            if (i == first || value > 255 || (i - first > 1 && text_[first] == '0')) return false;
            ++numbers;
            if (i == end) return numbers == 4;
            if (text_[i] != '.' || numbers == 4) return false;
        }
    }
    bool path() noexcept {
        std::size_t const begin = at_;
        std::size_t end = text_.find_first_of("?#", begin);
        if (end == std::string_view::npos) end = text_.size();
        if (!check(begin, end, ":@/")) return false;
        made_.path = between(begin, end);
        at_ = end;
        return true;
    }
    bool tail(char mark, url_range& where) noexcept {
        if (at_ == text_.size() || text_[at_] != mark) return true;
        std::size_t const begin = at_ + 1;
        std::size_t end = mark == '?' ? text_.find('#', begin) : text_.size();
        if (end == std::string_view::npos) end = text_.size();
        if (!check(begin, end, ":@/?")) return false;
        where = between(begin, end);
        at_ = end;
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    url_parts made_;
    located_fault wrong_{};
};

}  // namespace antiphon::http::detail
