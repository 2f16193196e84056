// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/cache.hpp"

#include <atomic>
#include <chrono>
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

/// Answers with how often it ran; fails for negative numbers.
struct counting {
    ap::testing::simulation sim{1};
    int runs = 0;
    auto request() {
        return ap::request{[this](int x) -> ap::result<int> {
            ++runs;
            if (x < 0) return ap::errc::not_found;
            return runs;
        }};
    }
};

}  // namespace

TEST_CASE("cache: an answer is given again while it is good, and asked for when it is not") {
    counting c;
    ap::cache const kept{{.ttl = 10s}};
    auto r = c.request() | kept | ap::starts_on(c.sim);
    CHECK(r.call(1).value() == 1);
    c.sim.advance(9999ms);
    CHECK(r.call(1).value() == 1);
    c.sim.advance(1ms);
    CHECK(r.call(1).value() == 2);
    CHECK(kept.stats().hits == 1);
    CHECK(kept.stats().misses == 2);
}

TEST_CASE("cache: each key has its own answer, and the least recently used goes first") {
    counting c;
    ap::cache const kept{{.max_entries = 2}};
    auto r = c.request() | kept | ap::starts_on(c.sim);
    CHECK(r.call(1).value() == 1);
    CHECK(r.call(2).value() == 2);
    CHECK(r.call(1).value() == 1);
    CHECK(r.call(3).value() == 3);  // 2 goes
    CHECK(r.call(1).value() == 1);
    CHECK(r.call(2).value() == 4);
    CHECK(kept.size() == 2);
    CHECK(kept.stats().evicted == 2);
}

TEST_CASE("cache: failures are not kept, unless a predicate says so, and then for their own time") {
    counting c;
    ap::cache const values{};
    auto r = c.request() | values | ap::starts_on(c.sim);
    CHECK(r.call(-1).error() == ap::errc::not_found);
    CHECK(r.call(-1).error() == ap::errc::not_found);
    CHECK(c.runs == 2);
    ap::cache const both{{.keep_failure = [](ap::failure const& why) { return why == ap::errc::not_found; }, .failure_ttl = 3s}};
    auto q = c.request() | both | ap::starts_on(c.sim);
    CHECK(q.call(-1).error() == ap::errc::not_found);
    c.sim.advance(2s);
    CHECK(q.call(-1).error() == ap::errc::not_found);
    CHECK(c.runs == 3);
    c.sim.advance(1s);
    CHECK(q.call(-1).error() == ap::errc::not_found);
    CHECK(c.runs == 4);
}

TEST_CASE("cache: what is stale is given while one ask in the background renews it") {
    ap::testing::simulation sim{1};
    int runs = 0;
    ap::request slow{[&](int) -> ap::task<int> {
        int const mine = ++runs;
        co_await ap::sleep_for(1s);
        co_return mine;
    }};
    ap::cache const kept{{.ttl = 10s, .stale_for = 60s}};
    auto r = slow | kept | ap::starts_on(sim);
    CHECK(r.call(7).value() == 1);
    sim.advance(10s);
    auto a = r.submit(7), b = r.submit(7);
    CHECK(a.ready());
    CHECK(b.ready());
    CHECK(std::move(a).get().value() == 1);
    sim.advance(500ms);
    CHECK(runs == 2);
    CHECK(r.submit(7).get().value() == 1);
    sim.advance(500ms);
    CHECK(r.submit(7).get().value() == 2);
    CHECK(runs == 2);
    CHECK(kept.stats().stale == 3);
    sim.advance(70s);
    CHECK(r.call(7).value() == 3);  // too old even for that
    CHECK(sim.pending() == 0);
}

TEST_CASE("cache: when renewing fails, the stale answer serves on, and the next one tries again") {
    ap::testing::simulation sim{1};
    int runs = 0;
    ap::request flaky{[&](int) -> ap::result<int> {
        if (++runs == 2) return ap::errc::unavailable;
        return runs;
    }};
    auto r = flaky | ap::cache{{.ttl = 10s, .stale_for = 1.0min}} | ap::starts_on(sim);
    CHECK(r.call(7).value() == 1);
    sim.advance(15s);
    CHECK(r.call(7).value() == 1);
    sim.run();
    CHECK(runs == 2);
    CHECK(r.call(7).value() == 1);
    sim.run();
    CHECK(r.call(7).value() == 3);
}

TEST_CASE("cache: a failure that would be kept does not take the place of a value that may still be given") {
    ap::testing::simulation sim{1};
    bool down = false;
    int runs = 0;
    ap::request asks{[&](int x) -> ap::result<int> {
        ++runs;
        if (down) return ap::errc::unavailable;
        return x;
    }};
    ap::cache const kept{{.ttl = 1s, .stale_for = 1min, .keep_failure = ap::is_transient, .failure_ttl = 10s}};
    auto const r = asks | kept | ap::starts_on(sim);
    CHECK(r.call(1).value() == 1);
    down = true;
    sim.advance(2s);
    CHECK(r.call(1).value() == 1);
    sim.run();
    CHECK(runs == 2);
    CHECK(r.call(1).value() == 1);  // and tries again
    sim.run();
    CHECK(runs == 3);
    sim.advance(1min);
    CHECK(r.call(1).error() == ap::errc::unavailable);  // now there is nothing better
    CHECK(r.call(1).error() == ap::errc::unavailable);
    CHECK(runs == 4);
}

TEST_CASE("cache: what came of a stop request is not kept, whatever the predicate says") {
    ap::testing::simulation sim{1};
    int runs = 0;
    ap::errc obeys_with = ap::errc::cancelled;
    ap::request slow{[&](std::stop_token stop, int) -> ap::task<int> {
        ++runs;
        co_await ap::sleep_for(1s);
        if (stop.stop_requested()) co_return ap::result<int>{obeys_with};
        co_return 5;
    }};
    auto r = slow | ap::cache{{.keep_failure = [](ap::failure const&) { return true; }, .failure_ttl = 1h}} | ap::starts_on(sim);
    for (ap::errc code : {ap::errc::cancelled, ap::errc::aborted}) {
        obeys_with = code;
        auto f = r.submit(1);
        sim.advance(10ms);
        f.request_stop();
        sim.run();
        CHECK(std::move(f).get().error() == code);
    }
    CHECK(r.call(1).value() == 5);
    CHECK(runs == 3);
}

TEST_CASE("cache: erase forgets one answer, clear all of them") {
    counting c;
    ap::cache const kept{};
    auto r = c.request() | kept | ap::starts_on(c.sim);
    ap::request<std::size_t(std::string_view)> length = [&](std::string_view s) {
        ++c.runs;
        return s.size();
    };
    auto n = length | kept | ap::starts_on(c.sim);
    static_cast<void>(r.call(1));
    static_cast<void>(r.call(2));
    static_cast<void>(n.call("three"));
    CHECK(kept.size() == 3);
    CHECK(kept.erase<int(int)>(1));
    CHECK_FALSE(kept.erase<int(int)>(1));
    CHECK(kept.erase<std::size_t(std::string_view)>("three"));
    CHECK(kept.size() == 1);
    CHECK(r.call(2).value() == 2);
    kept.clear();
    CHECK(kept.size() == 0);
    CHECK(r.call(2).value() == 4);
}

TEST_CASE("cache: requests of one signature that it is put around share what it keeps") {
    counting c;
    ap::cache const kept{};
    auto const once = c.request() | kept | ap::starts_on(c.sim);
    auto const again = c.request() | ap::retry{} | kept | ap::starts_on(c.sim);
    CHECK(once.call(1).value() == 1);
    CHECK(again.call(1).value() == 1);
}

TEST_CASE("cache: by a function of the arguments") {
    counting c;
    auto r = c.request() | ap::cache{}.by([](int x) { return x % 10; }) | ap::starts_on(c.sim);
    CHECK(r.call(1).value() == 1);
    CHECK(r.call(11).value() == 1);
    CHECK(r.call(12).value() == 2);
}

TEST_CASE("cache: around coalesce, those who miss together ask once") {
    ap::testing::simulation sim{1};
    int runs = 0;
    ap::request slow{[&](int) -> ap::task<int> {
        co_await ap::sleep_for(1s);
        co_return ++runs;
    }};
    auto r = slow | ap::coalesce() | ap::cache{} | ap::starts_on(sim);
    auto a = r.submit(1), b = r.submit(1);
    sim.run();
    CHECK(std::move(a).get().value() == 1);
    CHECK(std::move(b).get().value() == 1);
    CHECK(r.call(1).value() == 1);
}

TEST_CASE("cache: a hit needs no executor, and its observer is told") {
    counting c;
    std::vector<std::string> by;
    auto r = c.request() | ap::cache{} | ap::observe(ap::hooks{.answered_by = [&](char const* name) { by.emplace_back(name); }}) |
             ap::starts_on(c.sim);
    static_cast<void>(r.call(1));
    auto f = r.submit(1);
    CHECK(f.ready());
    CHECK(by == std::vector<std::string>{"cache"});
}

TEST_CASE("cache: an answer after a stop request is kept all the same, one that was stopped is not") {
    ap::testing::simulation sim{1};
    int runs = 0;
    ap::request slow{[&](std::stop_token stop, int) -> ap::task<int> {
        ++runs;
        co_await ap::sleep_for(1s);
        if (stop.stop_requested()) co_return ap::errc::cancelled;
        co_return 5;
    }};
    auto r = slow | ap::cache{} | ap::starts_on(sim);
    auto f = r.submit(1);
    sim.advance(10ms);
    f.request_stop();
    sim.run();
    CHECK(std::move(f).get().error() == ap::errc::cancelled);
    CHECK(r.call(1).value() == 5);
    CHECK(runs == 2);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("cache: nonsense is refused, by the name of its field") {
    CHECK_THROWS_AS(ap::cache{{.ttl = 0s}}, std::invalid_argument);
    CHECK_THROWS_AS(ap::cache{{.max_entries = 0}}, std::invalid_argument);
    CHECK_THROWS_AS(ap::cache{{.stale_for = -1s}}, std::invalid_argument);
    CHECK_THROWS_AS(ap::cache{{.failure_ttl = 0s}}, std::invalid_argument);
}
TEST_CASE("cache: an answer that cannot be copied into it is given all the same") {
    ap::testing::simulation sim{1};
    int runs = 0;
    struct fragile {
        bool* armed;
        explicit fragile(bool& a) : armed{&a} {}
        fragile(fragile const& other) : armed{other.armed} {
            if (*armed) throw std::runtime_error{"copy"};
        }
        fragile(fragile&&) = default;
    };
    bool armed = true;
    auto r = ap::request{[&] {
                 ++runs;
                 return fragile{armed};
             }} |
             ap::cache{} | ap::starts_on(sim);
    CHECK(r.call().has_value());
    armed = false;
    CHECK(r.call().has_value());
    CHECK(runs == 2);
    CHECK(r.call().has_value());
    CHECK(runs == 2);
    armed = true;
    CHECK(r.call().error().message() == "copy");
}
#endif

TEST_CASE("cache: a hit is one allocation, a miss two") {
    counting c;
    auto r = ap::request{[](int x) { return x; }} | ap::cache{} | ap::starts_on(ap::inline_executor{});
    static_cast<void>(r.call(100));
    CHECK(test::allocations_of([&] { CHECK(r.submit(1).get().value() == 1); }) == 2);
    CHECK(test::allocations_of([&] { CHECK(r.submit(1).get().value() == 1); }) == 1);
}

TEST_CASE("cache: threads that ask, erase and clear at once get right answers, and nothing is left") {
    ap::thread_pool pool{{.threads = 2}};
    {
        ap::cache const kept{{.ttl = 1us, .max_entries = 8, .stale_for = 1ms}};
        auto r = ap::request{[](int x) { return test::counted{x}; }} | kept | ap::starts_on(pool);
        std::atomic<int> wrong{0};
        std::vector<std::thread> threads;
        for (int t = 0; t != 4; ++t)
            threads.emplace_back([&] {
                for (int i = 0; i != 500; ++i) {
                    auto const answer = r.call(i % 16);
                    if (!answer || answer->read() != i % 16) ++wrong;
                    if (i % 50 == 0) kept.clear();
                    if (i % 20 == 0) kept.erase<test::counted(int)>(i % 16);
                }
            });
        for (auto& t : threads)
            t.join();
        CHECK(wrong == 0);
        CHECK(kept.size() <= 8);
    }
    pool.shut_down(1s);
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("cache: an answer may be put into it, good for as long as one that was given then") {
    counting c;
    ap::cache const kept{{.ttl = 10s}};
    auto r = c.request() | kept | ap::starts_on(c.sim);
    kept.put<int(int)>(c.sim.now(), 70, 1);
    CHECK(r.call(1).value() == 70);
    CHECK(c.runs == 0);
    c.sim.advance(10s);
    CHECK(r.call(1).value() == 1);
    kept.put<int(int)>(c.sim.now(), 71, 1);
    CHECK(r.call(1).value() == 71);
    CHECK(kept.size() == 1);
}

TEST_CASE("cache: what it would give may be looked at, which is no use of it and is not counted") {
    counting c;
    ap::cache const kept{{.ttl = 10s, .max_entries = 2, .stale_for = 5s}};
    CHECK_FALSE(kept.peek<int(int)>(c.sim.now(), 1).has_value());
    kept.put<int(int)>(c.sim.now(), 10, 1);
    kept.put<int(int)>(c.sim.now(), 20, 2);
    CHECK(kept.peek<int(int)>(c.sim.now() + 14s, 1).value().value() == 10);
    CHECK_FALSE(kept.peek<int(int)>(c.sim.now() + 15s, 1).has_value());
    kept.put<int(int)>(c.sim.now(), 30, 3);
    CHECK_FALSE(kept.peek<int(int)>(c.sim.now(), 1).has_value());  // it was the least recently used all the same
    CHECK(kept.stats().hits == 0);
    CHECK(kept.stats().misses == 0);
}

TEST_CASE("cache: by a function, put and peek take the key") {
    ap::testing::simulation sim{1};
    ap::cache const kept;
    auto r = ap::request{[](std::string s) { return s + "!"; }} | kept.by([](std::string const& s) { return s.size(); }) |
             ap::starts_on(sim);
    kept.put<std::string(std::size_t)>(sim.now(), "three", std::size_t{3});
    CHECK(r.call("abc").value() == "three");
    CHECK(r.call("abcd").value() == "abcd!");
    CHECK(kept.peek<std::string(std::size_t)>(sim.now(), std::size_t{4}).value().value() == "abcd!");
}
