// SPDX-License-Identifier: BSL-1.0
#include "antiphon/core/result.hpp"

#include <any>
#include <exception>
#include <functional>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/allocations.hpp"
#include "support/death.hpp"
#include "support/values.hpp"

namespace ap = antiphon;

namespace {

template <class T>
concept streamed = requires(std::ostream& out, T const& x) { out << x; };

template <class T>
ap::result<T> success(int n) {
    return ap::result<T>::from_invoke([n]() -> T { return test::make<T>(n); });
}

template <class T>
int read(ap::result<T> const& r) {
    if constexpr (std::is_void_v<T>) {
        return 3;
    } else {
        return test::read(*r);
    }
}

struct pinned {
    explicit pinned(int number) : x{number} {}
    pinned(pinned&&) = delete;
    int x;
};

struct animal {
    int legs = 4;
};
struct dog : animal {};

enum unscoped_error {
    broken = 5
};
std::error_code make_error_code(unscoped_error e) { return {static_cast<int>(e), std::generic_category()}; }

}  // namespace

template <>
struct std::is_error_code_enum<unscoped_error> : std::true_type {};

// ---- laws over every kind of value ----

TEMPLATE_TEST_CASE("a result holds the value it is made of", "", ANTIPHON_LAW_TYPES) {
    auto const r = success<TestType>(3);
    REQUIRE(r.has_value());
    CHECK(static_cast<bool>(r));
    CHECK(read(r) == 3);
}

TEMPLATE_TEST_CASE("a result holds the failure it is made of", "", ANTIPHON_LAW_TYPES) {
    ap::result<TestType> const r = ap::failure{ap::errc::aborted, "text"};
    REQUIRE_FALSE(r.has_value());
    CHECK(r.error().message() == "text");
    CHECK(r == ap::errc::aborted);
}

TEMPLATE_TEST_CASE("a moved result takes its value along", "", ANTIPHON_LAW_TYPES) {
    auto r = success<TestType>(3);
    ap::result<TestType> const moved{std::move(r)};
    CHECK(read(moved) == 3);
    CHECK(r.has_value());
}

TEMPLATE_TEST_CASE("a result is assigned in all four ways", "", ANTIPHON_LAW_TYPES) {
    auto r = success<TestType>(1);
    r = success<TestType>(3);
    CHECK(read(r) == 3);
    r = ap::errc::aborted;
    CHECK(r == ap::errc::aborted);
    r = ap::result<TestType>{ap::errc::cancelled};
    CHECK(r == ap::errc::cancelled);
    r = success<TestType>(3);
    CHECK(read(r) == 3);
}

TEMPLATE_TEST_CASE("swap exchanges results in all four ways", "", ANTIPHON_LAW_TYPES) {
    auto value = success<TestType>(3);
    ap::result<TestType> failed = ap::errc::aborted;
    swap(value, failed);
    CHECK(value == ap::errc::aborted);
    CHECK(read(failed) == 3);
    value.swap(failed);
    CHECK(read(value) == 3);
    ap::result<TestType> other = ap::errc::cancelled;
    swap(failed, other);
    CHECK(failed == ap::errc::cancelled);
    auto second = success<TestType>(3);
    swap(value, second);
    CHECK(read(second) == 3);
    failed.swap(value);
    CHECK(read(failed) == 3);
}

TEMPLATE_TEST_CASE("a failed result passes through transform and and_then", "", ANTIPHON_LAW_TYPES) {
    auto const never = [](auto&&...) -> int { std::terminate(); };
    auto const never_result = [](auto&&...) -> ap::result<int> { std::terminate(); };
    ap::result<TestType> r = ap::errc::aborted;
    CHECK(r.transform(never) == ap::errc::aborted);
    CHECK(r.and_then(never_result) == ap::errc::aborted);
    CHECK(std::move(r).transform(never) == ap::errc::aborted);
}

TEMPLATE_TEST_CASE("a value passes through or_else and transform_error", "", ANTIPHON_LAW_TYPES) {
    auto r = success<TestType>(3);
    r = std::move(r).or_else([](ap::failure const&) -> ap::result<TestType> { return ap::errc::internal; });
    CHECK(read(r) == 3);
    r = std::move(r).transform_error([](ap::failure const&) { return ap::errc::internal; });
    CHECK(read(r) == 3);
}

TEMPLATE_TEST_CASE("or_else repairs a failure", "", ANTIPHON_LAW_TYPES) {
    ap::result<TestType> r = ap::errc::aborted;
    CHECK(read(std::move(r).or_else([](ap::failure const&) { return success<TestType>(3); })) == 3);
}

TEMPLATE_TEST_CASE("transform_error replaces a failure", "", ANTIPHON_LAW_TYPES) {
    ap::result<TestType> r = ap::errc::aborted;
    CHECK(std::move(r).transform_error([](ap::failure const&) { return ap::errc::internal; }) == ap::errc::internal);
}

TEMPLATE_TEST_CASE("building, moving and failing a result allocates nothing", "", int, void, int&, test::overaligned) {
    CHECK(test::allocations_of([] {
              auto r = success<TestType>(3);
              ap::result<TestType> moved{std::move(r)};
              moved = ap::failure{ap::errc::aborted, "text"};
              r = std::move(moved);
          }) == 0);
}

TEST_CASE("results destroy exactly what they build") {
    {
        ap::result<test::counted> a{std::in_place, 1};
        ap::result<test::counted> b{a};
        ap::result<test::counted> c{std::move(a)};
        b = ap::errc::aborted;
        c = b;
        b = a;
        a = b;
        b = ap::result<test::counted>{ap::errc::aborted};
        swap(a, b);
        CHECK(test::counted::alive() == 1);
    }
    CHECK(test::counted::alive() == 0);
}

// ---- construction ----

TEST_CASE("a result is at most 40 bytes for an int") {
    STATIC_REQUIRE(sizeof(ap::result<int>) <= 40);
    STATIC_REQUIRE(sizeof(ap::result<void>) <= 40);
    STATIC_REQUIRE(sizeof(ap::result<int&>) <= 40);
}

TEST_CASE("a default result holds a default value") {
    CHECK(ap::result<int>{} == 0);
    CHECK(ap::result<void>{}.has_value());
    STATIC_REQUIRE_FALSE(std::is_default_constructible_v<ap::result<test::move_only>>);
    STATIC_REQUIRE_FALSE(std::is_default_constructible_v<ap::result<int&>>);
}

TEST_CASE("a result converts from a value as its type does, explicitly or not") {
    ap::result<std::string> const r = "text";
    CHECK(*r == "text");
    ap::result<float> const narrowed = 3;
    CHECK(*narrowed == 3.0F);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<int, ap::result<test::move_only>>);
    STATIC_REQUIRE(std::is_constructible_v<ap::result<test::move_only>, int>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<ap::result<int>, std::string>);
}

TEST_CASE("a result of an error code of any kind failed") {
    CHECK(ap::result<int>{std::make_error_code(std::errc::io_error)} == std::errc::io_error);
    CHECK(ap::result<int>{std::errc::io_error} == std::errc::io_error);
    CHECK(ap::result<void>{std::errc::io_error} == std::errc::io_error);
}

TEST_CASE("an unscoped error enumeration fails a result<int>, though it converts to int") {
    ap::result<int> const r = broken;
    REQUIRE_FALSE(r.has_value());
    CHECK(r.error().code().value() == 5);
    CHECK(ap::result<unscoped_error>{broken}.has_value());
}

TEST_CASE("an errc always fails a result, a foreign code only where it is not the value") {
    CHECK_FALSE(ap::result<ap::errc>{ap::errc::aborted}.has_value());
    CHECK(ap::result<ap::errc>{std::in_place, ap::errc::aborted}.has_value());
    CHECK_FALSE(ap::result<std::any>{ap::errc::aborted}.has_value());
    CHECK(ap::result<std::any>{std::make_error_code(std::errc::io_error)}.has_value());
    CHECK(ap::result<std::error_code>{std::make_error_code(std::errc::io_error)}.has_value());
}

TEST_CASE("a copy of a result<any> is a copy, not an any that holds a result") {
    ap::result<std::any> r = ap::errc::aborted;
    ap::result<std::any> const copy{r};
    CHECK_FALSE(copy.has_value());
}

TEST_CASE("a result is built in place") {
    ap::result<std::string> const repeated{std::in_place, 3U, 'x'};
    CHECK(*repeated == "xxx");
    ap::result<std::vector<int>> const listed{std::in_place, {1, 2, 3}};
    CHECK(listed->size() == 3);
    CHECK(ap::result<void>{std::in_place}.has_value());
    int target = 1;
    CHECK(&*ap::result<int&>{std::in_place, target} == &target);
}

TEST_CASE("a result is built from a callable without a move") {
    auto const r = ap::result<pinned>::from_invoke([](int x) { return pinned{x}; }, 7);
    CHECK(r->x == 7);
    test::throwing_move::armed const armed;
    CHECK(ap::result<test::throwing_move>::from_invoke([] { return test::throwing_move{3}; })->read() == 3);
}

TEST_CASE("a result<void> from a callable runs it and drops what it returns") {
    int calls = 0;
    CHECK(ap::result<void>::from_invoke([&](int n) { return calls += n; }, 2).has_value());
    CHECK(calls == 2);
}

TEST_CASE("a result converts from a result of another type") {
    ap::result<int> const three = 3;
    ap::result<long> const wide = three;
    CHECK(wide == 3);
    ap::result<std::string> const text = ap::result<char const*>{"abc"};
    CHECK(*text == "abc");
    ap::result<long> const failed = ap::result<int>{ap::errc::aborted};
    CHECK(failed == ap::errc::aborted);
    ap::result<std::unique_ptr<animal>> const pet = ap::result<std::unique_ptr<dog>>{std::make_unique<dog>()};
    CHECK((*pet)->legs == 4);
    int target = 5;
    ap::result<int> const copied = ap::result<int&>{target};
    CHECK(copied == 5);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<ap::result<int>, ap::result<std::string>>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<ap::result<int>, ap::result<void>>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<ap::result<int>, ap::result<test::move_only>>);
}

TEST_CASE("a result<bool> converts from the value of a result, not from whether it has one") {
    CHECK(ap::result<bool>{ap::result<int>{0}} == false);
    ap::result<bool> const copied = ap::result<bool>{false};
    CHECK(copied == false);
}

TEST_CASE("a result copies and moves as its value does") {
    STATIC_REQUIRE(std::is_copy_constructible_v<ap::result<std::string>>);
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<ap::result<test::move_only>>);
    STATIC_REQUIRE_FALSE(std::is_move_constructible_v<ap::result<pinned>>);
    STATIC_REQUIRE(std::is_nothrow_move_constructible_v<ap::result<std::string>>);
    STATIC_REQUIRE_FALSE(std::is_nothrow_move_constructible_v<ap::result<test::throwing_move>>);
    STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<ap::result<int const>>);
    STATIC_REQUIRE(std::is_nothrow_constructible_v<ap::result<int>, int>);
    STATIC_REQUIRE_FALSE(std::is_nothrow_constructible_v<ap::result<std::string>, char const*>);
    STATIC_REQUIRE(std::is_nothrow_default_constructible_v<ap::result<int>>);
    STATIC_REQUIRE(std::is_copy_constructible_v<ap::result<int const>>);
}

TEST_CASE("is_result_v knows results, however qualified") {
    STATIC_REQUIRE(ap::is_result_v<ap::result<int>>);
    STATIC_REQUIRE(ap::is_result_v<ap::result<void> const&>);
    STATIC_REQUIRE_FALSE(ap::is_result_v<int>);
}

// ---- assignment ----

TEST_CASE("a result is assigned a value over a value and over a failure") {
    ap::result<std::string> r = "one";
    r = "two";
    CHECK(*r == "two");
    r = ap::errc::aborted;
    r = "three";
    CHECK(*r == "three");
}

TEST_CASE("a failure assigned over a failure replaces it") {
    ap::result<int> r = ap::errc::aborted;
    r = ap::failure{ap::errc::cancelled, "text"};
    CHECK(r.error().message() == "text");
    r = std::make_error_code(std::errc::io_error);
    CHECK(r == std::errc::io_error);
}

TEST_CASE("a result is assigned from a copy") {
    ap::result<std::string> const value = "text";
    ap::result<std::string> const failed = ap::errc::aborted;
    ap::result<std::string> r = failed;
    r = value;
    CHECK(*r == "text");
    r = value;
    CHECK(*r == "text");
    r = failed;
    r = failed;
    CHECK(r == ap::errc::aborted);
}

TEST_CASE("a result assigned a failure that lies inside its own value takes it") {
    struct node {
        std::vector<ap::result<int>> children;
    };
    ap::result<node> r{std::in_place};
    r->children.emplace_back(ap::failure{ap::errc::aborted, "child"});
    r = r->children.front().error();
    CHECK(r.error().message() == "child");
}

TEST_CASE("emplace builds a value over whatever there was") {
    ap::result<int> r = ap::errc::aborted;
    CHECK(r.emplace(4) == 4);
    CHECK(r.emplace(5) == 5);
    ap::result<void> nothing = ap::errc::aborted;
    nothing.emplace();
    CHECK(nothing.has_value());
    int target = 1;
    ap::result<int&> reference = ap::errc::aborted;
    CHECK(&reference.emplace(target) == &target);
}

// ---- access ----

TEST_CASE("a result gives its value in every value category") {
    using R = ap::result<test::move_only>;
    R r{std::in_place, 3};
    CHECK((*r).read() == 3);
    CHECK(r->read() == 3);
    CHECK(std::as_const(r)->read() == 3);
    CHECK((*std::as_const(r)).read() == 3);
    CHECK(r.value().read() == 3);
    CHECK(std::as_const(r).value().read() == 3);
    CHECK(std::move(std::as_const(r)).value().read() == 3);
    CHECK((*std::move(std::as_const(r))).read() == 3);
    test::move_only const taken = *std::move(r);
    CHECK(taken.read() == 3);
    CHECK(R(std::in_place, 4).value().read() == 4);
    STATIC_REQUIRE(std::is_same_v<decltype(std::declval<R>().value()), test::move_only&&>);
    STATIC_REQUIRE(std::is_same_v<decltype(*std::declval<R const>()), test::move_only const&&>);
}

TEST_CASE("a result gives its failure in every value category") {
    ap::result<int> r = ap::failure{ap::errc::aborted, "text"};
    r.error().with_attempts(3);
    CHECK(std::as_const(r).error().attempts() == 3);
    CHECK(std::move(std::as_const(r)).error().attempts() == 3);
    ap::failure const taken = std::move(r).error();
    CHECK(taken.message() == "text");
}

TEST_CASE("value_or gives the value, or what one says instead") {
    ap::result<test::move_only> value{std::in_place, 3};
    CHECK(std::move(value).value_or(test::move_only{4}).read() == 3);
    ap::result<test::move_only> failed = ap::errc::aborted;
    CHECK(std::move(failed).value_or(test::move_only{4}).read() == 4);
    ap::result<std::string> const text = "text";
    CHECK(text.value_or("other") == "text");
    ap::result<std::string> const none = ap::errc::aborted;
    CHECK(none.value_or("other") == "other");
    CHECK(none.value_or({}).empty());
    int target = 5;
    CHECK(ap::result<int&>{target}.value_or(6) == 5);
    CHECK(ap::result<int&>{ap::errc::aborted}.value_or(6) == 6);
}

TEST_CASE("error_or gives the failure, or what one says instead") {
    ap::result<int> const failed = ap::errc::aborted;
    CHECK(failed.error_or(ap::errc::internal) == ap::errc::aborted);
    CHECK(ap::result<int>{ap::errc::aborted}.error_or(ap::errc::internal) == ap::errc::aborted);
    ap::result<int> const value = 3;
    CHECK(value.error_or(ap::errc::internal) == ap::errc::internal);
    CHECK(ap::result<int>{3}.error_or(ap::errc::internal) == ap::errc::internal);
}

TEST_CASE("a result<void> gives nothing, when it has that") {
    ap::result<void> const r;
    *r;
    r.value();
    SUCCEED();
}

// ---- references ----

TEST_CASE("a result<T&> refers, and assignment rebinds it") {
    int one = 1;
    int two = 2;
    ap::result<int&> r = one;
    *r = 5;
    CHECK(one == 5);
    r = two;
    CHECK(&r.value() == &two);
    CHECK(one == 5);
    r = ap::errc::aborted;
    r = std::ref(one);
    CHECK(&*r == &one);
}

TEST_CASE("a const result<T&> does not make its target const") {
    animal a;
    ap::result<animal&> const r = a;
    r->legs = 2;
    CHECK(a.legs == 2);
}

TEST_CASE("a result<T&> converts to a base and to const") {
    dog d;
    ap::result<dog&> const r = d;
    ap::result<animal&> const base = r;
    CHECK(&*base == &d);
    ap::result<dog const&> const constant = r;
    CHECK(&*constant == &d);
    ap::result<animal&> const failed = ap::result<dog&>{ap::errc::aborted};
    CHECK(failed == ap::errc::aborted);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<ap::result<dog&>, ap::result<dog const&>>);
}

TEST_CASE("a result<T&> refuses temporaries, made or converted") {
    STATIC_REQUIRE_FALSE(std::is_constructible_v<ap::result<int&>, int>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<ap::result<int const&>, int>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<ap::result<std::string const&>, char const*>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<ap::result<int&>, int const&>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<ap::result<double const&>, int&>);
    STATIC_REQUIRE(std::is_constructible_v<ap::result<int const&>, int&>);
    STATIC_REQUIRE(std::is_constructible_v<ap::result<int const&>, std::reference_wrapper<int>>);
}

TEST_CASE("a result<error_code&> refers to an lvalue and refuses an rvalue") {
    std::error_code code;
    ap::result<std::error_code&> const r = code;
    CHECK(&*r == &code);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<ap::result<std::error_code&>, std::error_code>);
}

// ---- composition ----

TEST_CASE("and_then goes on with another result, in every value category") {
    auto const half = [](auto&& x) -> ap::result<std::string> {
        if (x.read() % 2 != 0) return ap::errc::invalid_argument;
        return std::to_string(x.read() / 2);
    };
    ap::result<test::move_only> r{std::in_place, 8};
    CHECK(r.and_then(half) == "4");
    CHECK(std::as_const(r).and_then(half) == "4");
    CHECK(std::move(std::as_const(r)).and_then(half) == "4");
    CHECK(std::move(r).and_then(half) == "4");
    CHECK(ap::result<test::move_only>{std::in_place, 3}.and_then(half) == ap::errc::invalid_argument);
}

TEST_CASE("transform wraps a plain value, in every value category") {
    auto const next = [](auto&& x) { return x.read() + 1; };
    ap::result<test::move_only> r{std::in_place, 8};
    CHECK(r.transform(next) == 9);
    CHECK(std::as_const(r).transform(next) == 9);
    CHECK(std::move(std::as_const(r)).transform(next) == 9);
    CHECK(std::move(r).transform(next) == 9);
}

TEST_CASE("transform passes the value on as an rvalue when the result is one") {
    ap::result<test::move_only> r{std::in_place, 8};
    auto const taken = std::move(r).transform([](test::move_only&& m) { return std::move(m); });
    CHECK(taken->read() == 8);
    CHECK(r->read() == -1);
}

TEST_CASE("transform makes results of void, of references and of types that cannot move") {
    ap::result<int> r = 3;
    int seen = 0;
    auto const nothing = r.transform([&](int x) { seen = x; });
    STATIC_REQUIRE(std::is_same_v<decltype(nothing), ap::result<void> const>);
    CHECK(seen == 3);
    auto const reference = r.transform([](int& x) -> int& { return x; });
    CHECK(&*reference == &*r);
    CHECK(r.transform([](int x) { return pinned{x}; })->x == 3);
}

TEST_CASE("transform and and_then of a result<void> call without arguments") {
    ap::result<void> const done;
    CHECK(done.transform([] { return 3; }) == 3);
    CHECK(done.and_then([] { return ap::result<int>{4}; }) == 4);
}

TEST_CASE("transform takes a pointer to a member") {
    ap::result<animal> const r{std::in_place};
    CHECK(r.transform(&animal::legs) == 4);
}

TEST_CASE("or_else and transform_error see the failure in every value category") {
    ap::result<int> r = ap::failure{ap::errc::aborted}.with_attempts(3);
    auto const count = [](auto&& why) -> ap::result<int> { return static_cast<int>(why.attempts()); };
    CHECK(r.or_else(count) == 3);
    CHECK(std::as_const(r).or_else(count) == 3);
    CHECK(std::move(std::as_const(r)).or_else(count) == 3);
    CHECK(std::move(r).or_else(count) == 3);
    auto const more = [](ap::failure why) { return why.with_attempts(why.attempts() + 1); };
    CHECK(r.transform_error(more).error().attempts() == 4);
    CHECK(std::as_const(r).transform_error(more).error().attempts() == 4);
    CHECK(std::move(std::as_const(r)).transform_error(more).error().attempts() == 4);
    CHECK(std::move(r).transform_error(more).error().attempts() == 4);
}

TEST_CASE("a copyable value passes through or_else and transform_error of an lvalue") {
    ap::result<int> const r = 3;
    CHECK(r.or_else([](ap::failure const&) { return ap::result<int>{4}; }) == 3);
    CHECK(r.transform_error([](ap::failure const& why) { return why; }) == 3);
}

// ---- comparison ----

TEST_CASE("results are equal when their values are") {
    ap::result<int> const three = 3;
    CHECK(three == ap::result<int>{3});
    CHECK(three != ap::result<int>{4});
    CHECK(three == ap::result<long>{3});
}

TEST_CASE("failed results are equal when their codes are") {
    ap::result<int> const failed = ap::errc::aborted;
    CHECK(failed == ap::result<long>{ap::errc::aborted});
    CHECK(failed != ap::result<int>{ap::errc::cancelled});
}

TEST_CASE("a result that failed never equals one that did not") {
    CHECK(ap::result<int>{3} != ap::result<int>{ap::errc::aborted});
    CHECK(ap::result<int>{ap::errc::aborted} != ap::result<int>{3});
}

TEST_CASE("results of void are equal when both succeeded, or failed with one code") {
    CHECK(ap::result<void>{} == ap::result<void>{});
    CHECK(ap::result<void>{} != ap::result<void>{ap::errc::aborted});
    CHECK(ap::result<void>{ap::errc::aborted} == ap::result<void>{ap::errc::aborted});
}

TEST_CASE("a result compares with a value from either side") {
    CHECK(ap::result<int>{3} == 3);
    CHECK(3 == ap::result<int>{3});
    CHECK(ap::result<int>{3} != 4);
    CHECK(ap::result<int>{ap::errc::aborted} != 3);
    CHECK(ap::result<std::string>{"text"} == "text");
    int target = 3;
    CHECK(ap::result<int&>{target} == 3);
}

TEST_CASE("a result compares with failures and codes") {
    ap::result<int> const failed = ap::errc::aborted;
    CHECK(failed == ap::failure{ap::errc::aborted});
    CHECK(failed == make_error_code(ap::errc::aborted));
    CHECK(ap::errc::aborted == failed);
    CHECK(failed != ap::errc::cancelled);
    CHECK(ap::result<int>{3} != ap::errc::aborted);
    ap::result<void> const io = std::errc::io_error;
    CHECK(io == std::make_error_condition(std::errc::io_error));
}

#if ANTIPHON_HAS_FORK && !defined(NDEBUG)

// ---- assertions ----

TEMPLATE_TEST_CASE("an assertion stops who takes the value of a failure", "", ANTIPHON_LAW_TYPES) {
    CHECK(test::last_words([] { static_cast<void>(*ap::result<TestType>{ap::errc::aborted}); }).has_value());
}

TEMPLATE_TEST_CASE("an assertion stops who takes the failure of a value", "", ANTIPHON_LAW_TYPES) {
    CHECK(test::last_words([] { static_cast<void>(success<TestType>(3).error()); }).has_value());
}

#endif

#if ANTIPHON_HAS_FORK && !ANTIPHON_EXCEPTIONS

TEST_CASE("without exceptions, value() of a failure ends the program with its message on stderr") {
    CHECK(test::last_words([] { ap::result<int>{ap::failure{ap::errc::aborted, "no tape"}}.value(); }) == "antiphon: no tape\n");
}

#endif

#if ANTIPHON_EXCEPTIONS

// ---- exceptions ----

TEMPLATE_TEST_CASE("value() of a failed result throws a request_error", "", ANTIPHON_LAW_TYPES) {
    ap::result<TestType> r = ap::errc::aborted;
    CHECK_THROWS_AS(r.value(), ap::request_error);
    CHECK_THROWS_AS(std::as_const(r).value(), std::system_error);
    CHECK_THROWS_AS(std::move(r).value(), ap::request_error);
}

TEST_CASE("value() rethrows the exception that a failure carries") {
    ap::result<int> const r = ap::failure::from_exception(std::make_exception_ptr(std::out_of_range{"far"}));
    CHECK_THROWS_AS(r.value(), std::out_of_range);
}

TEST_CASE("a value that throws while it replaces a failure leaves the failure") {
    ap::result<test::throwing_move> r = ap::failure{ap::errc::aborted, "text"};
    auto source = success<test::throwing_move>(3);
    test::throwing_move::armed const armed;
    CHECK_THROWS_AS(r = std::move(source), std::runtime_error);
    CHECK(r.error().message() == "text");
    CHECK_THROWS_AS(r = *source, std::runtime_error);
    CHECK(r.error().message() == "text");
}

TEST_CASE("a swap that throws leaves both results as they were") {
    ap::result<test::throwing_move> failed = ap::failure{ap::errc::aborted, "text"};
    auto value = success<test::throwing_move>(3);
    test::throwing_move::armed const armed;
    CHECK_THROWS_AS(swap(failed, value), std::runtime_error);
    CHECK(failed.error().message() == "text");
    CHECK(value->read() == 3);
}

TEST_CASE("a failure replaces a value without moving it") {
    auto r = success<test::throwing_move>(3);
    test::throwing_move::armed const armed;
    r = ap::errc::aborted;
    CHECK(r == ap::errc::aborted);
}

TEST_CASE("an exception out of from_invoke goes to its caller") {
    auto const boom = []() -> int { throw std::runtime_error{"boom"}; };
    CHECK_THROWS_AS(ap::result<int>::from_invoke(boom), std::runtime_error);
    CHECK_THROWS_AS(ap::result<void>::from_invoke(boom), std::runtime_error);
}

#endif

// ---- the rest of std::expected ----

TEST_CASE("a result takes braces for its value, made, assigned or emplaced") {
    ap::result<std::pair<int, int>> pair{std::in_place, 1, 2};
    pair = {3, 4};
    CHECK(pair->second == 4);
    struct sum {
        sum(std::initializer_list<int> list, int more) noexcept : value{more} {
            for (int each : list)
                value += each;
        }
        int value;
    };
    ap::result<sum> r{std::in_place, {1, 2}, 3};
    CHECK(r->value == 6);
    CHECK(r.emplace({10, 20}, 30).value == 60);
    STATIC_REQUIRE(std::is_same_v<ap::result<int>::rebind<long>, ap::result<long>>);
}

#if ANTIPHON_HAS_STD_EXPECTED

// ---- std::expected ----

TEST_CASE("a result converts to std::expected and back") {
    std::expected<std::string, ap::failure> const value = ap::result<std::string>{"text"};
    CHECK(*value == "text");
    ap::result<std::string> const failed = ap::errc::aborted;
    std::expected<std::string, ap::failure> const unhappy = failed;
    CHECK(unhappy.error() == ap::errc::aborted);
    ap::result<std::string> const back = value;
    CHECK(back == "text");
    ap::result<std::string> const failed_back = unhappy;
    CHECK(failed_back == ap::errc::aborted);
}

TEST_CASE("a result is made failed by std::unexpect") {
    CHECK(ap::result<int>{std::unexpect, ap::errc::aborted} == ap::errc::aborted);
    CHECK(ap::result<void>{std::unexpect, ap::errc::aborted, ap::executed::no}.error().executed() == ap::executed::no);
    CHECK(ap::result<int&>{std::unexpect, ap::errc::aborted} == ap::errc::aborted);
    STATIC_REQUIRE(std::is_same_v<ap::result<int>::unexpected_type, std::unexpected<ap::failure>>);
}

TEST_CASE("a result<void> converts to std::expected and back") {
    std::expected<void, ap::failure> const done = ap::result<void>{};
    CHECK(done.has_value());
    std::expected<void, ap::failure> const failed = ap::result<void>{ap::errc::aborted};
    CHECK_FALSE(failed.has_value());
    CHECK(ap::result<void>{done}.has_value());
    CHECK(ap::result<void>{failed} == ap::errc::aborted);
}

TEST_CASE("a result of a move-only value moves through std::expected") {
    std::expected<test::move_only, ap::failure> value = ap::result<test::move_only>{std::in_place, 3};
    ap::result<test::move_only> const back = std::move(value);
    CHECK(back->read() == 3);
}

TEST_CASE("a result takes a std::expected whose error converts to a failure") {
    std::expected<int, std::error_code> const failed = std::unexpected{std::make_error_code(std::errc::io_error)};
    CHECK(ap::result<long>{failed} == std::errc::io_error);
    CHECK_FALSE(std::is_constructible_v<ap::result<int>, std::expected<int, std::string>>);
}

TEST_CASE("a result is made of and compares with std::unexpected") {
    ap::result<int> r = std::unexpected{ap::failure{ap::errc::aborted}};
    CHECK(r == ap::errc::aborted);
    r = 3;
    r = std::unexpected{ap::errc::cancelled};
    CHECK(r == std::unexpected{ap::failure{ap::errc::cancelled}});
}

TEST_CASE("a result<bool> goes through std::expected by its value") {
    std::expected<bool, ap::failure> const value = ap::result<bool>{false};
    REQUIRE(value.has_value());
    CHECK_FALSE(*value);
    CHECK(ap::result<bool>{value} == false);
}

#endif

TEST_CASE("a stream shows a result's value, or why there is none") {
    auto const shown = [](auto const& r) {
        std::ostringstream out;
        out << r;
        return out.str();
    };
    int four = 4;
    CHECK(shown(ap::result<int>{3}) == "3");
    CHECK(shown(ap::result<int&>{four}) == "4");
    CHECK(shown(ap::result<void>{}) == "done");
    CHECK(shown(ap::result<int>{ap::errc::not_found}) == "failed: not found");
    struct silent {};
    STATIC_REQUIRE_FALSE(streamed<ap::result<silent>>);
}

namespace antiphon {

static_assert(sizeof(std::exception_ptr) > sizeof(void*) || sizeof(result<int>) <= 40);
static_assert(std::is_nothrow_move_constructible_v<result<int>> && std::is_nothrow_move_assignable_v<result<void>>);
static_assert(std::is_convertible_v<errc, result<int>> && std::is_convertible_v<failure, result<int&>>);
static_assert(!std::is_constructible_v<result<int const&>, int>, "a result must not refer to a temporary");

}  // namespace antiphon
