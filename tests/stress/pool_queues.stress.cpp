// SPDX-License-Identifier: BSL-1.0
// The queues of a pool, raced by themselves: every job comes out exactly once.
#include <antiphon/core/time.hpp>
#include <antiphon/execution/detail/inbox.hpp>
#include <antiphon/execution/detail/pool_queues.hpp>
#include <antiphon/execution/detail/steal_ring.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <latch>
#include <thread>
#include <vector>

#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::detail::inbox;
using ap::detail::pool_queues;
using ap::detail::steal_ring;

namespace {

/// Not atomic on purpose: the queues must order who writes it, and a sanitizer watches.
struct passed_job final : ap::work_item {
    void run() noexcept override { ++times; }
    void reject(ap::errc, ap::rejection) noexcept override { ++times; }
    int times = 0;
};

void steal_round(std::size_t thieves) {
    constexpr std::size_t count = 3000;
    std::deque<passed_job> jobs(count);
    steal_ring ring;
    std::deque<steal_ring> theirs(thieves);
    std::atomic<std::size_t> out{0};
    std::latch go{static_cast<std::ptrdiff_t>(thieves) + 1};
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < thieves; ++t)
        threads.emplace_back([&, t] {
            go.arrive_and_wait();
            while (out.load(std::memory_order_relaxed) < count) {
                ap::work_item* item = ring.steal_into(theirs[t]);
                for (; item != nullptr; item = theirs[t].pop()) {
                    item->run();
                    out.fetch_add(1, std::memory_order_relaxed);
                }
            }
        });
    go.arrive_and_wait();
    for (std::size_t i = 0; i < count;) {
        for (std::size_t burst = 0; burst < 1 + i % 7 && i < count; ++burst)
            if (ring.push(jobs[i])) ++i;
        for (std::size_t taken = 0; taken < i % 4; ++taken)
            if (ap::work_item* const item = ring.pop()) {
                item->run();
                out.fetch_add(1, std::memory_order_relaxed);
            }
    }
    while (ap::work_item* const item = ring.pop()) {
        item->run();
        out.fetch_add(1, std::memory_order_relaxed);
    }
    for (std::thread& t : threads)
        t.join();
    REQUIRE(out.load() == count);
    for (passed_job const& j : jobs)
        REQUIRE(j.times == 1);
}

void inbox_round(std::size_t takers) {
    constexpr std::size_t pushers = 2, each = 1000;
    std::deque<passed_job> jobs(pushers * each);
    inbox box;
    std::atomic<std::size_t> out{0};
    std::latch go{static_cast<std::ptrdiff_t>(pushers + takers) + 1};
    std::vector<std::thread> threads;
    auto const run_all = [&](ap::work_queue taken) {
        while (ap::work_item* const item = taken.pop()) {
            item->run();
            out.fetch_add(1, std::memory_order_relaxed);
        }
    };
    for (std::size_t p = 0; p < pushers; ++p)
        threads.emplace_back([&, p] {
            go.arrive_and_wait();
            for (std::size_t i = 0; i < each; ++i)
                if (passed_job& job = jobs[p * each + i]; box.push(job) == inbox::outcome::closed) {
                    job.run();
                    out.fetch_add(1, std::memory_order_relaxed);
                }
        });
    for (std::size_t t = 0; t < takers; ++t)
        threads.emplace_back([&] {
            go.arrive_and_wait();
            while (out.load(std::memory_order_relaxed) < pushers * each)
                run_all(box.take());
        });
    go.arrive_and_wait();
    while (out.load(std::memory_order_relaxed) < pushers * each / 2)
        std::this_thread::yield();
    run_all(box.close());
    for (std::thread& t : threads)
        t.join();
    for (passed_job const& j : jobs)
        REQUIRE(j.times == 1);
}

/// One worker, one poster, and those who count and close: the worker sees the poster's order.
void order_round(std::size_t counters) {
    constexpr std::size_t count = 2000;
    std::deque<passed_job> jobs(count);
    pool_queues queues{1};
    std::atomic<bool> over{false};
    std::latch go{static_cast<std::ptrdiff_t>(counters) + 2};
    std::vector<std::thread> threads;
    threads.emplace_back([&] {
        go.arrive_and_wait();
        for (std::size_t i = 0; i < count; ++i) {
            static_cast<void>(queues.put(jobs[i], nullptr));
            if (i % 64 == 0) std::this_thread::yield();
        }
    });
    for (std::size_t c = 0; c < counters; ++c)
        threads.emplace_back([&] {
            go.arrive_and_wait();
            while (!over.load(std::memory_order_relaxed))
                static_cast<void>(queues.count());
        });
    go.arrive_and_wait();
    std::size_t out_of_order = 0;
    bool moved = false;
    for (std::size_t i = 0; i < count;) {
        ap::work_item* const item = queues.next(queues.of(0), moved);
        if (item == nullptr) {
            std::this_thread::yield();
            continue;
        }
        if (item != &jobs[i]) ++out_of_order;
        item->run();
        ++i;
    }
    over.store(true, std::memory_order_relaxed);
    for (std::thread& t : threads)
        t.join();
    REQUIRE(out_of_order == 0);
    for (passed_job const& j : jobs)
        REQUIRE(j.times == 1);
}

}  // namespace

TEST_CASE("pool queues: one worker keeps the order of posting while others count") {
    auto const until = ap::clock::now() + 2s;
    for (std::size_t round = 0; ap::clock::now() < until; ++round)
        order_round(round % 3);
}

TEST_CASE("steal ring: thieves and the owner never get the same job, and lose none") {
    auto const until = ap::clock::now() + 2s;
    for (std::size_t round = 0; ap::clock::now() < until; ++round)
        steal_round(1 + round % 3);
}

TEST_CASE("inbox: takers and a close never get the same job, and lose none") {
    auto const until = ap::clock::now() + 2s;
    for (std::size_t round = 0; ap::clock::now() < until; ++round)
        inbox_round(1 + round % 2);
}
