// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/deadline.hpp"

#include <chrono>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

TEST_CASE("deadline: one that is past already means that the handler does not run") {
    ap::testing::simulation sim{1};
    bool ran = false;
    ap::request mark{[&] { ran = true; }};
    auto r = (mark | ap::deadline{sim.now() - 1ns} | ap::starts_on(sim)).call();
    CHECK(r.error() == ap::errc::deadline_exceeded);
    CHECK(r.error().executed() == ap::executed::no);
    CHECK_FALSE(ran);
}

TEST_CASE("deadline: the present moment is past") {
    ap::testing::simulation sim{1};
    CHECK((ap::request{[] {}} | ap::deadline{sim.now()} | ap::starts_on(sim)).call().error() == ap::errc::deadline_exceeded);
}

TEST_CASE("deadline: an ask is given up at that moment, whenever it was begun") {
    ap::testing::simulation sim{1};
    auto const end = sim.now() + 10s;
    ap::promise<void> never;
    auto waits = ap::request{[&] { return never.get_future(); }} | ap::deadline{end} | ap::starts_on(sim);
    sim.advance(9s);
    auto f = waits.submit();
    sim.run();
    CHECK(std::move(f).get().error() == ap::errc::deadline_exceeded);
    CHECK(sim.now() == end);
}

TEST_CASE("deadline: the end of time means never") {
    ap::testing::simulation sim{1};
    ap::request left{[](ap::context const& c) { return c.remaining(); }};
    CHECK((left | ap::deadline{ap::time_point::max()} | ap::starts_on(sim)).call().value() == ap::duration::max());
}

TEST_CASE("deadline: now plus for ever is never") {
    ap::testing::simulation sim{1};
    auto const never = ap::saturating_add(sim.now(), ap::duration::max());
    CHECK((ap::request{[] { return 1; }} | ap::deadline{never} | ap::starts_on(sim)).call().value() == 1);
    CHECK(sim.pending() == 0);
}

TEST_CASE("deadline: it travels into the asks of the handler") {
    ap::testing::simulation sim{1};
    auto const end = sim.now() + 10s;
    ap::request inner{[](ap::context const& c) { return c.deadline(); }};
    auto outer = ap::request{[&] { return inner.call().value(); }} | ap::deadline{end} | ap::starts_on(sim);
    CHECK(outer.call().value() == end);
}

TEST_CASE("deadline: on the real clock a call ends when it has passed") {
    ap::promise<void> never;
    auto r = (ap::request{[&] { return never.get_future(); }} | ap::deadline{ap::clock::now() + 1ms}).call();
    CHECK(r.error() == ap::errc::deadline_exceeded);
}
