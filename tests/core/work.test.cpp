// SPDX-License-Identifier: BSL-1.0
#include "antiphon/core/work.hpp"

#include <memory>
#include <optional>
#include <utility>

#include "catch_compat.hpp"
#include "support/allocations.hpp"
#include "support/values.hpp"

namespace ap = antiphon;

namespace {

struct recording_item final : ap::work_item {
    void run() noexcept override { ++runs; }
    void reject(ap::errc code, ap::rejection manner) noexcept override {
        why = code;
        how = manner;
    }
    int runs = 0;
    std::optional<ap::errc> why;
    std::optional<ap::rejection> how;
};

}  // namespace

TEST_CASE("work made of a callable runs it once, and is empty afterwards") {
    int runs = 0;
    ap::work job{[&] { ++runs; }};
    CHECK(static_cast<bool>(job));
    std::move(job)();
    CHECK_FALSE(static_cast<bool>(job));
    std::move(job)();
    CHECK(runs == 1);
}

TEST_CASE("work takes a callable that only moves") {
    int seen = 0;
    ap::work job{[m = test::move_only{7}, &seen] { seen = m.read(); }};
    std::move(job)();
    CHECK(seen == 7);
}

TEST_CASE("work made of a callable allocates once, of an item never") {
    // Through a pointer that the optimiser cannot follow, lest it fold the allocation away.
    static ap::work* volatile job;
    auto const run = [](ap::work made) {
        job = &made;
        std::move (*job)();
    };
    recording_item item;
    CHECK(test::allocations_of([&] { run(ap::work{[] {}}); }) == 1);
    CHECK(test::allocations_of([&] { run(ap::work{item}); }) == 0);
}

TEST_CASE("work that is dropped destroys its callable without running it") {
    bool ran = false;
    {
        ap::work const job{[c = test::counted{}, &ran] { ran = true; }};
        CHECK(test::counted::alive() == 1);
    }
    CHECK(test::counted::alive() == 0);
    CHECK_FALSE(ran);
}

TEST_CASE("work that has run has destroyed its callable") {
    ap::work{[c = test::counted{}] {}}();
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("work of an item runs the item") {
    recording_item item;
    ap::work{item}();
    CHECK(item.runs == 1);
    CHECK_FALSE(item.why.has_value());
}

TEST_CASE("work of an item that is dropped cancels it, as dropped") {
    recording_item item;
    {
        ap::work const job{item};
    }
    CHECK(item.why == ap::errc::cancelled);
    CHECK(item.how == ap::rejection::dropped);
    CHECK(item.runs == 0);
}

TEST_CASE("work of an item that is rejected passes the code on, in place") {
    recording_item item;
    ap::work{item}.reject(ap::errc::shut_down);
    CHECK(item.why == ap::errc::shut_down);
    CHECK(item.how == ap::rejection::in_place);
}

TEST_CASE("empty work rejects nothing") {
    ap::work{}.reject(ap::errc::shut_down);
    CHECK_FALSE(static_cast<bool>(ap::work{}));
}

TEST_CASE("work that is assigned over drops what it held") {
    recording_item first;
    recording_item second;
    ap::work job{first};
    job = ap::work{second};
    CHECK(first.why == ap::errc::cancelled);
    std::move(job)();
    CHECK(second.runs == 1);
}

TEST_CASE("work assigned to itself keeps its item") {
    recording_item item;
    ap::work job{item};
    ap::work& same = job;
    job = std::move(same);
    std::move(job)();
    CHECK(item.runs == 1);
}

TEST_CASE("moved and swapped work takes its item along") {
    recording_item item;
    ap::work a{item};
    ap::work b{std::move(a)};
    ap::work c;
    c.swap(b);
    CHECK_FALSE(static_cast<bool>(b));
    std::move(c)();
    CHECK(item.runs == 1);
}

TEST_CASE("a released item is the caller's: the work does nothing more") {
    recording_item item;
    {
        ap::work job{item};
        CHECK(job.release() == &item);
        CHECK(job.release() == nullptr);
    }
    CHECK_FALSE(item.why.has_value());
    CHECK(item.runs == 0);
}

TEST_CASE("work that is ordered says so wherever it is moved, and gives its bare item back") {
    recording_item item;
    ap::work job = ap::work::ordered(item);
    CHECK(job.is_ordered());
    ap::work moved{std::move(job)};
    CHECK(moved.is_ordered());
    CHECK_FALSE(job.is_ordered());
    CHECK(moved.release() == &item);
    CHECK_FALSE(moved.is_ordered());
    CHECK_FALSE(ap::work{item}.is_ordered());
    CHECK(item.how_urgent().level == ap::priority::normal);
}

TEST_CASE("ordered work runs, and is cancelled when dropped, like any other") {
    recording_item ran, dropped;
    ap::work::ordered(ran)();
    CHECK(ran.runs == 1);
    static_cast<void>(ap::work::ordered(dropped));
    CHECK(dropped.why == ap::errc::cancelled);
}

namespace antiphon {

static_assert(std::is_nothrow_move_constructible_v<work> && !std::is_copy_constructible_v<work>);

}  // namespace antiphon
