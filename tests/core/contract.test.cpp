// SPDX-License-Identifier: BSL-1.0
#include "antiphon/core/contract.hpp"

#include <stdexcept>
#include <string>

#include "catch_compat.hpp"
#include "support/death.hpp"

TEST_CASE("require accepts what holds") {
    antiphon::detail::require(true, "unused");
    SUCCEED();
}

#if ANTIPHON_HAS_FORK

TEST_CASE("terminate_with ends the program with its text on stderr") {
    CHECK(test::last_words([] { antiphon::detail::terminate_with("the reason"); }) == "antiphon: the reason\n");
}

#endif

#if ANTIPHON_HAS_FORK && !ANTIPHON_EXCEPTIONS

TEST_CASE("without exceptions, refuse ends the program with its text on stderr") {
    CHECK(test::last_words([] { antiphon::detail::refuse("jitter: too much"); }) == "antiphon: jitter: too much\n");
}

#endif

#if ANTIPHON_EXCEPTIONS

TEST_CASE("require refuses what does not hold by a sentence that names the field") {
    try {
        antiphon::detail::require(false, "thread_pool_options.threads: must not be zero");
        FAIL("must throw");
    } catch (std::invalid_argument const& e) {
        CHECK(std::string{e.what()} == "thread_pool_options.threads: must not be zero");
    }
}

TEST_CASE("refuse throws invalid_argument") { CHECK_THROWS_AS(antiphon::detail::refuse("text"), std::invalid_argument); }

#endif
