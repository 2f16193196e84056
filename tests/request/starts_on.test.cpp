// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/inline_executor.hpp>
#include <antiphon/execution/manual_executor.hpp>
#include <antiphon/execution/thread_pool.hpp>
#include <antiphon/request/request.hpp>
#include <antiphon/request/starts_on.hpp>
#include <antiphon/testing/simulation.hpp>

#include <optional>
#include <stdexcept>
#include <thread>

#include "catch_compat.hpp"
#include "support/allocations.hpp"

namespace ap = antiphon;

namespace {

ap::request const where{[] { return ap::place_scope::current(); }};

}  // namespace

TEST_CASE("starts_on takes a context or an executor") {
    ap::manual_executor desk;
    auto by_context = (where | ap::starts_on(desk)).submit();
    auto by_executor = (where | ap::starts_on(desk.get_executor())).submit();
    auto erased = (where | ap::starts_on(ap::any_executor{desk.get_executor()})).submit();
    CHECK(desk.run() == 3);
    void const* const place = desk.get_executor().place();
    CHECK(std::move(by_context).get().value() == place);
    CHECK(std::move(by_executor).get().value() == place);
    CHECK(std::move(erased).get().value() == place);
}

TEST_CASE("the outermost starts_on counts") {
    ap::manual_executor inner, outer;
    auto f = (where | ap::starts_on(inner) | ap::starts_on(outer)).submit();
    CHECK(inner.run() == 0);
    CHECK(outer.run() == 1);
    CHECK(std::move(f).get().value() == outer.get_executor().place());
}

TEST_CASE("starts_on fixes the place for call() too") {
    ap::testing::simulation sim;
    CHECK((where | ap::starts_on(sim)).call().value() == sim.get_executor().place());
}

TEST_CASE("starts_on gives the handler its executor's clock") {
    ap::testing::simulation sim;
    ap::request now{[](ap::context const& c) { return c.now(); }};
    CHECK((now | ap::starts_on(sim)).call().value() == sim.now());
}

TEST_CASE("an erased request keeps the place that was fixed") {
    ap::manual_executor desk;
    ap::request<void const*()> erased = where | ap::starts_on(desk);
    auto f = erased.submit();
    CHECK(desk.run() == 1);
    CHECK(std::move(f).get().value() == desk.get_executor().place());
}

TEST_CASE("the handle outlives its context, and asks then fail as shut down") {
    std::optional<ap::manual_executor> desk{std::in_place};
    auto stale = where | ap::starts_on(*desk);
    desk.reset();
    auto const r = stale.submit().get();
    CHECK(r.error() == ap::errc::shut_down);
    CHECK(r.error().executed() == ap::executed::no);
    CHECK(stale.call().error() == ap::errc::shut_down);
}

TEST_CASE("on the inline executor submit has the answer when it returns") {
    auto f = (where | ap::starts_on(ap::inline_executor{})).submit();
    CHECK(f.ready());
}

TEST_CASE("on the inline executor a call is a call, which allocates nothing") {
    auto const here = ap::request{[](int x) { return x + 1; }} | ap::starts_on(ap::inline_executor{});
    int answer = 0;
    CHECK(test::allocations_of([&] { answer = here.call(1).value(); }) == 0);
    CHECK(answer == 2);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("starts_on refuses an empty executor") { CHECK_THROWS_AS(ap::starts_on{ap::any_executor{}}, std::invalid_argument); }
#endif
