// SPDX-License-Identifier: BSL-1.0
#include "antiphon/messaging/codec.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace antiphon::messaging;

TEST_CASE("codec: text writes numbers so that they are read back exactly") {
    text const c;
    CHECK(c.encode(-17) == "-17");
    CHECK(c.decode(type<std::int64_t>{}, c.encode(std::numeric_limits<std::int64_t>::min())) ==
          std::numeric_limits<std::int64_t>::min());
    for (double d : {0.1, -1e300, 3.0, 5e-324})
        CHECK(c.decode(type<double>{}, c.encode(d)) == d);
    CHECK(c.encode(true) == "true");
    CHECK(c.decode(type<bool>{}, "false") == false);
}

TEST_CASE("codec: text refuses what is no such number, whole") {
    text const c;
    for (char const* bad : {"", "x", "1x", " 1", "1 ", "0x1", "--1"})
        CHECK(c.decode(type<int>{}, bad).error() == ap::errc::invalid_argument);
    CHECK(c.decode(type<unsigned>{}, "-1").error() == ap::errc::invalid_argument);
    CHECK(c.decode(type<std::int8_t>{}, "128").error() == ap::errc::out_of_range);
    CHECK(c.decode(type<bool>{}, "1").error() == ap::errc::invalid_argument);
}

TEST_CASE("codec: bytes are strings as they are") {
    bytes const c;
    std::string const any{"a\0\xFF", 3};
    CHECK(c.decode(type<std::string>{}, c.encode(any)) == any);
    STATIC_REQUIRE(encodes<bytes, std::string>);
    STATIC_REQUIRE_FALSE(encodes<bytes, int>);
    STATIC_REQUIRE_FALSE(decodes<bytes, int>);
}

TEST_CASE("codec: a message is its own body") {
    message given;
    given.body = "body";
    given.key = "k";
    REQUIRE(given.headers.add("A", "1").has_value());
    message m;
    REQUIRE(m.headers.add("B", "2").has_value());
    REQUIRE(detail::encode_into(text{}, m, std::move(given)).has_value());
    CHECK(m.body == "body");
    CHECK(m.key == "k");
    CHECK(m.headers == headers{{"B", "2"}, {"A", "1"}});
    CHECK(detail::decode_from<message>(text{}, std::move(m))->body == "body");
}
