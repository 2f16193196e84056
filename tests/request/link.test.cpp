// SPDX-License-Identifier: BSL-1.0
#include <antiphon/request/link.hpp>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "catch_compat.hpp"

namespace {

struct alignas(16) node {
    void retain() noexcept { ++refs; }
    void release() noexcept { --refs; }
    std::atomic<int> refs{1};
};
using edge = antiphon::detail::link<node>;

}  // namespace

TEST_CASE("an empty link leads nowhere") {
    edge up;
    CHECK(up.acquire() == nullptr);
    CHECK(up.take() == nullptr);
}

TEST_CASE("a link adopts one reference and gives it back when it goes") {
    node n;
    {
        edge up;
        up.set(n);
        CHECK(n.refs == 1);
    }
    CHECK(n.refs == 0);
}

TEST_CASE("taking from a link hands its reference to the caller and empties it") {
    node n;
    edge up;
    up.set(n);
    CHECK(up.take() == &n);
    CHECK(n.refs == 1);
    CHECK(up.take() == nullptr);
    CHECK(up.acquire() == nullptr);
}

TEST_CASE("acquiring through a link gives one more reference") {
    node n;
    edge up;
    up.set(n);
    CHECK(up.acquire() == &n);
    CHECK(n.refs == 2);
    n.release();
}

TEST_CASE("a link that is set before anybody knows it adopts one reference too") {
    node n;
    {
        edge up;
        up.set_first(n);
        CHECK(up.peek() == &n);
        CHECK(n.refs == 1);
    }
    CHECK(n.refs == 0);
}

TEST_CASE("a link may be set again after it was taken") {
    node first, second;
    edge up;
    up.set(first);
    up.take()->release();
    up.set(second);
    CHECK(up.acquire() == &second);
    second.release();
    CHECK(first.refs == 0);
}

TEST_CASE("no reference is lost or gained when many walkers meet an owner that sets and takes") {
    constexpr int enough = 200'000;
    std::vector<node> nodes(enough);  // a new one each time, as in a link's life
    edge up;
    std::atomic<bool> stop{false};
    std::atomic<int> seen{0};
    auto const walk = [&] {
        while (!stop)
            if (node* n = up.acquire()) {
                if (n->refs < 1) std::terminate();
                n->release();
                ++seen;
            }
    };
    std::thread walkers[] = {std::thread{walk}, std::thread{walk}, std::thread{walk}};
    for (node& n : nodes) {
        n.retain();
        up.set(n);
        up.take()->release();
    }
    stop = true;
    for (std::thread& w : walkers)
        w.join();
    CHECK(std::all_of(nodes.begin(), nodes.end(), [](node const& n) { return n.refs == 1; }));
}

TEST_CASE("the eighth walker at once makes way until one of seven has its reference") {
    struct alignas(16) slow_node {
        void retain() noexcept {
            inside.fetch_add(1);
            while (!may_go.load())
                std::this_thread::yield();
            refs.fetch_add(1);
        }
        void release() noexcept { refs.fetch_sub(1); }
        std::atomic<int> refs{1}, inside{0};
        std::atomic<bool> may_go{false};
    };
    slow_node n;
    antiphon::detail::link<slow_node> up;
    up.set(n);
    std::vector<std::thread> walkers;
    for (int i = 0; i < 7; ++i)
        walkers.emplace_back([&] { static_cast<void>(up.acquire()); });
    while (n.inside.load() != 7)
        std::this_thread::yield();
    std::atomic<bool> arrived{false};
    std::thread eighth{[&] {
        static_cast<void>(up.acquire());
        arrived = true;
    }};
    for (int i = 0; i < 1000; ++i)
        std::this_thread::yield();
    CHECK(!arrived.load());
    n.may_go = true;
    for (auto& w : walkers)
        w.join();
    eighth.join();
    CHECK(n.refs.load() == 9);
}
