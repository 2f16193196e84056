// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/retry_after.hpp>

#include <chrono>
#include <string>

#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;

namespace {
http::date_time const now{std::chrono::seconds{784111777}};  // Sun, 06 Nov 1994 08:49:37 GMT
}

TEST_CASE("retry_after: seconds are seconds") {
    CHECK(http::parse_retry_after("120", now).value() == 120s);
    CHECK(http::parse_retry_after(" 0 ", now).value() == 0s);
}

TEST_CASE("retry_after: far too many seconds are for ever, not a small number") {
    CHECK(http::parse_retry_after("99999999999999999999999", now).value() == ap::duration::max());
    CHECK(http::parse_retry_after("9223372036854775807", now).value() == ap::duration::max());
}

TEST_CASE("retry_after: a date is the time until then") {
    CHECK(http::parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now).value() == 60s);
    CHECK(http::parse_retry_after("Sun Nov  6 08:49:38 1994", now).value() == 1s);
}

TEST_CASE("retry_after: a date that has passed is no wait") {
    CHECK(http::parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now).value() == 0s);
    CHECK(http::parse_retry_after("Sun, 06 Nov 1974 08:49:37 GMT", now).value() == 0s);
}

TEST_CASE("retry_after: nonsense is refused where it goes wrong") {
    CHECK(http::fault_of(http::parse_retry_after("", now).error()) == http::located_fault{http::fault::missing, 0});
    CHECK(http::fault_of(http::parse_retry_after("12x", now).error()) == http::located_fault{http::fault::bad_number, 2});
    CHECK(http::fault_of(http::parse_retry_after("1.5", now).error()) == http::located_fault{http::fault::bad_number, 1});
    CHECK(http::fault_of(http::parse_retry_after("-1", now).error())->what == http::fault::bad_date);
    CHECK(http::fault_of(http::parse_retry_after("soon", now).error())->what == http::fault::bad_date);
}
