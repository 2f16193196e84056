// SPDX-License-Identifier: BSL-1.0
#include <antiphon/antiphon.hpp>
#include <antiphon/testing/simulation.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/futures.hpp"
#include "support/values.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;
using test::answered;
using test::failed;

TEMPLATE_TEST_CASE("a shared future shows its answer to every copy", "[law]", ANTIPHON_LAW_TYPES) {
    ap::shared_future<TestType> const one = answered<TestType>(3).share();
    ap::shared_future<TestType> const two = one;
    REQUIRE(one.get());
    CHECK(&one.get() == &two.get());
    if constexpr (!std::is_void_v<TestType>) CHECK(test::read(*two.get()) == 3);
}

TEST_CASE("a shared future of a failure shows that failure") {
    auto const shared = failed<int>().share();
    CHECK(shared.get() == ap::errc::unavailable);
}

TEST_CASE("a shared future becomes ready with its source") {
    ap::promise<int> p;
    auto const shared = p.get_future().share();
    CHECK_FALSE(shared.ready());
    CHECK_FALSE(shared.wait_for(0ms));
    p.set_value(1);
    CHECK(shared.ready());
    CHECK(shared.wait());
    CHECK(shared.wait_for(1h));
    CHECK(shared.wait_until(ap::time_point::min()));
}

TEST_CASE("an empty shared future is neither ready nor waited for, and has a failure to show") {
    ap::shared_future<int> const none;
    CHECK_FALSE(none.valid());
    CHECK_FALSE(none.ready());
    CHECK_FALSE(none.wait());
    CHECK_FALSE(none.wait_for(1h));
    CHECK(none.get() == ap::errc::failed_precondition);
    CHECK(none.then([](int) {}).get() == ap::errc::failed_precondition);
    CHECK(ap::future<int>{}.share().get() == ap::errc::failed_precondition);
    none.request_stop();
}

TEST_CASE("a moved shared future leaves an empty one behind") {
    auto one = answered<int>(1).share();
    auto const two = std::move(one);
    CHECK_FALSE(one.valid());
    CHECK(two.get().value() == 1);
    one = two;
    CHECK(one.get().value() == 1);
}

TEST_CASE("several threads that wait for one shared future all get its answer") {
    ap::thread_pool pool{{.threads = 2}};
    for (int round = 0; round < 50; ++round) {
        ap::promise<int> p;
        auto const shared = p.get_future().share();
        std::atomic<int> sum{0};
        std::vector<std::thread> readers;
        for (int i = 0; i < 4; ++i)
            readers.emplace_back([&, mine = shared] { sum += mine.get().value(); });
        p.set_value(round);
        for (auto& t : readers)
            t.join();
        CHECK(sum == 4 * round);
    }
}

TEST_CASE("a thread that waits for a shared future runs what nobody has begun") {
    ap::thread_pool pool{{.threads = 1}};
    ap::request twice = ap::request{[](int x) { return 2 * x; }} | ap::starts_on(pool);
    ap::request outer = ap::request{[&] {
                            auto const shared = twice.submit(2).then([](int x) { return x + 1; }).share();
                            return shared.then([](int x) { return x * 10; }).get();
                        }} |
                        ap::starts_on(pool);
    CHECK(outer.submit().get().value() == 50);
}

TEST_CASE("waiting for a shared future that its simulation cannot answer is a deadlock") {
    ap::testing::simulation sim;
    std::optional<ap::promise<int>> kept;
    ap::request never = ap::request{[&](ap::promise<int> p) { kept = std::move(p); }} | ap::starts_on(sim);
    auto const shared = never.submit().share();
    CHECK(shared.get() == ap::errc::would_deadlock);
    CHECK_FALSE(shared.wait());
    kept->set_value(2);
    CHECK(shared.get().value() == 2);
}

TEST_CASE("wait_for on a shared future counts on the clock of its executor") {
    ap::testing::simulation sim;
    ap::request slow = ap::request{[]() -> ap::task<int> {
                           co_await ap::sleep_for(2h);
                           co_return 1;
                       }} |
                       ap::starts_on(sim);
    auto const shared = slow.submit().share();
    auto const start = sim.now();
    CHECK_FALSE(shared.wait_for(1h));
    CHECK(sim.now() == start + 1h);
    CHECK(shared.wait_for(2h));
    CHECK(sim.now() == start + 2h);
}

TEST_CASE("a wait that timed out leaves nothing behind in a shared future") {
    auto owned = std::make_shared<int>(1);
    ap::promise<std::shared_ptr<int>> p;
    {
        auto const shared = p.get_future().share();
        for (int i = 0; i < 10; ++i)
            CHECK_FALSE(shared.wait_for(1us));
        p.set_value(owned);
    }
    CHECK(owned.use_count() == 1);
}

TEST_CASE("continuations of a shared future see one value, in the order they were attached") {
    ap::promise<test::move_only> p;
    auto const shared = p.get_future().share();
    std::vector<int> seen;
    auto a = shared.then([&](test::move_only const& v) { seen.push_back(v.read()); });
    auto b = shared.then([&](test::move_only const& v) { seen.push_back(v.read() + 1); });
    p.set_value(5);
    CHECK(seen == std::vector{5, 6});
    CHECK(a.ready());
    CHECK(b.ready());
}

TEST_CASE("what a continuation of a shared future returns is flattened") {
    auto const shared = answered<int>(2).share();
    CHECK(shared.then([](int n) { return answered<int>(n + 1); }).get().value() == 3);
    CHECK(shared.then([](int) -> ap::result<int> { return ap::errc::aborted; }).get() == ap::errc::aborted);
}

TEST_CASE("a failure passes by then on a shared future, and reaches or_else") {
    auto const shared = failed<int>().share();
    bool ran = false;
    CHECK(shared.then([&](int) { ran = true; }).get() == ap::errc::unavailable);
    CHECK_FALSE(ran);
    CHECK(shared.or_else([](ap::failure) { return 4; }).get().value() == 4);
    CHECK(answered<int>(2).share().or_else([](ap::failure) { return 4; }).get().value() == 2);
}

TEST_CASE("then with an executor runs there") {
    ap::manual_executor manual;
    auto const shared = answered<int>(2).share();
    auto later = shared.then(manual, [](int n) { return n; });
    CHECK_FALSE(later.ready());
    manual.run();
    CHECK(std::move(later).get().value() == 2);
}

TEST_CASE("on_complete of a shared future gets the result itself, exactly once") {
    ap::promise<int> p;
    auto const shared = p.get_future().share();
    std::vector<ap::result<int> const*> seen;
    shared.on_complete([&](ap::result<int> const& r) { seen.push_back(&r); });
    p.set_value(1);
    shared.on_complete([&](ap::result<int> const& r) { seen.push_back(&r); });
    CHECK(seen == std::vector{&shared.get(), &shared.get()});
}

TEST_CASE("on_complete of a shared future gets failures") {
    ap::errc seen{};
    failed<void>().share().on_complete(
        [&](ap::result<void> const& r) { seen = r == ap::errc::unavailable ? ap::errc::unavailable : ap::errc::unknown; });
    CHECK(seen == ap::errc::unavailable);
}

TEST_CASE("a shared future becomes a future with a copy of the answer") {
    auto const shared = answered<int>(7).share();
    ap::future<int> copy = shared;
    CHECK(std::move(copy).get().value() == 7);
    CHECK(shared.get().value() == 7);
}

TEST_CASE("a handler may return a shared future") {
    ap::promise<int> p;
    auto const shared = p.get_future().share();
    ap::request const r{[shared] { return shared; }};
    auto one = r.submit();
    auto two = r.submit();
    p.set_value(9);
    CHECK(std::move(one).get().value() == 9);
    CHECK(std::move(two).get().value() == 9);
}

TEST_CASE("a task awaits a shared future") {
    ap::promise<int> p;
    auto const shared = p.get_future().share();
    ap::request const r{[shared]() -> ap::task<int> {
        ap::result<int> const& seen = co_await shared;
        ap::result<int> const copy = co_await ap::shared_future<int>{shared};
        co_return *seen + *copy;
    }};
    auto answer = r.submit();
    p.set_value(4);
    CHECK(std::move(answer).get().value() == 8);
}

TEST_CASE("awaiting an empty shared future gives its failure") {
    ap::request const r{[]() -> ap::task<int> { co_return co_await ap::shared_future<int>{}; }};
    CHECK(r.call() == ap::errc::failed_precondition);
}

TEST_CASE("stop is requested when the last copy of a shared future is dropped") {
    ap::promise<int> p;
    auto one = p.get_future().share();
    {
        auto const two = one;
    }
    CHECK_FALSE(p.stop_requested());
    one = {};
    CHECK(p.stop_requested());
}

TEST_CASE("a continuation keeps the source of a shared future going") {
    ap::promise<int> p;
    std::optional<ap::future<int>> next = p.get_future().share().then([](int n) { return n; });
    CHECK_FALSE(p.stop_requested());
    next.reset();
    CHECK(p.stop_requested());
}

TEST_CASE("a dropped continuation of a shared future leaves the other readers alone") {
    ap::promise<int> p;
    auto const shared = p.get_future().share();
    {
        auto dropped = shared.then([](int n) { return n; });
    }
    CHECK_FALSE(p.stop_requested());
    auto stopped = shared.then([](int n) { return n; });
    stopped.request_stop();
    CHECK_FALSE(p.stop_requested());
    CHECK(std::move(stopped).get() == ap::errc::cancelled);
    p.set_value(1);
    CHECK(shared.get().value() == 1);
}

TEST_CASE("request_stop on a shared future reaches the source") {
    ap::promise<int> p;
    auto const shared = p.get_future().share();
    shared.request_stop();
    CHECK(p.stop_requested());
    p.set_value(1);
    CHECK(shared.get().value() == 1);
}

TEST_CASE("a value that is shared is destroyed once, with its last reader") {
    {
        ap::promise<test::counted> p;
        auto const shared = p.get_future().share();
        auto next = shared.then([](test::counted const& c) { return c.read(); });
        p.set_value(3);
        CHECK(test::counted::alive() == 1);
        CHECK(std::move(next).get().value() == 3);
    }
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("a hundred thousand shared futures behind each other use constant stack") {
    ap::promise<int> head;
    auto shared = head.get_future().share();
    for (int i = 0; i < 100'000; ++i)
        shared = shared.then([](int n) { return n + 1; }).share();
    head.set_value(0);
    CHECK(shared.get().value() == 100'000);
}

TEST_CASE("a hundred thousand readers of one shared future use constant stack") {
    ap::promise<int> head;
    auto const shared = head.get_future().share();
    std::vector<ap::future<int>> readers;
    for (int i = 0; i < 100'000; ++i)
        readers.push_back(shared.then([](int n) { return n + 1; }));
    head.set_value(0);
    CHECK(ap::when_all(std::move(readers)).get().value().back() == 1);
}

TEST_CASE("then gives every reader's function of the result whatever came") {
    ap::promise<int> p;
    ap::shared_future<int> const shared = p.get_future();
    auto const told = [](ap::result<int> const& r) { return r ? 1 : 2; };
    auto first = shared.then(told);
    auto second = shared.then(ap::inline_executor{}, told);
    p.set_failure(ap::errc::aborted);
    CHECK(std::move(first).get() == 2);
    CHECK(std::move(second).get() == 2);
    CHECK(shared.then([](int) { return 3; }).get() == ap::errc::aborted);
    CHECK(ap::shared_future<int>{}.then(told).get() == ap::errc::failed_precondition);
}

namespace antiphon {

static_assert(sizeof(shared_future<int>) == sizeof(void*));
static_assert(std::is_copy_constructible_v<shared_future<int>> && std::is_nothrow_move_constructible_v<shared_future<int>>);

}  // namespace antiphon
