// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/detail/pool_queues.hpp>

#include <algorithm>
#include <deque>
#include <vector>

#include "catch_compat.hpp"
#include "support/probe.hpp"

namespace ap = antiphon;
using ap::detail::pool_queues;
using placed = pool_queues::placed;
using manners = pool_queues::manners;

namespace {

std::deque<probes::job> jobs(std::size_t count) {
    std::deque<probes::job> made;
    for (std::size_t i = 0; i < count; ++i)
        made.emplace_back();
    return made;
}

std::vector<ap::work_item*> addresses(std::deque<probes::job>& of) {
    std::vector<ap::work_item*> all;
    for (auto& each : of)
        all.push_back(&each);
    return all;
}

std::vector<ap::work_item*> all_of(pool_queues& queues, std::size_t worker) {
    std::vector<ap::work_item*> order;
    bool moved = false;
    while (ap::work_item* const item = queues.next(queues.of(worker), moved))
        order.push_back(item);
    return order;
}

}  // namespace

TEST_CASE("pool queues: one worker gets everything in the order of posting, wherever it was posted") {
    auto all = jobs(1000);
    pool_queues queues{1};
    for (std::size_t i = 0; i < all.size(); ++i)
        queues.put(all[i], i % 2 != 0 ? &queues.of(0) : nullptr);
    CHECK(queues.count() == all.size());
    CHECK(all_of(queues, 0) == addresses(all));
    CHECK(queues.empty());
}

TEST_CASE("pool queues: one worker keeps the order of posting whenever somebody counts") {
    auto all = jobs(600);
    pool_queues queues{1};
    std::vector<ap::work_item*> order;
    bool moved = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
        queues.put(all[i], nullptr);
        if (i % 7 == 3) CHECK(queues.count() == i + 1 - order.size());
        if (i % 5 == 4) order.push_back(queues.next(queues.of(0), moved));
    }
    for (ap::work_item* const each : all_of(queues, 0))
        order.push_back(each);
    CHECK(order == addresses(all));
    CHECK(queues.empty());
}

TEST_CASE("pool queues: of what comes from outside the first is to be announced, and what is in a ring always") {
    probes::job one, two, three, four;
    pool_queues queues{2};
    CHECK(queues.put(one, nullptr) == placed::first);
    CHECK(queues.put(two, nullptr) == placed::following);
    CHECK(queues.put(three, &queues.of(0)) == placed::own);
    CHECK(queues.put(four, &queues.of(0)) == placed::own);
    CHECK(queues.count() == 4);
    CHECK(all_of(queues, 0).size() == 4);
}

TEST_CASE("pool queues: a ring that is full overflows to where everybody looks") {
    auto all = jobs(ap::detail::steal_ring::capacity + 1);
    pool_queues queues{2};
    for (auto& each : all)
        queues.put(each, &queues.of(0));
    bool moved = false;
    CHECK(queues.fetch(queues.of(1), moved) == &all.back());
    CHECK(all_of(queues, 0).size() == all.size() - 1);
}

TEST_CASE("pool queues: what a worker fetches beyond its share others can fetch") {
    auto all = jobs(400);
    pool_queues queues{2};
    for (auto& each : all)
        queues.put(each, nullptr);
    bool moved = false;
    CHECK(queues.fetch(queues.of(0), moved) == &all.front());
    CHECK(moved);
    moved = false;
    CHECK(queues.fetch(queues.of(1), moved) == &all[129]);
    CHECK(moved);
}

TEST_CASE("pool queues: of many jobs of one worker the newest goes first, of fewer the oldest") {
    auto all = jobs(pool_queues::most_in_order + 2);
    pool_queues queues{2};
    for (auto& each : all)
        queues.put(each, &queues.of(0));
    auto const order = all_of(queues, 0);
    CHECK(order[0] == &all.back());
    CHECK(order[1] == &all[pool_queues::most_in_order]);
    CHECK(order[2] == &all[0]);
    CHECK(order.back() == &all[pool_queues::most_in_order - 1]);
}

TEST_CASE("pool queues: where the newest goes first, the oldest and what comes from outside get their turns") {
    auto all = jobs(pool_queues::most_in_order + 1);
    probes::job outsider, newest;
    pool_queues queues{2};
    auto& mine = queues.of(0);
    for (auto& each : all)
        queues.put(each, &mine);
    queues.put(outsider, nullptr);
    bool moved = false, oldest = false, served = false;
    for (std::uint32_t i = 0; i < 2 * ap::detail::outside_turn; ++i) {
        queues.put(newest, &mine);
        ap::work_item* const item = queues.next(mine, moved);
        oldest = oldest || item == &all.front();
        served = served || item == &outsider;
    }
    CHECK(oldest);
    CHECK(served);
}

TEST_CASE("pool queues: a job that posts itself again lets all others go first") {
    auto all = jobs(pool_queues::most_in_order + 1);
    pool_queues queues{2};
    auto& mine = queues.of(0);
    for (auto& each : all)
        queues.put(each, &mine);
    bool moved = false;
    mine.running = queues.next(mine, moved);
    CHECK(mine.running == &all.back());
    queues.put(all[0], &mine);  // not itself: it was never taken, and is there once more for the count
    CHECK(queues.put(all.back(), &mine) == placed::first);
}

TEST_CASE("pool queues: what comes from outside does not make the newest go first") {
    auto own = jobs(pool_queues::most_in_order - 10);
    auto outside = jobs(200);
    pool_queues queues{2};
    auto& mine = queues.of(0);
    for (auto& each : own)
        queues.put(each, &mine);
    for (auto& each : outside)
        queues.put(each, nullptr);
    bool moved = false;
    CHECK(queues.fetch(mine, moved) == &outside.front());
    CHECK(mine.ring.look().size == pool_queues::most_in_order);
    CHECK(queues.fetch(mine, moved) == &outside[11]);
    CHECK(mine.ring.look().size == pool_queues::most_in_order);
    CHECK(queues.next(mine, moved) == &own.front());
}

TEST_CASE("pool queues: jobs that post jobs keep nobody out") {
    probes::job busy, outsider;
    pool_queues queues{2};
    auto& mine = queues.of(0);
    queues.put(busy, &mine);
    queues.put(outsider, nullptr);
    bool moved = false, served = false;
    for (int i = 0; i < 100 && !served; ++i) {
        ap::work_item* const item = queues.next(mine, moved);
        served = item == &outsider;
        if (item == &busy) queues.put(busy, &mine);
    }
    CHECK(served);
}

TEST_CASE("pool queues: a worker with a single job keeps it, until it was seen twice or somebody insists") {
    probes::job one, two;
    pool_queues queues{2};
    bool moved = false;
    queues.put(one, &queues.of(0));
    CHECK(queues.steal(queues.of(1), manners::leave, moved) == nullptr);
    CHECK(queues.steal(queues.of(1), manners::second_look, moved) == nullptr);
    CHECK_FALSE(moved);
    CHECK(queues.steal(queues.of(1), manners::second_look, moved) == &one);
    CHECK(moved);
    queues.put(two, &queues.of(0));
    CHECK(queues.steal(queues.of(1), manners::second_look, moved) == nullptr);
    CHECK(queues.steal(queues.of(1), manners::take, moved) == &two);
}

TEST_CASE("pool queues: two jobs of one worker are halved") {
    probes::job one, two;
    pool_queues queues{2};
    bool moved = false;
    queues.put(one, &queues.of(0));
    queues.put(two, &queues.of(0));
    CHECK(queues.steal(queues.of(1), manners::leave, moved) == &one);
    CHECK(all_of(queues, 0) == std::vector<ap::work_item*>{&two});
}

TEST_CASE("pool queues: closed, they refuse what comes from outside and keep what was there") {
    probes::job before, after, late;
    pool_queues queues{2};
    queues.put(before, nullptr);
    queues.close();
    CHECK(queues.put(after, nullptr) == placed::refused);
    CHECK(queues.put_late(late));
    CHECK(all_of(queues, 0) == std::vector<ap::work_item*>{&before, &late});
}

TEST_CASE("pool queues: sealed, they give up everything and take nothing but what a worker leaves in its ring") {
    auto all = jobs(300);
    probes::job own, late;
    pool_queues queues{2};
    for (auto& each : all)
        queues.put(each, nullptr);
    bool moved = false;
    CHECK(queues.fetch(queues.of(0), moved) == &all.front());
    CHECK(queues.seal().size() == all.size() - 1);
    CHECK(queues.empty());
    CHECK_FALSE(queues.put_late(late));
    queues.put(own, &queues.of(0));
    CHECK(queues.rest(queues.of(0)).pop() == &own);
}

TEST_CASE("pool queues: sealed by a forked child, they give up everything") {
    auto all = jobs(10);
    pool_queues queues{2};
    for (std::size_t i = 0; i < all.size(); ++i)
        queues.put(all[i], i % 2 != 0 ? &queues.of(1) : nullptr);
    CHECK(queues.seal_in_child().size() == all.size());
    CHECK(queues.empty());
}
