// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/fault.hpp>

#include <string>
#include <system_error>

#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;

TEST_CASE("fault: a failure carries what is wrong and where") {
    ap::failure const why = http::at_fault(http::fault::bad_escape, 17);
    CHECK(http::fault_of(why) == http::located_fault{http::fault::bad_escape, 17});
    CHECK(why.executed() == ap::executed::no);
}

TEST_CASE("fault: its message names the fault and the position") {
    CHECK(http::at_fault(http::fault::control_character, 3).message() == "a control character, at 3");
    CHECK(http::at_fault(http::fault::too_long, 0).message() == "too long, at 0");
}

TEST_CASE("fault: every fault has a text of its own") {
    std::string seen;
    for (int i = 1; i <= static_cast<int>(http::fault::too_long); ++i) {
        std::string const text = http::detail::fault_category::text(static_cast<http::fault>(i));
        CHECK(text != "a fault");
        CHECK_THAT(seen, !ContainsSubstring("|" + text + "|"));
        seen += "|" + text + "|";
    }
    CHECK(std::string{http::detail::fault_category::text(static_cast<http::fault>(99))} == "a fault");
}

TEST_CASE("fault: a position beyond what fits is the last that does") {
    CHECK(http::fault_of(http::at_fault(http::fault::missing, std::size_t{1} << 40))->position == (1U << 24) - 1);
}

TEST_CASE("fault: each one is an invalid argument to who compares conditions") {
    CHECK(http::at_fault(http::fault::bad_host, 1) == std::make_error_condition(std::errc::invalid_argument));
    CHECK(std::string{http::fault_category().name()} == "antiphon.http");
}

TEST_CASE("fault: other failures have none") { CHECK_FALSE(http::fault_of(ap::failure{ap::errc::invalid_argument}).has_value()); }
