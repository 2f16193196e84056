// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/detail/moment_heap.hpp>

#include <antiphon/execution/random.hpp>

#include <chrono>
#include <cstdint>
#include <vector>

#include "catch_compat.hpp"

namespace ap = antiphon;
using ap::detail::moment_heap;
using namespace std::chrono_literals;

TEST_CASE("moment heap: the earliest comes first, and equal moments in the order of arrival") {
    moment_heap heap;
    ap::random_source random{7};
    std::uint64_t arrival = 0;
    for (int i = 0; i < 500; ++i)
        REQUIRE(heap.push({ap::time_point{std::chrono::seconds{random() % 50}}, {}, arrival++, nullptr}));
    std::vector<moment_heap::entry> order;
    while (!heap.empty()) {
        auto const seen = heap.top();
        order.push_back(heap.pop());
        CHECK(seen.arrival == order.back().arrival);
    }
    REQUIRE(order.size() == 500);
    for (std::size_t i = 1; i < order.size(); ++i) {
        auto const &a = order[i - 1], &b = order[i];
        REQUIRE((a.moment < b.moment || (a.moment == b.moment && a.arrival < b.arrival)));
    }
}

TEST_CASE("moment heap: pushes between pops keep their place") {
    moment_heap heap;
    REQUIRE(heap.push({ap::time_point{3s}, {}, 0, nullptr}));
    REQUIRE(heap.push({ap::time_point{1s}, {}, 1, nullptr}));
    CHECK(heap.pop().arrival == 1);
    REQUIRE(heap.push({ap::time_point{2s}, {}, 2, nullptr}));
    REQUIRE(heap.push({ap::time_point{4s}, {}, 3, nullptr}));
    CHECK(heap.pop().arrival == 2);
    CHECK(heap.pop().arrival == 0);
    CHECK(heap.pop().arrival == 3);
    CHECK(heap.empty());
}
