// SPDX-License-Identifier: BSL-1.0
// Races at the doors of the protecting policies: who goes in, who stands in line, who is stopped there, who comes out.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

constexpr int askers = 4;

/// Each asker keeps a few asks under way, stops some, drops some, and waits for the others. Every ask ends exactly once.
template <class Request>
[[nodiscard]] bool storms(char const* name, Request const& request, ap::duration length = 1500ms) {
    auto const first = static_cast<std::uint32_t>(std::random_device{}());
    std::printf("  %s: seed %u\n", name, first);
    std::atomic<long> asked{0};
    std::atomic<long> answered{0};
    auto const end = std::chrono::steady_clock::now() + length;
    std::vector<std::thread> threads;
    for (int t = 0; t != askers; ++t)
        threads.emplace_back([&, roll = std::mt19937{first + static_cast<std::uint32_t>(t)}]() mutable {
            std::vector<ap::future<int>> held;
            while (std::chrono::steady_clock::now() < end) {
                ++asked;
                auto const chance = roll() % 16;
                if (chance < 6) {
                    request.submit(1, [&](ap::result<int>) { ++answered; });
                    continue;
                }
                held.push_back(request.submit(1).then([](int x) { return x; }));
                if (chance < 9) held[roll() % held.size()].request_stop();
                if (held.size() < 8) continue;
                for (auto& f : held) {
                    static_cast<void>(std::move(f).get());
                    ++answered;
                }
                held.clear();
            }
            for (auto& f : held) {
                static_cast<void>(std::move(f).get());
                ++answered;
            }
        });
    for (auto& t : threads)
        t.join();
    for (int i = 0; i != 20'000 && answered != asked; ++i)
        std::this_thread::sleep_for(1ms);
    return answered == asked;
}
template <class Request>
void storm(char const* name, Request const& request, ap::duration length = 1500ms) {
    CHECK(storms(name, request, length));
}

template <class Limit>
void settles(Limit const& limit) {
    for (int i = 0; i != 20'000 && (limit.in_flight() != 0 || limit.queued() != 0); ++i)
        std::this_thread::sleep_for(1ms);
    CHECK(limit.in_flight() == 0);
    CHECK(limit.queued() == 0);
}

/// Counts how many are inside at once.
struct room {
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    int operator()(int x) {
        int const now = ++inside;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        std::this_thread::yield();
        --inside;
        return x;
    }
};

}  // namespace

TEST_CASE("a concurrency limit is kept while its line is joined, left, stopped and timed out at once") {
    ap::thread_pool pool{{.threads = 3}};
    room inside;
    auto const handler = ap::request{[&](int x) { return inside(x); }};
    ap::concurrency_limit const limit{{.max_concurrent = 2, .max_queue = 6, .max_wait = 50us}};
    storm("in line", handler | limit | ap::starts_on(pool));
    settles(limit);
    CHECK(inside.most <= 2);
    CHECK(limit.metrics().delayed > 0);
}

TEST_CASE("a concurrency limit is kept under timeouts, inside and outside") {
    ap::thread_pool pool{{.threads = 3}};
    room inside;
    auto const handler = ap::request{[&](int x) { return inside(x); }};
    ap::concurrency_limit const limit{{.max_concurrent = 2, .max_queue = 6}};
    auto const brief = ap::timeout{.limit = 20us};
    storm("timeout inside", handler | brief | limit | ap::starts_on(pool), 700ms);
    settles(limit);
    storm("timeout outside", handler | limit | brief | ap::starts_on(pool), 700ms);
    settles(limit);
    CHECK(inside.most <= 2);
}

TEST_CASE("an adaptive limit moves under its line, and its partitions keep their places") {
    ap::thread_pool pool{{.threads = 3}};
    room inside;
    std::atomic<std::uint32_t> turn{0};
    auto const handler = ap::request{[&](int x) -> ap::result<int> {
        if (++turn % 10 == 0) return ap::errc::unavailable;
        return inside(x);
    }};
    for (auto algorithm : {ap::limit_algorithm::aimd, ap::limit_algorithm::vegas, ap::limit_algorithm::gradient}) {
        ap::adaptive_limit const limit{{.algorithm = algorithm,
                                        .initial = 2,
                                        .max = 6,
                                        .max_queue = 6,
                                        .max_wait = 100us,
                                        .partitions = {{"half", 0.5}, {"quarter", 0.25}}}};
        bool all_answered = false;
        std::thread other{[&] { all_answered = storms("quarter", handler | limit.partition("quarter") | ap::starts_on(pool), 500ms); }};
        storm("half", handler | limit.partition("half") | ap::starts_on(pool), 500ms);
        other.join();
        CHECK(all_answered);
        settles(limit);
        CHECK(limit.limit() <= 6);
    }
    CHECK(inside.most <= 6 + 3 + 2);
}

TEST_CASE("a rate limit's reservations are taken, returned and used at once") {
    ap::thread_pool pool{{.threads = 3}};
    ap::rate_limit const limit{{.permits = 20, .per = 1ms, .max_wait = 2ms}};
    std::atomic<long> started{0};
    auto const begin = std::chrono::steady_clock::now();
    storm("reservations", ap::request{[&](int x) {
                              ++started;
                              return x;
                          }} | limit |
                              ap::starts_on(pool));
    auto const cycles = (std::chrono::steady_clock::now() - begin) / 1ms + 2;
    CHECK(started <= 20 * cycles);
    CHECK(limit.waiting() == 0);
}

TEST_CASE("a breaker is opened, probed, closed and forced by several threads at once") {
    ap::thread_pool pool{{.threads = 3}};
    std::atomic<std::uint32_t> turn{0};
    std::atomic<long> told{0};
    ap::circuit_breaker const breaker{{.window = ap::last(20),
                                       .minimum_calls = 20,
                                       .open_for = [](int n) { return n * 20us; },
                                       .half_open_calls = 3,
                                       .half_open_for = 50us,
                                       .on_transition = [&told](ap::circuit_breaker::transition const&) { ++told; }}};
    std::atomic<bool> over{false};
    std::thread meddler{[&] {
        for (unsigned i = 0; !over; ++i) {
            std::this_thread::sleep_for(3ms);
            switch (i % 4) {
                case 0: breaker.force_open(); break;
                case 1: breaker.disable(); break;
                case 2: breaker.metrics_only(); break;
                case 3: breaker.reset(); break;
            }
            static_cast<void>(breaker.metrics());
            std::this_thread::sleep_for(1ms);
            breaker.reset();
        }
    }};
    storm("breaker", ap::request{[&](int x) -> ap::result<int> {
                         if (++turn % 64 < 40) return ap::errc::unavailable;
                         return x;
                     }} | breaker |
                         ap::starts_on(pool));
    over = true;
    meddler.join();
    CHECK(told > 0);
}

TEST_CASE("all of them around one handler end every ask once, while the pool shuts down") {
    for (int round = 0; round != 20; ++round) {
        ap::concurrency_limit const limit{{.max_concurrent = 2, .max_queue = 6, .max_wait = 1ms}};
        {
            ap::thread_pool pool{{.threads = 2}};
            ap::rate_limit const rate{{.permits = 50, .per = 1ms, .max_wait = 1ms}};
            ap::circuit_breaker const breaker;
            auto const request =
                ap::request{[](int x) { return x; }} | rate | ap::timeout{.limit = 200us} | breaker | limit | ap::starts_on(pool);
            std::thread closer{[&] {
                std::this_thread::sleep_for(20ms);
                pool.shut_down(0s);
            }};
            storm("shut-down", request, 40ms);
            closer.join();
        }
        settles(limit);
    }
}
