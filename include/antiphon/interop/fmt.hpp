// SPDX-License-Identifier: BSL-1.0
#pragma once
// Printing failures and results with fmt.

#include <string>
#include <type_traits>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "antiphon/core/errc.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/core/result.hpp"

template <>
struct fmt::formatter<antiphon::errc> : fmt::formatter<fmt::string_view> {
    template <class Context>
    auto format(antiphon::errc code, Context& out) const {
        return fmt::formatter<fmt::string_view>::format(make_error_code(code).message(), out);
    }
};

template <>
struct fmt::formatter<antiphon::executed> : fmt::formatter<fmt::string_view> {
    template <class Context>
    auto format(antiphon::executed how, Context& out) const {
        fmt::string_view const word = how == antiphon::executed::no ? "no" : how == antiphon::executed::yes ? "yes" : "maybe";
        return fmt::formatter<fmt::string_view>::format(word, out);
    }
};

/// `{}` says what went wrong; `{:?}` everything that is known: `unavailable (antiphon:14, executed: maybe, attempts: 3, retry after: 250ms)`.
template <>
struct fmt::formatter<antiphon::failure> {
    constexpr auto parse(fmt::format_parse_context& in) {
        auto at = in.begin();
        if (at != in.end() && *at == '?') {
            whole_ = true;
            ++at;
        }
        return at;
    }
    template <class Context>
    auto format(antiphon::failure const& why, Context& out) const {
        if (!whole_) return fmt::format_to(out.out(), "{}", why.message());
        auto at = fmt::format_to(out.out(), "{} ({}:{}, executed: {}", why.message(), why.code().category().name(), why.code().value(),
                                 why.executed());
        if (why.attempts() > 1) at = fmt::format_to(at, ", attempts: {}", why.attempts());
        if (auto const wait = why.retry_after())
            at = fmt::format_to(at, ", retry after: {}", std::chrono::duration_cast<std::chrono::milliseconds>(*wait));
        return fmt::format_to(at, ")");
    }

private:
    bool whole_ = false;
};

/// The value in its own format, or the failure as `failed: …`.
template <class T>
    requires(!std::is_void_v<T> && fmt::is_formattable<std::remove_cvref_t<T>>::value)
struct fmt::formatter<antiphon::result<T>> : fmt::formatter<std::remove_cvref_t<T>> {
    template <class Context>
    auto format(antiphon::result<T> const& r, Context& out) const {
        if (r) return fmt::formatter<std::remove_cvref_t<T>>::format(*r, out);
        return fmt::format_to(out.out(), "failed: {}", r.error());
    }
};

template <>
struct fmt::formatter<antiphon::result<void>> {
    constexpr auto parse(fmt::format_parse_context& in) { return in.begin(); }
    template <class Context>
    auto format(antiphon::result<void> const& r, Context& out) const {
        if (r) return fmt::format_to(out.out(), "done");
        return fmt::format_to(out.out(), "failed: {}", r.error());
    }
};
