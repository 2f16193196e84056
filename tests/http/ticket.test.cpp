// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/ticket.hpp>

#include <chrono>
#include <string>

#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;

namespace {
http::date_time const moment{std::chrono::seconds{4102444799}};
http::located_fault fault_in(std::string const& text) {
    auto const parsed = http::ticket::parse(text);
    REQUIRE_FALSE(parsed.has_value());
    return http::fault_of(parsed.error()).value();
}
}  // namespace

TEST_CASE("ticket: 202 with a Location is one, anything else is none") {
    CHECK(http::ticket::in({.status = 202, .headers = {{"Location", "http://h/t/1"}}}, "/x").has_value());
    CHECK_FALSE(http::ticket::in({.status = 202}, "/x").has_value());
    CHECK_FALSE(http::ticket::in({.status = 201, .headers = {{"Location", "http://h/t/1"}}}, "/x").has_value());
}

TEST_CASE("ticket: its location is resolved against where the response came from, else against the target") {
    http::response r{.status = 202, .headers = {{"Location", "../t/1"}}};
    CHECK(http::ticket::in(r, "http://h/a/b")->value().url == "http://h/t/1");
    r.url = "http://other/a/b";
    CHECK(http::ticket::in(r, "http://h/a/b")->value().url == "http://other/t/1");
    CHECK(http::ticket::in({.status = 202, .headers = {{"Location", "/t/1"}}}, "/x")->value().url == "/t/1");
}

TEST_CASE("ticket: a location that is no URL is a fault") {
    auto const found = http::ticket::in({.status = 202, .headers = {{"Location", "http://h/a b"}}}, "/x");
    REQUIRE(found.has_value());
    CHECK(http::fault_of(found->error()) == http::located_fault{http::fault::unexpected_character, 10});
}

TEST_CASE("ticket: it remembers when to come, and whether looks are held") {
    http::response const r{
        .status = 202,
        .headers = {{"Location", "http://h/t"}, {"Retry-After", "100"}, {"Preference-Applied", "respond-async, wait=5"}}};
    http::ticket const made = http::ticket::in(r, "/")->value();
    CHECK(made.waits);
    CHECK(made.pause() > 95s);
    CHECK(made.pause() <= 101s);
    CHECK(http::ticket{.url = "http://h/t", .not_before = moment}.pause(moment - 7s) == 7s);
    CHECK(http::ticket{.url = "http://h/t", .not_before = moment}.pause(moment + 7s) == 0s);
    CHECK(http::ticket{.url = "http://h/t"}.pause(moment) == 0s);
}

TEST_CASE("ticket: one that is to be used after centuries can be written and read") {
    http::response const r{.status = 202, .headers = {{"Location", "http://h/t"}, {"Retry-After", "99999999999999"}}};
    http::ticket const made = http::ticket::in(r, "/")->value();
    CHECK(http::ticket::parse(made.text()).value() == made);
}

TEST_CASE("ticket: what is written is read again") {
    for (http::ticket const& each :
         {http::ticket{.url = "http://h/t/1?x=%20"}, http::ticket{.url = "http://h/", .not_before = moment, .waits = true}}) {
        CHECK(http::ticket::parse(each.text()).value() == each);
    }
    CHECK(http::ticket::parse("antiphon ticket 1\r\nlocation: http://h/\r\n\r\nX-New: y\r\n").value() ==
          http::ticket{.url = "http://h/"});
}

TEST_CASE("ticket: what is no ticket is refused, with the position") {
    using http::fault;
    CHECK(fault_in("") == http::located_fault{fault::missing, 0});
    CHECK(fault_in("something else\n").what == fault::bad_name);
    CHECK(fault_in("antiphon ticket 1\n") == http::located_fault{fault::missing, 18});
    CHECK(fault_in("antiphon ticket 1\nLocation: http://a b/\n").what == fault::unexpected_character);
    CHECK(fault_in("antiphon ticket 1\nLocation: http://h/\x01\n") == http::located_fault{fault::control_character, 37});
    CHECK(fault_in("antiphon ticket 1\nno colon\n").what == fault::missing);
    CHECK(fault_in("antiphon ticket 1\nLocation: http://h/\nNot-Before: soon\n").what == fault::bad_date);
    CHECK(fault_in("antiphon ticket 1\n" + std::string(std::size_t{3} << 20, 'x')).what == fault::too_long);
}
