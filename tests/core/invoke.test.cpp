// SPDX-License-Identifier: BSL-1.0
#include "antiphon/core/invoke.hpp"

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "catch_compat.hpp"

namespace detail = antiphon::detail;

namespace {

struct animal {
    int legs = 4;
    [[nodiscard]] int legs_and(int more) const { return legs + more; }
    int& mutable_legs() & { return legs; }
    static int twice(int x) { return 2 * x; }
};
struct dog : animal {};

// Has a get() and a type, but is no reference_wrapper.
struct dog_pointer {
    using type = dog;
    dog* target;
    dog& operator*() const { return *target; }
    [[nodiscard]] dog* get() const { return target; }
};

}  // namespace

TEST_CASE("invoke calls functions and function objects") {
    CHECK(detail::invoke(&animal::twice, 4) == 8);
    CHECK(detail::invoke([](int a, int b) { return a - b; }, 5, 3) == 2);
}

TEST_CASE("invoke calls a member function of an object, a derived one, a pointer or a reference_wrapper") {
    dog d;
    CHECK(detail::invoke(&animal::legs_and, animal{}, 1) == 5);
    CHECK(detail::invoke(&animal::legs_and, d, 2) == 6);
    CHECK(detail::invoke(&animal::legs_and, &d, 3) == 7);
    CHECK(detail::invoke(&animal::legs_and, std::ref(d), 4) == 8);
    CHECK(detail::invoke(&animal::legs_and, std::cref(d), 4) == 8);
    CHECK(detail::invoke(&animal::legs_and, std::make_unique<dog>(), 5) == 9);
    CHECK(detail::invoke(&animal::legs_and, dog_pointer{&d}, 6) == 10);
}

TEST_CASE("invoke reaches a data member, and keeps what kind of reference it is") {
    dog d;
    detail::invoke(&animal::legs, d) = 3;
    CHECK(detail::invoke(&animal::legs, &d) == 3);
    CHECK(detail::invoke(&animal::legs, std::as_const(d)) == 3);
    detail::invoke(&animal::mutable_legs, d) = 2;
    CHECK(d.legs == 2);
    STATIC_REQUIRE(std::is_same_v<decltype(detail::invoke(&animal::legs, d)), int&>);
    STATIC_REQUIRE(std::is_same_v<decltype(detail::invoke(&animal::legs, dog{})), int&&>);
}

TEST_CASE("invoke is noexcept where the callable is") {
    STATIC_REQUIRE(noexcept(detail::invoke([]() noexcept {})));
    STATIC_REQUIRE_FALSE(noexcept(detail::invoke([] {})));
}
