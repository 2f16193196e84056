// SPDX-License-Identifier: BSL-1.0
#include <antiphon/antiphon.hpp>
#include <antiphon/testing/simulation.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <variant>
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

TEMPLATE_TEST_CASE("when_first over a range gives the first value", "[law]", ANTIPHON_LAW_TYPES) {
    pending<TestType> asked{3};
    auto any = ap::when_first(std::move(asked.futures));
    CHECK_FALSE(any.ready());
    test::fulfil(asked.promises[1], 1);
    REQUIRE(any.ready());
    test::fulfil(asked.promises[0], 0);
    auto value = std::move(any).get();
    REQUIRE(value);
    if constexpr (!std::is_void_v<TestType>) CHECK(test::read(*value) == 1);
}

TEMPLATE_TEST_CASE("when_first over a pack of one type gives that type", "[law]", ANTIPHON_LAW_TYPES) {
    pending<TestType> asked{2};
    ap::future<TestType> any = ap::when_first(std::move(asked.futures[0]), std::move(asked.futures[1]));
    test::fulfil(asked.promises[1], 5);
    auto value = std::move(any).get();
    REQUIRE(value);
    if constexpr (!std::is_void_v<TestType>) CHECK(test::read(*value) == 5);
}

TEST_CASE("when_first over a pack of different types gives a variant whose index is the position") {
    ap::promise<double> never;
    auto any = ap::when_first(ap::promise<int>{}.get_future().or_else([](ap::failure) { return 1; }), never.get_future());
    auto value = std::move(any).get();
    REQUIRE(value);
    CHECK(value->index() == 0);
    pending<int> ints{2};
    ap::promise<void> done;
    auto three = ap::when_first(std::move(ints.futures[0]), done.get_future(), std::move(ints.futures[1]));
    ints.promises[1].set_value(7);
    auto last = std::move(three).get();
    REQUIRE(last);
    REQUIRE(last->index() == 2);
    CHECK(std::get<2>(*last) == 7);
}

TEST_CASE("when_first wraps references among different types") {
    ap::promise<int> never;
    auto value = ap::when_first(answered<int&>(3), never.get_future()).get();
    REQUIRE(value);
    CHECK(&std::get<0>(*value).get() == &test::make<int&>(3));
}

TEST_CASE("when_first asks the others to stop") {
    pending<int> asked{3};
    auto any = ap::when_first(std::move(asked.futures));
    asked.promises[1].set_value(1);
    CHECK(asked.promises[0].stop_requested());
    CHECK(asked.promises[2].stop_requested());
}

TEST_CASE("dropping when_first asks every input to stop") {
    pending<int> asked{2};
    {
        auto any = ap::when_first(std::move(asked.futures));
    }
    CHECK(asked.promises[0].stop_requested());
    CHECK(asked.promises[1].stop_requested());
}

TEST_CASE("when_first of nothing fails, and says so") {
    auto none = ap::when_first(std::vector<ap::future<int>>{}).get();
    CHECK(none == ap::errc::invalid_argument);
    CHECK(none.error().message() == "when_first: nothing to wait for");
    CHECK(none.error().executed() == ap::executed::no);
    CHECK(ap::when_first().get() == ap::errc::invalid_argument);
}

TEST_CASE("when_first is one allocation beside its inputs") {
    pending<int> asked{100};
    CHECK(test::allocations_of([&] {
              auto any = ap::when_first(std::move(asked.futures));
              asked.promises[50].set_value(1);
              REQUIRE(std::move(any).get());
          }) == 1);
}

TEST_CASE("when_first over overaligned values keeps them aligned") {
    pending<test::overaligned> asked{3};
    auto any = ap::when_first(std::move(asked.futures));
    asked.promises[2].set_value(4);
    CHECK(std::move(any).get().value().read() == 4);
}

TEST_CASE("when_first under a simulation ends with its fastest input, and the others stop sleeping") {
    ap::testing::simulation sim;
    ap::request slow = ap::request{[](ap::duration d) -> ap::task<int> {
                           co_await ap::sleep_for(d);
                           co_return int(d / 1h);
                       }} |
                       ap::starts_on(sim);
    auto const start = sim.now();
    CHECK(ap::when_first(slow.submit(3h), slow.submit(1h), slow.submit(2h)).get().value() == 1);
    sim.run();
    CHECK(sim.now() == start + 1h);
}

TEST_CASE("when_first inside a pool of one thread runs its inputs there") {
    ap::thread_pool pool{{.threads = 1}};
    ap::request twice = ap::request{[](int x) { return 2 * x; }} | ap::starts_on(pool);
    ap::request outer = ap::request{[&] { return ap::when_first(twice.submit(1), twice.submit(1)).get(); }} | ap::starts_on(pool);
    CHECK(outer.submit().get().value() == 2);
}

TEST_CASE("when_first destroys every value exactly once") {
    {
        pending<test::counted> asked{10};
        auto any = ap::when_first(std::move(asked.futures));
        for (auto& p : asked.promises)
            p.set_value(1);
        CHECK(std::move(any).get());
    }
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("when_first takes a failure for an answer") {
    pending<int> asked{2};
    auto first = ap::when_first(std::move(asked.futures));
    asked.promises[1].set_failure(ap::errc::aborted);
    REQUIRE(first.ready());
    CHECK(asked.promises[0].stop_requested());
    CHECK(std::move(first).get() == ap::errc::aborted);
}

TEST_CASE("when_first of different types keeps the failure") {
    ap::promise<int> waiting;
    CHECK(ap::when_first(waiting.get_future(), failed<void>(ap::errc::aborted)).get() == ap::errc::aborted);
}

TEST_CASE("when_first counts an empty future as failed") {
    CHECK(ap::when_first(ap::future<int>{}, answered<int>(2)).get() == ap::errc::failed_precondition);
}
