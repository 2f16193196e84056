// SPDX-License-Identifier: BSL-1.0
#pragma once
// URLs and references to them: their parts, resolved against each other, put together again.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "antiphon/core/result.hpp"
#include "antiphon/http/characters.hpp"
#include "antiphon/http/detail/url_parser.hpp"
#include "antiphon/http/fault.hpp"
#include "antiphon/http/percent.hpp"

namespace antiphon::http {

/// An URI reference: absolute (`https://host/path`) or relative (`../x?y`). Keeps its text as it was written.
/// **Threads**: a value. **Cost**: one string. **Source**: RFC 3986.
class url {
public:
    /// What is longer is refused.
    static constexpr std::size_t longest = detail::url_parser::longest;

    /// The empty reference.
    url() = default;
    /// **Errors**: a fault and its position; nothing is repaired or guessed.
    [[nodiscard]] static result<url> parse(std::string_view text);

    [[nodiscard]] std::string const& text() const noexcept { return text_; }
    /// Without the colon; empty in a relative reference.
    [[nodiscard]] std::string_view scheme() const noexcept { return part(parts_.scheme); }
    /// Whether there is a scheme.
    [[nodiscard]] bool absolute() const noexcept { return parts_.scheme.given(); }
    [[nodiscard]] bool has_authority() const noexcept { return parts_.host.given(); }
    [[nodiscard]] std::optional<std::string_view> user_info() const noexcept { return optional_part(parts_.user_info); }
    /// As written: an IPv6 address in its brackets.
    [[nodiscard]] std::string_view host() const noexcept { return part(parts_.host); }
    /// As written; `effective_port` knows those of http and https.
    [[nodiscard]] std::optional<std::uint16_t> port() const noexcept { return parts_.port; }
    [[nodiscard]] std::optional<std::uint16_t> effective_port() const noexcept {
        return parts_.port ? parts_.port : detail::default_port(scheme());
    }
    [[nodiscard]] std::string_view path() const noexcept { return part(parts_.path); }
    [[nodiscard]] std::optional<std::string_view> query() const noexcept { return optional_part(parts_.query); }
    [[nodiscard]] std::optional<std::string_view> fragment() const noexcept { return optional_part(parts_.fragment); }
    /// What goes into a request line: the path, at least "/", and the query.
    [[nodiscard]] std::string request_target() const {
        std::string out{path().empty() ? "/" : path()};
        if (parts_.query.given()) out.append("?").append(part(parts_.query));
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
    /// A URL before it is a text.
    struct pieces {
        std::string scheme;
        std::optional<std::string> authority;
        std::string path;
        std::optional<std::string> query, fragment;
        [[nodiscard]] std::string joined() const;
    };

    url(std::string_view text, detail::url_parts const& parts) : text_{text}, parts_{parts} {}

    [[nodiscard]] std::string_view part(detail::url_range r) const noexcept { return r.of(text_); }
    [[nodiscard]] std::optional<std::string_view> optional_part(detail::url_range r) const noexcept {
        return r.given() ? std::optional{part(r)} : std::nullopt;
    }
    [[nodiscard]] std::optional<std::string> authority() const {
        if (!has_authority()) return std::nullopt;
        std::string out;
        if (parts_.user_info.given()) out.append(part(parts_.user_info)).append("@");
        out.append(host());
        if (parts_.port) out.append(":").append(std::to_string(*parts_.port));
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
    detail::url_parts parts_;
};

inline result<url> url::parse(std::string_view text) {
    result<detail::url_parts> const parts = detail::url_parser{text}.run();
    if (!parts) return parts.error();
    return url{text, *parts};
}

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
        if (parts_.user_info.given()) made.authority->append(with_plain_escapes(part(parts_.user_info), false)).append("@");
        made.authority->append(with_plain_escapes(host(), true));
        if (parts_.port && parts_.port != detail::default_port(scheme()))
            made.authority->append(":").append(std::to_string(*parts_.port));
    }
    if (absolute()) made.path = without_dots(made.path);
    if (has_authority() && made.path.empty()) made.path = "/";
    if (parts_.query.given()) made.query = with_plain_escapes(part(parts_.query), false);
    if (parts_.fragment.given()) made.fragment = with_plain_escapes(part(parts_.fragment), false);
    std::string text = made.joined();
    if (!absolute()) text.erase(0, 1);  // the colon of no scheme
    result<url> parsed = parse(text);
    return parsed ? *std::move(parsed) : *this;
}

}  // namespace antiphon::http
