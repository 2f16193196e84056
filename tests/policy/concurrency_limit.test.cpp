// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/concurrency_limit.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"
#include "support/allocations.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

/// Asks whose handlers end when the test says so, in whichever order they were let in.
struct bench {
    ap::testing::simulation sim{1};
    std::vector<ap::promise<int>> inside;
    std::vector<int> order;

    auto request() {
        return ap::request{[this](int x, ap::promise<int> p) {
            order.push_back(x);
            inside.push_back(std::move(p));
        }};
    }
    template <class Policy>
    ap::future<int> ask(Policy const& p, int x) {
        auto f = (request() | p | ap::starts_on(sim)).submit(x);
        sim.advance(0s);
        return f;
    }
    void finish(std::size_t which) {
        inside[which].set_value(static_cast<int>(which));
        sim.advance(0s);
    }
};

/// Sleeps in a way that stop requests do not shorten.
auto deaf(ap::testing::simulation& sim, ap::duration d) {
    return ap::request{[&sim, d]() -> ap::task<int> {
        ap::promise<int> later;
        auto answer = later.get_future();
        auto wake = ap::request{[] {}} | ap::after(d) | ap::starts_on(sim);
        wake.submit([p = std::make_shared<ap::promise<int>>(std::move(later))](ap::result<void>) { p->set_value(1); });
        co_return co_await std::move(answer);
    }};
}

}  // namespace

TEST_CASE("concurrency_limit: lets so many in, and refuses the next at once") {
    bench b;
    ap::concurrency_limit const limit{{.max_concurrent = 2}};
    auto one = b.ask(limit, 1);
    auto two = b.ask(limit, 2);
    auto three = b.ask(limit, 3);
    REQUIRE(three.ready());
    auto const why = std::move(three).get().error();
    CHECK(why == ap::errc::overloaded);
    CHECK(why.executed() == ap::executed::no);
    CHECK(limit.in_flight() == 2);
    b.finish(0);
    CHECK(limit.in_flight() == 1);
    auto four = b.ask(limit, 4);
    CHECK(b.order == std::vector<int>{1, 2, 4});
    CHECK(limit.metrics().rejected == 1);
    CHECK(limit.metrics().admitted == 3);
}

TEST_CASE("concurrency_limit: who stands in line is let in first come, first served, one for each that ends") {
    bench b;
    ap::concurrency_limit const limit{{.max_concurrent = 1, .max_queue = 3}};
    std::vector<ap::future<int>> all;
    for (int i = 0; i != 5; ++i)
        all.push_back(b.ask(limit, i));
    CHECK(limit.queued() == 3);
    REQUIRE(all[4].ready());
    CHECK(std::move(all[4]).get().error() == ap::errc::overloaded);
    for (std::size_t i = 0; i != 4; ++i) {
        CHECK(b.order.size() == i + 1);
        b.finish(i);
        CHECK(all[i].ready());
    }
    CHECK(b.order == std::vector<int>{0, 1, 2, 3});
    CHECK(limit.in_flight() == 0);
}

TEST_CASE("concurrency_limit: a wait that runs out is overloaded") {
    bench b;
    ap::concurrency_limit const limit{{.max_concurrent = 1, .max_queue = 3, .max_wait = 10ms}};
    auto one = b.ask(limit, 1);
    auto two = b.ask(limit, 2);
    b.sim.advance(10ms - 1ns);
    CHECK_FALSE(two.ready());
    b.sim.advance(1ns);
    REQUIRE(two.ready());
    auto const why = std::move(two).get().error();
    CHECK(why == ap::errc::overloaded);
    CHECK(why.executed() == ap::executed::no);
    CHECK(limit.queued() == 0);
    CHECK(b.sim.pending() == 0);
    CHECK(limit.metrics().rejected == 1);
}

TEST_CASE("concurrency_limit: who is let in in time needs its timer no more") {
    bench b;
    ap::concurrency_limit const limit{{.max_concurrent = 1, .max_queue = 3, .max_wait = 10ms}};
    auto one = b.ask(limit, 1);
    auto two = b.ask(limit, 2);
    b.finish(0);
    CHECK(b.sim.pending() == 0);
    b.finish(1);
    CHECK(std::move(two).get().value() == 1);
}

TEST_CASE("concurrency_limit: who is stopped in line leaves it, and the others move up") {
    bench b;
    ap::concurrency_limit const limit{{.max_concurrent = 1, .max_queue = 2, .max_wait = 1h}};
    auto one = b.ask(limit, 1);
    auto two = b.ask(limit, 2);
    auto three = b.ask(limit, 3);
    two.request_stop();
    REQUIRE(two.ready());
    auto const why = std::move(two).get().error();
    CHECK(why == ap::errc::cancelled);
    CHECK(why.executed() == ap::executed::no);
    auto four = b.ask(limit, 4);
    CHECK_FALSE(four.ready());
    b.finish(0);
    b.finish(1);
    b.finish(2);
    CHECK(b.order == std::vector<int>{1, 3, 4});
    CHECK(b.sim.pending() == 0);
}

TEST_CASE("concurrency_limit: who is dropped in line leaves it") {
    bench b;
    ap::concurrency_limit const limit{{.max_concurrent = 1, .max_queue = 2}};
    auto one = b.ask(limit, 1);
    {
        auto two = b.ask(limit, 2);
    }
    CHECK(limit.queued() == 0);
}

TEST_CASE("concurrency_limit: a permit goes back however the ask ends") {
    bench b;
    ap::concurrency_limit const limit{{.max_concurrent = 1}};
    auto const on = [&](auto handler) {
        auto f = (ap::request{std::move(handler)} | limit | ap::starts_on(b.sim)).submit();
        b.sim.run();
        CHECK(f.ready());
        CHECK(limit.in_flight() == 0);
    };
    on([] { return 1; });
    on([]() -> ap::result<int> { return ap::errc::internal; });
    on([](ap::promise<int>) {});
#if ANTIPHON_EXCEPTIONS
    on([]() -> int { throw std::runtime_error{"thrown"}; });
#endif
    on([]() -> ap::task<int> {
        co_await ap::sleep_for(1s);
        co_return 1;
    });
    CHECK(limit.metrics().admitted >= 4);
}

TEST_CASE("concurrency_limit: a permit goes back when the work of the ask is dropped") {
    struct dropper {
        void execute(ap::work) const {}
    };
    ap::concurrency_limit const limit{{.max_concurrent = 1}};
    auto const r = ap::request{[] { return 1; }} | limit | ap::starts_on(dropper{});
    for (int i = 0; i != 3; ++i)
        CHECK(r.submit().get().error() == ap::errc::cancelled);
    CHECK(limit.in_flight() == 0);
}

TEST_CASE("concurrency_limit: after a stop request the permit stays taken until the handler has ended") {
    ap::testing::simulation sim{1};
    ap::concurrency_limit const limit{{.max_concurrent = 1}};
    auto f = (deaf(sim, 10s) | limit | ap::starts_on(sim)).submit();
    sim.advance(1s);
    f.request_stop();
    sim.advance(1s);
    CHECK(limit.in_flight() == 1);
    sim.run();
    CHECK(limit.in_flight() == 0);
    CHECK(f.ready());
}

TEST_CASE("concurrency_limit: after a timeout, outside or inside, the permit stays taken until the handler has ended") {
    ap::testing::simulation sim{1};
    ap::concurrency_limit const limit{{.max_concurrent = 1, .max_queue = 1}};
    auto const soon = ap::timeout{.limit = 1s};
    auto const check = [&](auto request) {
        auto f = (std::move(request) | ap::starts_on(sim)).submit();
        sim.advance(1s);
        REQUIRE(f.ready());
        CHECK(std::move(f).get().error() == ap::errc::deadline_exceeded);
        CHECK(limit.in_flight() == 1);
        bool ran = false;
        auto next = (ap::request{[&] { ran = true; }} | limit | ap::starts_on(sim)).submit();
        sim.advance(9s - 1ns);
        CHECK_FALSE(ran);
        sim.advance(1ns);
        CHECK(ran);
        CHECK(limit.in_flight() == 0);
    };
    check(deaf(sim, 10s) | limit | soon);
    check(deaf(sim, 10s) | soon | limit);
    check(ap::request<int()>{deaf(sim, 10s) | soon} | limit);
}

TEST_CASE("concurrency_limit: under a timeout inside, the permit of an ask in time goes back with its answer") {
    ap::testing::simulation sim{1};
    ap::concurrency_limit const limit{{.max_concurrent = 1, .max_queue = 2}};
    auto const r = deaf(sim, 10ms) | ap::timeout{.limit = 1s} | limit | ap::starts_on(sim);
    std::vector<ap::future<int>> all;
    for (int i = 0; i != 3; ++i)
        all.push_back(r.submit());
    sim.advance(30ms);
    for (auto& f : all)
        CHECK(f.ready());  // kept, not taken: that is nobody's business
    CHECK(limit.in_flight() == 0);
    CHECK(sim.pending() == 0);
}

TEST_CASE("concurrency_limit: the losers of a hedge keep the permit of their ask") {
    ap::testing::simulation sim{1};
    ap::concurrency_limit const limit{{.max_concurrent = 1}};
    auto const copy = ap::request{[&](ap::context const& c) -> ap::task<int> {
        ap::promise<int> later;
        auto answer = later.get_future();
        auto wake = ap::request{[] {}} | ap::after(c.attempt() == 1 ? ap::duration{10s} : ap::duration{1ms}) | ap::starts_on(sim);
        wake.submit([p = std::make_shared<ap::promise<int>>(std::move(later))](ap::result<void>) { p->set_value(1); });
        co_return co_await std::move(answer);
    }};
    auto f = (copy | ap::hedge{.after = 5ms} | limit | ap::starts_on(sim)).submit();
    sim.advance(6ms);
    CHECK(f.ready());
    CHECK(limit.in_flight() == 1);
    sim.advance(10s);
    CHECK(limit.in_flight() == 0);
}

TEST_CASE("concurrency_limit: what is inside hears nothing of an ask that was refused, or left the line") {
    bench b;
    ap::stats const inside{{.stripes = 1}};
    ap::concurrency_limit const limit{{.max_concurrent = 1, .max_queue = 1}};
    auto const policy = inside | limit;
    auto one = b.ask(policy, 1);
    auto two = b.ask(policy, 2);
    auto three = b.ask(policy, 3);
    two.request_stop();
    CHECK(inside.snapshot().asked == 1);
}

TEST_CASE("concurrency_limit: a long line that answers at once uses constant stack") {
    bench b;
    ap::circuit_breaker const broken;
    broken.force_open();
    ap::concurrency_limit const limit{{.max_concurrent = 1, .max_queue = 1'000'000}};
    auto one = b.ask(limit, 1);
    int heard = 0;
    auto const r = ap::request{[](int x) { return x; }} | broken | limit | ap::starts_on(b.sim);
    for (int i = 0; i != 100'000; ++i)
        r.submit(i, [&](ap::result<int>) { ++heard; });
    b.finish(0);
    b.sim.run();
    CHECK(heard == 100'000);
    CHECK(limit.queued() == 0);
    CHECK(limit.in_flight() == 0);
}

TEST_CASE("concurrency_limit: a long line on an executor that runs in place uses constant stack") {
    ap::concurrency_limit const limit{{.max_concurrent = 1, .max_queue = 1'000'000}};
    std::vector<ap::promise<int>> first;
    int heard = 0;
    auto const r = ap::request{[&](int x, ap::promise<int> p) {
                       x == 0 ? static_cast<void>(first.push_back(std::move(p))) : static_cast<void>(p.set_value(x));
                   }} |
                   limit | ap::starts_on(ap::inline_executor{});
    for (int i = 0; i != 100'000; ++i)
        r.submit(i, [&](ap::result<int>) { ++heard; });
    CHECK(heard == 0);
    first[0].set_value(0);
    CHECK(heard == 100'000);
}

TEST_CASE("concurrency_limit: waiters end with their executor, and their places are free") {
    ap::concurrency_limit const limit{{.max_concurrent = 1, .max_queue = 2, .max_wait = 1h}};
    ap::promise<int> other;
    bench b;
    auto one = b.ask(limit, 1);
    auto sim = std::make_unique<ap::testing::simulation>(1);
    auto two = (ap::request{[] { return 1; }} | limit | ap::starts_on(*sim)).submit();
    sim.reset();
    REQUIRE(two.ready());
    CHECK(std::move(two).get().error() == ap::errc::shut_down);
    CHECK(limit.queued() == 0);
}

TEST_CASE("concurrency_limit: who is let in by an executor that has ended passes the permit on") {
    bench b;
    ap::concurrency_limit const limit{{.max_concurrent = 1, .max_queue = 2}};
    auto one = b.ask(limit, 1);
    auto sim = std::make_unique<ap::testing::simulation>(1);
    auto two = (ap::request{[] { return 1; }} | limit | ap::starts_on(*sim)).submit();
    auto three = b.ask(limit, 3);
    sim.reset();
    b.finish(0);
    REQUIRE(two.ready());
    CHECK(std::move(two).get().error() == ap::errc::shut_down);
    CHECK(b.order == std::vector<int>{1, 3});
}

TEST_CASE("concurrency_limit: call() in line waits for its turn") {
    ap::thread_pool pool{{.threads = 2}};
    ap::concurrency_limit const limit{{.max_concurrent = 1, .max_queue = 100}};
    auto const r = ap::request{[](int x) { return x; }} | limit | ap::starts_on(pool);
    std::vector<ap::future<int>> all;
    for (int i = 0; i != 50; ++i)
        all.push_back(r.submit(i));
    CHECK(r.call(50).value() == 50);
    for (int i = 0; i != 50; ++i)
        CHECK(std::move(all[static_cast<std::size_t>(i)]).get().value() == i);
}

TEST_CASE("concurrency_limit: copies and requests share one limit, which outlives the name") {
    bench b;
    auto r = [&] {
        ap::concurrency_limit const limit{{.max_concurrent = 1}};
        ap::concurrency_limit const copy = limit;
        b.ask(copy, 1).detach();
        return b.request() | limit | ap::starts_on(b.sim);
    }();
    CHECK(r.submit(2).get().error() == ap::errc::overloaded);
}

TEST_CASE("concurrency_limit: an observer hears of the refusal") {
    struct log final : ap::observer {
        void rejected(char const* by, ap::failure const& why) noexcept override {
            CHECK(std::string{by} == "concurrency_limit");
            CHECK(why == ap::errc::overloaded);
            ++heard;
        }
        int heard = 0;
    } seen;
    bench b;
    ap::concurrency_limit const limit{{.max_concurrent = 1, .max_queue = 1, .max_wait = 1s}};
    auto one = b.ask(limit, 1);
    auto two = b.ask(limit | ap::observe{&seen}, 2);
    auto three = b.ask(limit | ap::observe{&seen}, 3);
    CHECK(seen.heard == 1);
    b.sim.advance(1s);
    CHECK(seen.heard == 2);
}

TEST_CASE("concurrency_limit: an ask takes one allocation, in line or not") {
    ap::manual_executor desk;
    ap::concurrency_limit const limit{{.max_concurrent = 1, .max_queue = 1}};
    auto const r = ap::request{[](int x) { return x; }} | limit | ap::starts_on(desk);
    int heard = 0;
    auto const ask = [&] { r.submit(1, [&](ap::result<int>) { ++heard; }); };
    CHECK(test::allocations_of(ask) == 1);
    CHECK(test::allocations_of(ask) == 1);
    CHECK(test::allocations_of(ask) == 1);  // refused
    CHECK(test::allocations_of([&] { desk.run(); }) == 0);
    CHECK(heard == 3);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("concurrency_limit: nonsense is refused, naming the field") {
    auto const refused = [](ap::concurrency_limit_options o, std::string const& field) {
        try {
            ap::concurrency_limit const made{o};
        } catch (std::invalid_argument const& e) {
            return std::string{e.what()}.find("concurrency_limit." + field + ":") == 0;
        }
        return false;
    };
    CHECK(refused({}, "max_concurrent"));
    CHECK(refused({.max_concurrent = -1}, "max_concurrent"));
    CHECK(refused({.max_concurrent = 1, .max_queue = -1}, "max_queue"));
    CHECK(refused({.max_concurrent = 1, .max_wait = -1s}, "max_wait"));
}
#endif

TEST_CASE("concurrency_limit: a higher limit lets those in line in at once, a lower one waits until enough have ended") {
    bench b;
    ap::concurrency_limit const limit{{.max_concurrent = 1, .max_queue = 4}};
    std::vector<ap::future<int>> asks;
    for (int i = 0; i != 4; ++i)
        asks.push_back(b.ask(limit, i));
    CHECK(b.order == std::vector<int>{0});
    limit.set_max_concurrent(3);
    b.sim.advance(0s);
    CHECK(b.order == std::vector<int>{0, 1, 2});
    CHECK(limit.metrics().limit == 3);
    limit.set_max_concurrent(1);
    b.finish(0);
    b.finish(1);
    CHECK(b.order.size() == 3);
    b.finish(2);
    CHECK(b.order == std::vector<int>{0, 1, 2, 3});
    b.finish(3);
    CHECK(limit.in_flight() == 0);
#if ANTIPHON_EXCEPTIONS
    CHECK_THROWS_AS(limit.set_max_concurrent(0), std::invalid_argument);
#endif
}
