// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/shared_core.hpp>

#include <utility>

#include "catch_compat.hpp"

namespace ap = antiphon;

namespace {

struct core : ap::counted {
    explicit core(int& l) : live{&l} { ++*live; }
    ~core() { --*live; }
    int* live;
};

}  // namespace

TEST_CASE("a core lives as long as somebody refers to it") {
    int live = 0;
    {
        ap::shared_core<core> first{new core{live}};
        {
            ap::shared_core<core> const second = first;
            auto const third = ap::shared_core<core>::another(*second);
            CHECK(second == first);
            CHECK(third.get() == first.get());
        }
        CHECK(live == 1);
        first = ap::shared_core<core>{new core{live}};
        CHECK(live == 1);
    }
    CHECK(live == 0);
}

TEST_CASE("a reference that was moved from still refers to its core") {
    int live = 0;
    ap::shared_core<core> first{new core{live}};
    ap::shared_core<core> const second = std::move(first);
    CHECK(first == second);
}
