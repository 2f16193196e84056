// SPDX-License-Identifier: BSL-1.0
#pragma once
// How long a message lay in a queue: of brokers that keep what is sent.

#include <charconv>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include "antiphon/core/time.hpp"
#include "antiphon/messaging/message.hpp"

namespace antiphon::messaging::detail {

/// The header says when, in nanoseconds since 1970. Clocks that disagree shorten or lengthen its time by as much.
inline constexpr char const* sent_header = "Antiphon-Sent";

[[nodiscard]] inline std::int64_t nanoseconds_since_1970() noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}
/// Takes what it has lain from what is left of its time.
inline void take_off(message& m, std::string_view sent) noexcept {
    std::int64_t when = 0;
    auto const [end, error] = std::from_chars(sent.data(), sent.data() + sent.size(), when);
    if (error != std::errc{} || end != sent.data() + sent.size() || when <= 0 || m.remaining == duration::max()) return;
    std::chrono::nanoseconds const lain{nanoseconds_since_1970() - when};
    if (lain > lain.zero()) m.remaining = m.remaining > lain ? m.remaining - lain : duration::zero();
}

}  // namespace antiphon::messaging::detail
