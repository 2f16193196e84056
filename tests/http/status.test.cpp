// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/status.hpp>

#include <string>

#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;

TEST_CASE("status: its first digit is its class, from 100 to 599") {
    CHECK(http::class_of(100) == http::status_class::informational);
    CHECK(http::class_of(204) == http::status_class::success);
    CHECK(http::class_of(399) == http::status_class::redirection);
    CHECK(http::class_of(400) == http::status_class::client_error);
    CHECK(http::class_of(599) == http::status_class::server_error);
    for (int none : {-1, 0, 99, 600, 2000})
        CHECK(http::class_of(none) == http::status_class::invalid);
}

TEST_CASE("status: every number has a text, and those with a name begin with the number") {
    for (int status = 0; status < 700; ++status) {
        std::string const text = http::status_text(status).c_str();
        bool const named = text[0] >= '0' && text[0] <= '9';
        if (named) CHECK(text.substr(0, 4) == std::to_string(status) + " ");
    }
    CHECK(std::string{http::status_text(404).c_str()} == "404 Not Found");
    CHECK(std::string{http::status_text(299).c_str()} == "a status of 2xx");
    CHECK(std::string{http::status_text(499).c_str()} == "a status of 4xx");
    CHECK(std::string{http::status_text(7).c_str()} == "not a status");
}

TEST_CASE("status: those that another attempt may cure have transient codes") {
    CHECK(http::errc_of_status(408) == ap::errc::deadline_exceeded);
    CHECK(http::errc_of_status(409) == ap::errc::aborted);
    CHECK(http::errc_of_status(425) == ap::errc::unavailable);
    CHECK(http::errc_of_status(429) == ap::errc::resource_exhausted);
    CHECK(http::errc_of_status(502) == ap::errc::unavailable);
    CHECK(http::errc_of_status(503) == ap::errc::unavailable);
    CHECK(http::errc_of_status(504) == ap::errc::deadline_exceeded);
}

TEST_CASE("status: the others have the nearest code, those without one that of their class") {
    CHECK(http::errc_of_status(401) == ap::errc::unauthenticated);
    CHECK(http::errc_of_status(403) == ap::errc::permission_denied);
    CHECK(http::errc_of_status(404) == ap::errc::not_found);
    CHECK(http::errc_of_status(410) == ap::errc::not_found);
    CHECK(http::errc_of_status(412) == ap::errc::failed_precondition);
    CHECK(http::errc_of_status(416) == ap::errc::out_of_range);
    CHECK(http::errc_of_status(501) == ap::errc::unimplemented);
    CHECK(http::errc_of_status(422) == ap::errc::invalid_argument);
    CHECK(http::errc_of_status(418) == ap::errc::invalid_argument);
    CHECK(http::errc_of_status(500) == ap::errc::internal);
    CHECK(http::errc_of_status(599) == ap::errc::internal);
    CHECK(http::errc_of_status(304) == ap::errc::unknown);
    CHECK(http::errc_of_status(0) == ap::errc::unknown);
}

TEST_CASE("status: as a failure it was an answer, and names itself") {
    ap::failure const why = http::failure_of_status(503);
    CHECK(why == ap::errc::unavailable);
    CHECK(why.executed() == ap::executed::yes);
    CHECK(why.message() == "503 Service Unavailable");
}
