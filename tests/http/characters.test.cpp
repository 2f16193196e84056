// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/characters.hpp>

#include <string>
#include <string_view>

#include "catch_compat.hpp"

namespace http = antiphon::http;

namespace {

template <class Is>
std::string all_of(Is is) {
    std::string found;
    for (int c = 0; c < 256; ++c)
        if (is(static_cast<char>(c))) found += static_cast<char>(c);
    return found;
}

}  // namespace

TEST_CASE("characters: the classes are those of the RFCs, over all 256 bytes") {
    std::string const digits = "0123456789";
    std::string const capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    std::string const smalls = "abcdefghijklmnopqrstuvwxyz";
    CHECK(all_of(http::is_digit) == digits);
    CHECK(all_of(http::is_alpha) == capitals + smalls);
    CHECK(all_of(http::is_unreserved) == "-." + digits + capitals + "_" + smalls + "~");
    CHECK(all_of(http::is_sub_delimiter) == "!$&'()*+,;=");
    CHECK(all_of(http::is_token_character) == "!#$%&'*+-." + digits + capitals + "^_`" + smalls + "|~");
    CHECK(all_of(http::is_control).size() == 33);
    CHECK(all_of(http::is_ascii).size() == 128);
    CHECK(all_of(http::is_blank) == "\t ");
    CHECK(all_of([](char c) { return http::hex_value(c) >= 0; }) == digits + "ABCDEFabcdef");
}

TEST_CASE("characters: a hexadecimal digit has its value in both cases") {
    CHECK(http::hex_value('0') == 0);
    CHECK(http::hex_value('9') == 9);
    CHECK(http::hex_value('a') == 10);
    CHECK(http::hex_value('F') == 15);
    CHECK(http::hex_value('g') == -1);
}

TEST_CASE("characters: comparison looks at letters without case, at nothing else") {
    CHECK(http::equal_without_case("Content-LENGTH", "content-length"));
    CHECK_FALSE(http::equal_without_case("a", "ab"));
    CHECK_FALSE(http::equal_without_case("[", "{"));
    CHECK_FALSE(http::equal_without_case("\xc4", "\xe4"));
}

TEST_CASE("characters: trimming takes blanks and tabs from both ends only") {
    CHECK(http::trimmed(" \t a b\t ") == "a b");
    CHECK(http::trimmed(" \t ").empty());
    CHECK(http::trimmed("\r\n") == "\r\n");
}
