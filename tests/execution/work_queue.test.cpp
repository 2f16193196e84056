// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/work_queue.hpp>

#include <utility>

#include "catch_compat.hpp"
#include "support/probe.hpp"

namespace ap = antiphon;

TEST_CASE("a work queue gives its jobs back in the order of their arrival") {
    probes::job one, two;
    ap::work_queue queue;
    CHECK(queue.empty());
    queue.push(one);
    queue.push(two);
    CHECK(queue.size() == 2);
    CHECK(queue.pop() == &one);
    CHECK(queue.pop() == &two);
    CHECK(queue.pop() == nullptr);
}

TEST_CASE("a work queue takes a job in before all others") {
    probes::job one, two;
    ap::work_queue queue;
    queue.push_front(two);
    queue.push_front(one);
    CHECK(queue.size() == 2);
    CHECK(queue.pop() == &one);
    CHECK(queue.pop() == &two);
    CHECK(queue.empty());
}

TEST_CASE("a work queue takes all jobs of another behind its own") {
    probes::job one, two, three;
    ap::work_queue queue, later, nothing;
    queue.push(one);
    later.push(two);
    later.push(three);
    queue.append(later);
    queue.append(nothing);
    CHECK(later.empty());
    CHECK(queue.size() == 3);
    CHECK(queue.pop() == &one);
    CHECK(queue.pop() == &two);
    CHECK(queue.pop() == &three);
    later.append(queue);
    CHECK(later.empty());
}

TEST_CASE("a work queue moves and swaps its jobs as a whole") {
    probes::job one;
    ap::work_queue queue, other;
    queue.push(one);
    queue.swap(other);
    CHECK(queue.empty());
    ap::work_queue moved{std::move(other)};
    CHECK(moved.size() == 1);
    CHECK(moved.pop() == &one);
}

TEST_CASE("a work queue rejects all its jobs with the code given") {
    probes::job one, two;
    ap::work_queue queue;
    queue.push(one);
    queue.push(two);
    CHECK(queue.reject_all(ap::errc::shut_down, ap::rejection::dropped) == 2);
    CHECK((one.rejected && two.rejected && two.why == ap::errc::shut_down && two.how == ap::rejection::dropped));
    CHECK(queue.empty());
}
