// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/detail/braided_queue.hpp>

#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/probe.hpp"

namespace ap = antiphon;
using ap::detail::braided_queue;

namespace {

constexpr std::size_t strands = braided_queue::strands;

/// Jobs, and which of them a queue has, oldest first.
struct expectation {
    explicit expectation(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i)
            jobs.emplace_back();
    }
    ap::work_item& fresh() {
        ap::work_item& item = jobs[used++];
        order.push_back(&item);
        return item;
    }
    void pop_from(braided_queue& queue) {
        CHECK(queue.pop() == order.front());
        order.pop_front();
    }
    void drain(braided_queue& queue) {
        CHECK(queue.size() == order.size());
        while (!order.empty())
            pop_from(queue);
        CHECK(queue.pop() == nullptr);
        CHECK(queue.empty());
    }

    std::deque<probes::job> jobs;
    std::size_t used = 0;
    std::deque<ap::work_item*> order;
};

}  // namespace

TEST_CASE("braided queue: jobs leave in the order in which they came, from any length") {
    for (std::size_t length = 0; length <= 3 * strands; ++length) {
        expectation all{length};
        braided_queue queue;
        for (std::size_t i = 0; i < length; ++i)
            queue.push(all.fresh());
        all.drain(queue);
    }
}

TEST_CASE("braided queue: pushes between pops keep the order") {
    expectation all{1000};
    braided_queue queue;
    for (std::size_t i = 0; i < 300; ++i) {
        for (std::size_t j = 0; j < 1 + i % 3; ++j)
            queue.push(all.fresh());
        if (i % 5 != 0) all.pop_from(queue);
        if (i % 7 == 0 && !all.order.empty()) all.pop_from(queue);
    }
    all.drain(queue);
}

TEST_CASE("braided queue: a stack that is turned into it comes out oldest first, and what is pushed behind after it") {
    for (std::size_t length = 0; length <= 3 * strands; ++length) {
        expectation all{length + 3};
        for (std::size_t i = 0; i < length; ++i)
            all.fresh();
        braided_queue queue;
        for (auto newest = all.order.rbegin(); newest != all.order.rend(); ++newest)
            queue.push_front(**newest);
        for (int i = 0; i < 3; ++i)
            queue.push(all.fresh());
        all.drain(queue);
    }
}

TEST_CASE("braided queue: one appended to another comes behind it, wherever the strands of either begin") {
    for (std::size_t mine = 0; mine <= 2 * strands; ++mine)
        for (std::size_t others = 0; others <= 2 * strands; ++others)
            for (std::size_t gone = 0; gone < strands; ++gone) {
                expectation all{2 * gone + mine + others + 1};
                braided_queue queue, later;
                for (std::size_t i = 0; i < gone; ++i) {
                    queue.push(all.fresh());
                    all.pop_from(queue);
                }
                for (std::size_t i = 0; i < mine; ++i)
                    queue.push(all.fresh());
                for (std::size_t i = 0; i < others; ++i)
                    later.push(all.fresh());
                queue.append(later);
                CHECK(later.empty());
                queue.push(all.fresh());
                all.drain(queue);
            }
}

TEST_CASE("braided queue: swapped and moved it takes its jobs along") {
    expectation all{2 * strands + 1};
    braided_queue first, second;
    for (std::size_t i = 0; i < 2 * strands + 1; ++i)
        first.push(all.fresh());
    first.swap(second);
    CHECK(first.empty());
    braided_queue third{std::move(second)};
    CHECK(second.empty());
    all.drain(third);
}

TEST_CASE("braided queue: moved into an ordinary queue its jobs follow those that are there") {
    expectation all{2 * strands + 3};
    ap::work_queue end;
    end.push(all.fresh());
    braided_queue queue;
    for (std::size_t i = 0; i < 2 * strands + 2; ++i)
        queue.push(all.fresh());
    queue.move_to(end);
    CHECK(queue.empty());
    for (ap::work_item* const each : all.order)
        CHECK(end.pop() == each);
    CHECK(end.pop() == nullptr);
}
