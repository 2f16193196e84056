// SPDX-License-Identifier: BSL-1.0
// Several answers become one: who decides, who is stopped, who is still there.
#include <antiphon/antiphon.hpp>

#include <atomic>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "explore.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;
using explore::plan;

namespace {

/// Two promises, one answered by another thread, and their futures combined.
template <class Combine, class First, class Second>
auto race(Combine combine, First first, Second second) {
    ap::promise<int> a, b;
    auto both = combine(a.get_future(), b.get_future());
    std::thread other{[a = std::move(a), &first]() mutable { first(a); }};
    second(b);
    auto r = std::move(both).get();
    other.join();
    return r;
}
auto const one = [](ap::promise<int>& p) { p.set_value(1); };
auto const two = [](ap::promise<int>& p) { p.set_value(2); };
auto const no = [](ap::promise<int>& p) { p.set_failure(ap::errc::aborted); };
auto const gone = [](ap::promise<int>& p) { ap::promise<int>{std::move(p)}; };

}  // namespace

EXPLORE("when_all: two answers by two threads give one", {.stale_reads = 1}) {
    auto const r = race([](auto a, auto b) { return ap::when_all(std::move(a), std::move(b)); }, one, two);
    explore::check(r.has_value() && std::get<0>(*r) == 1 && std::get<1>(*r) == 2, "both values");
}
EXPLORE("when_all: a failure against a value is the failure", {.stale_reads = 1}) {
    auto const r = race([](auto a, auto b) { return ap::when_all(std::move(a), std::move(b)); }, no, two);
    explore::check(r.error() == ap::errc::aborted, "the failure");
}
EXPLORE("when_any: the first value wins", {.stale_reads = 1, .outcomes = {1, 2}}) {
    auto const r = race([](auto a, auto b) { return ap::when_any(std::move(a), std::move(b)); }, one, two);
    explore::check(r.has_value(), "a value");
    explore::outcome(static_cast<unsigned>(*r));
}
EXPLORE("when_any: a failure leaves it to the other", {.stale_reads = 1}) {
    auto const r = race([](auto a, auto b) { return ap::when_any(std::move(a), std::move(b)); }, no, two);
    explore::check(r.has_value() && *r == 2, "the other's value");
}
EXPLORE("when_any: two failures are a failure", {.stale_reads = 1}) {
    auto const r = race([](auto a, auto b) { return ap::when_any(std::move(a), std::move(b)); }, no, gone);
    explore::check(!r.has_value(), "a failure");
}
EXPLORE("when_first: the first to complete wins, whatever it is", {.stale_reads = 1, .outcomes = {0, 2}}) {
    auto const r = race([](auto a, auto b) { return ap::when_first(std::move(a), std::move(b)); }, no, two);
    explore::outcome(r.has_value() ? 2 : 0);
}
EXPLORE("when_settled: all results, of both threads", {.stale_reads = 1}) {
    auto const r = race([](auto a, auto b) { return ap::when_settled(std::move(a), std::move(b)); }, no, two);
    explore::check(r.has_value() && std::get<0>(*r).error() == ap::errc::aborted && std::get<1>(*r).value() == 2, "both results");
}
EXPLORE("when_any: dropped against an answer", {.stale_reads = 1}) {
    ap::promise<int> a, b;
    auto any = ap::when_any(a.get_future(), b.get_future());
    std::thread other{[a = std::move(a)]() mutable { a.set_value(1); }};
    {
        auto dropped = std::move(any);
    }
    b.set_value(2);
    other.join();
}
EXPLORE("when_any: stopped against an answer, it ends once", {.stale_reads = 1}) {
    ap::promise<int> a, b;
    auto any = ap::when_any(a.get_future(), b.get_future());
    std::thread other{[a = std::move(a)]() mutable { a.set_value(1); }};
    any.request_stop();
    b.set_failure(ap::errc::cancelled);
    static_cast<void>(std::move(any).get());
    other.join();
}
EXPLORE("when_all: a waiter among its inputs' threads is woken", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::promise<int> a, b;
    auto all = ap::when_all(a.get_future(), b.get_future());
    std::thread first{[a = std::move(a)]() mutable { a.set_value(1); }};
    std::thread second{[b = std::move(b)]() mutable { b.set_value(2); }};
    explore::check(std::move(all).get().has_value(), "both values");
    first.join();
    second.join();
}
EXPLORE("when_any: two threads answer, a third waits with a limit", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::promise<int> a, b;
    auto any = ap::when_any(a.get_future(), b.get_future());
    std::thread first{[a = std::move(a)]() mutable { a.set_value(1); }};
    std::thread second{[b = std::move(b)]() mutable { b.set_value(2); }};
    static_cast<void>(any.wait_for(1ms));
    explore::check(std::move(any).get().has_value(), "a value");
    first.join();
    second.join();
}
EXPLORE("when_all: of a pool's asks, a waiter claims what the worker has not begun", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::thread_pool pool{{.threads = 1}};
    auto ask = ap::request{[](int x) { return x; }} | ap::starts_on(pool);
    auto const r = ap::when_all(ask.submit(1), ask.submit(2)).get();
    explore::check(r.has_value() && std::get<0>(*r) + std::get<1>(*r) == 3, "both values");
}
EXPLORE("when_any: the loser runs on a pool while the winner's frame goes", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::thread_pool pool{{.threads = 1}};
    auto ask = ap::request{[](int x) { return x; }} | ap::starts_on(pool);
    explore::check(ap::when_any(ask.submit(1), ask.submit(2)).get().has_value(), "a value");
}
EXPLORE("for_each_limited: items that another thread answers", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::promise<int> a, b;
    std::vector<ap::future<int>> items;
    items.push_back(a.get_future());
    items.push_back(b.get_future());
    std::thread other{[a = std::move(a), b = std::move(b)]() mutable {
        a.set_value(1);
        b.set_value(2);
    }};
    int next = 0;
    auto all = ap::for_each_limited(std::vector<int>{0, 1}, 1, [&](int) { return std::move(items[static_cast<std::size_t>(next++)]); });
    explore::check(std::move(all).get().has_value(), "all ended");
    other.join();
}
EXPLORE("for_each_limited: stopped against an answer, it ends once", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::promise<int> a;
    ap::future<int> item = a.get_future();
    std::thread other{[a = std::move(a)]() mutable { a.set_value(1); }};
    auto all = ap::for_each_limited(std::vector<int>{0, 1}, 1,
                                    [&](int i) { return i == 0 ? std::move(item) : ap::promise<int>{}.get_future(); });
    all.request_stop();
    static_cast<void>(std::move(all).get());
    other.join();
}
