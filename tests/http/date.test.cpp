// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/date.hpp>

#include <chrono>
#include <string>
#include <string_view>

#include "catch_compat.hpp"

namespace http = antiphon::http;

namespace {

http::date_time at(long long seconds) { return http::date_time{std::chrono::seconds{seconds}}; }
http::date_time const now = at(1'700'000'000);  // 2023

bool refused(std::string_view text) {
    auto const d = http::parse_date(text, now);
    return !d && http::fault_of(d.error())->what == http::fault::bad_date;
}

}  // namespace

TEST_CASE("date: the three forms of RFC 9110 are one moment") {
    CHECK(http::parse_date("Sun, 06 Nov 1994 08:49:37 GMT", now).value() == at(784111777));
    CHECK(http::parse_date("Sunday, 06-Nov-94 08:49:37 GMT", now).value() == at(784111777));
    CHECK(http::parse_date("Sun Nov  6 08:49:37 1994", now).value() == at(784111777));
    CHECK(http::parse_date("Wed Nov 16 08:49:37 1994", now).value() == at(784975777));
}

TEST_CASE("date: a year of two digits is at most 50 years ahead") {
    CHECK(http::parse_date("Monday, 01-Jan-73 00:00:00 GMT", now).value() ==
          http::parse_date("Sun, 01 Jan 2073 00:00:00 GMT", now).value());
    CHECK(http::parse_date("Monday, 01-Jan-74 00:00:00 GMT", now).value() ==
          http::parse_date("Tue, 01 Jan 1974 00:00:00 GMT", now).value());
    CHECK(http::parse_date("Tuesday, 01-Jan-23 00:00:00 GMT", now).value() ==
          http::parse_date("Sun, 01 Jan 2023 00:00:00 GMT", now).value());
}

TEST_CASE("date: the names of all seven days are known in full") {
    for (char const* day : {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"})
        CHECK(http::parse_date(std::string{day} + ", 06-Nov-94 08:49:37 GMT", now).has_value());
    CHECK(refused("Sunnday, 06-Nov-94 08:49:37 GMT"));
}

TEST_CASE("date: leap days exist in leap years only") {
    CHECK(http::parse_date("Thu, 29 Feb 2024 00:00:00 GMT", now).value() == at(1709164800));
    CHECK(http::parse_date("Tue, 29 Feb 2000 00:00:00 GMT", now).has_value());
    CHECK(refused("Wed, 29 Feb 2023 00:00:00 GMT"));
    CHECK(refused("Thu, 29 Feb 1900 00:00:00 GMT"));
}

TEST_CASE("date: a leap second is the last second of its minute") {
    CHECK(http::parse_date("Sat, 31 Dec 2016 23:59:60 GMT", now).value() ==
          http::parse_date("Sat, 31 Dec 2016 23:59:59 GMT", now).value());
}

TEST_CASE("date: what is none is refused") {
    for (char const* text : {"", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 6 Nov 1994 08:49:37 GMT",
                             "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 06 Nix 1994 08:49:37 GMT",
                             "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
                             "Sun, 06 Nov 1994 08:49:37 GMTx", "Sun, 06 Nov -994 08:49:37 GMT", "Xun, 06 Nov 1994 08:49:37 GMT",
                             "Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37", ",", "Su,", "Sunday, 06-Nov-1994 08:49:37 GMT"}) {
        INFO("date " << text);
        CHECK(refused(text));
    }
}

TEST_CASE("date: the fault is where the text goes wrong") {
    CHECK(http::fault_of(http::parse_date("Sun, 06 Nix 1994 08:49:37 GMT", now).error())->position == 8);
    CHECK(http::fault_of(http::parse_date("Sun, 06 Nov 1994 08:49:37 GMTx", now).error())->position == 29);
}

TEST_CASE("date: printed it is the preferred form, and comes back") {
    CHECK(http::print_date(at(784111777)) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(http::print_date(at(0)) == "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK(http::print_date(at(-1)) == "Wed, 31 Dec 1969 23:59:59 GMT");
    for (long long seconds = -62'135'596'800; seconds < 253'402'300'799; seconds += 86'400LL * 97 + 12'345)
        REQUIRE(http::parse_date(http::print_date(at(seconds)), now).value() == at(seconds));
}
