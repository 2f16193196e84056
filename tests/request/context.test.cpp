// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/inline_executor.hpp>
#include <antiphon/execution/manual_executor.hpp>
#include <antiphon/request/context.hpp>
#include <antiphon/request/request.hpp>
#include <antiphon/request/starts_on.hpp>
#include <antiphon/testing/simulation.hpp>

#include <chrono>
#include <stop_token>

#include "catch_compat.hpp"
#include "support/allocations.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

TEST_CASE("a context without a deadline has for ever") {
    ap::any_executor const nowhere;
    ap::context const c{nowhere, nullptr};
    CHECK(c.deadline() == ap::time_point::max());
    CHECK(c.remaining() == ap::duration::max());
    CHECK(c.attempt() == 1);
    CHECK(c.priority() == ap::priority::normal);
    CHECK_FALSE(c.stop_requested());
}

TEST_CASE("a context tells its executor's time and chance") {
    ap::testing::simulation sim{7}, same{7};
    ap::any_executor const e = sim.get_executor();
    ap::context const c{e, nullptr};
    CHECK(c.now() == sim.now());
    CHECK(c.random() == same.random());
    CHECK(c.executor().place() == e.place());
}

TEST_CASE("a token fetched before the stop request hears it") {
    ap::any_executor const nowhere;
    ap::context c{nowhere, nullptr};
    std::stop_token const token = c.stop_token();
    CHECK_FALSE(token.stop_requested());
    c.request_stop();
    CHECK(token.stop_requested());
    CHECK(c.stop_requested());
}

TEST_CASE("a token fetched after the stop request has heard it") {
    ap::any_executor const nowhere;
    ap::context c{nowhere, nullptr};
    c.request_stop();
    CHECK(c.stop_token().stop_requested());
    CHECK(c.stop_token() == c.stop_token());
}

TEST_CASE("a context allocates nothing until its token is fetched") {
    ap::any_executor const nowhere;
    CHECK(test::allocations_of([&] {
              ap::context c{nowhere, nullptr};
              c.request_stop();
          }) == 0);
    ap::request asks{[](ap::context const& c) { return c.stop_requested(); }};
    CHECK(test::allocations_of([&] { static_cast<void>(asks.call()); }) == 0);
}

TEST_CASE("a handler with a context hears its stop request while it runs") {
    ap::future<bool>* own = nullptr;
    ap::manual_executor desk;
    ap::request hears{[&](ap::context const& c) {
        own->request_stop();
        return c.stop_requested() && c.stop_token().stop_requested();
    }};
    auto f = (hears | ap::starts_on(desk)).submit();
    own = &f;
    desk.run();
    CHECK(std::move(f).get().value());
}

TEST_CASE("a handler with a stop token hears its stop request while it runs") {
    ap::future<bool>* own = nullptr;
    ap::manual_executor desk;
    ap::request hears{[&](std::stop_token stop) {
        own->request_stop();
        return stop.stop_requested();
    }};
    auto f = (hears | ap::starts_on(desk)).submit();
    own = &f;
    desk.run();
    CHECK(std::move(f).get().value());
}

TEST_CASE("asks made outside a handler inherit nothing, and those inside inherit their handler's context") {
    CHECK(ap::detail::ambient_context::current() == nullptr);
    ap::testing::simulation sim;
    ap::request inner{[](ap::context const& c) { return c.deadline(); }};
    ap::request outer{[&] { return inner.call().value(); }};
    CHECK(outer.call().value() == ap::time_point::max());
}
