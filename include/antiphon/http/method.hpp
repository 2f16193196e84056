// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a message asks for: GET, POST and the others, and which of them may be sent twice.

#include <cstddef>
#include <string_view>

#include "antiphon/core/result.hpp"
#include "antiphon/http/characters.hpp"
#include "antiphon/http/fault.hpp"

namespace antiphon::http {

/// A method's name, case kept. A literal converts to it, checked by the compiler: `method m = "GET"`.
/// **Threads**: a value of 24 bytes. **Source**: RFC 9110, 9.
class method {
public:
    static constexpr std::size_t longest = 23;

    constexpr method() noexcept : method{unchecked{}, "GET"} {}
    template <std::size_t N>
    consteval method(char const (&literal)[N]) : method{unchecked{}, std::string_view{literal, N - 1}} {
        if (fault_in(std::string_view{literal, N - 1}) != N - 1 || N == 1) not_a_token_of_at_most_23_characters();
    }
    /// **Errors**: `fault::missing`, `fault::bad_name`, `fault::too_long`.
    [[nodiscard]] static result<method> parse(std::string_view name) {
        if (name.empty()) return at_fault(fault::missing, 0);
        std::size_t const at = fault_in(name);
        if (at != name.size()) return at_fault(at == longest ? fault::too_long : fault::bad_name, at);
        return method{unchecked{}, name};
    }

    [[nodiscard]] constexpr std::string_view name() const noexcept { return {text_, size_}; }
    [[nodiscard]] constexpr char const* c_str() const noexcept { return text_; }
    /// Asks for nothing to change. **Source**: RFC 9110, 9.2.1.
    [[nodiscard]] constexpr bool safe() const noexcept {
        return name() == "GET" || name() == "HEAD" || name() == "OPTIONS" || name() == "TRACE";
    }
    /// Twice is as good as once. **Source**: RFC 9110, 9.2.2.
    [[nodiscard]] constexpr bool idempotent() const noexcept { return safe() || name() == "PUT" || name() == "DELETE"; }

    [[nodiscard]] friend constexpr bool operator==(method const& a, method const& b) noexcept { return a.name() == b.name(); }

private:
    struct unchecked {};
    constexpr method(unchecked, std::string_view name) noexcept : size_{static_cast<unsigned char>(name.size() & 31)} {
        for (std::size_t i = 0; i < name.size() && i < longest; ++i)
            text_[i] = name[i];
    }
    /// Where it goes wrong; the size when it does not.
    [[nodiscard]] static constexpr std::size_t fault_in(std::string_view name) noexcept {
        for (std::size_t i = 0; i < name.size(); ++i)
            if (i == longest || !is_token_character(name[i])) return i;
        return name.size();
    }
    static void not_a_token_of_at_most_23_characters() {}

    char text_[longest + 1] = {};
    unsigned char size_;
};

static_assert(method{"GET"}.safe() && !method{"POST"}.idempotent() && method{"PUT"}.idempotent());

}  // namespace antiphon::http
