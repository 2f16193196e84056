// SPDX-License-Identifier: BSL-1.0
#include "antiphon/core/errc.hpp"

#include <set>
#include <string>

#include "catch_compat.hpp"

namespace ap = antiphon;

namespace {

constexpr ap::errc all[] = {
    ap::errc::cancelled,
    ap::errc::unknown,
    ap::errc::invalid_argument,
    ap::errc::deadline_exceeded,
    ap::errc::not_found,
    ap::errc::already_exists,
    ap::errc::permission_denied,
    ap::errc::resource_exhausted,
    ap::errc::failed_precondition,
    ap::errc::aborted,
    ap::errc::out_of_range,
    ap::errc::unimplemented,
    ap::errc::internal,
    ap::errc::unavailable,
    ap::errc::data_loss,
    ap::errc::unauthenticated,
    ap::errc::would_deadlock,
    ap::errc::broken_promise,
    ap::errc::shut_down,
    ap::errc::circuit_open,
    ap::errc::overloaded,
    ap::errc::forked,
};

}  // namespace

TEST_CASE("an errc becomes an error code of the antiphon category") {
    std::error_code const code = ap::errc::not_found;
    CHECK(code.value() == 5);
    CHECK(code.category() == ap::error_category());
    CHECK(std::string{code.category().name()} == "antiphon");
}

TEST_CASE("the first sixteen errcs have the numbers of gRPC") {
    CHECK(static_cast<int>(ap::errc::cancelled) == 1);
    CHECK(static_cast<int>(ap::errc::deadline_exceeded) == 4);
    CHECK(static_cast<int>(ap::errc::unavailable) == 14);
    CHECK(static_cast<int>(ap::errc::unauthenticated) == 16);
}

TEST_CASE("every errc has a message of its own") {
    std::set<std::string> messages;
    for (ap::errc code : all)
        messages.insert(make_error_code(code).message());
    CHECK(messages.size() == std::size(all));
    CHECK(messages.count(ap::error_category().message(9999)) == 0);
}

TEST_CASE("a number that is no errc still has a message") { CHECK(ap::error_category().message(9999) == "unknown antiphon error"); }

TEST_CASE("an errc compares with the standard condition that says the same") {
    CHECK(make_error_code(ap::errc::cancelled) == std::errc::operation_canceled);
    CHECK(make_error_code(ap::errc::invalid_argument) == std::errc::invalid_argument);
    CHECK(make_error_code(ap::errc::deadline_exceeded) == std::errc::timed_out);
    CHECK(make_error_code(ap::errc::permission_denied) == std::errc::permission_denied);
    CHECK(make_error_code(ap::errc::unimplemented) == std::errc::function_not_supported);
    CHECK(make_error_code(ap::errc::would_deadlock) == std::errc::resource_deadlock_would_occur);
    CHECK_FALSE(make_error_code(ap::errc::unavailable) == std::errc::timed_out);
}
