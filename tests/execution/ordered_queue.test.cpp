// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/detail/ordered_queue.hpp>

#include <chrono>
#include <deque>

#include "catch_compat.hpp"
#include "support/probe.hpp"

namespace ap = antiphon;
using ap::detail::ordered_queue;
using namespace std::chrono_literals;
using level = ap::priority;

namespace {

constexpr ap::time_point start{1h};
constexpr ap::time_point never = ap::time_point::max();

}  // namespace

TEST_CASE("ordered queue: the more urgent priority comes first, whatever the order of arrival") {
    probes::job idle, low, high, urgent;
    ordered_queue queue;
    queue.push(idle, {.level = level::idle}, start);
    queue.push(high, {.level = level::high}, start);
    queue.push(low, {.level = level::low}, start);
    queue.push(urgent, {.level = level::urgent}, start);
    CHECK(queue.size() == 4);
    CHECK(queue.pop(false, start) == &urgent);
    CHECK(queue.pop(false, start) == &high);
    CHECK(queue.pop(false, start) == &low);
    CHECK(queue.pop(false, start) == &idle);
    CHECK(queue.pop(false, start) == nullptr);
    CHECK(queue.size() == 0);
}

TEST_CASE("ordered queue: within a priority the earliest deadline comes first, and then what has none") {
    probes::job none, late, early;
    ordered_queue queue;
    queue.push(none, {.level = level::high}, start);
    queue.push(late, {.level = level::high, .deadline = start + 2s}, start);
    queue.push(early, {.level = level::high, .deadline = start + 1s}, start);
    CHECK(queue.pop(false, start) == &early);
    CHECK(queue.pop(false, start) == &late);
    CHECK(queue.pop(false, start) == &none);
}

TEST_CASE("ordered queue: equal deadlines, and jobs without one, come in the order of arrival") {
    probes::job one, two, three, four;
    ordered_queue queue;
    queue.push(one, {.deadline = start + 1s}, start);
    queue.push(two, {.deadline = start + 1s}, start);
    queue.push(three, {.level = level::low}, start);
    queue.push(four, {.level = level::low}, start);
    CHECK(queue.pop(false, start) == &one);
    CHECK(queue.pop(false, start) == &two);
    CHECK(queue.pop(false, start) == &three);
    CHECK(queue.pop(false, start) == &four);
}

TEST_CASE("ordered queue: ordinary work goes behind deadlines and before patience and lower priorities") {
    probes::job due, patient, low;
    ordered_queue queue;
    queue.push(low, {.level = level::low}, start);
    queue.push(patient, {.deadline = start + 1h, .patient = true}, start);
    queue.push(due, {.deadline = start + 2h}, start);
    CHECK(queue.pop(true, start) == &due);
    CHECK(queue.pop(true, start) == nullptr);
    CHECK(queue.pop(false, start) == &patient);
    CHECK(queue.pop(false, start) == &low);
}

TEST_CASE("ordered queue: what is patient waits for three quarters of its window, and then goes by its deadline") {
    probes::job patient, due;
    ordered_queue queue;
    queue.push(patient, {.deadline = start + 40min, .patient = true}, start);
    queue.push(due, {.deadline = start + 41min}, start);
    CHECK(queue.has_patient());
    CHECK(queue.pop(true, start + 29min) == &due);
    CHECK(queue.pop(true, start + 29min) == nullptr);
    queue.push(due, {.deadline = start + 41min}, start + 29min);
    CHECK(queue.pop(true, start + 30min) == &patient);
    CHECK_FALSE(queue.has_patient());
    CHECK(queue.pop(true, start + 30min) == &due);
}

TEST_CASE("ordered queue: patient work whose window has closed is due at once") {
    probes::job patient;
    ordered_queue queue;
    queue.push(patient, {.deadline = start - 1s, .patient = true}, start);
    CHECK_FALSE(queue.has_patient());
    CHECK(queue.pop(true, start) == &patient);
}

TEST_CASE("ordered queue: of several patient jobs the one whose slack ends first is first") {
    probes::job long_window, short_window;
    ordered_queue queue;
    queue.push(long_window, {.deadline = start + 4h, .patient = true}, start);
    queue.push(short_window, {.deadline = start + 1h, .patient = true}, start);
    CHECK(queue.pop(false, start) == &short_window);
    CHECK(queue.pop(false, start) == &long_window);
}

TEST_CASE("ordered queue: a rank that was passed over 63 times has the next turn") {
    probes::job idle;
    std::deque<probes::job> urgent(200);
    ordered_queue queue;
    queue.push(idle, {.level = level::idle}, start);
    for (auto& each : urgent)
        queue.push(each, {.level = level::urgent}, start);
    for (unsigned i = 0; i < ordered_queue::patience; ++i)
        REQUIRE(queue.pop(false, start) == &urgent[i]);
    CHECK(queue.pop(false, start) == &idle);
    CHECK(queue.pop(false, start) == &urgent[ordered_queue::patience]);
}

TEST_CASE("ordered queue: ordinary work has its turn below a flood of urgent work") {
    std::deque<probes::job> urgent(200);
    ordered_queue queue;
    for (auto& each : urgent)
        queue.push(each, {.level = level::urgent}, start);
    for (unsigned i = 0; i < ordered_queue::patience; ++i)
        REQUIRE(queue.pop(true, start) == &urgent[i]);
    CHECK(queue.pop(true, start) == nullptr);
    CHECK(queue.pop(true, start) == &urgent[ordered_queue::patience]);
}

TEST_CASE("ordered queue: idle work has its turn below a flood of ordinary work") {
    probes::job idle;
    ordered_queue queue;
    queue.push(idle, {.level = level::idle}, start);
    for (unsigned i = 0; i < ordered_queue::patience; ++i)
        REQUIRE(queue.pop(true, start) == nullptr);
    CHECK(queue.pop(true, start) == &idle);
}

TEST_CASE("ordered queue: several ranks that are due for a turn have it one after the other") {
    probes::job low, idle;
    std::deque<probes::job> urgent(200);
    ordered_queue queue;
    queue.push(low, {.level = level::low}, start);
    queue.push(idle, {.level = level::idle}, start);
    for (auto& each : urgent)
        queue.push(each, {.level = level::urgent}, start);
    for (unsigned i = 0; i < ordered_queue::patience; ++i)
        REQUIRE(queue.pop(false, start) == &urgent[i]);
    CHECK(queue.pop(false, start) == &low);
    CHECK(queue.pop(false, start) == &idle);
}

TEST_CASE("ordered queue: what is ordinary says so") {
    CHECK(ordered_queue::is_ordinary({}));
    CHECK_FALSE(ordered_queue::is_ordinary({.level = level::low}));
    CHECK_FALSE(ordered_queue::is_ordinary({.deadline = start}));
    CHECK(ordered_queue::is_ordinary({.deadline = never, .patient = true}));
}

TEST_CASE("ordered queue: a number beyond the priorities counts as the nearest one") {
    probes::job above, below, idle, urgent;
    ordered_queue queue;
    queue.push(below, {.level = static_cast<level>(-9)}, start);
    queue.push(idle, {.level = level::idle}, start);
    queue.push(above, {.level = static_cast<level>(9)}, start);
    queue.push(urgent, {.level = level::urgent}, start);
    CHECK(queue.pop(false, start) == &above);
    CHECK(queue.pop(false, start) == &urgent);
    CHECK(queue.pop(false, start) == &below);
    CHECK(queue.pop(false, start) == &idle);
}

TEST_CASE("ordered queue: everything can be taken at once") {
    probes::job one, two, three;
    ordered_queue queue;
    queue.push(one, {.level = level::high}, start);
    queue.push(two, {.deadline = start + 1s}, start);
    queue.push(three, {.deadline = start + 1s, .patient = true}, start);
    CHECK(queue.take_all().size() == 3);
    CHECK(queue.size() == 0);
    CHECK(queue.pop(false, start + 1h) == nullptr);
}
