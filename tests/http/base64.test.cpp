// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/base64.hpp>

#include <string>
#include <utility>

#include "catch_compat.hpp"

namespace http = antiphon::http;

TEST_CASE("base64: the vectors of RFC 4648") {
    for (auto const& [bytes, text] : {std::pair{"", ""},
                                      {"f", "Zg=="},
                                      {"fo", "Zm8="},
                                      {"foo", "Zm9v"},
                                      {"foob", "Zm9vYg=="},
                                      {"fooba", "Zm9vYmE="},
                                      {"foobar", "Zm9vYmFy"}}) {
        CHECK(http::base64_encoded(bytes) == text);
        CHECK(http::base64_decoded(text) == std::string{bytes});
    }
}

TEST_CASE("base64: every byte comes back") {
    std::string all;
    for (int i = 0; i < 256; ++i)
        all += static_cast<char>(i);
    for (std::size_t cut = 0; cut < 3; ++cut) {
        std::string const some = all.substr(cut);
        CHECK(http::base64_decoded(http::base64_encoded(some)) == some);
    }
}

TEST_CASE("base64: what is not the one form of some bytes is refused, with the position") {
    auto const wrong = [](char const* text) { return http::fault_of(http::base64_decoded(text).error())->position; };
    CHECK(wrong("Zg=") == 3);
    CHECK(wrong("Zg") == 2);
    CHECK(wrong("Z===") == 1);
    CHECK(wrong("=Zg=") == 0);
    CHECK(wrong("Zm9-") == 3);
    CHECK(wrong("Zm 9") == 2);
    CHECK(wrong("Zh==") == 1);  // bits that belong to no byte
    CHECK(wrong("Zm9=") == 2);
    CHECK(wrong("Zg==Zg==") == 2);
}
