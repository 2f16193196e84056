// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/inline_executor.hpp>
#include <antiphon/execution/manual_executor.hpp>
#include <antiphon/execution/post.hpp>
#include <antiphon/execution/strand.hpp>
#include <antiphon/execution/thread_pool.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "catch_compat.hpp"
#include "support/allocations.hpp"
#include "support/probe.hpp"

namespace ap = antiphon;

TEST_CASE("post: a callable runs on its executor, once") {
    ap::manual_executor desk;
    int runs = 0;
    ap::post(desk, [&] { ++runs; });
    CHECK(runs == 0);
    CHECK(desk.run() == 1);
    CHECK(runs == 1);
}

TEST_CASE("post: contexts, executors and strands are taken alike") {
    ap::manual_executor desk;
    ap::strand strand{desk};
    std::string story;
    ap::post(desk, [&] { story += 'c'; });
    ap::post(desk.get_executor(), [&] { story += 'e'; });
    ap::post(strand, [&] { story += 's'; });
    ap::post(ap::any_executor{desk.get_executor()}, [&] { story += 'a'; });
    ap::post(ap::inline_executor{}, [&] { story += 'i'; });
    desk.run();
    CHECK(story == "icesa");
}

TEST_CASE("post: a callable that only moves, and one that changes, are taken") {
    ap::manual_executor desk;
    int seen = 0;
    ap::post(desk, [&, n = std::make_unique<int>(4)]() mutable { seen = ++*n; });
    desk.run();
    CHECK(seen == 5);
}

TEST_CASE("post: a job made already goes as it is") {
    ap::manual_executor desk;
    probes::job job;
    ap::post(desk, job.to_work());
    desk.run();
    CHECK(job.ran);
}

TEST_CASE("post: a callable that is dropped or rejected is destroyed unrun") {
    auto const alive = std::make_shared<int>();
    bool ran = false;
    {
        ap::manual_executor desk;
        ap::post(desk, [&ran, alive] { ran = true; });
        CHECK(alive.use_count() == 2);
    }
    CHECK(alive.use_count() == 1);
    ap::post(ap::any_executor{}, [&ran, alive] { ran = true; });
    CHECK(alive.use_count() == 1);
    CHECK_FALSE(ran);
}

TEST_CASE("post: is one allocation") {
    ap::manual_executor desk;
    CHECK(test::allocations_of([&] { ap::post(desk, [a = 1L, b = 2L, c = 3L, d = 4L] { static_cast<void>(a + b + c + d); }); }) == 1);
    desk.run();
}

#if ANTIPHON_EXCEPTIONS

namespace {
std::atomic<int> heard{0};
struct throwing_executor {
    void execute(ap::work) const { throw std::runtime_error{"no"}; }
};
}  // namespace

TEST_CASE("post: what the callable throws goes to the executor's hook, through a strand as well") {
    heard = 0;
    {
        ap::thread_pool pool{{.threads = 1, .unhandled = [](std::exception_ptr e) { heard += e != nullptr ? 1 : 0; }}};
        ap::post(pool, [] { throw std::runtime_error{"boom"}; });
        ap::post(ap::strand{pool}, [] { throw 7; });
        ap::post(pool, [] {});
    }
    CHECK(heard == 2);
}

TEST_CASE("post: what the executor throws comes to the poster, and the callable is destroyed") {
    auto const alive = std::make_shared<int>();
    CHECK_THROWS_AS(ap::post(throwing_executor{}, [alive] {}), std::runtime_error);
    CHECK(alive.use_count() == 1);
}

#endif
