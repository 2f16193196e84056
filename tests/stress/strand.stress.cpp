// SPDX-License-Identifier: BSL-1.0
// Many threads post to one strand while others help it along: one job at a time, in each poster's order, and none is lost.
#include <antiphon/execution/strand.hpp>
#include <antiphon/execution/thread_pool.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <thread>
#include <vector>

#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

constexpr int posters = 3, each = 300;

void one_round(std::size_t workers, bool help) {
    ap::thread_pool pool{ap::thread_pool_options{.threads = workers}};
    ap::strand const strand{pool};
    std::array<int, posters> last{};  // unguarded: the strand is the guard
    int ran = 0;
    bool in_order = true;
    std::latch all{posters * each};
    std::vector<std::thread> threads;
    for (int p = 0; p < posters; ++p)
        threads.emplace_back([&, p] {
            for (int i = 1; i <= each; ++i) {
                strand.execute([&, p, i] {
                    auto& mine = last[static_cast<std::size_t>(p)];
                    in_order = in_order && mine == i - 1;
                    mine = i;
                    ++ran;
                    all.count_down();
                });
                if (help && i % 3 == 0) strand.assist();
            }
        });
    all.wait();
    for (std::thread& t : threads)
        t.join();
    REQUIRE(ran == posters * each);
    REQUIRE(in_order);
}

}  // namespace

TEST_CASE("a strand keeps order under posts from many threads") {
    auto const until = ap::clock::now() + 1s;
    for (std::size_t round = 0; ap::clock::now() < until; ++round)
        one_round(1 + round % 4, false);
}

TEST_CASE("a strand keeps order while waiters take its turns") {
    auto const until = ap::clock::now() + 2s;
    for (std::size_t round = 0; ap::clock::now() < until; ++round)
        one_round(1 + round % 4, true);
}

TEST_CASE("workers that block on a strand until their job has run never wait for ever") {
    auto const until = ap::clock::now() + 2s;
    for (std::size_t round = 0; ap::clock::now() < until; ++round) {
        ap::thread_pool pool{ap::thread_pool_options{.threads = 1 + round % 3}};
        ap::strand const strand{pool};
        constexpr int callers = 40;
        std::latch all{callers};
        auto const call = [&] {
            std::atomic<std::uint32_t> done{0};
            strand.execute([&] {
                done.store(1, std::memory_order_release);  // pairs with the acquires below
                ap::futex_wake_all(done);
            });
            while (done.load(std::memory_order_acquire) == 0)
                if (strand.assist() == ap::assistance::none) ap::futex_wait(done, 0);
            all.count_down();
        };
        for (int i = 0; i < callers - 10; ++i)
            pool.get_executor().execute(call);
        for (int i = 0; i < 10; ++i)
            call();
        all.wait();
    }
    SUCCEED();
}

TEST_CASE("every job of a strand is decided while its pool shuts down") {
    auto const until = ap::clock::now() + 1s;
    struct probe final : ap::work_item {
        void run() noexcept override { decided.fetch_add(1, std::memory_order_relaxed); }
        void reject(ap::errc, ap::rejection) noexcept override { decided.fetch_add(1, std::memory_order_relaxed); }
        std::atomic<int> decided{0};  // relaxed: read after the threads are joined
    };
    for (std::size_t round = 0; ap::clock::now() < until; ++round) {
        std::vector<probe> jobs(500);
        {
            ap::thread_pool pool{ap::thread_pool_options{.threads = 2, .drain_for = ap::duration::zero()}};
            ap::strand const strand{pool};
            std::thread poster{[&] {
                for (probe& j : jobs)
                    strand.execute(ap::work{j});
            }};
            std::this_thread::sleep_for(std::chrono::microseconds{round % 100});
            pool.shut_down();
            poster.join();
        }
        for (probe const& j : jobs)
            REQUIRE(j.decided == 1);
    }
}
