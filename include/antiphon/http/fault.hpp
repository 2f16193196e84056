// SPDX-License-Identifier: BSL-1.0
#pragma once
// What is wrong with a text of HTTP, and where: a std::error_code that carries both.

#include <cstddef>
#include <optional>
#include <string>
#include <system_error>

#include "antiphon/core/failure.hpp"

namespace antiphon::http {

/// What is wrong.
enum class fault : unsigned char {
    control_character = 1,  ///< a control character, a line break among them
    not_ascii,              ///< a byte above 127
    unexpected_character,   ///< a character that may not stand there
    bad_escape,             ///< a % without two hexadecimal digits
    bad_scheme,             ///< not letters, digits, + - .
    bad_host,               ///< a host that is none
    bad_port,               ///< not a number up to 65535
    bad_address,            ///< not an IPv6 address
    bad_name,               ///< not a token
    bad_number,             ///< not a number, or too large
    bad_date,               ///< not an HTTP date
    bad_time,               ///< not a length of time
    missing,                ///< something is missing
    too_long,               ///< longer than is accepted
};

/// A fault and the offset, in bytes, where the text goes wrong.
struct located_fault {
    fault what;
    std::size_t position;
    [[nodiscard]] bool operator==(located_fault const&) const = default;
};

namespace detail {

inline constexpr int position_bits = 24;
inline constexpr int position_mask = (1 << position_bits) - 1;

class fault_category final : public std::error_category {
public:
    [[nodiscard]] char const* name() const noexcept override { return "antiphon.http"; }
    [[nodiscard]] std::string message(int code) const override {
        return std::string{text(static_cast<fault>(code >> position_bits))} + ", at " + std::to_string(code & position_mask);
    }
    [[nodiscard]] std::error_condition default_error_condition(int) const noexcept override {
        return std::make_error_condition(std::errc::invalid_argument);
    }
    [[nodiscard]] static constexpr char const* text(fault what) noexcept {
        switch (what) {
            case fault::control_character: return "a control character";
            case fault::not_ascii: return "a byte that is not ASCII";
            case fault::unexpected_character: return "a character that may not stand there";
            case fault::bad_escape: return "a % without two hexadecimal digits";
            case fault::bad_scheme: return "not a scheme";
            case fault::bad_host: return "not a host";
            case fault::bad_port: return "not a port";
            case fault::bad_address: return "not an IPv6 address";
            case fault::bad_name: return "not a token";
            case fault::bad_number: return "not a number";
            case fault::bad_date: return "not an HTTP date";
            case fault::bad_time: return "not a length of time";
            case fault::missing: return "something is missing";
            case fault::too_long: return "too long";
        }
        return "a fault";
    }
};

inline fault_category const the_fault_category{};

}  // namespace detail

/// The category of faults; each is equivalent to `std::errc::invalid_argument`.
[[nodiscard]] inline std::error_category const& fault_category() noexcept { return detail::the_fault_category; }

/// The failure of a text that goes wrong at `position`. Nothing was executed. **Cost**: none; positions saturate at 2^24 - 1.
[[nodiscard]] inline failure at_fault(fault what, std::size_t position) noexcept {
    int const where = position < detail::position_mask ? static_cast<int>(position) : detail::position_mask;
    return failure{std::error_code{(static_cast<int>(what) << detail::position_bits) | where, fault_category()}, executed::no};
}

/// What and where, when that is the reason of a failure.
[[nodiscard]] inline std::optional<located_fault> fault_of(failure const& why) noexcept {
    std::error_code const code = why.code();
    if (code.category() != fault_category()) return std::nullopt;
    return located_fault{static_cast<fault>(code.value() >> detail::position_bits),
                         static_cast<std::size_t>(code.value() & detail::position_mask)};
}

}  // namespace antiphon::http
