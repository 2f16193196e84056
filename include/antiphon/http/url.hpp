// SPDX-License-Identifier: BSL-1.0
#pragma once
// URLs and references to them: taken apart, resolved against each other, put together again.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

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

/// An URI reference: absolute (`https://host/path`) or relative (`../x?y`). Keeps its text as it was written.
/// **Threads**: a value. **Cost**: one string. **Source**: RFC 3986.
class url {
public:
    /// What is longer is refused.
    static constexpr std::size_t longest = 1U << 20;

    /// The empty reference.
    url() = default;
    /// **Errors**: a fault and its position; nothing is repaired or guessed.
    [[nodiscard]] static result<url> parse(std::string_view text);

    [[nodiscard]] std::string const& text() const noexcept { return text_; }
    /// Without the colon; empty in a relative reference.
    [[nodiscard]] std::string_view scheme() const noexcept { return part(scheme_); }
    /// Whether there is a scheme.
    [[nodiscard]] bool absolute() const noexcept { return scheme_.given(); }
    [[nodiscard]] bool has_authority() const noexcept { return host_.given(); }
    [[nodiscard]] std::optional<std::string_view> user_info() const noexcept { return optional_part(user_info_); }
    /// As written: an IPv6 address in its brackets.
    [[nodiscard]] std::string_view host() const noexcept { return part(host_); }
    /// As written; `effective_port` knows those of http and https.
    [[nodiscard]] std::optional<std::uint16_t> port() const noexcept { return port_; }
    [[nodiscard]] std::optional<std::uint16_t> effective_port() const noexcept { return port_ ? port_ : default_port(scheme()); }
    [[nodiscard]] std::string_view path() const noexcept { return part(path_); }
    [[nodiscard]] std::optional<std::string_view> query() const noexcept { return optional_part(query_); }
    [[nodiscard]] std::optional<std::string_view> fragment() const noexcept { return optional_part(fragment_); }
    /// What goes into a request line: the path, at least "/", and the query.
    [[nodiscard]] std::string request_target() const {
        std::string out{path().empty() ? "/" : path()};
        if (query_.given()) out.append("?").append(part(query_));
        return out;
    }

    /// What `reference` means on the page at this URL. **Errors**: `fault::missing` when this one is not absolute.
    /// **Source**: RFC 3986, 5.2.
    [[nodiscard]] result<url> resolve(url const& reference) const;
    [[nodiscard]] result<url> resolve(std::string_view reference) const {
        result<url> const parsed = parse(reference);
        return parsed ? resolve(*parsed) : parsed;
    }
    /// The one form of all equivalent ones: case, escapes, dots, default port, empty path. **Source**: RFC 3986, 6.2.2 and 6.2.3.
    [[nodiscard]] url normalized() const;
    /// Whether both have one scheme, host and port.
    [[nodiscard]] bool same_origin(url const& other) const noexcept {
        return equal_without_case(scheme(), other.scheme()) && equal_without_case(host(), other.host()) &&
               effective_port() == other.effective_port();
    }

    [[nodiscard]] bool operator==(url const& other) const noexcept { return text_ == other.text_; }

private:
    static constexpr std::uint32_t absent = 0xffffffff;
    struct range {
        std::uint32_t begin = absent;
        std::uint32_t size = 0;
        [[nodiscard]] bool given() const noexcept { return begin != absent; }
    };
    class parser;
    /// A URL before it is a text.
    struct pieces {
        std::string scheme;
        std::optional<std::string> authority;
        std::string path;
        std::optional<std::string> query, fragment;
        [[nodiscard]] std::string joined() const;
    };

    [[nodiscard]] static std::optional<std::uint16_t> default_port(std::string_view scheme) noexcept {
        if (equal_without_case(scheme, "http")) return std::uint16_t{80};
        if (equal_without_case(scheme, "https")) return std::uint16_t{443};
        return std::nullopt;
    }
    [[nodiscard]] std::string_view part(range r) const noexcept {
        return r.given() ? std::string_view{text_}.substr(r.begin, r.size) : std::string_view{};
    }
    [[nodiscard]] std::optional<std::string_view> optional_part(range r) const noexcept {
        return r.given() ? std::optional{part(r)} : std::nullopt;
    }
    [[nodiscard]] std::optional<std::string> authority() const {
        if (!has_authority()) return std::nullopt;
        std::string out;
        if (user_info_.given()) out.append(part(user_info_)).append("@");
        out.append(host());
        if (port_) out.append(":").append(std::to_string(*port_));
        return out;
    }
    [[nodiscard]] static std::optional<std::string> copied(std::optional<std::string_view> text) {
        return text ? std::optional<std::string>{*text} : std::nullopt;
    }
    /// The path of a reference, seen from this URL's. **Source**: RFC 3986, 5.2.3.
    [[nodiscard]] std::string merged(std::string_view reference) const {
        if (has_authority() && path().empty()) return std::string{"/"}.append(reference);
        std::size_t const slash = path().rfind('/');
        return std::string{path().substr(0, slash == std::string_view::npos ? 0 : slash + 1)}.append(reference);
    }
    [[nodiscard]] static std::string without_dots(std::string_view path);
    [[nodiscard]] static std::string with_plain_escapes(std::string_view text, bool lower);

    std::string text_;
    range scheme_, user_info_, host_, path_{0, 0}, query_, fragment_;
    std::optional<std::uint16_t> port_;
};

/// Walks the text once, from left to right.
class url::parser {
public:
    explicit parser(std::string_view text) noexcept : text_{text} {}

    result<url> run() {
        if (text_.size() > longest) return at_fault(fault::too_long, longest);
        for (std::size_t i = 0; i < text_.size(); ++i) {
            if (is_control(text_[i])) return at_fault(fault::control_character, i);
            if (!is_ascii(text_[i])) return at_fault(fault::not_ascii, i);
        }
        bool const good = scheme() && authority() && path() && tail('?', made_.query_) && tail('#', made_.fragment_);
        if (!good) return at_fault(wrong_.what, wrong_.position);
        made_.text_ = text_;
        return std::move(made_);
    }

private:
    bool fail(fault what, std::size_t position) noexcept {
        wrong_ = {what, position};
        return false;
    }
    [[nodiscard]] range between(std::size_t begin, std::size_t end) const noexcept {
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
        made_.scheme_ = between(0, end);
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
            made_.user_info_ = between(begin, sign);
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
        made_.host_ = between(begin, host_end);
        if (host_end == begin && needs_host()) return fail(fault::bad_host, begin);
        return host_end == end || port(host_end + 1, end);
    }
    [[nodiscard]] bool needs_host() const noexcept { return default_port(text_.substr(0, made_.scheme_.size)).has_value(); }
    bool port(std::size_t begin, std::size_t end) noexcept {
        std::uint32_t value = 0;
        for (std::size_t i = begin; i < end; ++i) {
            if (!is_digit(text_[i])) return fail(fault::bad_port, i);
            value = value * 10 + static_cast<std::uint32_t>(text_[i] - '0');
            if (value > 65535) return fail(fault::bad_port, begin);
        }
        if (begin != end) made_.port_ = static_cast<std::uint16_t>(value);
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
        made_.path_ = between(begin, end);
        at_ = end;
        return true;
    }
    bool tail(char mark, range& where) noexcept {
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
    url made_;
    located_fault wrong_{};
};

inline result<url> url::parse(std::string_view text) { return parser{text}.run(); }

inline std::string url::pieces::joined() const {
    std::string out = scheme + ":";
    if (authority) {
        out.append("//").append(*authority);
    } else if (path.starts_with("//")) {
        out += "/.";  // else the path would read as an authority
    }
    out += path;
    if (query) out.append("?").append(*query);
    if (fragment) out.append("#").append(*fragment);
    return out;
}

/// **Source**: RFC 3986, 5.2.4.
inline std::string url::without_dots(std::string_view in) {
    std::string out;
    while (!in.empty()) {
        if (in.starts_with("../")) {
            in.remove_prefix(3);
        } else if (in.starts_with("./") || in.starts_with("/./")) {
            in.remove_prefix(2);
        } else if (in == "/.") {
            in = "/";
        } else if (in.starts_with("/../") || in == "/..") {
            in = in.size() == 3 ? std::string_view{"/"} : in.substr(3);
            std::size_t const last = out.rfind('/');
            out.erase(last == std::string::npos ? 0 : last);
        } else if (in == "." || in == "..") {
            in = {};
        } else {
            std::size_t const next = in.find('/', 1);
            out.append(in.substr(0, next));
            in.remove_prefix(next == std::string_view::npos ? in.size() : next);
        }
    }
    return out;
}

inline result<url> url::resolve(url const& reference) const {
    if (!absolute()) return at_fault(fault::missing, 0);
    pieces made{std::string{reference.absolute() ? reference.scheme() : scheme()}, reference.authority(),
                without_dots(reference.path()), copied(reference.query()), copied(reference.fragment())};
    if (!reference.absolute() && !reference.has_authority()) {
        made.authority = authority();
        if (reference.path().empty()) {
            made.path = path();
            if (!made.query) made.query = copied(query());
        } else if (!reference.path().starts_with('/')) {
            made.path = without_dots(merged(reference.path()));
        }
    }
    return parse(made.joined());
}

/// Escapes in capitals, and none of what needs no escape.
inline std::string url::with_plain_escapes(std::string_view text, bool lower) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += lower ? to_lower(text[i]) : text[i];
            continue;
        }
        char const byte = static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
        if (is_unreserved(byte)) {
            out += lower ? to_lower(byte) : byte;
        } else {
            out += percent_encoded({&byte, 1});
        }
        i += 2;
    }
    return out;
}

inline url url::normalized() const {
    pieces made{with_plain_escapes(scheme(), true), std::nullopt, with_plain_escapes(path(), false), std::nullopt, std::nullopt};
    if (has_authority()) {
        made.authority.emplace();
        if (user_info_.given()) made.authority->append(with_plain_escapes(part(user_info_), false)).append("@");
        made.authority->append(with_plain_escapes(host(), true));
        if (port_ && port_ != default_port(scheme())) made.authority->append(":").append(std::to_string(*port_));
    }
    if (absolute()) made.path = without_dots(made.path);
    if (has_authority() && made.path.empty()) made.path = "/";
    if (query_.given()) made.query = with_plain_escapes(part(query_), false);
    if (fragment_.given()) made.fragment = with_plain_escapes(part(fragment_), false);
    std::string text = made.joined();
    if (!absolute()) text.erase(0, 1);  // the colon of no scheme
    result<url> parsed = parse(text);
    return parsed ? *std::move(parsed) : *this;
}

}  // namespace antiphon::http
