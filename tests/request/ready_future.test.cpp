// SPDX-License-Identifier: BSL-1.0
#include <antiphon/antiphon.hpp>

#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

#include "catch_compat.hpp"
#include "support/allocations.hpp"
#include "support/futures.hpp"
#include "support/values.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

TEMPLATE_TEST_CASE("a ready future gives the result it was made of", "[law]", ANTIPHON_LAW_TYPES) {
    auto make = [] {
        if constexpr (std::is_void_v<TestType>) {
            return ap::make_future();
        } else {
            return ap::ready_future<TestType>(ap::result<TestType>(std::in_place, test::make<TestType>(3)));
        }
    };
    auto value = make().get();
    REQUIRE(value);
    if constexpr (!std::is_void_v<TestType>) CHECK(test::read(*value) == 3);
    auto same = ap::future<TestType>(make()).get();
    REQUIRE(same);
    if constexpr (!std::is_void_v<TestType>) CHECK(test::read(*same) == 3);
}

TEST_CASE("make_failed gives its failure") { CHECK(ap::make_failed<int>(ap::errc::aborted).get() == ap::errc::aborted); }

TEST_CASE("make_future of a value that only moves keeps it") { CHECK(ap::make_future(test::move_only{4}).get().value().read() == 4); }

TEST_CASE("a ready future is ready at once and for ever") {
    auto f = ap::make_future(1);
    CHECK(f.valid());
    CHECK(f.ready());
    CHECK(f.wait());
    CHECK(f.wait_for(0ms));
    CHECK(f.wait_until(ap::time_point::min()));
    f.request_stop();
    std::move(f).detach();
}

TEST_CASE("making, continuing and reading a ready future allocates nothing") {
    CHECK(test::allocations_of([] {
              auto value = ap::make_future(1)
                               .then([](int n) { return n + 1; })
                               .then([](int) -> ap::result<int> { return ap::errc::aborted; })
                               .or_else([](ap::failure) { return 5; })
                               .get();
              REQUIRE(value.value() == 5);
          }) == 0);
}

TEST_CASE("a ready future becomes a future with one allocation") {
    CHECK(test::allocations_of([] {
              ap::future<int> f = ap::make_future(1);
              REQUIRE(f.ready());
          }) == 1);
}

TEST_CASE("then on a ready future runs where it is attached, and gives a ready future") {
    auto here = ap::make_future().then([] { return std::this_thread::get_id(); });
    STATIC_REQUIRE(std::is_same_v<decltype(here), ap::ready_future<std::thread::id>>);
    CHECK(std::move(here).get().value() == std::this_thread::get_id());
}

TEST_CASE("a failure passes by then on a ready future, a value passes by or_else") {
    bool ran = false;
    CHECK(ap::make_failed<int>(ap::errc::aborted).then([&](int n) { return ran = true, n; }).get() == ap::errc::aborted);
    CHECK(ap::make_future(1).or_else([&](ap::failure) { return ran = true, 2; }).get().value() == 1);
    CHECK_FALSE(ran);
}

TEST_CASE("then on a ready future gives a future when its answer comes later") {
    ap::promise<int> p;
    auto later = ap::make_future(2).then([&](int n) { return p.get_future().then([n](int m) { return n * m; }); });
    STATIC_REQUIRE(std::is_same_v<decltype(later), ap::future<int>>);
    CHECK_FALSE(later.ready());
    p.set_value(4);
    CHECK(std::move(later).get().value() == 8);
    CHECK(ap::make_failed<int>(ap::errc::aborted).then([](int n) { return ap::future<int>(ap::make_future(n)); }).get() ==
          ap::errc::aborted);
}

TEST_CASE("or_else on a ready future gives a future when its answer comes later") {
    auto heal = [](ap::failure) { return test::answered<int>(3); };
    CHECK(ap::make_failed<int>(ap::errc::aborted).or_else(heal).get().value() == 3);
    CHECK(ap::make_future(1).or_else(heal).get().value() == 1);
}

TEST_CASE("a task may follow a ready future") {
    CHECK(ap::make_future(2).then([](int n) -> ap::task<int> { co_return n + 1; }).get().value() == 3);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("what a continuation of a ready future throws is its failure") {
    auto failed = ap::make_future(1).then([](int) -> int { throw std::runtime_error{"no"}; }).get();
    CHECK(failed.error().message() == "no");
    CHECK(failed.error().executed() == ap::executed::yes);
    auto later = ap::make_future(1).then([](int) -> ap::future<int> { throw std::runtime_error{"no"}; }).get();
    CHECK(later.error().message() == "no");
}
#endif

TEST_CASE("then with an executor on a ready future runs there") {
    ap::manual_executor manual;
    auto later = ap::make_future(1).then(manual, [](int n) { return n; });
    CHECK_FALSE(later.ready());
    manual.run();
    CHECK(std::move(later).get().value() == 1);
}

TEST_CASE("on_complete on a ready future runs at once") {
    int seen = 0;
    ap::make_future(3).on_complete([&](ap::result<int> r) { seen = *r; });
    CHECK(seen == 3);
}

TEST_CASE("a handler that returns a ready future answers at once") {
    ap::request const r{[](int n) { return n < 0 ? ap::make_failed<int>(ap::errc::aborted) : ap::make_future(n + 1); }};
    CHECK(r.call(1).value() == 2);
    CHECK(r.call(-1) == ap::errc::aborted);
    CHECK(test::allocations_of([&] { REQUIRE(r.call(1)); }) == 0);
    ap::request const maybe{[](int n) -> ap::result<ap::ready_future<int>> {
        if (n < 0) return ap::errc::not_found;
        return ap::make_future(n);
    }};
    CHECK(maybe.call(1).value() == 1);
    CHECK(maybe.call(-1) == ap::errc::not_found);
}

TEST_CASE("a task awaits a ready future without suspending") {
    ap::request const r{[]() -> ap::task<int> { co_return *co_await ap::make_future(2) + 1; }};
    CHECK(r.call().value() == 3);
}

TEST_CASE("a ready future can be shared") {
    auto const shared = ap::make_future(std::string{"text"}).share();
    CHECK(shared.get().value() == "text");
}

TEST_CASE("then gives a function of the result whatever a ready future holds") {
    auto const told = [](ap::result<int> r) { return r ? 1 : 2; };
    CHECK(ap::make_future(7).then(told).get() == 1);
    CHECK(ap::make_failed<int>(ap::errc::aborted).then(told).get() == 2);
    CHECK(ap::make_failed<int>(ap::errc::aborted).then([](ap::result<int>) { return ap::future<int>(ap::make_future(3)); }).get() == 3);
}

namespace antiphon {

static_assert(sizeof(ready_future<int>) == sizeof(result<int>));
static_assert(!std::is_copy_constructible_v<ready_future<int>> && std::is_convertible_v<ready_future<int>, future<int>>);

}  // namespace antiphon
