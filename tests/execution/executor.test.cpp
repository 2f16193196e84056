// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/executor.hpp>
#include <antiphon/execution/inline_executor.hpp>
#include <antiphon/execution/manual_executor.hpp>

#include <memory>
#include <type_traits>

#include "catch_compat.hpp"

namespace ap = antiphon;

namespace {

struct unique_executor {
    std::unique_ptr<int> state;
    void execute(ap::work) const {}
};
struct changing_executor {
    void execute(ap::work) {}
};

}  // namespace

TEST_CASE("an executor is copyable and takes work through a const member") {
    STATIC_REQUIRE(ap::executor<ap::inline_executor>);
    STATIC_REQUIRE_FALSE(ap::executor<unique_executor>);
    STATIC_REQUIRE_FALSE(ap::executor<changing_executor>);
    STATIC_REQUIRE_FALSE(ap::executor<int>);
}

TEST_CASE("executor_of gives a context's executor, or the executor itself") {
    ap::manual_executor manual;
    CHECK(ap::executor_of(manual) == manual.get_executor());
    ap::inline_executor const in_place;
    STATIC_REQUIRE(std::is_same_v<decltype(ap::executor_of(in_place)), ap::inline_executor>);
}
