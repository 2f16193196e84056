// SPDX-License-Identifier: BSL-1.0
#include <antiphon/antiphon.hpp>
#include <antiphon/testing/simulation.hpp>

#include <cstddef>
#include <functional>
#include <latch>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
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

TEMPLATE_TEST_CASE("when_all over a range gives the values in the order of the range", "[law]", ANTIPHON_LAW_TYPES) {
    pending<TestType> asked{3};
    auto all = ap::when_all(std::move(asked.futures));
    test::fulfil(asked.promises[2], 2);
    test::fulfil(asked.promises[0], 0);
    CHECK_FALSE(all.ready());
    test::fulfil(asked.promises[1], 1);
    REQUIRE(all.ready());
    auto values = std::move(all).get();
    REQUIRE(values);
    if constexpr (!std::is_void_v<TestType>) {
        REQUIRE(values->size() == 3);
        for (int i = 0; i < 3; ++i)
            CHECK(test::read(static_cast<std::remove_reference_t<TestType>&>((*values)[static_cast<std::size_t>(i)])) == i);
    }
}

TEMPLATE_TEST_CASE("when_all over a pack gives a tuple of the values", "[law]", ANTIPHON_LAW_TYPES) {
    auto values = ap::when_all(answered<TestType>(3), answered<int>(4)).get();
    REQUIRE(values);
    CHECK(std::get<1>(*values) == 4);
    if constexpr (std::is_void_v<TestType>) {
        CHECK(std::get<0>(*values) == std::monostate{});
    } else {
        CHECK(test::read(std::get<0>(*values)) == 3);
    }
}

TEST_CASE("when_all keeps references in its tuple") {
    auto values = ap::when_all(answered<int&>(3)).get().value();
    CHECK(&std::get<0>(values) == &test::make<int&>(3));
}

TEST_CASE("when_all fails with the first failure, while others are under way") {
    pending<int> asked{3};
    auto all = ap::when_all(std::move(asked.futures));
    asked.promises[1].set_failure(ap::errc::unavailable);
    REQUIRE(all.ready());
    CHECK(std::move(all).get() == ap::errc::unavailable);
}

TEST_CASE("when_all keeps the first failure when a second one follows") {
    pending<int> asked{2};
    auto all = ap::when_all(std::move(asked.futures));
    asked.promises[1].set_failure(ap::errc::unavailable);
    asked.promises[0].set_failure(ap::errc::aborted);
    CHECK(std::move(all).get() == ap::errc::unavailable);
}

TEST_CASE("when_all asks the others to stop when one has failed") {
    pending<int> asked{3};
    auto all = ap::when_all(std::move(asked.futures));
    CHECK_FALSE(asked.promises[0].stop_requested());
    asked.promises[1].set_failure(ap::errc::unavailable);
    CHECK(asked.promises[0].stop_requested());
    CHECK(asked.promises[2].stop_requested());
}

TEST_CASE("when_all asked to stop asks every input to stop") {
    pending<int> asked{2};
    auto all = ap::when_all(std::move(asked.futures));
    all.request_stop();
    CHECK(asked.promises[0].stop_requested());
    CHECK(asked.promises[1].stop_requested());
    CHECK_FALSE(all.ready());
}

TEST_CASE("dropping when_all asks every input to stop") {
    pending<int> asked{2};
    {
        auto all = ap::when_all(std::move(asked.futures));
    }
    CHECK(asked.promises[0].stop_requested());
    CHECK(asked.promises[1].stop_requested());
}

TEST_CASE("when_all fails for an empty future") {
    ap::future<int> used = answered<int>(1);
    static_cast<void>(std::move(used).get());
    CHECK(ap::when_all(answered<int>(1), std::move(used)).get() == ap::errc::failed_precondition);
    std::vector<ap::future<int>> range(2);
    CHECK(ap::when_all(std::move(range)).get() == ap::errc::failed_precondition);
}

TEST_CASE("when_all of nothing is ready and empty") {
    CHECK(ap::when_all().get().value() == std::tuple<>{});
    CHECK(ap::when_all(std::vector<ap::future<int>>{}).get().value().empty());
    CHECK(ap::when_all(std::vector<ap::future<void>>{}).get());
}

TEST_CASE("when_all takes every kind of future") {
    ap::shared_future<int> shared = answered<int>(2).share();
    auto values = ap::when_all(ap::make_future(1), shared, answered<int>(3)).get();
    CHECK(values.value() == std::tuple{1, 2, 3});
}

TEST_CASE("when_all reads a range of shared futures without consuming them") {
    std::vector<ap::shared_future<int>> const many(3, answered<int>(2).share());
    CHECK(ap::when_all(many).get().value() == std::vector{2, 2, 2});
    CHECK(many[0].valid());
}

TEST_CASE("when_all takes ranges other than vectors") {
    std::list<ap::future<int>> list;
    list.push_back(answered<int>(1));
    list.push_back(answered<int>(2));
    CHECK(ap::when_all(std::move(list)).get().value() == std::vector{1, 2});
}

TEST_CASE("when_all over a pack is one allocation beside its inputs") {
    pending<int> asked{2};
    CHECK(test::allocations_of([&] {
              auto all = ap::when_all(std::move(asked.futures[0]), std::move(asked.futures[1]));
              asked.promises[0].set_value(1);
              asked.promises[1].set_value(2);
              REQUIRE(std::move(all).get());
          }) == 1);
}

TEST_CASE("when_all over a range is two allocations beside its inputs") {
    pending<int> asked{100};
    CHECK(test::allocations_of([&] {
              auto all = ap::when_all(std::move(asked.futures));
              for (auto& p : asked.promises)
                  p.set_value(1);
              auto values = std::move(all).get();
              REQUIRE(values);
          }) == 2);
}

TEST_CASE("when_all completes without an allocation") {
    pending<test::move_only> asked{20};
    auto all = ap::when_all(std::move(asked.futures));
    for (std::size_t i = 1; i < 20; ++i)
        asked.promises[i].set_value(1);
    test::move_only last{1};
    CHECK(test::allocations_of([&] { asked.promises[0].set_value(std::move(last)); }) == 0);
    CHECK(std::move(all).get());
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("when_all that runs out of memory throws, and has consumed nothing it does not stop") {
    pending<int> asked{2};
    {
        test::failing_allocations const none;
        CHECK_THROWS_AS(static_cast<void>(ap::when_all(std::move(asked.futures))), std::bad_alloc);
    }
    asked.futures.clear();
    CHECK(asked.promises[0].stop_requested());
}

TEST_CASE("when_all fails with what moving a value throws") {
    pending<test::throwing_move> asked{2};
    auto all = ap::when_all(std::move(asked.futures));
    asked.promises[0].set_value(1);
    {
        test::throwing_move::armed const now;
        asked.promises[1].set_value(2);
    }
    REQUIRE(all.ready());
    auto answer = std::move(all).get();
    REQUIRE_FALSE(answer);
    CHECK(answer.error().message() == "throwing_move: armed");
}
#endif

TEST_CASE("when_all of a million ready futures uses constant stack") {
    std::vector<ap::future<int>> many;
    for (int i = 0; i < 1'000'000; ++i)
        many.push_back(ap::make_future(i));
    CHECK(ap::when_all(std::move(many)).get().value()[999'999] == 999'999);
}

TEST_CASE("when_all of a million pending futures uses constant stack") {
    pending<int> asked{1'000'000};
    auto all = ap::when_all(std::move(asked.futures));
    for (auto& p : asked.promises)
        p.set_value(1);
    CHECK(std::move(all).get().value().size() == 1'000'000);
}

TEST_CASE("a hundred thousand when_all inside each other use constant stack when completed") {
    ap::promise<void> innermost;
    ap::future<void> deep = innermost.get_future();
    for (int i = 0; i < 100'000; ++i)
        deep = ap::when_all(std::move(deep), answered<void>()).then([](auto const&) {});
    innermost.set_value();
    CHECK(std::move(deep).get());
}

TEST_CASE("a hundred thousand when_all directly inside each other use constant stack when completed, stopped and dropped") {
    for (int how = 0; how < 3; ++how) {
        ap::promise<void> innermost;
        std::vector<ap::future<void>> deep;
        deep.push_back(innermost.get_future());
        for (int i = 0; i < 100'000; ++i) {
            ap::future<void> outer = ap::when_all(std::move(deep));
            deep.clear();
            deep.push_back(std::move(outer));
        }
        if (how == 1) deep[0].request_stop();
        if (how == 2) deep.clear();
        CHECK(innermost.stop_requested() == (how != 0));
        innermost.set_value();
        if (how != 2) CHECK(std::move(deep[0]).get());
    }
}

TEST_CASE("a thread that waits for when_all runs the inputs that nobody has begun") {
    ap::thread_pool pool{{.threads = 1}};
    ap::request twice = ap::request{[](int x) { return 2 * x; }} | ap::starts_on(pool);
    ap::request outer = ap::request{[&] {
                            std::vector<ap::future<int>> inner;
                            for (int i = 0; i < 100; ++i)
                                inner.push_back(twice.submit(i));
                            return ap::when_all(std::move(inner)).get();
                        }} |
                        ap::starts_on(pool);
    CHECK(outer.submit().get().value()[99] == 198);
}

TEST_CASE("a thread that waits for when_all in when_all runs the inputs at any depth") {
    ap::thread_pool pool{{.threads = 1}};
    ap::request twice = ap::request{[](int x) { return 2 * x; }} | ap::starts_on(pool);
    ap::request outer = ap::request{[&]() -> ap::result<int> {
                            auto pair = [&] {
                                return ap::when_all(twice.submit(1), twice.submit(2)).then([](auto both) {
                                    return std::get<0>(both) + std::get<1>(both);
                                });
                            };
                            auto answer = ap::when_all(pair(), ap::when_all(pair(), pair())).get();
                            if (!answer) return answer.error();
                            return std::get<0>(*answer) + std::get<0>(std::get<1>(*answer));
                        }} |
                        ap::starts_on(pool);
    CHECK(outer.submit().get().value() == 12);
}

TEST_CASE("when_all under a simulation passes the time of its slowest input") {
    ap::testing::simulation sim;
    ap::request slow = ap::request{[](ap::duration d) -> ap::task<int> {
                           co_await ap::sleep_for(d);
                           co_return 1;
                       }} |
                       ap::starts_on(sim);
    auto const start = sim.now();
    CHECK(ap::when_all(slow.submit(1h), slow.submit(2h)).get());
    CHECK(sim.now() == start + 2h);
}

TEST_CASE("a failure under a simulation ends when_all at its moment, and the sleeping input with it") {
    ap::testing::simulation sim;
    ap::request slow = ap::request{[](ap::duration d) -> ap::task<int> {
                           co_await ap::sleep_for(d);
                           co_return ap::errc::aborted;
                       }} |
                       ap::starts_on(sim);
    auto const start = sim.now();
    CHECK(ap::when_all(slow.submit(1h), slow.submit(2h)).get() == ap::errc::aborted);
    sim.run();
    CHECK(sim.now() == start + 1h);
}

TEST_CASE("waiting for when_all that a simulation cannot end is a deadlock") {
    ap::testing::simulation sim;
    std::optional<ap::promise<int>> kept;
    ap::request never = ap::request{[&](ap::promise<int> p) { kept = std::move(p); }} | ap::starts_on(sim);
    ap::request soon = ap::request{[] { return 1; }} | ap::starts_on(sim);
    CHECK(ap::when_all(never.submit(), soon.submit()).get() == ap::errc::would_deadlock);
}

TEST_CASE("continuations of when_all run on the executor of its first input") {
    ap::manual_executor manual;
    ap::request one = ap::request{[] { return 1; }} | ap::starts_on(manual);
    ap::future<int> other = answered<int>(2);
    bool ran = false;
    auto sum = ap::when_all(one.submit(), std::move(other)).then([&](auto) { ran = true; });
    CHECK(manual.run_one());
    manual.run();
    CHECK(ran);
    CHECK(sum.ready());
}

TEST_CASE("an input that loses its work fails when_all") {
    std::optional<ap::future<std::tuple<int, int>>> all;
    {
        ap::manual_executor manual;
        ap::request one = ap::request{[] { return 1; }} | ap::starts_on(manual);
        all = ap::when_all(one.submit(), one.submit());
    }
    CHECK_FALSE(std::move(*all).get());
}

TEST_CASE("an input whose work is dropped by its executor fails when_all from the default pool") {
    struct dropping {
        void execute(ap::work) const {}
    };
    ap::request one = ap::request{[] { return 1; }} | ap::starts_on(dropping{});
    CHECK(ap::when_all(one.submit(), one.submit()).get() == ap::errc::cancelled);
}

TEST_CASE("when_all destroys every value exactly once") {
    {
        pending<test::counted> asked{10};
        auto all = ap::when_all(std::move(asked.futures));
        for (std::size_t i = 0; i < 5; ++i)
            asked.promises[i].set_value(1);
        asked.promises[7].set_failure(ap::errc::aborted);
        CHECK(std::move(all).get() == ap::errc::aborted);
        for (std::size_t i = 5; i < 7; ++i)
            asked.promises[i].set_value(1);
    }
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("a hundred thousand when_all inside each other are waited for with constant stack") {
    ap::thread_pool pool{{.threads = 1}};
    std::latch busy{1};
    auto worker = (ap::request{[&] { busy.wait(); }} | ap::starts_on(pool)).submit();
    // Nobody but the waiter can run this.
    ap::future<int> deep = (ap::request{[]() -> ap::result<int> { return ap::errc::aborted; }} | ap::starts_on(pool)).submit();
    pending<int> others{100'000};
    bool left = false;
    for (ap::future<int>& other : others.futures) {
        auto first = [](auto const& both) { return std::get<0>(both); };
        deep = (left = !left) ? ap::when_all(std::move(deep), std::move(other)).then(first)
                              : ap::when_all(std::move(other), std::move(deep)).then(first);
    }
    CHECK(std::move(deep).get() == ap::errc::aborted);
    busy.count_down();
    worker.wait();
}
