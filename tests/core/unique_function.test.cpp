// SPDX-License-Identifier: BSL-1.0
#include "antiphon/core/unique_function.hpp"

#include <array>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "catch_compat.hpp"
#include "support/allocations.hpp"
#include "support/death.hpp"
#include "support/values.hpp"

namespace ap = antiphon;

namespace {

int twice(int x) { return 2 * x; }

struct point {
    int x = 1;
    [[nodiscard]] int plus(int y) const { return x + y; }
};

}  // namespace

TEST_CASE("a unique_function calls what it holds") {
    ap::unique_function<int(int)> f = [](int x) { return x + 1; };
    CHECK(static_cast<bool>(f));
    CHECK(f(2) == 3);
}

TEST_CASE("a unique_function holds functions and members") {
    ap::unique_function<int(int)> f = &twice;
    CHECK(f(4) == 8);
    f = twice;
    CHECK(f(5) == 10);
    ap::unique_function<int(point const&, int)> method = &point::plus;
    CHECK(method(point{}, 2) == 3);
    ap::unique_function<int(point const&)> field = &point::x;
    CHECK(field(point{}) == 1);
}

TEST_CASE("a unique_function is empty by default, and made of or assigned null") {
    ap::unique_function<void()> f;
    CHECK(f == nullptr);
    CHECK_FALSE(static_cast<bool>(f));
    CHECK(ap::unique_function<void()>{nullptr} == nullptr);
    f = [] {};
    CHECK(f != nullptr);
    f = nullptr;
    CHECK(f == nullptr);
}

TEST_CASE("a unique_function made of null pointers is empty") {
    CHECK(ap::unique_function<int(int)>{static_cast<int (*)(int)>(nullptr)} == nullptr);
    CHECK(ap::unique_function<int(point const&)>{static_cast<int point::*>(nullptr)} == nullptr);
}

TEST_CASE("a unique_function made of an empty wrapper is empty") {
    CHECK(ap::unique_function<int(int)>{std::function<int(int)>{}} == nullptr);
    CHECK(ap::unique_function<long(int)>{ap::unique_function<int(int)>{}} == nullptr);
    CHECK(ap::unique_function<int(int)>{std::function<int(int)>{twice}}(3) == 6);
}

TEST_CASE("a unique_function takes callables and arguments that only move") {
    ap::unique_function<int(test::move_only)> f = [m = test::move_only{3}](test::move_only other) { return m.read() + other.read(); };
    CHECK(f(test::move_only{4}) == 7);
}

TEST_CASE("a unique_function returns references and types that cannot move") {
    int n = 1;
    ap::unique_function<int&()> reference = [&]() -> int& { return n; };
    reference() = 5;
    CHECK(n == 5);
    struct pinned {
        explicit pinned(int number) : x{number} {}
        pinned(pinned&&) = delete;
        int x;
    };
    ap::unique_function<pinned()> maker = [] { return pinned{9}; };
    CHECK(maker().x == 9);
}

TEST_CASE("a unique_function of void drops what its callable returns") {
    int calls = 0;
    ap::unique_function<void()> f = [&] { return ++calls; };
    f();
    CHECK(calls == 1);
}

TEST_CASE("a unique_function keeps the state of a mutable callable") {
    ap::unique_function<int()> f = [n = 0]() mutable { return ++n; };
    f();
    ap::unique_function<int()> g = std::move(f);
    CHECK(g() == 2);
}

TEST_CASE("a moved-from unique_function is empty") {
    ap::unique_function<int(int)> f = twice;
    ap::unique_function<int(int)> const g = std::move(f);
    CHECK(f == nullptr);
    CHECK(g != nullptr);
}

TEST_CASE("a unique_function moved from an empty one is empty") {
    ap::unique_function<int(int)> f;
    ap::unique_function<int(int)> g = twice;
    g = std::move(f);
    CHECK(g == nullptr);
}

TEST_CASE("a unique_function assigned to itself stays") {
    ap::unique_function<int(int)> f = twice;
    ap::unique_function<int(int)>& same = f;
    f = std::move(same);
    CHECK(f(1) == 2);
}

TEST_CASE("swapped unique_functions exchange their callables") {
    ap::unique_function<int(int)> f = twice;
    ap::unique_function<int(int)> g;
    swap(f, g);
    CHECK(f == nullptr);
    CHECK(g(3) == 6);
}

TEST_CASE("a unique_function of three words allocates nothing, larger ones once") {
    std::array<void*, 3> three{};
    std::array<void*, 4> four{};
    CHECK(test::allocations_of([&] {
              ap::unique_function<bool()> f = [three] { return three[0] == nullptr; };
              ap::unique_function<bool()> g = std::move(f);
              f = std::move(g);
              static_cast<void>(f());
          }) == 0);
    CHECK(test::allocations_of([&] {
              ap::unique_function<bool()> f = [four] { return four[0] == nullptr; };
              ap::unique_function<bool()> g = std::move(f);
              static_cast<void>(g());
          }) == 1);
}

TEST_CASE("a unique_function puts callables with a throwing move on the heap, and never moves them") {
    ap::unique_function<int()> f = [t = test::throwing_move{3}] { return t.read(); };
    test::throwing_move::armed const armed;
    ap::unique_function<int()> g = std::move(f);
    CHECK(g() == 3);
}

TEST_CASE("a unique_function aligns over-aligned callables") {
    ap::unique_function<int()> f = [o = test::overaligned{3}] { return o.read(); };
    CHECK(f() == 3);
}

TEST_CASE("a unique_function destroys its callable once, in place or not") {
    {
        ap::unique_function<void()> small = [c = test::counted{}] {};
        ap::unique_function<void()> large = [c = std::array<test::counted, 8>{}] {};
        ap::unique_function<void()> const other = std::move(large);
        CHECK(test::counted::alive() == 9);
        small = nullptr;
        CHECK(test::counted::alive() == 8);
    }
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("a callable that assigns to its own unique_function as it dies finds it whole") {
    struct reassigning {
        ap::unique_function<int()>* owner;
        explicit reassigning(ap::unique_function<int()>* f) : owner{f} {}
        reassigning(reassigning&& other) noexcept : owner{std::exchange(other.owner, nullptr)} {}
        ~reassigning() {
            if (owner != nullptr) *owner = [] { return 2; };
        }
        int operator()() const { return 1; }
    };
    ap::unique_function<int()> f;
    f = reassigning{&f};
    f = nullptr;
    CHECK(f() == 2);
}

#if ANTIPHON_HAS_FORK

TEST_CASE("calling an empty unique_function ends the program") {
    CHECK(test::last_words([] { ap::unique_function<void()>{}(); }).has_value());
}

#endif

TEST_CASE("a unique_function is made only of what it can call") {
    STATIC_REQUIRE_FALSE(std::is_constructible_v<ap::unique_function<int(int)>, int (*)(point)>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<ap::unique_function<int(int)>, int>);
    STATIC_REQUIRE(std::is_constructible_v<ap::unique_function<void(int)>, int (*)(int)>);
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<ap::unique_function<int(int)>>);
}

TEST_CASE("a unique_function of a const signature is called as const") {
    struct either {
        int operator()() { return 1; }
        int operator()() const { return 2; }
    };
    ap::unique_function<int() const> const f = either{};
    CHECK(f() == 2);
    ap::unique_function<int()> g = either{};
    CHECK(g() == 1);
    auto const counting = [n = 0]() mutable { return ++n; };
    STATIC_REQUIRE_FALSE(std::is_constructible_v<ap::unique_function<int() const>, decltype(counting)>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<ap::unique_function<int() const>, ap::unique_function<int()>>);
    STATIC_REQUIRE_FALSE(std::is_invocable_v<ap::unique_function<int()> const&>);
}

TEST_CASE("a unique_function of a noexcept signature takes only what cannot throw") {
    ap::unique_function<int(int) const noexcept> const f = [](int x) noexcept { return x + 1; };
    CHECK(f(2) == 3);
    STATIC_REQUIRE(noexcept(f(2)));
    STATIC_REQUIRE_FALSE(std::is_constructible_v<ap::unique_function<int(int) noexcept>, int (*)(int)>);
    ap::unique_function<int(int) noexcept> g = [](int x) noexcept { return x + 2; };
    ap::unique_function<int(int)> any = std::move(g);
    CHECK(any(2) == 4);
}

TEST_CASE("a unique_function of one signature becomes one of another, and stays empty if it was") {
    ap::unique_function<int() const> f = [] { return 3; };
    ap::unique_function<long()> g = std::move(f);
    CHECK(g() == 3L);
    CHECK(f == nullptr);
    ap::unique_function<long()> const none = std::move(f);
    CHECK(none == nullptr);
}

TEST_CASE("a unique_function builds its callable in its place") {
    struct pinned {
        pinned(int a, int b) : sum{a + b} {}
        pinned(pinned&&) = delete;
        int operator()() const { return sum; }
        int sum;
    };
    ap::unique_function<int()> f{std::in_place_type<pinned>, 1, 2};
    CHECK(f() == 3);
    ap::unique_function<int()> g = std::move(f);
    CHECK(g() == 3);
}

namespace antiphon {

static_assert(sizeof(unique_function<void()>) == 4 * sizeof(void*));
static_assert(std::is_nothrow_move_constructible_v<unique_function<int(int)>> &&
              !std::is_copy_constructible_v<unique_function<int(int)>>);

}  // namespace antiphon
