// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/detail/pool_room.hpp>

#include <thread>

#include "catch_compat.hpp"

namespace ap = antiphon;
using ap::detail::pool_room;

TEST_CASE("pool room: exactly as many places are given as there are") {
    pool_room room{2};
    CHECK(room.bounded());
    CHECK(room.take());
    CHECK(room.take());
    CHECK(room.full());
    CHECK_FALSE(room.take());
    room.give_back();
    CHECK_FALSE(room.full());
    CHECK(room.take());
}

TEST_CASE("pool room: a place beyond the capacity has to be given back as well") {
    pool_room room{1};
    CHECK(room.take());
    room.take_beyond();
    room.give_back();
    CHECK(room.full());
    room.give_back();
    CHECK(room.take());
}

TEST_CASE("pool room: without a capacity it is not bounded") { CHECK_FALSE(pool_room{ap::thread_pool_options::unbounded}.bounded()); }

TEST_CASE("pool room: nobody waits where there is room, or where it is not worth it") {
    pool_room room{1};
    room.wait([] { return true; });
    CHECK(room.take());
    room.wait([] { return false; });
    CHECK(room.full());
}

TEST_CASE("pool room: a place that is given back wakes who waits for it") {
    pool_room room{1};
    CHECK(room.take());
    std::thread poster{[&] {
        while (!room.take())
            room.wait([] { return true; });
    }};
    room.give_back();
    poster.join();
    CHECK(room.full());
}
