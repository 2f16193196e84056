// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/inline_executor.hpp>
#include <antiphon/request/adapt.hpp>
#include <antiphon/request/request.hpp>
#include <antiphon/request/starts_on.hpp>

#include <type_traits>
#include <utility>

#include "catch_compat.hpp"

namespace ap = antiphon;

namespace {

struct add : ap::policy_base {
    explicit add(int n) : by{n} {}
    template <class Request>
    auto operator()(Request r) const {
        return ap::request{[r = std::move(r), n = by](int x) { return r.submit(x + n); }};
    }
    int by;
};
struct times : ap::policy_base {
    explicit times(int n) : by{n} {}
    template <class Request>
    auto operator()(Request r) const {
        return ap::request{[r = std::move(r), n = by](int x) { return r.submit(x * n); }};
    }
    int by;
};
ap::request const same{[](int x) { return x; }};

}  // namespace

TEST_CASE("a request before a policy is what the policy makes of it") {
    CHECK((same | add{2}).call(1).value() == 3);
    CHECK((same | add{2}).submit(1).get().value() == 3);
}

TEST_CASE("policies apply from the inside out") {
    CHECK((same | add{2} | times{10}).call(1).value() == 12);
    CHECK((same | times{10} | add{2}).call(1).value() == 30);
}

TEST_CASE("policies joined are one policy with the same meaning") {
    auto const both = add{2} | times{10};
    STATIC_REQUIRE(ap::policy<std::remove_cvref_t<decltype(both)>>);
    CHECK((same | both).call(1).value() == 12);
    auto const four = both | both;
    CHECK((same | four).call(1).value() == 122);
}

TEST_CASE("any function from request to request may stand after a request") {
    auto const negated = same | [](auto r) { return ap::request{[r](int x) { return -r.call(x).value(); }}; };
    CHECK(negated.call(3).value() == -3);
}

TEST_CASE("policies do not join with what is none") {
    auto const plain = [](auto r) { return r; };
    STATIC_REQUIRE_FALSE(ap::policy<decltype(plain)>);
    STATIC_REQUIRE(ap::policy<ap::starts_on>);
    CHECK((same | plain).call(3).value() == 3);
}

TEST_CASE("idempotent makes an unsafe request safe to repeat and changes nothing else") {
    ap::request<int(int), ap::repeat::unsafe> const post = [](int x) { return x + 1; };
    auto const fine = ap::idempotent(post);
    STATIC_REQUIRE(std::is_same_v<decltype(fine)::repeat_type, ap::repeat::safe>);
    CHECK(fine.call(1).value() == 2);
}

TEST_CASE("a pipeline keeps whether it is safe to repeat") {
    ap::request<int(int), ap::repeat::unsafe> const post = [](int x) { return x; };
    auto const placed = post | ap::starts_on(ap::inline_executor{});
    STATIC_REQUIRE(std::is_same_v<decltype(placed)::repeat_type, ap::repeat::unsafe>);
    CHECK(placed.call(2).value() == 2);
}
