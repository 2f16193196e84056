// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/default_executor.hpp>
#include <antiphon/execution/manual_executor.hpp>

#include "catch_compat.hpp"

namespace ap = antiphon;

namespace {

ap::any_executor handle_of(void* desk) { return static_cast<ap::manual_executor*>(desk)->get_executor(); }

}  // namespace

TEST_CASE("the default executor is the default pool's in real time") {
    CHECK_FALSE(ap::own_time_scope::active());
    CHECK_FALSE(ap::own_time_scope::current());
    CHECK(ap::default_executor().place() == ap::any_executor{ap::default_pool().get_executor()}.place());
}

TEST_CASE("inside a context with a clock of its own the default executor is that one's, the innermost") {
    ap::manual_executor outer, inner;
    ap::own_time_scope const here{&outer, handle_of};
    CHECK(ap::default_executor().place() == handle_of(&outer).place());
    {
        ap::own_time_scope const deeper{&inner, handle_of};
        CHECK(ap::default_executor().place() == handle_of(&inner).place());
    }
    CHECK(ap::own_time_scope::current().place() == handle_of(&outer).place());
}
