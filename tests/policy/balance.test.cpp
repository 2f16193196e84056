// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/balance.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

/// Replicas that answer with their number after a time of their own, or fail.
struct fleet {
    explicit fleet(std::size_t n) : asked(n), takes(n, 10ms), down(n, false) {}
    ap::testing::simulation sim{1};
    std::vector<int> asked;
    std::vector<ap::duration> takes;
    std::vector<bool> down;

    ap::request<int(int)> replica(std::size_t i) {
        return [this, i](int) -> ap::task<int> {
            ++asked[i];
            co_await ap::sleep_for(takes[i]);
            if (down[i]) co_return ap::errc::unavailable;
            co_return static_cast<int>(i);
        };
    }
    ap::balance<int(int)> all(ap::balance_options options = {}) {
        ap::balance<int(int)> b{std::move(options)};
        for (std::size_t i = 0; i != asked.size(); ++i)
            b.add(replica(i));
        return b;
    }
};

}  // namespace

TEST_CASE("balance: each ask goes to one replica, and over time each has its share") {
    fleet f{4};
    auto r = f.all() | ap::starts_on(f.sim);
    for (int i = 0; i != 400; ++i) {
        r.submit(i).detach();
        f.sim.advance(1ms);
    }
    f.sim.run();
    int sum = 0;
    for (int n : f.asked) {
        CHECK(n > 60);
        sum += n;
    }
    CHECK(sum == 400);
}

TEST_CASE("balance: by asks in flight, a slow replica gets fewer of them") {
    fleet f{3};
    f.takes[0] = 1s;
    auto const b = f.all();
    auto r = b | ap::starts_on(f.sim);
    for (int i = 0; i != 300; ++i) {
        r.submit(i).detach();
        f.sim.advance(5ms);
    }
    CHECK(f.asked[0] < 30);
    f.sim.run();
    for (ap::replica_state const& s : b.replicas())
        CHECK(s.in_flight == 0);
}

TEST_CASE("balance: by peak EWMA, a slow answer counts at once, and is forgotten over the decay") {
    fleet f{2};
    auto const b = f.all({.load = ap::replica_load::peak_ewma, .decay = 10s});
    auto r = b | ap::starts_on(f.sim);
    for (int i = 0; i != 4; ++i)
        static_cast<void>(r.call(i));
    f.takes[0] = 1s;
    for (int i = 0; i != 4; ++i)
        static_cast<void>(r.call(i));
    f.takes[0] = 10ms;
    int const before = f.asked[0];
    for (int i = 0; i != 20; ++i)
        static_cast<void>(r.call(i));
    CHECK(f.asked[0] == before);
    CHECK(b.replicas()[0].latency > 500ms);
}

TEST_CASE("balance: a replica whose breaker is open is not chosen, and when all are, the ask is refused") {
    fleet f{2};
    f.down = {true, false};
    ap::circuit_breaker_options const guard{.window = ap::last(2), .minimum_calls = 2, .open_for = 10s, .half_open_calls = 1};
    auto const b = f.all({.breaker = guard});
    auto r = b | ap::starts_on(f.sim);
    for (int i = 0; i != 40; ++i)
        static_cast<void>(r.call(i));
    CHECK(f.asked[0] == 2);
    for (int i = 0; i != 10; ++i)
        CHECK(r.call(i).value() == 1);
    b.replicas()[1].breaker->force_open();
    std::vector<std::string> by;
    auto watched = b | ap::observe(ap::hooks{.rejected = [&](char const* name, ap::failure const&) { by.emplace_back(name); }}) |
                   ap::starts_on(f.sim);
    auto const refused = watched.call(1);
    CHECK(refused.error() == ap::errc::unavailable);
    CHECK(refused.error().executed() == ap::executed::no);
    CHECK(by == std::vector<std::string>{"balance"});
    f.sim.advance(11s);
    f.down[0] = false;
    CHECK(r.call(1).value() == 0);  // its probe
}

TEST_CASE("balance: replicas come and go, and one that is removed finishes what it has") {
    fleet f{2};
    ap::balance<int(int)> const b;
    auto r = b | ap::starts_on(f.sim);
    CHECK(r.call(1).error() == ap::errc::unavailable);
    auto const first = b.add(f.replica(0));
    auto under_way = r.submit(1);
    auto const second = b.add(f.replica(1));
    CHECK(first != second);
    CHECK(b.remove(first));
    CHECK_FALSE(b.remove(first));
    for (int i = 0; i != 8; ++i)
        CHECK(r.call(i).value() == 1);
    CHECK(std::move(under_way).get().value() == 0);
    CHECK(b.size() == 1);
}

TEST_CASE("balance: attempts of a retry go to different replicas while there are such") {
    fleet f{3};
    f.down = {true, true, true};
    auto r = f.all() | ap::retry{.max_attempts = 3, .backoff = {.initial = 1ms}} | ap::starts_on(f.sim);
    for (int i = 1; i != 20; ++i) {
        CHECK_FALSE(r.call(i).has_value());
        CHECK(f.asked == std::vector<int>(3, i));
    }
    auto more = f.all() | ap::retry{.max_attempts = 4, .backoff = {.initial = 1ms}} | ap::starts_on(f.sim);
    CHECK(more.call(1).error().attempts() == 4);
}

TEST_CASE("balance: replicas are told apart whatever their numbers are, however many came and went between them") {
    fleet f{2};
    f.down = {true, true};
    for (int gap : {62, 63, 64, 127}) {
        ap::balance<int(int)> const b;
        b.add(f.replica(0));
        for (int i = 0; i != gap; ++i)
            b.remove(b.add(f.replica(0)));
        b.add(f.replica(1));
        auto r = b | ap::retry{.max_attempts = 2, .backoff = {.initial = 1ms}} | ap::starts_on(f.sim);
        f.asked = {0, 0};
        for (int i = 1; i != 20; ++i) {
            CHECK_FALSE(r.call(i).has_value());
            CHECK(f.asked == std::vector<int>(2, i));
        }
    }
}

TEST_CASE("balance: of more replicas than there are attempts, none is asked twice") {
    fleet f{7};
    f.down = std::vector<bool>(7, true);
    auto r = f.all() | ap::retry{.max_attempts = 7, .backoff = {.initial = 1ms}} | ap::starts_on(f.sim);
    for (int i = 1; i != 20; ++i) {
        CHECK_FALSE(r.call(i).has_value());
        CHECK(f.asked == std::vector<int>(7, i));
    }
}

TEST_CASE("balance: copies of a hedge go to different replicas") {
    fleet f{2};
    f.takes = {1s, 1s};
    auto r = f.all() | ap::hedge{.after = 10ms} | ap::starts_on(f.sim);
    for (int i = 1; i != 10; ++i) {
        CHECK(r.call(i).has_value());
        f.sim.run();
        CHECK(f.asked == std::vector<int>(2, i));
    }
}

TEST_CASE("balance: the same seed chooses the same replicas") {
    auto const run = [](std::uint64_t seed) {
        ap::testing::simulation sim{seed};
        std::string chosen;
        ap::balance<void()> b{{[&] { chosen += 'a'; }, [&] { chosen += 'b'; }, [&] { chosen += 'c'; }}};
        auto r = b | ap::starts_on(sim);
        for (int i = 0; i != 40; ++i)
            static_cast<void>(r.call());
        return chosen;
    };
    CHECK(run(3) == run(3));
    CHECK(run(3) != run(4));
}

TEST_CASE("balance: arguments that only move, and stop requests, reach the replica") {
    ap::testing::simulation sim{1};
    bool stopped = false;
    ap::balance<int(std::unique_ptr<int>)> b;
    b.add(ap::request<int(std::unique_ptr<int>)>{[&](std::stop_token stop, std::unique_ptr<int> p) -> ap::task<int> {
        co_await ap::sleep_for(1s);
        stopped = stop.stop_requested();
        co_return *p;
    }});
    auto r = b | ap::starts_on(sim);
    CHECK(r.call(std::make_unique<int>(3)).value() == 3);
    auto f = r.submit(std::make_unique<int>(4));
    sim.advance(1ms);
    f.request_stop();
    sim.run();
    CHECK(stopped);
}

TEST_CASE("balance: without an executor a call runs its replica in the calling thread") {
    ap::balance<int(int)> b{{[](int x) { return x + 1; }}};
    CHECK(b.to_request().call(1).value() == 2);
}

TEST_CASE("balance: takes the place of its request: it has the verbs, and requests are made of it, erased or deduced") {
    ap::balance<int(int)> const b{{[](int x) { return x + 1; }}};
    CHECK(b.call(1).value() == 2);
    CHECK(b.submit(2).get().value() == 3);
    CHECK(b.call_for(ap::duration::max(), 3).get().value() == 4);
    ap::request<int(int)> const erased = b;
    CHECK(erased.call(4).value() == 5);
    ap::request const deduced = b;
    CHECK(deduced.call(5).value() == 6);
    ap::balance<int(int)> const two{{ap::request<int(int)>{b}, b}};
    CHECK(two.call(6).value() == 7);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("balance: nonsense is refused by the name of its field") {
    CHECK_THROWS_AS((ap::balance<int()>{ap::balance_options{.decay = 0s}}), std::invalid_argument);
}
#endif

TEST_CASE("balance: by latency, a slow answer is forgotten with time, though nobody asks the replica") {
    ap::testing::simulation sim{1};
    int asked[2] = {};
    bool slow = true;
    ap::request<int()> const a = [&]() -> ap::task<int> {
        ++asked[0];
        co_await ap::sleep_for(slow ? ap::duration{10s} : ap::duration{1ms});
        co_return 0;
    };
    ap::request<int()> const b = [&]() -> ap::task<int> {
        ++asked[1];
        co_await ap::sleep_for(2ms);
        co_return 1;
    };
    ap::balance<int()> const replicas{{a, b}, {.load = ap::replica_load::peak_ewma, .decay = 10s}};
    auto ask = replicas | ap::starts_on(sim);
    for (int i = 0; i != 4; ++i)
        CHECK(ask.call().has_value());
    slow = false;
    for (int i = 0; i != 200; ++i) {
        CHECK(ask.call().has_value());
        sim.advance(10s);
    }
    CHECK(asked[0] > 50);
    CHECK(asked[1] > 50);
}

TEST_CASE("balance: one inside another draws among its own replicas, whatever is tried outside") {
    ap::testing::simulation sim{1};
    int asked[4] = {};
    auto const host = [&](int k) { return ap::request<int()>{[&asked, k] { return ++asked[k]; }}; };
    ap::balance<int()> const east{{host(0), host(1)}}, west{{host(2), host(3)}};
    ap::balance<int()> const all{{ap::request<int()>{east.to_request()}, ap::request<int()>{west.to_request()}}};
    auto ask = all | ap::retry{} | ap::starts_on(sim);
    for (int i = 0; i != 200; ++i)
        CHECK(ask.call().has_value());
    for (int each : asked)
        CHECK(each > 20);
}

TEST_CASE("balance: when all replicas have been tried, the next attempt does not go to the one that failed last") {
    ap::testing::simulation sim{1};
    int last = -1, same = 0;
    auto const failing = [&](int k) {
        return ap::request<int()>{[&, k]() -> ap::result<int> {
            same += last == k;
            last = k;
            return ap::errc::unavailable;
        }};
    };
    ap::balance<int()> const replicas{{failing(0), failing(1)}};
    auto ask = replicas | ap::retry{.max_attempts = 3} | ap::starts_on(sim);
    for (int i = 0; i != 100; ++i) {
        last = -1;
        CHECK_FALSE(ask.call().has_value());
    }
    CHECK(same == 0);
}

TEST_CASE(
    "balance: what a replica asks of the same balance is an ask of its own, which may go where its attempts were, and leaves no trace "
    "in them") {
    ap::testing::simulation sim{1};
    ap::balance<int(int)> all;
    int wrong = 0;
    std::vector<int> sent, nested;
    auto const replica = [&](int k) {
        return ap::request<int(int)>{[&, k](int depth) -> ap::task<int> {
            (depth == 0 ? sent : nested).push_back(k);
            if (depth != 0) co_return k;
            for (int i = 0; i != 4; ++i)
                static_cast<void>(co_await all.to_request()(1));
            co_return ap::errc::unavailable;
        }};
    };
    all.add(replica(0));
    all.add(replica(1));
    auto const ask = all | ap::retry{.max_attempts = 2, .backoff = {.initial = 1ms}} | ap::starts_on(sim);
    for (int i = 0; i != 50; ++i) {
        sent.clear();
        CHECK_FALSE(ask.call(0).has_value());
        REQUIRE(sent.size() == 2);
        wrong += sent[0] == sent[1];
    }
    CHECK(wrong == 0);  // the attempts keep away from each other, whatever their handlers ask
    CHECK(nested.size() == 400);
}
