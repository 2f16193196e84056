// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/failure_predicate.hpp"

#include <memory>
#include <new>
#include <stdexcept>
#include <system_error>

#include "catch_compat.hpp"
#include "support/allocations.hpp"

namespace ap = antiphon;

TEST_CASE("is_transient: four codes may pass, the others do not") {
    for (int code = 1; code <= 40; ++code) {
        auto const e = static_cast<ap::errc>(code);
        bool const expected = e == ap::errc::unavailable || e == ap::errc::deadline_exceeded || e == ap::errc::aborted ||
                              e == ap::errc::resource_exhausted;
        CHECK(ap::is_transient(e) == expected);
    }
    CHECK_FALSE(ap::is_transient(std::make_error_code(std::errc::timed_out)));
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("is_transient: an exception that a handler threw does not pass, whatever its code") {
    CHECK_FALSE(ap::is_transient(ap::failure::from_exception(std::make_exception_ptr(std::bad_alloc{}))));
    auto const thrown = std::make_exception_ptr(std::system_error{make_error_code(ap::errc::unavailable)});
    CHECK_FALSE(ap::is_transient(ap::failure::from_exception(thrown)));
}
#endif

TEST_CASE("failure_predicate: it is is_transient unless it was made of a callable") {
    ap::failure_predicate const p;
    CHECK(p(ap::errc::unavailable));
    CHECK_FALSE(p(ap::errc::internal));
    CHECK_FALSE(static_cast<bool>(p));
    ap::failure_predicate const own{[](ap::failure const& why) { return why == ap::errc::internal; }};
    CHECK(own(ap::errc::internal));
    CHECK_FALSE(own(ap::errc::unavailable));
    CHECK(static_cast<bool>(own));
}

TEST_CASE("failure_predicate: copies share the callable without an allocation, and the last one destroys it") {
    auto const alive = std::make_shared<int>(1);
    {
        ap::failure_predicate first{[alive](ap::failure const&) { return true; }};
        CHECK(alive.use_count() == 2);
        ap::failure_predicate second;
        CHECK(test::allocations_of([&] { second = first; }) == 0);
        first = {};
        CHECK(alive.use_count() == 2);
        CHECK(second(ap::errc::unknown));
    }
    CHECK(alive.use_count() == 1);
}
