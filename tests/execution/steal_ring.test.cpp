// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/detail/steal_ring.hpp>
#include <antiphon/execution/work_queue.hpp>

#include <deque>

#include "catch_compat.hpp"
#include "support/probe.hpp"

namespace ap = antiphon;
using ap::detail::steal_ring;

namespace {

std::deque<probes::job> jobs(std::size_t count) {
    std::deque<probes::job> made;
    for (std::size_t i = 0; i < count; ++i)
        made.emplace_back();
    return made;
}

}  // namespace

TEST_CASE("steal ring: its owner gets its jobs back in the order of their arrival") {
    auto all = jobs(3);
    steal_ring ring;
    CHECK(ring.pop() == nullptr);
    for (auto& each : all)
        CHECK(ring.push(each));
    CHECK(ring.look().size == 3);
    for (auto& each : all)
        CHECK(ring.pop() == &each);
    CHECK(ring.empty());
}

TEST_CASE("steal ring: a full one refuses, and has room again after a pop or a steal") {
    auto all = jobs(steal_ring::capacity + 3);
    steal_ring ring;
    for (std::size_t i = 0; i < steal_ring::capacity; ++i)
        REQUIRE(ring.push(all[i]));
    probes::job& next = all[steal_ring::capacity];
    CHECK_FALSE(ring.push(next));
    CHECK(ring.pop() == &all[0]);
    CHECK(ring.push(next));
    CHECK_FALSE(ring.push(all[steal_ring::capacity + 1]));
    CHECK(ring.steal() == &all[1]);
    CHECK(ring.push(all[steal_ring::capacity + 1]));
}

TEST_CASE("steal ring: a thief takes the older half, and runs the oldest") {
    auto all = jobs(7);
    steal_ring victim, mine;
    for (auto& each : all)
        REQUIRE(victim.push(each));
    CHECK(victim.steal_into(mine) == &all[0]);
    CHECK(mine.look().size == 3);
    for (std::size_t i = 1; i < 4; ++i)
        CHECK(mine.pop() == &all[i]);
    for (std::size_t i = 4; i < 7; ++i)
        CHECK(victim.pop() == &all[i]);
}

TEST_CASE("steal ring: with more jobs than so many its owner gets the newest, others the oldest") {
    auto all = jobs(5);
    steal_ring ring;
    for (auto& each : all)
        REQUIRE(ring.push(each));
    CHECK(ring.pop_beyond(3) == &all[4]);
    CHECK(ring.steal() == &all[0]);
    CHECK(ring.pop_beyond(3) == &all[1]);
    REQUIRE(ring.push(all[4]));
    CHECK(ring.pop_beyond(2) == &all[4]);
    CHECK(ring.pop_beyond(2) == &all[2]);
    CHECK(ring.pop() == &all[3]);
    CHECK(ring.pop_beyond(0) == nullptr);
}

TEST_CASE("steal ring: the head that a look saw never comes back once the newest job was taken and replaced") {
    auto all = jobs(3);
    steal_ring ring;
    REQUIRE(ring.push(all[0]));
    REQUIRE(ring.push(all[1]));
    auto const before = ring.look().head;
    CHECK(ring.pop_beyond(1) == &all[1]);
    REQUIRE(ring.push(all[2]));
    CHECK(ring.look().size == 2);
    CHECK(ring.look().head != before);
    CHECK(ring.pop() == &all[0]);
    CHECK(ring.pop() == &all[2]);
}

TEST_CASE("steal ring: a single job is stolen, and an empty ring gives nothing") {
    probes::job one;
    steal_ring victim, mine;
    CHECK(victim.steal_into(mine) == nullptr);
    CHECK(victim.steal() == nullptr);
    REQUIRE(victim.push(one));
    CHECK(victim.steal_into(mine) == &one);
    CHECK(mine.empty());
    CHECK(victim.empty());
}

TEST_CASE("steal ring: many jobs at once are taken as far as there is room") {
    auto all = jobs(steal_ring::capacity + 10);
    ap::work_queue from;
    for (auto& each : all)
        from.push(each);
    steal_ring ring;
    ring.push(from, 20);
    CHECK(ring.look().size == 20);
    ring.push(from, all.size());
    CHECK(ring.look().size == steal_ring::capacity);
    CHECK(from.size() == 10);
    CHECK(ring.pop() == &all[0]);
}

TEST_CASE("steal ring: the head that a look saw never comes back once its job was taken") {
    auto all = jobs(2 * steal_ring::capacity);
    steal_ring ring;
    REQUIRE(ring.push(all[0]));
    auto const before = ring.look().head;
    for (std::size_t i = 1; i < all.size(); ++i) {
        CHECK(ring.pop() == &all[i - 1]);
        REQUIRE(ring.push(all[i]));
        REQUIRE(ring.look().head != before);
    }
}
