// SPDX-License-Identifier: BSL-1.0
#pragma once
// Catch2 2.13 and 3 behind one include. Under both: the macros, `Approx` and `ContainsSubstring`.

#if __has_include(<catch2/catch_all.hpp>)

#include <catch2/catch_approx.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using Catch::Approx;
using Catch::Matchers::ContainsSubstring;

#else

#include <catch2/catch.hpp>

#include <string>

// `using Catch::Approx` would bind a matcher of that name under version 2, where Catch has imported the class already.
inline auto ContainsSubstring(std::string const& text, Catch::CaseSensitive::Choice sensitivity = Catch::CaseSensitive::Yes) {
    return Catch::Matchers::Contains(text, sensitivity);
}

#endif
