// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/message.hpp>

#include <chrono>

#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;

TEST_CASE("message: a request message asks for the root with GET unless it says otherwise") {
    http::request_message const m;
    CHECK(m.method == http::method{"GET"});
    CHECK(m.target == "/");
    CHECK(m.headers.empty());
    CHECK(m.body.empty());
    CHECK(http::request_message{.method = "PUT", .target = "/x", .body = "y"}.method.idempotent());
}

TEST_CASE("message: a response is all right when its status is of the class 2") {
    CHECK(http::response{.status = 200}.ok());
    CHECK(http::response{.status = 299}.ok());
    for (int status : {0, 100, 199, 300, 404, 500})
        CHECK_FALSE(http::response{.status = status}.ok());
    CHECK(http::response{.status = 404}.category() == http::status_class::client_error);
}

TEST_CASE("message: a response tells when to come again, in both forms") {
    http::date_time const now{std::chrono::seconds{784111777}};
    CHECK(http::response{.status = 503, .headers = {{"retry-after", "3"}}}.retry_after(now) == ap::duration{3s});
    CHECK(http::response{.status = 503, .headers = {{"Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT"}}}.retry_after(now) ==
          ap::duration{10s});
    CHECK_FALSE(http::response{.status = 503, .headers = {{"Retry-After", "later"}}}.retry_after(now).has_value());
    CHECK_FALSE(http::response{.status = 503}.retry_after().has_value());
}

TEST_CASE("message: as a failure a response keeps its status as a code, and when to come again") {
    ap::failure const why = http::response{.status = 429, .headers = {{"Retry-After", "7"}}}.as_failure();
    CHECK(why == ap::errc::resource_exhausted);
    CHECK(why.executed() == ap::executed::yes);
    CHECK(why.retry_after() == ap::duration{7s});
    CHECK(why.message() == "429 Too Many Requests");
    CHECK_FALSE(http::response{.status = 500}.as_failure().retry_after().has_value());
}

TEST_CASE("message: a date to come again at is seen by the server's own clock, where it tells the time") {
    http::response const r{.status = 503,
                           .headers = {{"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}, {"Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT"}}};
    CHECK(r.retry_after() == ap::duration{10s});
    http::response const past{.status = 503, .headers = {{"Date", "no date"}, {"Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT"}}};
    CHECK(past.retry_after() == ap::duration{0s});
}

TEST_CASE("message: what belongs to one origin, and what describes a body, can be taken away") {
    http::fields headers{{"authorization", "a"}, {"Cookie", "b"}, {"X", "c"}, {"Host", "h"}, {"content-type", "t"}};
    http::erase_credentials(headers);
    CHECK(headers == http::fields{{"X", "c"}, {"Content-Type", "t"}});
    http::erase_content_fields(headers);
    CHECK(headers == http::fields{{"X", "c"}});
}
