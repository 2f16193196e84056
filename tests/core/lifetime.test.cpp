// SPDX-License-Identifier: BSL-1.0
#include "antiphon/core/lifetime.hpp"

#include <utility>

#include "catch_compat.hpp"

namespace {

struct counted {
    explicit counted(int v) : value{v} { ++alive; }
    ~counted() { --alive; }
    counted* operator&() = delete;
    int value;
    static inline int alive = 0;
};

template <class T>
union room {
    room() {}
    ~room() {}
    T object;
};

}  // namespace

TEST_CASE("An object is built where it is told, and ended there") {
    room<counted> r;
    counted* const at = antiphon::detail::addressof(r.object);
    CHECK(antiphon::detail::construct_at(at, 7) == at);
    CHECK(r.object.value == 7);
    CHECK(counted::alive == 1);
    antiphon::detail::destroy_at(at);
    CHECK(counted::alive == 0);
}

TEST_CASE("An object that is const is built and ended like another") {
    room<counted const> r;
    CHECK(antiphon::detail::construct_at(antiphon::detail::addressof(r.object), 8)->value == 8);
    antiphon::detail::destroy_at(antiphon::detail::addressof(r.object));
    CHECK(counted::alive == 0);
}

TEST_CASE("Construction says whether it can throw") {
    STATIC_REQUIRE(noexcept(antiphon::detail::construct_at(std::declval<int*>(), 1)));
    STATIC_REQUIRE_FALSE(noexcept(antiphon::detail::construct_at(std::declval<counted*>(), 1)));
}
