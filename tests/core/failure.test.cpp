// SPDX-License-Identifier: BSL-1.0
#include "antiphon/core/failure.hpp"

#include <memory>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include "catch_compat.hpp"
#include "support/allocations.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

enum class machine_error {
    jammed = 7
};

class machine_category final : public std::error_category {
public:
    [[nodiscard]] char const* name() const noexcept override { return "machine"; }
    [[nodiscard]] std::string message(int) const override { return "jammed"; }
};

std::error_code make_error_code(machine_error e) {
    static machine_category const category;
    return {static_cast<int>(e), category};
}

}  // namespace

template <>
struct std::is_error_code_enum<machine_error> : std::true_type {};

TEST_CASE("a failure of an errc has its code, and may have executed") {
    ap::failure const f = ap::errc::not_found;
    CHECK(f.code() == ap::errc::not_found);
    CHECK(f.executed() == ap::executed::maybe);
    CHECK(f.exception() == nullptr);
    CHECK(f.attempts() == 1);
    CHECK_FALSE(f.retry_after().has_value());
}

TEST_CASE("a failure without a text says what its code says") {
    CHECK(ap::failure{ap::errc::not_found}.message() == "not found");
    CHECK(ap::failure{machine_error::jammed}.message() == "jammed");
}

TEST_CASE("a failure keeps a foreign error code whole") {
    ap::failure const f = machine_error::jammed;
    CHECK(f.code().value() == 7);
    CHECK(std::string{f.code().category().name()} == "machine");
}

TEST_CASE("a failure of std::errc has the generic code") {
    CHECK(ap::failure{std::errc::io_error}.code() == std::make_error_code(std::errc::io_error));
    CHECK(ap::failure{std::make_error_code(std::errc::io_error)}.code() == std::errc::io_error);
}

TEST_CASE("a failure of a code that says success is an unknown one") {
    CHECK(ap::failure{std::error_code{}} == ap::errc::unknown);
    CHECK(ap::failure{std::errc{}, ap::executed::no, "nothing"}.code() == ap::errc::unknown);
}

TEST_CASE("a failure takes whether it executed") {
    CHECK(ap::failure{ap::errc::aborted, ap::executed::no}.executed() == ap::executed::no);
    CHECK(ap::failure{std::make_error_code(std::errc::io_error), ap::executed::yes}.executed() == ap::executed::yes);
}

TEST_CASE("a failure with a text says that instead of the code's") {
    CHECK(ap::failure{ap::errc::aborted, "the tape ran out"}.message() == "the tape ran out");
    CHECK(ap::failure{ap::errc::aborted, ap::executed::no, "the tape ran out"}.message() == "the tape ran out");
    CHECK(ap::failure{std::make_error_code(std::errc::io_error), "no tape"}.message() == "no tape");
    ap::failure const f{std::make_error_code(std::errc::io_error), ap::executed::yes, "no tape"};
    CHECK(f.message() == "no tape");
    CHECK(f.executed() == ap::executed::yes);
    CHECK(f.code() == std::errc::io_error);
}

TEST_CASE("a static text is a literal and nothing else") {
    CHECK(std::string{ap::static_text{"abc"}.c_str()} == "abc");
    STATIC_REQUIRE_FALSE(std::is_constructible_v<ap::static_text, char const*>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<ap::static_text, std::string>);
}

TEST_CASE("a failure made of an errc allocates nothing in its whole life") {
    CHECK(test::allocations_of([] {
              ap::failure a{ap::errc::aborted, ap::executed::no, "text"};
              ap::failure b{a};
              ap::failure c{std::move(a)};
              b = c;
              c = std::move(b);
              c.with_attempts(2).with_retry_after(1s).with_executed(ap::executed::yes);
          }) == 0);
}

TEST_CASE("a failure is at most 32 bytes") { STATIC_REQUIRE(sizeof(ap::failure) <= 32); }

TEST_CASE("a failure counts attempts up to 24 bits, then saturates") {
    ap::failure f{ap::errc::unavailable};
    CHECK(f.with_attempts(3).attempts() == 3);
    CHECK(f.with_attempts(0).attempts() == 0);
    CHECK(f.with_attempts(~0U).attempts() == (1U << 24) - 1);
    CHECK(f.executed() == ap::executed::maybe);
}

TEST_CASE("a failure's retry_after compares with durations") {
    ap::failure const f = ap::failure{ap::errc::unavailable}.with_retry_after(50ms);
    CHECK(f.retry_after() == 50ms);
    CHECK(f.retry_after() > 0ms);
}

TEST_CASE("a negative retry_after is kept: it forbids another attempt") {
    CHECK(ap::failure{ap::errc::unavailable}.with_retry_after(-1ns).retry_after() < 0ns);
    CHECK(ap::failure{ap::errc::unavailable}.with_retry_after(ap::duration::min()).retry_after() < 0ns);
}

TEST_CASE("a retry_after too long to count is for ever") {
    CHECK(ap::failure{ap::errc::unavailable}.with_retry_after(std::chrono::hours::max()).retry_after() == ap::duration::max());
}

TEST_CASE("the setters of a failure chain on temporaries and on names alike") {
    auto const made = ap::failure{ap::errc::unavailable}.with_attempts(4).with_retry_after(1s).with_executed(ap::executed::no);
    CHECK(made.attempts() == 4);
    CHECK(made.retry_after() == 1s);
    CHECK(made.executed() == ap::executed::no);
    ap::failure named{ap::errc::unavailable};
    CHECK(&named.with_attempts(2).with_retry_after(2s).with_executed(ap::executed::yes) == &named);
    CHECK(named.retry_after() == 2s);
}

TEST_CASE("a failure compares with codes, conditions and enumerations") {
    ap::failure const f{ap::errc::aborted};
    CHECK(f == ap::errc::aborted);
    CHECK(ap::errc::aborted == f);
    CHECK(f != ap::errc::not_found);
    CHECK(f == make_error_code(ap::errc::aborted));
    CHECK(f != std::make_error_code(std::errc::io_error));
    CHECK(ap::failure{std::errc::io_error} == std::errc::io_error);
    CHECK(ap::failure{std::errc::io_error} == std::make_error_condition(std::errc::io_error));
    CHECK(f != std::errc::io_error);
}

TEST_CASE("failures are equal when their codes are") {
    CHECK(ap::failure{ap::errc::aborted, ap::executed::no} == ap::failure{ap::errc::aborted, "text"});
    CHECK(ap::failure{ap::errc::aborted} != ap::failure{ap::errc::cancelled});
}

TEST_CASE("a copied failure is the same in every part") {
    ap::failure const f = ap::failure{ap::errc::aborted, ap::executed::no, "text"}.with_attempts(9).with_retry_after(3s);
    ap::failure copy{f};
    CHECK(copy.code() == f.code());
    CHECK(copy.message() == "text");
    CHECK(copy.attempts() == 9);
    CHECK(copy.retry_after() == 3s);
    CHECK(copy.executed() == ap::executed::no);
}

TEST_CASE("a failure assigned to itself stays as it is") {
    ap::failure f{ap::errc::aborted, "text"};
    ap::failure& same = f;
    f = same;
    CHECK(f.message() == "text");
    f = std::move(same);
    CHECK(f.message() == "text");
}

TEST_CASE("a failure of no exception at all is an unknown one") {
    ap::failure const f = ap::failure::from_exception(nullptr);
    CHECK(f == ap::errc::unknown);
    CHECK(f.exception() == nullptr);
    CHECK(f.executed() == ap::executed::yes);
    CHECK(ap::failure::current(ap::executed::no).executed() == ap::executed::no);
}

#if ANTIPHON_EXCEPTIONS

namespace {

template <class E>
ap::failure thrown(E exception) {
    try {
        throw exception;
    } catch (...) {
        return ap::failure::current();
    }
}

}  // namespace

TEST_CASE("a failure of an exception says what that says, and has executed") {
    ap::failure const f = thrown(std::runtime_error{"boom"});
    CHECK(f == ap::errc::unknown);
    CHECK(f.message() == "boom");
    CHECK(f.exception() != nullptr);
    CHECK(f.executed() == ap::executed::yes);
}

TEST_CASE("a failure of a system_error takes its code") {
    ap::failure const f = thrown(std::system_error{std::make_error_code(std::errc::io_error), "disk"});
    CHECK(f == std::errc::io_error);
    CHECK(f.message().find("disk") != std::string::npos);
}

TEST_CASE("a failure of bad_alloc is an exhausted resource") { CHECK(thrown(std::bad_alloc{}) == ap::errc::resource_exhausted); }

TEST_CASE("a failure of something that is no std::exception says so") {
    CHECK(thrown(42).message() == "an exception that is not a std::exception");
}

TEST_CASE("a failure that carries an exception rethrows it, the very object") {
    ap::failure const f = thrown(std::runtime_error{"boom"});
    void const* first = nullptr;
    try {
        f.raise();
    } catch (std::runtime_error const& e) {
        first = &e;
    }
    ap::failure const copy{f};
    try {
        copy.raise();
    } catch (std::runtime_error const& e) {
        CHECK(&e == first);
    }
    CHECK(first != nullptr);
}

TEST_CASE("a failure without an exception raises a request_error that carries it") {
    ap::failure const f = ap::failure{ap::errc::aborted, "the tape ran out"}.with_attempts(3);
    try {
        f.raise();
    } catch (ap::request_error const& e) {
        CHECK(e.code() == ap::errc::aborted);
        CHECK(std::string{e.what()} == "the tape ran out");
        CHECK(e.why().attempts() == 3);
    }
    CHECK_THROWS_AS(f.raise(), std::system_error);
}

TEST_CASE("a request_error without a text says what the code says") {
    CHECK(std::string{ap::request_error{ap::errc::aborted}.what()} == "aborted");
}

TEST_CASE("a request_error of a failure with an exception says what that says") {
    ap::request_error const e{thrown(std::runtime_error{"boom"})};
    CHECK(std::string{e.what()}.find("boom") == 0);
}

TEST_CASE("a failure thrown through a layer comes back whole, but has executed") {
    ap::failure const inner = ap::failure{ap::errc::unavailable, ap::executed::no, "busy"}.with_attempts(3).with_retry_after(1s);
    ap::failure const outer = thrown(ap::request_error{inner});
    CHECK(outer == ap::errc::unavailable);
    CHECK(outer.message() == "busy");
    CHECK(outer.attempts() == 3);
    CHECK(outer.retry_after() == 1s);
    CHECK(outer.executed() == ap::executed::yes);
    CHECK(outer.exception() == nullptr);
}

TEST_CASE("a moved-from failure of an exception falls back to its code") {
    ap::failure f = thrown(std::runtime_error{"boom"});
    ap::failure const g{std::move(f)};
    CHECK(g.message() == "boom");
    CHECK(f.exception() == nullptr);
    CHECK(f.message() == "unknown failure");
    CHECK_THROWS_AS(f.raise(), ap::request_error);
}

TEST_CASE("failures with and without an exception assign to each other") {
    ap::failure plain{ap::errc::aborted, "text"};
    ap::failure const other = thrown(std::runtime_error{"boom"});
    plain = other;
    CHECK(plain.message() == "boom");
    plain = ap::failure{ap::errc::aborted, "text"};
    CHECK(plain.message() == "text");
    CHECK(other.message() == "boom");
}

TEST_CASE("an exception dies with the last failure that carries it") {
    auto const alive = std::make_shared<int>(0);
    struct holder {
        std::shared_ptr<int> held;
    };
    {
        ap::failure const f = thrown(holder{alive});
        ap::failure copy{f};
        copy = ap::errc::aborted;
        CHECK(alive.use_count() > 1);
    }
    CHECK(alive.use_count() == 1);
}

TEST_CASE("copying a failure with an exception allocates nothing") {
    ap::failure const f = thrown(std::runtime_error{"boom"});
    CHECK(test::allocations_of([&] {
              ap::failure a{f};
              ap::failure const b{std::move(a)};
          }) == 0);
}

#endif

#if ANTIPHON_EXCEPTIONS
TEST_CASE("failure: a text from elsewhere says more than the code, and is no exception") {
    ap::failure const f = ap::failure{ap::errc::unavailable, ap::executed::no}.with_retry_after(2s).with_attempts(3).with_message(
        "shelf " + std::to_string(7));
    CHECK(f == ap::errc::unavailable);
    CHECK(f.message() == "shelf 7");
    CHECK(f.exception() == nullptr);
    CHECK(f.executed() == ap::executed::no);
    CHECK(f.retry_after() == 2s);
    CHECK(f.attempts() == 3);
    ap::failure const copy = f;
    CHECK(copy.message() == "shelf 7");
    CHECK(copy.exception() == nullptr);
    CHECK_THROWS_AS(copy.raise(), ap::request_error);
    CHECK(ap::failure{copy}.with_message("shelf 8").message() == "shelf 8");
}

TEST_CASE("failure: a text does not take the place of an exception") {
    ap::failure const f = ap::failure::from_exception(std::make_exception_ptr(std::runtime_error{"thrown"})).with_message("said");
    CHECK(f.message() == "thrown");
    CHECK(f.exception() != nullptr);
}
#endif

TEST_CASE("failure: a stream shows its message, and in a word whether it executed") {
    std::ostringstream out;
    out << ap::failure{ap::errc::not_found, ap::executed::no, "no such town"} << '/' << ap::failure{ap::errc::aborted};
    CHECK(out.str() == "no such town/aborted");
    out.str("");
    out << ap::executed::no << ' ' << ap::executed::maybe << ' ' << ap::executed::yes;
    CHECK(out.str() == "no maybe yes");
}

namespace antiphon {

static_assert(std::is_nothrow_copy_constructible_v<failure> && std::is_nothrow_move_assignable_v<failure>);
static_assert(std::is_convertible_v<errc, failure> && std::is_convertible_v<std::error_code, failure>);
static_assert(!std::is_constructible_v<failure, errc, char const*>, "only literals: a failure never owns its text");

}  // namespace antiphon
