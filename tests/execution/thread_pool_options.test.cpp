// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/thread_pool.hpp>
#include <antiphon/execution/thread_pool_options.hpp>

#include <chrono>
#include <stdexcept>

#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

TEST_CASE("a pool of its own accord has one thread at least") {
    ap::thread_pool pool;
    CHECK(pool.thread_count() >= 1);
}

#if ANTIPHON_EXCEPTIONS

TEST_CASE("a pool refuses zero threads by name") {
    CHECK_THROWS_WITH(ap::thread_pool{ap::thread_pool_options{.threads = 0}}, ContainsSubstring("thread_pool_options.threads"));
    CHECK_THROWS_AS(ap::thread_pool{ap::thread_pool_options{.threads = 0}}, std::invalid_argument);
}

TEST_CASE("a pool refuses a queue without room by name") {
    CHECK_THROWS_WITH(ap::thread_pool{ap::thread_pool_options{.queue_capacity = 0}},
                      ContainsSubstring("thread_pool_options.queue_capacity"));
}

TEST_CASE("a pool refuses a negative drain by name") {
    CHECK_THROWS_WITH(ap::thread_pool{ap::thread_pool_options{.drain_for = -1s}}, ContainsSubstring("thread_pool_options.drain_for"));
}

#endif
