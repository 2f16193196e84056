// SPDX-License-Identifier: BSL-1.0
// Here and not in the headers: naming these types instantiates the combinators, which whoever only includes them should not pay for.

#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "antiphon/request/when_all.hpp"
#include "antiphon/request/when_any.hpp"
#include "antiphon/request/when_first.hpp"
#include "antiphon/request/when_settled.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;

TEST_CASE("Combinators answer with the types that they promise") {
    STATIC_REQUIRE(std::is_same_v<decltype(ap::when_all(std::declval<ap::future<int>>(), std::declval<ap::future<void>>())),
                                  ap::future<std::tuple<int, std::monostate>>>);
    STATIC_REQUIRE(std::is_same_v<decltype(ap::when_all(std::declval<std::vector<ap::future<int>>>())), ap::future<std::vector<int>>>);
    STATIC_REQUIRE(
        std::is_same_v<decltype(ap::when_any(std::declval<ap::future<int>>(), std::declval<ap::future<int>>())), ap::future<int>>);
    STATIC_REQUIRE(std::is_same_v<decltype(ap::when_any(std::declval<ap::future<int>>(), std::declval<ap::future<void>>())),
                                  ap::future<std::variant<int, std::monostate>>>);
    STATIC_REQUIRE(
        std::is_same_v<decltype(ap::when_first(std::declval<ap::future<int>>(), std::declval<ap::future<int>>())), ap::future<int>>);
    STATIC_REQUIRE(std::is_same_v<decltype(ap::when_first(std::declval<ap::future<int>>(), std::declval<ap::future<void>>())),
                                  ap::future<std::variant<int, std::monostate>>>);
    STATIC_REQUIRE(
        std::is_same_v<decltype(ap::when_settled(std::declval<ap::future<int>>())), ap::future<std::tuple<ap::result<int>>>>);
}
