// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/expect_success.hpp>

#include <chrono>
#include <string>

#include "antiphon/antiphon.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;

namespace {
auto answers(int status) {
    return ap::request{
        [status](std::string body) { return http::response{.status = status, .headers = {{"Retry-After", "4"}}, .body = body}; }};
}
}  // namespace

TEST_CASE("expect_success: a response of the class 2 passes whole, with the arguments") {
    CHECK((answers(201) | http::expect_success).call("made")->body == "made");
    CHECK((answers(299) | http::expect_success).submit("x").get()->status == 299);
}

TEST_CASE("expect_success: any other is a failure that was executed and knows when to come again") {
    for (int status : {101, 304, 404, 503}) {
        auto const r = (answers(status) | http::expect_success).call("x");
        REQUIRE_FALSE(r.has_value());
        CHECK(r.error() == http::errc_of_status(status));
        CHECK(r.error().executed() == ap::executed::yes);
        CHECK(r.error().retry_after() == ap::duration{4s});
    }
}

TEST_CASE("expect_success: a failure stays what it was") {
    ap::request const fails{[]() -> ap::result<http::response> { return ap::failure{ap::errc::aborted, ap::executed::no}; }};
    auto const r = (fails | http::expect_success).call();
    CHECK(r.error() == ap::errc::aborted);
    CHECK(r.error().executed() == ap::executed::no);
}

TEST_CASE("expect_success: it composes with other policies as a value") {
    auto const policies = http::expect_success | ap::timeout{.limit = 1h};
    CHECK((answers(200) | policies).call("x")->status == 200);
}
