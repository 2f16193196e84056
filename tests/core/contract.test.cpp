// SPDX-License-Identifier: BSL-1.0
#include "antiphon/core/contract.hpp"

#include <stdexcept>
#include <string>

#include "catch_compat.hpp"

TEST_CASE("require accepts what holds") {
    antiphon::detail::require(true, "unused");
    SUCCEED();
}

#if ANTIPHON_EXCEPTIONS

TEST_CASE("require refuses what does not hold by a sentence that names the field") {
    try {
        antiphon::detail::require(false, "thread_pool_options.threads: must not be zero");
        FAIL("must throw");
    } catch (std::invalid_argument const& e) {
        CHECK(std::string{e.what()} == "thread_pool_options.threads: must not be zero");
    }
}

TEST_CASE("refuse throws invalid_argument") {
    CHECK_THROWS_AS(antiphon::detail::refuse("text"), std::invalid_argument);
}

#endif
