// SPDX-License-Identifier: BSL-1.0
#include "antiphon/interop/fmt.hpp"

#include <chrono>
#include <string>

#include "antiphon/antiphon.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

TEST_CASE("fmt: a code and what is known of its execution are words") {
    CHECK(fmt::format("{}", ap::errc::not_found) == "not found");
    CHECK(fmt::format("{:>12}", ap::errc::not_found) == "   not found");
    CHECK(fmt::format("{} {} {}", ap::executed::no, ap::executed::maybe, ap::executed::yes) == "no maybe yes");
}

TEST_CASE("fmt: a failure says what went wrong") {
    CHECK(fmt::format("{}", ap::failure{ap::errc::unavailable}) == "unavailable");
    CHECK(fmt::format("{}", ap::failure{ap::errc::not_found, "no such title"}) == "no such title");
}

TEST_CASE("fmt: a failure in full says everything that is known") {
    auto why = ap::failure{ap::errc::unavailable, ap::executed::no};
    CHECK(fmt::format("{:?}", why) == "unavailable (antiphon:14, executed: no)");
    why.with_attempts(3).with_retry_after(250ms);
    CHECK(fmt::format("{:?}", why) == "unavailable (antiphon:14, executed: no, attempts: 3, retry after: 250ms)");
}

TEST_CASE("fmt: a result is its value in the value's format, or its failure") {
    ap::result<int> good = 42;
    CHECK(fmt::format("{:05}", good) == "00042");
    ap::result<int> const bad = ap::errc::deadline_exceeded;
    CHECK(fmt::format("{:05}", bad) == "failed: deadline exceeded");
    int seven = 7;
    CHECK(fmt::format("{}", ap::result<int&>{seven}) == "7");
    CHECK(fmt::format("{} {}", ap::result<void>{}, ap::result<void>{ap::errc::aborted}) == "done failed: aborted");
}
