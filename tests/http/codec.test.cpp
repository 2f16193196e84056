// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/codec.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <tuple>

#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;

TEST_CASE("codec: text is the body, there and back") {
    http::text_codec const text;
    CHECK(std::get<0>(*text.decode<std::string>({.body = "in"})) == "in");
    CHECK(text.decode<>({.body = "ignored"}).has_value());
    CHECK(text.encode("out").body == "out");
    CHECK(text.encode("out").status == 200);
    CHECK(text.encode().status == 204);
}

TEST_CASE("codec: a failure has the status that says the same, and when to come again") {
    CHECK(http::status_of(ap::errc::not_found) == 404);
    CHECK(http::status_of(ap::errc::deadline_exceeded) == 504);
    CHECK(http::status_of(ap::errc::overloaded) == 503);
    CHECK(http::status_of(ap::errc::internal) == 500);
    CHECK(http::status_of(std::make_error_code(std::errc::no_such_file_or_directory)) == 500);
    CHECK(http::status_of(http::at_fault(http::fault::bad_date, 3)) == 400);
    http::response const r = http::response_of(ap::failure{ap::errc::resource_exhausted}.with_retry_after(1500ms));
    CHECK(r.status == 429);
    CHECK(r.headers.get("Retry-After") == "2");
    CHECK_FALSE(http::response_of(ap::failure{ap::errc::unavailable}.with_retry_after(-1s)).headers.contains("Retry-After"));
}

TEST_CASE("codec: what went wrong inside stays inside") {
    CHECK(http::response_of({ap::errc::internal, "the password is x"}).body == "500 Internal Server Error");
    CHECK(http::response_of({ap::errc::invalid_argument, "a date is missing"}).body == "a date is missing");
#if ANTIPHON_EXCEPTIONS
    auto const thrown = ap::failure::from_exception(std::make_exception_ptr(std::runtime_error{"the password is x"}));
    CHECK(http::response_of(thrown).body == "500 Internal Server Error");
#endif
}
