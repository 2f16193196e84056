// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/fields.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using http::fault;

namespace {

http::located_fault fault_in(ap::result<void> const& r) {
    REQUIRE_FALSE(r.has_value());
    return http::fault_of(r.error()).value();
}

}  // namespace

TEST_CASE("fields: a name is found in any case") {
    http::fields f;
    REQUIRE(f.add("Content-Type", "text/plain").has_value());
    CHECK(f.get("content-type") == "text/plain");
    CHECK(f.contains("CONTENT-TYPE"));
    CHECK_FALSE(f.get("Content").has_value());
}

TEST_CASE("fields: order and spelling are kept, and a name may come several times") {
    http::fields const f{{"B", "1"}, {"a", "2"}, {"b", "3"}};
    std::vector<http::field> seen;
    for (http::field const each : f)
        seen.push_back(each);
    CHECK(seen == std::vector<http::field>{{"B", "1"}, {"a", "2"}, {"b", "3"}});
    CHECK(f.get("b") == "1");
    CHECK(f.count("b") == 2);
    CHECK(f.joined("B") == "1, 3");
    CHECK(f.joined("c").empty());
    CHECK(f.size() == 3);
}

TEST_CASE("fields: blanks around a value are no part of it") {
    http::fields const f{{"a", " \t x y\t"}, {"b", "  "}};
    CHECK(f.get("a") == "x y");
    CHECK(f.get("b") == "");
}

TEST_CASE("fields: a value cannot smuggle in a line") {
    http::fields f{{"a", "1"}};
    CHECK(fault_in(f.add("b", "x\r\nEvil: y")) == http::located_fault{fault::control_character, 1});
    CHECK(fault_in(f.add("b", "x\n")) == http::located_fault{fault::control_character, 1});
    CHECK(fault_in(f.set("a", std::string_view{"x\0y", 3})) == http::located_fault{fault::control_character, 1});
    CHECK(fault_in(f.add("b", "\x7f")) == http::located_fault{fault::control_character, 0});
    CHECK(f == http::fields{{"a", "1"}});
}

TEST_CASE("fields: every control character but the tab is refused, every other byte kept") {
    for (int c = 0; c < 256; ++c) {
        http::fields f;
        std::string const value = std::string{"x"} + static_cast<char>(c) + "y";
        bool const refused = (c < 32 && c != '\t') || c == 127;
        INFO("byte " << c);
        CHECK(f.add("a", value).has_value() == !refused);
        if (!refused) CHECK(f.get("a") == value);
    }
}

TEST_CASE("fields: a name is a token") {
    http::fields f;
    CHECK(fault_in(f.add("", "x")) == http::located_fault{fault::missing, 0});
    CHECK(fault_in(f.add("a b", "x")) == http::located_fault{fault::bad_name, 1});
    CHECK(fault_in(f.add("a:", "x")) == http::located_fault{fault::bad_name, 1});
    CHECK(fault_in(f.add("ab\r\nc", "x")) == http::located_fault{fault::control_character, 2});
    CHECK(fault_in(f.add("\xc3\xa4", "x")) == http::located_fault{fault::bad_name, 0});
    CHECK(f.empty());
}

TEST_CASE("fields: set replaces the first of a name where it stands, and drops the others") {
    http::fields f{{"a", "1"}, {"b", "2"}, {"A", "3"}, {"c", "4"}, {"a", "5"}};
    REQUIRE(f.set("A", "9").has_value());
    CHECK(f == http::fields{{"a", "9"}, {"b", "2"}, {"c", "4"}});
    REQUIRE(f.set("d", "8").has_value());
    CHECK(f[3] == http::field{"d", "8"});
}

TEST_CASE("fields: erase takes all of a name and says how many") {
    http::fields f{{"a", "1"}, {"b", "2"}, {"A", "3"}};
    CHECK(f.erase("a") == 2);
    CHECK(f.erase("a") == 0);
    CHECK(f == http::fields{{"b", "2"}});
    f.clear();
    CHECK(f.empty());
}

TEST_CASE("fields: what lies in the fields themselves can be added again") {
    http::fields f{{"a", "a value that is long enough to need memory of its own"}};
    for (int i = 0; i < 20; ++i)
        REQUIRE(f.add(f[0].name, f[0].value).has_value());
    REQUIRE(f.set(f[0].name, f[0].value).has_value());
    CHECK(f == http::fields{{"a", "a value that is long enough to need memory of its own"}});
    CHECK(f.erase(f[0].name) == 1);
}

TEST_CASE("fields: a line is taken apart, with or without its end") {
    http::fields f;
    REQUIRE(f.add_line("Host: example.org\r\n").has_value());
    REQUIRE(f.add_line("Empty:\n").has_value());
    REQUIRE(f.add_line("Colons: a:b:c").has_value());
    CHECK(f == http::fields{{"Host", "example.org"}, {"Empty", ""}, {"Colons", "a:b:c"}});
}

TEST_CASE("fields: a line that is none is refused where it goes wrong") {
    http::fields f;
    CHECK(fault_in(f.add_line("no colon")) == http::located_fault{fault::missing, 8});
    CHECK(fault_in(f.add_line("Host : x")) == http::located_fault{fault::bad_name, 4});
    CHECK(fault_in(f.add_line(" folded: x")) == http::located_fault{fault::bad_name, 0});
    CHECK(fault_in(f.add_line("a: x\ry\r\n")) == http::located_fault{fault::control_character, 4});
    CHECK(fault_in(f.add_line(": x")) == http::located_fault{fault::missing, 0});
    CHECK(f.empty());
}

TEST_CASE("fields: copies share nothing") {
    http::fields a{{"x", "1"}};
    http::fields b = a;
    REQUIRE(b.set("x", "2").has_value());
    CHECK(a.get("x") == "1");
    CHECK_FALSE(a == b);
}

TEST_CASE("fields: equality reads names without case, values with it") {
    CHECK(http::fields{{"A", "x"}} == http::fields{{"a", "x"}});
    CHECK_FALSE(http::fields{{"a", "X"}} == http::fields{{"a", "x"}});
    CHECK_FALSE(http::fields{{"a", "x"}} == http::fields{});
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("fields: a list with a bad one does not come to be") {
    CHECK_THROWS_AS((http::fields{{"a", "1"}, {"b", "x\ny"}}), ap::request_error);
}
#endif

TEST_CASE("fields: a name and a value of its own may be added again") {
    http::fields f{{"Name", "a value that is longer than short strings are"}};
    for (int i = 0; i < 100; ++i) {
        http::field const first = *f.begin();
        REQUIRE(f.add(first.name, first.value));
    }
    CHECK(f.count("Name") == 101);
    for (http::field const each : f)
        REQUIRE(each == http::field{"Name", "a value that is longer than short strings are"});
}
