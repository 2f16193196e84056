// SPDX-License-Identifier: BSL-1.0
#include "antiphon/messaging/headers.hpp"

#include <string>

#include "catch_compat.hpp"

namespace ap = antiphon;
using antiphon::messaging::headers;

TEST_CASE("headers: names are found without case, in their order") {
    headers h{{"Tenant", "blue"}, {"Trace", "1"}, {"trace", "2"}};
    CHECK(h.size() == 3);
    CHECK(h.get("TRACE") == "1");
    CHECK_FALSE(h.get("Trac").has_value());
    CHECK(h.erase("trace") == 2);
    CHECK_FALSE(h.contains("Trace"));
}

TEST_CASE("headers: set leaves one of that name, whatever the arguments refer to") {
    headers h{{"A", "first"}, {"a", "second"}};
    REQUIRE(h.set("A", *h.get("A")).has_value());
    CHECK(h == headers{{"A", "first"}});
}

TEST_CASE("headers: what could end a line or is no name is refused, and changes nothing") {
    headers h;
    for (char const* name : {"", "a b", "a:b", "a\nb", "\xC3\xA9"})
        CHECK(h.add(name, "x").error() == ap::errc::invalid_argument);
    CHECK(h.add("a", "x\r\ny").error() == ap::errc::invalid_argument);
    CHECK(h.add("a", std::string{"x\0y", 3}).error() == ap::errc::invalid_argument);
    CHECK(h.empty());
    CHECK(h.add("a", "tab\tand \xC3\xA9").has_value());
}

TEST_CASE("headers: the names of the library's own are nobody else's") {
    headers h;
    CHECK(h.add("Antiphon-Key", "x").error() == ap::errc::invalid_argument);
    CHECK(h.set("antiphon-anything", "x").error() == ap::errc::invalid_argument);
    CHECK(h.add("Antiphonal", "x").has_value());
}
