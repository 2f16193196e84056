// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/prefer.hpp>

#include <chrono>
#include <string>
#include <string_view>

#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;

namespace {
http::located_fault wrong(std::string_view text) {
    auto const p = http::preferences::parse(text);
    INFO("prefer " << text);
    REQUIRE_FALSE(p.has_value());
    return http::fault_of(p.error()).value();
}
}  // namespace

TEST_CASE("prefer: respond-async and wait are read") {
    auto const p = http::preferences::parse("respond-async, wait=10").value();
    CHECK(p.respond_async());
    CHECK(p.wait() == 10s);
    CHECK(p.size() == 2);
}

TEST_CASE("prefer: names have no case, values may be quoted, blanks and parameters are read over") {
    auto const p = http::preferences::parse("Foo ; bar=\"a, b\" ; ; baz, WAIT = \"7\" , ,handling=lenient;x").value();
    CHECK(p.get("foo") == "");
    CHECK(p.wait() == 7s);
    CHECK(p.get("Handling") == "lenient");
    CHECK_FALSE(p.contains("bar"));
    CHECK_FALSE(p.respond_async());
}

TEST_CASE("prefer: the first of a name counts") { CHECK(http::preferences::parse("wait=1, wait=2").value().wait() == 1s); }

TEST_CASE("prefer: a quoted value keeps what was escaped") {
    CHECK(http::preferences::parse(R"(a="x\"y\\z")").value().get("a") == "x\"y\\z");
}

TEST_CASE("prefer: nothing at all is no preference") {
    CHECK(http::preferences::parse("").value().size() == 0);
    CHECK(http::preferences::parse(" , ,").value().size() == 0);
    CHECK_FALSE(http::preferences::parse("").value().wait().has_value());
}

TEST_CASE("prefer: a wait that is no number is no wait") {
    CHECK_FALSE(http::preferences::parse("wait=soon").value().wait().has_value());
    CHECK_FALSE(http::preferences::parse("wait").value().wait().has_value());
    CHECK(http::preferences::parse("wait=99999999999999999999").value().wait() == ap::duration::max());
}

TEST_CASE("prefer: what is no list of preferences is refused where it goes wrong") {
    CHECK(wrong("=x") == http::located_fault{http::fault::bad_name, 0});
    CHECK(wrong("a=") == http::located_fault{http::fault::missing, 2});
    CHECK(wrong("a b") == http::located_fault{http::fault::unexpected_character, 2});
    CHECK(wrong("a=\"x") == http::located_fault{http::fault::missing, 4});
    CHECK(wrong("a=\"x\ny\"") == http::located_fault{http::fault::control_character, 4});
    CHECK(wrong("a;=") == http::located_fault{http::fault::bad_name, 2});
    CHECK(wrong("a=b=c") == http::located_fault{http::fault::unexpected_character, 3});
}

TEST_CASE("prefer: printed, the wait is in whole seconds, rounded up, and comes back") {
    CHECK(http::print_prefer_async(2s) == "respond-async, wait=2");
    CHECK(http::print_prefer_async(1500ms) == "respond-async, wait=2");
    CHECK(http::print_prefer_async(0s) == "respond-async");
    CHECK(http::preferences::parse(http::print_prefer_async(1h)).value().wait() == 3600s);
}
