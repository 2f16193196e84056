// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/percent.hpp>

#include <string>

#include "catch_compat.hpp"

namespace http = antiphon::http;

TEST_CASE("percent: text is escaped byte by byte, and comes back") {
    CHECK(http::percent_encoded("a b/\xc3\xa4~") == "a%20b%2F%C3%A4~");
    std::string every;
    for (int c = 0; c < 256; ++c)
        every += static_cast<char>(c);
    CHECK(http::percent_decoded(http::percent_encoded(every)).value() == every);
    CHECK(http::fault_of(http::percent_decoded("ab%4").error()) == http::located_fault{http::fault::bad_escape, 2});
    CHECK(http::percent_decoded("%zz").error().message() == "a % without two hexadecimal digits, at 0");
}
