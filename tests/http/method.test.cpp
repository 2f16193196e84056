// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/method.hpp>

#include <string>
#include <string_view>

#include "catch_compat.hpp"

namespace http = antiphon::http;
using http::fault;

TEST_CASE("method: one that was not named is GET") { CHECK(http::method{} == http::method{"GET"}); }

TEST_CASE("method: GET, HEAD, OPTIONS and TRACE are safe, PUT and DELETE idempotent as well, the others neither") {
    for (char const* name : {"GET", "HEAD", "OPTIONS", "TRACE"}) {
        CHECK(http::method::parse(name)->safe());
        CHECK(http::method::parse(name)->idempotent());
    }
    for (char const* name : {"PUT", "DELETE"}) {
        CHECK_FALSE(http::method::parse(name)->safe());
        CHECK(http::method::parse(name)->idempotent());
    }
    for (char const* name : {"POST", "PATCH", "CONNECT", "get", "PURGE"}) {
        CHECK_FALSE(http::method::parse(name)->safe());
        CHECK_FALSE(http::method::parse(name)->idempotent());
    }
}

TEST_CASE("method: case counts") {
    CHECK_FALSE(http::method{"get"} == http::method{"GET"});
    CHECK(http::method::parse("get")->name() == "get");
}

TEST_CASE("method: an extension keeps its name") {
    CHECK(http::method::parse("VERSION-CONTROL")->name() == "VERSION-CONTROL");
    CHECK(std::string{http::method{"MKCOL"}.c_str()} == "MKCOL");
    CHECK(http::method::parse(std::string(23, 'X'))->name().size() == 23);
}

TEST_CASE("method: what is not a token is refused where it goes wrong") {
    CHECK(http::fault_of(http::method::parse("").error()) == http::located_fault{fault::missing, 0});
    CHECK(http::fault_of(http::method::parse("GE T").error()) == http::located_fault{fault::bad_name, 2});
    CHECK(http::fault_of(http::method::parse("GET\r\n").error()) == http::located_fault{fault::bad_name, 3});
    CHECK(http::fault_of(http::method::parse(std::string(24, 'X')).error()) == http::located_fault{fault::too_long, 23});
}
