// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/coalesce.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"
#include "support/allocations.hpp"
#include "support/values.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

/// A handler that takes a second, and counts.
struct slow {
    ap::testing::simulation sim{1};
    int runs = 0;
    int stops = 0;
    auto request() {
        return ap::request{[this](std::stop_token stop, int x) -> ap::task<int> {
            ++runs;
            co_await ap::sleep_for(1s);
            if (stop.stop_requested()) ++stops;
            co_return x < 0 ? ap::result<int>{ap::errc::unavailable} : ap::result<int>{10 * x + runs};
        }};
    }
};

struct point {
    int x, y;
    bool operator==(point const&) const = default;
};

}  // namespace

TEST_CASE("coalesce: asks of one key at the same time are one flight, and each gets its result") {
    slow s;
    auto r = s.request() | ap::coalesce() | ap::starts_on(s.sim);
    auto a = r.submit(1), b = r.submit(1), c = r.submit(2);
    s.sim.advance(500ms);
    auto d = r.submit(1);
    s.sim.run();
    CHECK(s.runs == 2);
    CHECK(std::move(a).get().value() == std::move(b).get().value());
    CHECK(std::move(d).get().value() / 10 == 1);
    CHECK(std::move(c).get().value() / 10 == 2);
}

TEST_CASE("coalesce: once it has landed, the next ask is a flight of its own") {
    slow s;
    auto r = s.request() | ap::coalesce() | ap::starts_on(s.sim);
    CHECK(r.call(1).value() == 11);
    CHECK(r.call(1).value() == 12);
}

TEST_CASE("coalesce: a failure is everybody's too") {
    slow s;
    auto r = s.request() | ap::coalesce() | ap::starts_on(s.sim);
    auto a = r.submit(-1), b = r.submit(-1);
    s.sim.run();
    CHECK(std::move(a).get().error() == ap::errc::unavailable);
    CHECK(std::move(b).get().error() == ap::errc::unavailable);
    CHECK(s.runs == 1);
}

TEST_CASE("coalesce: one who leaves is cancelled at once, and the others are not disturbed") {
    slow s;
    auto r = s.request() | ap::coalesce() | ap::starts_on(s.sim);
    auto first = r.submit(1), second = r.submit(1);
    s.sim.advance(100ms);
    first.request_stop();
    CHECK(first.ready());
    CHECK(std::move(first).get().error() == ap::errc::cancelled);
    s.sim.run();
    CHECK(std::move(second).get().value() == 11);
    CHECK(s.stops == 0);
}

TEST_CASE("coalesce: when the last one leaves, what is inside is stopped, and the next ask begins anew") {
    slow s;
    auto r = s.request() | ap::coalesce() | ap::starts_on(s.sim);
    auto a = r.submit(1), b = r.submit(1);
    s.sim.advance(100ms);
    a.request_stop();
    b.request_stop();
    auto c = r.submit(1);
    s.sim.run();
    CHECK(s.stops == 1);
    CHECK(s.runs == 2);
    CHECK(std::move(c).get().value() == 12);
    CHECK(s.sim.pending() == 0);
}

TEST_CASE("coalesce: each waits as long as its own timeout, and the flight has nobody's deadline") {
    slow s;
    bool limited = false;
    ap::request handler{[&](ap::context const& c, int x) -> ap::task<int> {
        limited = c.deadline() != ap::time_point::max();
        co_await ap::sleep_for(1s);
        co_return x;
    }};
    auto shared = handler | ap::coalesce() | ap::starts_on(s.sim);
    auto hasty = (shared | ap::timeout{.limit = 100ms}).submit(1);
    auto patient = (shared | ap::timeout{.limit = 10s}).submit(1);
    s.sim.run();
    CHECK(std::move(hasty).get().error() == ap::errc::deadline_exceeded);
    CHECK(std::move(patient).get().value() == 1);
    CHECK_FALSE(limited);
}

TEST_CASE("coalesce: a function of the arguments is the key") {
    slow s;
    ap::request handler{[&](point p) -> ap::task<int> {
        ++s.runs;
        co_await ap::sleep_for(1s);
        co_return p.x;
    }};
    auto r = handler | ap::coalesce([](point const& p) { return p.x; }) | ap::starts_on(s.sim);
    auto a = r.submit(point{1, 2}), b = r.submit(point{1, 3}), c = r.submit(point{2, 2});
    s.sim.run();
    CHECK(s.runs == 2);
    CHECK(std::move(b).get().value() == 1);
}

TEST_CASE("coalesce: however a text is passed, it is the same key, and no key refers to what its asker passed") {
    slow s;
    ap::request<std::size_t(std::string_view)> length = [&](std::string_view text) -> ap::task<std::size_t> {
        ++s.runs;
        co_await ap::sleep_for(1s);
        co_return text.size();
    };
    auto r = length | ap::coalesce() | ap::starts_on(s.sim);
    auto a = r.submit(std::string(40, 'x'));
    auto b = r.submit(std::string_view{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"});
    a.request_stop();
    auto c = r.submit("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    s.sim.run();
    CHECK(s.runs == 1);
    CHECK(std::move(b).get().value() == 40);
    CHECK(std::move(c).get().value() == 40);
}

TEST_CASE("coalesce: results may be void, references, and of a kind whose copies throw") {
    ap::testing::simulation sim{1};
    int runs = 0;
    auto none = ap::request{[&] { ++runs; }} | ap::coalesce() | ap::starts_on(sim);
    auto a = none.submit(), b = none.submit();
    sim.run();
    CHECK(std::move(a).get().has_value());
    CHECK(std::move(b).get().has_value());
    CHECK(runs == 1);
    auto refers = ap::request{[&]() -> int& { return runs; }} | ap::coalesce() | ap::starts_on(sim);
    auto c = refers.submit(), d = refers.submit();
    sim.run();
    CHECK(&*std::move(c).get() == &runs);
    CHECK(&*std::move(d).get() == &runs);
#if ANTIPHON_EXCEPTIONS
    auto fragile = ap::request{[] { return test::throwing_move{3}; }} | ap::coalesce() | ap::starts_on(sim);
    auto e = fragile.submit(), f = fragile.submit();
    {
        test::throwing_move::armed const armed;
        sim.run();
    }
    CHECK(e.ready());
    CHECK(f.ready());
    CHECK_FALSE(std::move(e).get().has_value());
#endif
}

TEST_CASE("coalesce: the only one there takes the result, and nothing is copied") {
    struct picky {
        int copies = 0;
        picky() = default;
        picky(picky const& other) : copies{other.copies + 1} {}
        picky(picky&&) = default;
    };
    ap::testing::simulation sim{1};
    auto r = ap::request{[] { return picky{}; }} | ap::coalesce() | ap::starts_on(sim);
    CHECK(r.call().value().copies == 0);
}

TEST_CASE("coalesce: the observer of one who joins is told who answers") {
    slow s;
    std::vector<std::string> by;
    auto r = s.request() | ap::coalesce() | ap::observe(ap::hooks{.answered_by = [&](char const* name) { by.emplace_back(name); }}) |
             ap::starts_on(s.sim);
    auto a = r.submit(1), b = r.submit(1);
    s.sim.run();
    CHECK(by == std::vector<std::string>{"coalesce"});
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("coalesce: what making the key throws is the ask's failure, and no flight is left") {
    slow s;
    auto r = s.request() | ap::coalesce([](int x) -> int {
                 if (x == 3) throw std::runtime_error{"key"};
                 return x;
             }) |
             ap::starts_on(s.sim);
    CHECK(r.call(3).error().message() == "key");
    CHECK(r.call(4).value() == 41);
}
#endif

TEST_CASE("coalesce: without an executor a call waits for its own flight, also inside a one-thread pool") {
    auto r = ap::request{[](int x) { return x; }} | ap::coalesce();
    CHECK(r.call(4).value() == 4);
    ap::thread_pool one{{.threads = 1}};
    auto inner = ap::request{[](int x) { return x + 1; }} | ap::coalesce() | ap::starts_on(one);
    auto outer = ap::request{[&](int x) { return inner.call(x).value(); }} | ap::coalesce() | ap::starts_on(one);
    CHECK(outer.call(1).value() == 2);
}

TEST_CASE("coalesce: threads that ask at once are each answered, and nothing is left") {
    ap::thread_pool pool{{.threads = 2}};
    std::atomic<int> runs{0};
    {
        auto r = ap::request{[&, kept = test::counted{1}](int x) {
                     ++runs;
                     return x + kept.read() - 1;
                 }} |
                 ap::coalesce() | ap::starts_on(pool);
        std::atomic<int> wrong{0};
        std::vector<std::thread> threads;
        for (int t = 0; t != 4; ++t)
            threads.emplace_back([&, t] {
                for (int i = 0; i != 500; ++i) {
                    auto f = r.submit(i % 3);
                    if (i % 7 == t) f.request_stop();
                    auto const answer = std::move(f).get();
                    if (answer ? *answer != i % 3 : answer.error() != ap::errc::cancelled) ++wrong;
                }
            });
        for (auto& t : threads)
            t.join();
        CHECK(wrong == 0);
        CHECK(runs <= 2000);
    }
    pool.shut_down();
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("coalesce: an ask is one allocation, whether it begins a flight or joins one") {
    ap::manual_executor desk;
    auto r = ap::request{[](int x) { return x; }} | ap::coalesce() | ap::starts_on(desk);
    r.submit(9).detach();
    desk.run();
    CHECK(test::allocations_of([&] { r.submit(1).detach(); }) == 1);
    CHECK(test::allocations_of([&] { r.submit(1).detach(); }) == 1);
    CHECK(test::allocations_of([&] { desk.run(); }) == 0);
}

TEST_CASE("coalesce: what expires before the handler has started did not run, and says so, unless it was others' too") {
    ap::manual_executor busy;
    bool ran = false;
    auto const handler = ap::request{[&](int) { ran = true; }};
    auto const r = handler | ap::coalesce() | ap::starts_on(busy);
    auto a = r.submit(1), b = r.submit(1);
    a.request_stop();
    CHECK(std::move(a).get().error().executed() == ap::executed::maybe);
    b.request_stop();
    auto const last = std::move(b).get();
    CHECK(last.error() == ap::errc::cancelled);
    CHECK(last.error().executed() == ap::executed::no);
    busy.run();
    CHECK_FALSE(ran);

    slow s;
    auto const limited = s.request() | ap::after(1h) | ap::coalesce() | ap::timeout{.limit = 5ms} | ap::starts_on(s.sim);
    auto const late = limited.call(1);
    CHECK(late.error() == ap::errc::deadline_exceeded);
    CHECK(late.error().executed() == ap::executed::no);
    auto const started = s.request() | ap::coalesce() | ap::timeout{.limit = 5ms} | ap::starts_on(s.sim);
    CHECK(started.call(1).error().executed() == ap::executed::maybe);
    s.sim.run();
    CHECK(s.sim.pending() == 0);
}

TEST_CASE("coalesce: a long row of flights that wait for each other is stopped without stack") {
    ap::testing::simulation sim{1};
    constexpr int many = 20'000;
    ap::promise<int> never;
    ap::request<int(int)> next;
    int begun = 0;
    next = ap::request{[&](int n) -> ap::future<int> {
               ++begun;
               if (n == many) return never.get_future();
               return next.submit(n + 1);
           }} |
           ap::coalesce() | ap::starts_on(sim);
    auto f = next.submit(0);
    sim.run();
    CHECK(begun == many + 1);
    f.request_stop();
    sim.run();
    CHECK(std::move(f).get().error() == ap::errc::cancelled);
    never.set_value(1);
    next = {};
}

TEST_CASE("coalesce: a flight has the priority of the ask that it was begun for, and may stand in line if that one might") {
    ap::testing::simulation sim{1};
    std::vector<ap::priority> seen;
    auto const r = ap::request{[&](ap::context const& c) -> ap::task<int> {
                       seen.push_back(c.priority());
                       co_await ap::sleep_for(1s);
                       co_return 1;
                   }} |
                   ap::coalesce() | ap::starts_on(sim);
    auto a = (r | ap::priority::low).submit(), b = (r | ap::priority::high).submit();
    sim.run();
    CHECK((std::move(a).get().has_value() && std::move(b).get().has_value()));
    CHECK(seen == std::vector<ap::priority>{ap::priority::low});

    ap::concurrency_limit const narrow{{.max_concurrent = 1, .max_queue = 10}};
    auto const slow = ap::request{[]() -> ap::task<int> {
                          co_await ap::sleep_for(1s);
                          co_return 1;
                      }} |
                      narrow;
    auto const shared = slow | ap::coalesce();
    auto other = (slow | ap::starts_on(sim)).submit();
    CHECK((shared | ap::load_shed{} | ap::starts_on(sim)).call().error() == ap::errc::overloaded);
    auto patient = (shared | ap::starts_on(sim)).submit();
    auto joins = (shared | ap::load_shed{} | ap::starts_on(sim)).submit();
    sim.run();
    CHECK((std::move(patient).get().has_value() && std::move(joins).get().has_value() && std::move(other).get().has_value()));
}
