// SPDX-License-Identifier: BSL-1.0
#include <antiphon/request/trampoline.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/probe.hpp"

namespace ap = antiphon;
using ap::detail::trampoline;
using probes::job;

TEST_CASE("a trampoline runs what it is given before it returns, when nothing runs yet") {
    job one;
    CHECK(trampoline::run(one, false));
    CHECK(one.ran);
}

TEST_CASE("what an item of the trampoline gives it runs after that item, in order") {
    std::vector<int> order;
    job second{[&] { order.push_back(2); }}, third{[&] { order.push_back(3); }};
    job first{[&] {
        CHECK_FALSE(trampoline::run(second, false));
        CHECK_FALSE(trampoline::run(third, false));
        order.push_back(1);
    }};
    trampoline::run(first, false);
    CHECK(order == std::vector<int>{1, 2, 3});
}

TEST_CASE("an idle thread starts a trampoline with any function, and what that gives it runs after it") {
    std::vector<int> order;
    job second{[&] { order.push_back(2); }};
    CHECK(trampoline::idle());
    CHECK(trampoline::none());
    auto const first = [&] {
        CHECK_FALSE(trampoline::idle());
        CHECK_FALSE(trampoline::none());
        CHECK_FALSE(trampoline::run(second, false));
        order.push_back(1);
    };
    trampoline::start(first, false);
    CHECK(order == std::vector<int>{1, 2});
    CHECK(trampoline::idle());
}

TEST_CASE("a trampoline knows what waits in it, on its own thread only while it waits") {
    job waiting, stranger;
    bool held = false, held_stranger = true;
    job first{[&] {
        trampoline::run(waiting, false);
        held = trampoline::holds(waiting);
        held_stranger = trampoline::holds(stranger);
    }};
    trampoline::run(first, false);
    CHECK(held);
    CHECK_FALSE(held_stranger);
    CHECK_FALSE(trampoline::holds(waiting));
}

TEST_CASE("behind a barrier a trampoline runs what it is given at once") {
    bool ran_inside = false;
    job inner;
    job outer{[&] {
        trampoline::barrier const closed;
        CHECK(trampoline::run(inner, false));
        ran_inside = inner.ran;
    }};
    trampoline::run(outer, false);
    CHECK(ran_inside);
}

TEST_CASE("the barrier of the item that a trampoline runs leaves it open") {
    bool deferred = false;
    job inner;
    std::unique_ptr<job> outer;
    outer = std::make_unique<job>([&] {
        trampoline::barrier const own{outer.get()};
        trampoline::run(inner, false);
        deferred = !inner.ran;
    });
    trampoline::run(*outer, false);
    CHECK(deferred);
    CHECK(inner.ran);
}

TEST_CASE("items below a barrier are still known to wait") {
    job waiting;
    bool held = false;
    job first{[&] {
        trampoline::run(waiting, false);
        trampoline::barrier const closed;
        job other{[&] { held = trampoline::holds(waiting); }};
        trampoline::run(other, false);
    }};
    trampoline::run(first, false);
    CHECK(held);
}

TEST_CASE("a million items that each give the next one use constant stack") {
    int left = 1'000'000;
    job a, b;
    struct link final : ap::work_item {
        int* left;
        link* other;
        void run() noexcept override {
            if (--*left > 0) trampoline::run(*other, false);
        }
        void reject(ap::errc, ap::rejection) noexcept override {}
    } one, two;
    one.left = two.left = &left;
    one.other = &two;
    two.other = &one;
    trampoline::run(one, false);
    CHECK(left == 0);
}

TEST_CASE("what a trampoline runs knows whether that was started inside somebody's call") {
    for (bool inside : {false, true}) {
        bool told = !inside;
        std::optional<job> item;
        item.emplace([&] {
            trampoline::barrier const own{&*item};
            told = own.nested();
        });
        CHECK(trampoline::run(*item, inside));
        CHECK(told == inside);
    }
}
