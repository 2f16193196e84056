// SPDX-License-Identifier: BSL-1.0
#include <antiphon/request/answer.hpp>
#include <antiphon/request/request.hpp>
#include <antiphon/request/task.hpp>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "catch_compat.hpp"
#include "support/values.hpp"

namespace ap = antiphon;

TEST_CASE("a plain answer stands for itself, at once") {
    STATIC_REQUIRE(std::is_same_v<ap::detail::answer_t<int>, int>);
    STATIC_REQUIRE(std::is_same_v<ap::detail::answer_t<int const>, int>);
    STATIC_REQUIRE(std::is_same_v<ap::detail::answer_t<void>, void>);
    STATIC_REQUIRE(std::is_same_v<ap::detail::answer_t<int&>, int&>);
    STATIC_REQUIRE(ap::detail::answer_traits<int>::immediate);
}

TEST_CASE("a result stands for its value, at once") {
    STATIC_REQUIRE(std::is_same_v<ap::detail::answer_t<ap::result<std::string>>, std::string>);
    STATIC_REQUIRE(ap::detail::answer_traits<ap::result<int>>::immediate);
}

TEST_CASE("futures, tasks and requests stand for their value, later") {
    STATIC_REQUIRE(std::is_same_v<ap::detail::answer_t<ap::future<int>>, int>);
    STATIC_REQUIRE(std::is_same_v<ap::detail::answer_t<ap::task<void>>, void>);
    STATIC_REQUIRE(std::is_same_v<ap::detail::answer_t<ap::request<int&()>>, int&>);
    STATIC_REQUIRE(std::is_same_v<ap::detail::answer_t<ap::result<ap::future<int>>>, int>);
    STATIC_REQUIRE_FALSE(ap::detail::answer_traits<ap::future<int>>::immediate);
    STATIC_REQUIRE_FALSE(ap::detail::answer_traits<ap::result<ap::future<int>>>::immediate);
}

TEST_CASE("a result of a future is flattened, and so is its failure") {
    ap::request ask{[](bool fail) -> ap::result<ap::future<int>> {
        if (fail) return ap::errc::not_found;
        ap::promise<int> p;
        auto f = p.get_future();
        p.set_value(4);
        return f;
    }};
    CHECK(ask.call(false).value() == 4);
    CHECK(ask.call(true).error() == ap::errc::not_found);
    CHECK(ask.submit(false).get().value() == 4);
    CHECK(ask.submit(true).get().error() == ap::errc::not_found);
}

TEST_CASE("converting a result keeps the failure and converts the value") {
    CHECK(ap::detail::convert<long>(ap::result<int>{3}).value() == 3);
    CHECK(ap::detail::convert<void>(ap::result<int>{3}).has_value());
    ap::result<int> failed = ap::failure{ap::errc::aborted, ap::executed::yes};
    auto const as_void = ap::detail::convert<void>(std::move(failed));
    CHECK((as_void.error() == ap::errc::aborted && as_void.error().executed() == ap::executed::yes));
    ap::result<int> again = ap::errc::aborted;
    CHECK(ap::detail::convert<long>(std::move(again)).error() == ap::errc::aborted);
}

TEST_CASE("an immediate answer is built in its place and converted to what was spelled") {
    ap::request<long()> wide = [] { return 3; };
    ap::request<void()> nothing = [] { return 3; };
    ap::request<std::string()> text = []() -> ap::result<char const*> { return "abc"; };
    CHECK(wide.call().value() == 3);
    CHECK(nothing.call().has_value());
    CHECK(text.call().value() == "abc");
}
