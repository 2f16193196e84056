// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/fork.hpp>

#include "catch_compat.hpp"
#include "support/child.hpp"

namespace ap = antiphon;

TEST_CASE("the fork generation stays the same in one process") { CHECK(ap::fork_generation() == ap::fork_generation()); }

#if ANTIPHON_HAS_FORK

TEST_CASE("the fork generation of a child differs from its parent's") {
    auto const mine = ap::fork_generation();
    CHECK(in_child([mine] { return ap::fork_generation() == mine + 1; }));
    CHECK(ap::fork_generation() == mine);
}

TEST_CASE("the fork generation of a grandchild differs from its parent's") {
    auto const mine = ap::fork_generation();
    CHECK(in_child([mine] { return in_child([mine] { return ap::fork_generation() == mine + 2; }); }));
}

#endif
