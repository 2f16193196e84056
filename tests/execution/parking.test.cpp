// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/parking.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

TEST_CASE("a wait on a word that has changed already returns at once") {
    std::atomic<std::uint32_t> word{1};
    ap::futex_wait(word, 0);
    CHECK(ap::futex_wait_until(word, 0, ap::time_point::max()));
}

TEST_CASE("a wait whose moment is past reports the timeout") {
    std::atomic<std::uint32_t> word{0};
    CHECK_FALSE(ap::futex_wait_until(word, 0, ap::clock::now() - 1s));
    CHECK_FALSE(ap::futex_wait_until(word, 0, ap::time_point::min()));
}

TEST_CASE("a wait reports the timeout no earlier than its moment") {
    std::atomic<std::uint32_t> word{0};
    ap::time_point const until = ap::clock::now() + 2ms;
    while (ap::futex_wait_until(word, 0, until)) {
    }
    CHECK(ap::clock::now() >= until);
}

TEST_CASE("a sleeper is woken by a change followed by a wake") {
    std::atomic<std::uint32_t> word{0};
    std::atomic<bool> awake{false};
    std::thread sleeper{[&] {
        while (word.load(std::memory_order_acquire) == 0)
            ap::futex_wait(word, 0);
        awake = true;
    }};
    word.store(1, std::memory_order_release);
    ap::futex_wake_all(word);
    sleeper.join();
    CHECK(awake);
}

TEST_CASE("a brief wait ends at once when what it waits for is there, and looks a few times without giving way") {
    int looks = 0;
    CHECK(ap::await_briefly([&] { return ++looks == 1; }));
    CHECK(looks == 1);
    looks = 0;
    CHECK(ap::await_briefly([&] { return ++looks == 8; }, ap::time_point::min()));
    CHECK(looks == 8);
}

TEST_CASE("a brief wait in vain says that it is time to sleep") {
    CHECK_FALSE(ap::await_briefly([] { return false; }));
    int looks = 0;
    CHECK_FALSE(ap::await_briefly([&] { return ++looks > 9; }, ap::time_point::min()));
    CHECK(looks == 9);
}

TEST_CASE("a lock that is held cannot be taken by try_lock") {
    ap::parking_lock lock;
    CHECK(lock.try_lock());
    CHECK_FALSE(lock.try_lock());
    lock.unlock();
    CHECK(lock.try_lock());
    lock.unlock();
}

TEST_CASE("a scope with a gap holds its lock outside the gap only") {
    ap::parking_lock lock;
    {
        ap::parking_lock::scope hold{lock};
        CHECK_FALSE(lock.try_lock());
        hold.unlock();
        CHECK(lock.try_lock());
        lock.unlock();
        hold.lock();
        CHECK_FALSE(lock.try_lock());
    }
    CHECK(lock.try_lock());
    lock.unlock();
}

TEST_CASE("a lock lets one thread at a time change what it guards") {
    ap::parking_lock lock;
    int count = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 5000; ++i) {
                ap::parking_lock::scope const hold{lock};
                ++count;
            }
        });
    for (std::thread& t : threads)
        t.join();
    CHECK(count == 20'000);
}
