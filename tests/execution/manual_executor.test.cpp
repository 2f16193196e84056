// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/any_executor.hpp>
#include <antiphon/execution/manual_executor.hpp>

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "catch_compat.hpp"
#include "support/probe.hpp"

namespace ap = antiphon;
using probes::job;

TEST_CASE("a manual executor runs nothing until told to") {
    ap::manual_executor manual;
    job one;
    manual.get_executor().execute(one.to_work());
    CHECK_FALSE(one.ran);
    CHECK(manual.pending() == 1);
    CHECK(manual.run() == 1);
    CHECK(one.ran);
    CHECK(manual.pending() == 0);
}

TEST_CASE("a manual executor runs its jobs in the order of posting, those posted meanwhile included") {
    ap::manual_executor manual;
    std::vector<int> order;
    auto const e = manual.get_executor();
    e.execute([&] {
        order.push_back(1);
        e.execute([&] { order.push_back(3); });
    });
    e.execute([&] { order.push_back(2); });
    CHECK(manual.run() == 3);
    CHECK(order == std::vector{1, 2, 3});
}

TEST_CASE("run_one runs the oldest job only, and says when there is none") {
    ap::manual_executor manual;
    job one, two;
    manual.get_executor().execute(one.to_work());
    manual.get_executor().execute(two.to_work());
    CHECK(manual.run_one());
    CHECK((one.ran && !two.ran));
    CHECK(manual.run_one());
    CHECK_FALSE(manual.run_one());
}

TEST_CASE("a job of a manual executor knows its place, and that waiting for it would deadlock") {
    ap::manual_executor manual;
    ap::any_executor const any = manual.get_executor();
    CHECK(any.assist() == ap::assistance::none);
    std::optional<ap::assistance> inside;
    bool here = false;
    any.execute([&] {
        inside = any.assist();
        here = ap::place_scope::current() == any.place();
    });
    manual.run();
    CHECK(inside == ap::assistance::would_deadlock);
    CHECK(here);
    CHECK(ap::place_scope::current() == nullptr);
}

TEST_CASE("destroying a manual executor rejects what is queued as shut down") {
    job one;
    {
        ap::manual_executor manual;
        manual.get_executor().execute(one.to_work());
    }
    CHECK(one.rejected);
    CHECK(one.why == ap::errc::shut_down);
    CHECK(one.how == ap::rejection::in_place);
}

TEST_CASE("the handle of a manual executor outlives it, and then work is rejected as shut down") {
    std::optional<ap::manual_executor::executor_type> handle;
    {
        ap::manual_executor manual;
        handle = manual.get_executor();
    }
    job one;
    handle->execute(one.to_work());
    CHECK(one.rejected);
    CHECK(one.why == ap::errc::shut_down);
}

TEST_CASE("a job may destroy the manual executor that runs it") {
    auto manual = std::make_unique<ap::manual_executor>();
    job after;
    auto const e = manual->get_executor();
    e.execute([&] { manual.reset(); });
    e.execute(after.to_work());
    CHECK(manual->run() == 1);
    CHECK(after.rejected);
}

TEST_CASE("work may be posted to a manual executor from any thread") {
    ap::manual_executor manual;
    int ran = 0;
    std::vector<std::thread> posters;
    for (int t = 0; t < 4; ++t)
        posters.emplace_back([&, e = manual.get_executor()] {
            for (int i = 0; i < 250; ++i)
                e.execute([&] { ++ran; });
        });
    for (std::thread& t : posters)
        t.join();
    CHECK(manual.run() == 1000);
    CHECK(ran == 1000);
}

namespace antiphon {

static_assert(!std::is_copy_constructible_v<manual_executor>);

}  // namespace antiphon
