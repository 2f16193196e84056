// SPDX-License-Identifier: BSL-1.0
#include <antiphon/antiphon.hpp>
#include <antiphon/testing/simulation.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <tuple>
#include <vector>

#include "catch_compat.hpp"
#include "support/allocations.hpp"
#include "support/futures.hpp"
#include "support/values.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;
using test::answered;
using test::failed;
using test::pending;

TEMPLATE_TEST_CASE("when_settled over a range gives every result in its order", "[law]", ANTIPHON_LAW_TYPES) {
    pending<TestType> asked{3};
    auto all = ap::when_settled(std::move(asked.futures));
    test::fulfil(asked.promises[2], 2);
    asked.promises[1].set_failure(ap::errc::aborted);
    CHECK_FALSE(all.ready());
    CHECK_FALSE(asked.promises[0].stop_requested());
    test::fulfil(asked.promises[0], 0);
    auto results = std::move(all).get().value();
    REQUIRE(results.size() == 3);
    CHECK(results[0]);
    CHECK(results[1] == ap::errc::aborted);
    if constexpr (!std::is_void_v<TestType>) CHECK(test::read(*results[2]) == 2);
}

TEMPLATE_TEST_CASE("when_settled over a pack gives a tuple of results", "[law]", ANTIPHON_LAW_TYPES) {
    auto results = ap::when_settled(answered<TestType>(3), failed<int>()).get().value();
    CHECK(std::get<0>(results));
    CHECK(std::get<1>(results) == ap::errc::unavailable);
}

TEST_CASE("when_settled of nothing is ready and empty") {
    CHECK(ap::when_settled().get());
    CHECK(ap::when_settled(std::vector<ap::future<int>>{}).get().value().empty());
}

TEST_CASE("when_settled counts an empty future as failed") {
    auto results = ap::when_settled(ap::future<int>{}, answered<int>(2)).get().value();
    CHECK(std::get<0>(results) == ap::errc::failed_precondition);
    CHECK(std::get<1>(results).value() == 2);
}

TEST_CASE("when_settled over a range is two allocations beside its inputs") {
    pending<int> asked{50};
    CHECK(test::allocations_of([&] {
              auto all = ap::when_settled(std::move(asked.futures));
              for (auto& p : asked.promises)
                  p.set_value(1);
              REQUIRE(std::move(all).get());
          }) == 2);
}

TEST_CASE("when_settled asked to stop waits for what the stopped inputs say") {
    ap::testing::simulation sim;
    ap::request slow = ap::request{[](ap::duration d) -> ap::task<int> {
                           co_await ap::sleep_for(d);
                           co_return 1;
                       }} |
                       ap::starts_on(sim);
    auto all = ap::when_settled(slow.submit(1h), slow.submit(2h));
    sim.advance(1min);
    all.request_stop();
    auto const start = sim.now();
    CHECK(std::move(all).get());
    CHECK(sim.now() == start);
}

TEST_CASE("when_settled inside a pool of one thread runs its inputs there") {
    ap::thread_pool pool{{.threads = 1}};
    ap::request twice = ap::request{[](int x) { return 2 * x; }} | ap::starts_on(pool);
    ap::request outer = ap::request{[&] { return std::get<1>(ap::when_settled(twice.submit(1), twice.submit(2)).get().value()); }} |
                        ap::starts_on(pool);
    CHECK(outer.submit().get().value() == 4);
}

TEST_CASE("a simulation that cannot answer one input of when_settled ends the wait as a deadlock") {
    ap::testing::simulation sim;
    std::optional<ap::promise<int>> kept;
    ap::request never = ap::request{[&](ap::promise<int> p) { kept = std::move(p); }} | ap::starts_on(sim);
    CHECK(ap::when_settled(answered<int>(1), never.submit()).get() == ap::errc::would_deadlock);
}

TEST_CASE("a future that is given twice in one expression answers once, and is empty the other time") {
    ap::promise<int> p;
    ap::future<int> f = p.get_future();
    p.set_value(3);
    auto const both = ap::when_settled(std::move(f), std::move(f)).get().value();
    auto const& [first, second] = both;
    REQUIRE(first.has_value() != second.has_value());
    CHECK((first ? first : second) == 3);
    CHECK((first ? second : first) == ap::errc::failed_precondition);
}
