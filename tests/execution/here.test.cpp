// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/here.hpp>

#include <thread>

#include "catch_compat.hpp"

namespace ap = antiphon;

namespace {

struct counting_stop final : ap::stoppable {
    void request_stop() noexcept override { ++stops; }
    void retain() noexcept override { ++refs; }
    void release() noexcept override { --refs; }
    int stops = 0, refs = 0;
};

}  // namespace

TEST_CASE("a thread is nowhere until it enters a place") {
    CHECK(ap::place_scope::current() == nullptr);
    CHECK(ap::worker_of_place() == nullptr);
}

TEST_CASE("a thread is inside every place that it entered and in the innermost") {
    int a = 0, b = 0, c = 0;
    {
        ap::place_scope const outer{&a};
        ap::place_scope const inner{&b};
        CHECK(ap::place_scope::current() == &b);
        CHECK(ap::place_scope::inside(&a));
        CHECK(ap::place_scope::inside(&b));
        CHECK_FALSE(ap::place_scope::inside(&c));
        bool elsewhere = true;
        std::thread{[&] { elsewhere = ap::place_scope::inside(&a); }}.join();
        CHECK_FALSE(elsewhere);
    }
    CHECK_FALSE(ap::place_scope::inside(&a));
}

TEST_CASE("a thread is in one place only while it entered no other") {
    int a = 0, b = 0;
    CHECK_FALSE(ap::place_scope::only(&a));
    ap::place_scope const outer{&a};
    CHECK(ap::place_scope::only(&a));
    CHECK_FALSE(ap::place_scope::only(&b));
    ap::place_scope const inner{&b};
    CHECK_FALSE(ap::place_scope::only(&a));
    CHECK_FALSE(ap::place_scope::only(&b));
}

TEST_CASE("stopping a slot stops what runs in it, once, and keeps nothing alive") {
    ap::running_slot slot;
    counting_stop request;
    ap::stoppable* const outer = slot.enter(request);
    CHECK(outer == nullptr);
    slot.request_stop();
    CHECK(request.stops == 1);
    CHECK(request.refs == 0);
    slot.leave(outer);
}

TEST_CASE("what enters a stopped slot is stopped at once") {
    ap::running_slot slot;
    slot.request_stop();
    counting_stop request;
    slot.leave(slot.enter(request));
    CHECK(request.stops == 1);
}

TEST_CASE("stopping a slot reaches what waits in it, when what it waits for leaves") {
    ap::running_slot slot;
    counting_stop waiting, inner;
    ap::stoppable* const none = slot.enter(waiting);
    ap::stoppable* const outer = slot.enter(inner);
    CHECK(outer == &waiting);
    slot.request_stop();
    CHECK((inner.stops == 1 && waiting.stops == 0));
    slot.leave(outer);
    CHECK(waiting.stops == 1);
    slot.leave(none);
}
