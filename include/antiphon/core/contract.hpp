// SPDX-License-Identifier: BSL-1.0
#pragma once
// How bad input is refused: at the door, by a sentence that names the offending field.

#include <cstdio>
#include <exception>
#include <stdexcept>

#include "antiphon/core/config.hpp"

namespace antiphon::detail {

/// Where a program that may not throw ends: the sentence on stderr, then std::terminate().
[[noreturn]] inline void terminate_with(char const* text) noexcept {
    std::fprintf(stderr, "antiphon: %s\n", text);
    std::terminate();
}

/// Refuses an argument. **Errors**: throws `std::invalid_argument` with the text; without exceptions, terminates and prints it.
[[noreturn]] inline void refuse(char const* text) {
#if ANTIPHON_EXCEPTIONS
    throw std::invalid_argument{text};
#else
    terminate_with(text);
#endif
}

/// `require(threads != 0, "thread_pool_options.threads: must not be zero")`: refuses when the condition is false.
constexpr void require(bool condition, char const* text) {
    if (!condition) refuse(text);
}

}  // namespace antiphon::detail
