// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/batch.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"
#include "support/values.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

/// Doubles what it is given, and remembers the batches.
struct many {
    ap::testing::simulation sim{1};
    std::vector<std::vector<int>> batches;
    auto request() {
        return ap::request{[this](std::span<int const> items) {
            batches.emplace_back(items.begin(), items.end());
            std::vector<ap::result<int>> answers;
            for (int i : items)
                answers.push_back(i < 0 ? ap::result<int>{ap::errc::invalid_argument} : ap::result<int>{2 * i});
            return answers;
        }};
    }
};

}  // namespace

TEST_CASE("batch: asks that come within its delay are asked together, and each gets its own result") {
    many m;
    auto one = m.request() | ap::batch{.max_size = 10, .max_delay = 5ms} | ap::starts_on(m.sim);
    static_assert(std::is_same_v<decltype(one)::signature, int(int)>);
    auto a = one.submit(1);
    m.sim.advance(4ms);
    auto b = one.submit(2);
    CHECK(m.batches.empty());
    m.sim.advance(1ms);
    CHECK(m.batches == std::vector<std::vector<int>>{{1, 2}});
    CHECK(std::move(a).get().value() == 2);
    CHECK(std::move(b).get().value() == 4);
    CHECK(m.sim.pending() == 0);
}

TEST_CASE("batch: a full one goes at once, and its timer with it") {
    many m;
    auto one = m.request() | ap::batch{.max_size = 2, .max_delay = 1h} | ap::starts_on(m.sim);
    auto a = one.submit(1), b = one.submit(2), c = one.submit(3);
    m.sim.advance(0ms);
    CHECK(m.batches == std::vector<std::vector<int>>{{1, 2}});
    CHECK(m.sim.pending() == 1);  // the third's
    m.sim.run();
    CHECK(m.batches.size() == 2);
    CHECK(std::move(c).get().value() == 6);
}

TEST_CASE("batch: one bad item fails alone") {
    many m;
    auto one = m.request() | ap::batch{.max_size = 3} | ap::starts_on(m.sim);
    auto a = one.submit(1), b = one.submit(-2), c = one.submit(3);
    m.sim.run();
    CHECK(std::move(a).get().value() == 2);
    CHECK(std::move(b).get().error() == ap::errc::invalid_argument);
    CHECK(std::move(c).get().value() == 6);
}

TEST_CASE("batch: a failure of the whole is everybody's") {
    ap::testing::simulation sim{1};
    ap::request down{[](std::vector<int>) -> ap::result<std::vector<int>> { return ap::errc::unavailable; }};
    auto one = down | ap::batch{.max_size = 2} | ap::starts_on(sim);
    auto a = one.submit(1), b = one.submit(2);
    sim.run();
    CHECK(std::move(a).get().error() == ap::errc::unavailable);
    CHECK(std::move(b).get().error() == ap::errc::unavailable);
}

TEST_CASE("batch: another number of results than items is an internal error for all") {
    ap::testing::simulation sim{1};
    ap::request wrong{[](std::vector<int> const&) { return std::vector<int>{1}; }};
    auto one = wrong | ap::batch{.max_size = 2} | ap::starts_on(sim);
    auto a = one.submit(1), b = one.submit(2);
    sim.run();
    CHECK(std::move(a).get().error() == ap::errc::internal);
    CHECK(std::move(b).get().error() == ap::errc::internal);
}

TEST_CASE("batch: an item that is stopped leaves before the batch does, and is not sent") {
    many m;
    auto one = m.request() | ap::batch{.max_size = 10, .max_delay = 5ms} | ap::starts_on(m.sim);
    auto a = one.submit(1), b = one.submit(2);
    a.request_stop();
    CHECK(a.ready());
    auto const left = std::move(a).get();
    CHECK(left.error() == ap::errc::cancelled);
    CHECK(left.error().executed() == ap::executed::no);
    m.sim.run();
    CHECK(m.batches == std::vector<std::vector<int>>{{2}});
    auto c = one.submit(3);
    c.request_stop();
    m.sim.run();
    CHECK(m.batches.size() == 1);
    CHECK(m.sim.pending() == 0);
}

TEST_CASE("batch: what expires before the handler has started did not run, and says so") {
    many m;
    auto one = m.request() | ap::batch{.max_size = 2, .max_delay = 1h} | ap::timeout{.limit = 5ms} | ap::starts_on(m.sim);
    auto a = one.submit(1);  // nobody joins it
    m.sim.run();
    auto const alone = std::move(a).get();
    CHECK(alone.error() == ap::errc::deadline_exceeded);
    CHECK(alone.error().executed() == ap::executed::no);
    CHECK(m.batches.empty());
    CHECK(m.sim.pending() == 0);

    ap::manual_executor busy;  // the batch has gone, and waits for its executor
    bool ran = false;
    ap::request all{[&](std::vector<int> items) {
        ran = true;
        return items;
    }};
    auto of_two = all | ap::batch{.max_size = 2} | ap::starts_on(busy);
    auto b = of_two.submit(1), c = of_two.submit(2);
    b.request_stop();
    c.request_stop();
    CHECK(std::move(b).get().error().executed() == ap::executed::maybe);  // it might have run for the other
    CHECK(std::move(c).get().error().executed() == ap::executed::no);
    busy.run();
    CHECK_FALSE(ran);
}

TEST_CASE("batch: when every item has left, the handler is asked to stop") {
    ap::testing::simulation sim{1};
    bool stopped = false;
    ap::request slow{[&](std::stop_token stop, std::vector<int> items) -> ap::task<std::vector<int>> {
        co_await ap::sleep_for(1s);
        stopped = stop.stop_requested();
        co_return items;
    }};
    auto one = slow | ap::batch{.max_size = 2} | ap::starts_on(sim);
    auto a = one.submit(1), b = one.submit(2);
    sim.advance(100ms);
    a.request_stop();
    CHECK(std::move(a).get().error().executed() == ap::executed::maybe);
    sim.advance(100ms);
    CHECK_FALSE(stopped);
    b.request_stop();
    sim.run();
    CHECK(stopped);
    CHECK(sim.now() == ap::time_point{1h + 200ms});
}

TEST_CASE("batch: each item has its own policies around it, the batch those inside") {
    ap::testing::simulation sim{1};
    int calls = 0;
    ap::request flaky{[&](std::vector<int> items) -> ap::result<std::vector<int>> {
        if (++calls == 1) return ap::errc::unavailable;
        return items;
    }};
    auto one = flaky | ap::retry{.backoff = {.initial = 1ms, .jitter = ap::jitter::none}} | ap::batch{.max_size = 2} |
               ap::timeout{.limit = 1s} | ap::starts_on(sim);
    auto a = one.submit(1), b = one.submit(2);
    sim.run();
    CHECK(std::move(a).get().value() == 1);
    CHECK(std::move(b).get().value() == 2);
    CHECK(calls == 2);
}

TEST_CASE("batch: items and results may be of a kind that only moves") {
    ap::testing::simulation sim{1};
    ap::request moves{[](std::vector<std::unique_ptr<int>> items) { return items; }};
    auto one = moves | ap::batch{.max_size = 2} | ap::starts_on(sim);
    auto a = one.submit(std::make_unique<int>(1)), b = one.submit(std::make_unique<int>(2));
    sim.run();
    CHECK(*std::move(a).get().value() == 1);
    CHECK(*std::move(b).get().value() == 2);
}

TEST_CASE("batch: a coroutine may answer for all, and an erased request be batched") {
    ap::testing::simulation sim{1};
    ap::request<std::vector<std::string>(std::vector<int>)> names = [](std::vector<int> ids) -> ap::task<std::vector<std::string>> {
        co_await ap::sleep_for(1ms);
        std::vector<std::string> answers;
        for (int id : ids)
            answers.push_back(std::to_string(id));
        co_return answers;
    };
    ap::request<std::string(int)> name = names | ap::batch{.max_size = 2} | ap::starts_on(sim);
    auto a = name.submit(7), b = name.submit(8);
    sim.run();
    CHECK(std::move(a).get().value() == "7");
    CHECK(std::move(b).get().value() == "8");
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("batch: what the handler throws is everybody's failure, and nonsense is refused") {
    ap::testing::simulation sim{1};
    ap::request thrower{[](std::vector<int>) -> std::vector<int> { throw std::runtime_error{"all"}; }};
    auto one = thrower | ap::batch{.max_size = 2} | ap::starts_on(sim);
    auto a = one.submit(1), b = one.submit(2);
    sim.run();
    CHECK(std::move(a).get().error().message() == "all");
    CHECK(std::move(b).get().error().message() == "all");
    CHECK_THROWS_AS((thrower | ap::batch{.max_delay = -1ms}), std::invalid_argument);
    CHECK_THROWS_AS((thrower | ap::batch{.max_size = 0}), std::invalid_argument);
}
#endif

TEST_CASE("batch: every item is answered when the executor ends under it") {
    int answered = 0;
    {
        auto sim = std::make_unique<ap::testing::simulation>(1);
        ap::request echo{[](std::vector<int> items) { return items; }};
        auto one = echo | ap::batch{.max_size = 4, .max_delay = 1h} | ap::starts_on(*sim);
        for (int i = 0; i != 6; ++i)
            one.submit(i, [&](ap::result<int> r) {
                ++answered;
                CHECK_FALSE(r.has_value());
            });
        sim.reset();
    }
    CHECK(answered == 6);
}

TEST_CASE("batch: a call from inside a one-thread pool runs its batch itself") {
    ap::thread_pool one{{.threads = 1}};
    ap::request echo{[](std::vector<int> items) { return items; }};
    auto inner = echo | ap::batch{.max_size = 1} | ap::starts_on(one);
    auto outer = ap::request{[&](int x) { return inner.call(x).value_or(-1); }} | ap::starts_on(one);
    CHECK(outer.submit(3).get().value() == 3);
    auto slow = echo | ap::batch{.max_size = 2, .max_delay = 1ms} | ap::starts_on(one);
    auto waiting = ap::request{[&](int x) { return slow.call(x).value_or(-1); }} | ap::starts_on(one);
    CHECK(waiting.submit(4).get().value() == 4);
}

TEST_CASE("batch: threads that ask at once are each answered with their own, and nothing is left") {
    ap::thread_pool pool{{.threads = 2}};
    {
        ap::request echo{[kept = test::counted{1}](std::vector<int> items) { return items; }};
        auto one = echo | ap::batch{.max_size = 3, .max_delay = 100us} | ap::starts_on(pool);
        std::atomic<int> wrong{0};
        std::vector<std::thread> threads;
        for (int t = 0; t != 4; ++t)
            threads.emplace_back([&, t] {
                for (int i = 0; i != 300; ++i) {
                    auto f = one.submit(1000 * t + i);
                    if (i % 9 == t) f.request_stop();
                    auto const answer = std::move(f).get();
                    if (answer ? *answer != 1000 * t + i : answer.error() != ap::errc::cancelled) ++wrong;
                }
            });
        for (auto& t : threads)
            t.join();
        CHECK(wrong == 0);
    }
    pool.shut_down(1s);
    CHECK(test::counted::alive() == 0);
}
