// SPDX-License-Identifier: BSL-1.0
#pragma once
// An example says what it expects, and ends with exit code 1 when that is not so.

#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>

inline void expect(bool holds, char const* what) {
    if (holds) return;
    fmt::print(stderr, "expected: {}\n", what);
    std::exit(1);
}
