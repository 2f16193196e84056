// SPDX-License-Identifier: BSL-1.0
// Many threads post to pools of every shape while others shut them down: every job is decided exactly once.
#include <antiphon/execution/random.hpp>
#include <antiphon/execution/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

struct tally {
    std::atomic<int> ran{0}, rejected{0};
};

struct counted_job final : ap::work_item {
    explicit counted_job(tally& t) : counts{&t} {}
    void run() noexcept override {
        // relaxed: the threads are joined before the counts are read
        counts->ran.fetch_add(1, std::memory_order_relaxed);
        decided.fetch_add(1, std::memory_order_relaxed);
    }
    void reject(ap::errc, ap::rejection) noexcept override {
        counts->rejected.fetch_add(1, std::memory_order_relaxed);
        decided.fetch_add(1, std::memory_order_relaxed);
    }
    [[nodiscard]] ap::urgency how_urgent() const noexcept override { return how; }
    tally* counts;
    ap::urgency how;
    std::atomic<int> decided{0};
};

void one_round(std::uint64_t seed) {
    ap::random_source random{seed};
    constexpr int posters = 3, each = 200;
    tally counts;
    std::deque<counted_job> jobs;
    for (int i = 0; i < posters * each; ++i)
        jobs.emplace_back(counts);
    {
        ap::thread_pool pool{
            ap::thread_pool_options{.threads = 1 + random() % 3,
                                    .queue_capacity = random() % 2 != 0 ? 1 + random() % 8 : ap::thread_pool_options::unbounded,
                                    .when_full = static_cast<ap::full_policy>(random() % 3)}};
        int const closers = static_cast<int>(random() % 3);
        ap::duration const drain = random() % 2 != 0 ? ap::duration{500us} : ap::duration::zero();
        std::uint64_t const delay = random() % 300;
        std::latch go{posters + closers};
        std::vector<std::thread> threads;
        for (int p = 0; p < posters; ++p)
            threads.emplace_back([&, p, e = pool.get_executor()] {
                go.arrive_and_wait();
                for (int i = 0; i < each; ++i)
                    e.execute(ap::work{jobs[static_cast<std::size_t>(p * each + i)]});
            });
        for (int c = 0; c < closers; ++c)
            threads.emplace_back([&] {
                go.arrive_and_wait();
                std::this_thread::sleep_for(std::chrono::microseconds{delay});
                pool.shut_down(drain);
            });
        for (std::thread& t : threads)
            t.join();
    }
    INFO("seed " << seed);
    REQUIRE(counts.ran + counts.rejected == posters * each);
    for (counted_job const& j : jobs)
        REQUIRE(j.decided == 1);
}

}  // namespace

TEST_CASE("every job posted to a pool is decided exactly once while it shuts down") {
    std::uint64_t const first = 1;
    std::printf("thread_pool.stress: seeds from %llu\n", static_cast<unsigned long long>(first));
    auto const until = ap::clock::now() + 3s;
    for (std::uint64_t seed = first; ap::clock::now() < until; ++seed)
        one_round(seed);
}

TEST_CASE("every job that jobs post is decided exactly once while the pool shuts down") {
    auto const until = ap::clock::now() + 3s;
    for (std::uint64_t seed = 1; ap::clock::now() < until; ++seed) {
        ap::random_source random{seed};
        constexpr int roots = 8, children = 300;  // more than a worker's own queue takes
        tally counts;
        std::deque<counted_job> jobs;
        for (int i = 0; i < roots * children; ++i)
            jobs.emplace_back(counts);
        std::atomic<int> rooted{0};
        {
            ap::thread_pool pool{{.threads = 1 + random() % 3}};
            for (int r = 0; r < roots; ++r)
                pool.get_executor().execute([&, r, e = pool.get_executor()] {
                    for (int i = 0; i < children; ++i)
                        e.execute(ap::work{jobs[static_cast<std::size_t>(r * children + i)]});
                    rooted.fetch_add(1, std::memory_order_relaxed);
                });
            if (random() % 2 != 0) std::this_thread::sleep_for(std::chrono::microseconds{random() % 200});
            if (random() % 4 != 0) pool.shut_down(random() % 2 != 0 ? ap::duration{200us} : ap::duration::zero());
        }
        INFO("seed " << seed);
        REQUIRE(counts.ran + counts.rejected == rooted * children);
        for (counted_job const& j : jobs)
            REQUIRE(j.decided <= 1);
    }
}

TEST_CASE("every job is decided exactly once whatever its priority, under load and while the pool shuts down") {
    auto const until = ap::clock::now() + 3s;
    for (std::uint64_t seed = 1; ap::clock::now() < until; ++seed) {
        ap::random_source random{seed};
        constexpr int posters = 3, each = 200;
        tally counts;
        std::deque<counted_job> jobs;
        for (int i = 0; i < posters * each; ++i) {
            jobs.emplace_back(counts);
            ap::urgency& how = jobs.back().how;
            how.level = static_cast<ap::priority>(static_cast<int>(random() % 5) - 2);
            if (random() % 2 != 0) how.deadline = ap::clock::now() + std::chrono::microseconds{random() % 400};
            how.patient = random() % 2 != 0;
        }
        {
            ap::thread_pool pool{{.threads = 1 + random() % 3}};
            std::latch go{posters + 1};
            std::vector<std::thread> threads;
            for (int p = 0; p < posters; ++p)
                threads.emplace_back([&, p, e = pool.get_executor()] {
                    go.arrive_and_wait();
                    for (int i = 0; i < each; ++i) {
                        counted_job& job = jobs[static_cast<std::size_t>(p * each + i)];
                        e.execute(i % 3 != 0 ? ap::work::ordered(job) : ap::work{job});
                    }
                });
            go.arrive_and_wait();
            if (random() % 2 != 0) std::this_thread::sleep_for(std::chrono::microseconds{random() % 200});
            if (random() % 2 != 0) pool.shut_down(random() % 2 != 0 ? ap::duration{200us} : ap::duration::zero());
            for (std::thread& t : threads)
                t.join();
        }
        INFO("seed " << seed);
        REQUIRE(counts.ran + counts.rejected == posters * each);
        for (counted_job const& j : jobs)
            REQUIRE(j.decided == 1);
    }
}

TEST_CASE("the last job before everybody sleeps is never forgotten, posted from outside or from inside") {
    ap::thread_pool pool{{.threads = 2}};
    auto const until = ap::clock::now() + 3s;
    for (std::uint64_t round = 0; ap::clock::now() < until; ++round) {
        std::latch done{2};
        pool.get_executor().execute([&, e = pool.get_executor()] {
            if (round % 3 == 0) {
                std::latch child{1};
                e.execute([&] { child.count_down(); });
                child.wait();  // so another worker must come for it
            } else {
                e.execute([&] { done.count_down(); });
            }
            done.count_down(round % 3 == 0 ? 2 : 1);
        });
        done.wait();
        // Now and then long enough for everybody to fall asleep, or to be about to.
        if (round % 4 == 0) std::this_thread::sleep_for(std::chrono::microseconds{round % 60});
    }
    SUCCEED();
}

TEST_CASE("workers that sleep are never forgotten") {
    ap::thread_pool pool{{.threads = 3}};
    auto const until = ap::clock::now() + 2s;
    for (int round = 0; ap::clock::now() < until; ++round) {
        int const jobs = 1 + round % 5;
        std::latch done{jobs};
        for (int i = 0; i < jobs; ++i)
            pool.get_executor().execute([&] { done.count_down(); });
        done.wait();
    }
    SUCCEED();
}
