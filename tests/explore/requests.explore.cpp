// SPDX-License-Identifier: BSL-1.0
// Asks: who runs them, who waits, who stops them, and where they end.
#include <antiphon/antiphon.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "explore.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;
using explore::plan;

namespace {

using boxed = std::unique_ptr<int>;
boxed make(int value) { return std::make_unique<int>(value); }
bool has(ap::result<boxed> const& r, int value) { return r.has_value() && **r == value; }

}  // namespace

EXPLORE("claim: a waiter and a worker, one of them runs the handler",
        {.search = plan::way::bounded, .preemptions = 3, .stale_reads = 1}) {
    ap::thread_pool pool{{.threads = 1}};
    std::atomic<int> ran{0};
    auto ask = ap::request{[&] {
                   ran.fetch_add(1);
                   return make(7);
               }} |
               ap::starts_on(pool);
    explore::check(has(ask.submit().get(), 7), "the value");
    explore::check(ran.load() == 1, "once");
}
EXPLORE("claim: against a manual executor run by another thread", {}) {
    ap::manual_executor manual;
    std::atomic<int> ran{0};
    auto ask = ap::request{[&] {
                   ran.fetch_add(1);
                   return make(7);
               }} |
               ap::starts_on(manual);
    auto f = ask.submit();
    std::thread driver{[&] { manual.run(); }};
    explore::check(has(std::move(f).get(), 7), "the value");
    driver.join();
    explore::check(ran.load() == 1, "once");
}
EXPLORE("claim: of an ask whose pool shuts down, the value or shut_down",
        {.search = plan::way::bounded, .stale_reads = 1, .outcomes = {0, 1}}) {
    ap::thread_pool pool{{.threads = 1}};
    auto ask = ap::request{[] { return make(7); }} | ap::starts_on(pool);
    std::thread closer{[&] { static_cast<void>(pool.shut_down()); }};
    ap::result<boxed> const r = ask.submit().get();
    explore::check(r ? **r == 7 : r.error() == ap::errc::shut_down, "one or the other");
    explore::outcome(r ? 1 : 0);
    closer.join();
}
EXPLORE("call: on a one-thread pool, the asking thread lends itself",
        {.search = plan::way::bounded, .preemptions = 3, .stale_reads = 1}) {
    ap::thread_pool pool{{.threads = 1}};
    auto ask = ap::request{[] { return make(7); }} | ap::starts_on(pool);
    explore::check(has(ask.call(), 7), "the value");
}
EXPLORE("call: inside a job of the same one-thread pool it does not deadlock", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::thread_pool pool{{.threads = 1}};
    auto inner = ap::request{[] { return 7; }} | ap::starts_on(pool);
    auto outer = ap::request{[&] { return inner.call().value() + 1; }} | ap::starts_on(pool);
    explore::check(outer.submit().get().value() == 8, "both answered");
}
EXPLORE("call: without an executor, an answer that another thread gives later arrives", {}) {
    ap::promise<int> kept;
    std::atomic<std::uint32_t> given{0};
    std::thread other{[&] {
        while (given.load() == 0)
            ap::futex_wait(given, 0);
        kept.set_value(7);
    }};
    auto ask = ap::request{[&](ap::promise<int> p) {
        kept = std::move(p);
        given.store(1);
        ap::futex_wake_all(given);
    }};
    explore::check(ask.call().value() == 7, "the value");
    other.join();
}
EXPLORE("call_for: ready in time or later, the answer is not lost",
        {.search = plan::way::bounded, .stale_reads = 0, .outcomes = {0, 1}}) {
    ap::thread_pool pool{{.threads = 1}};
    auto ask = ap::request{[] { return make(7); }} | ap::starts_on(pool);
    ap::future<boxed> f = ask.call_for(1ms);
    explore::outcome(f.ready() ? 1 : 0);
    explore::check(has(std::move(f).get(), 7), "the value");
}
EXPLORE("submit: dropped against its worker, it is stopped or runs, and nothing is lost",
        {.search = plan::way::bounded, .preemptions = 3, .stale_reads = 1}) {
    ap::thread_pool pool{{.threads = 1}};
    auto ask = ap::request{[] { return make(7); }} | ap::starts_on(pool);
    {
        auto f = ask.submit();
    }
}
EXPLORE("submit: stopped against its worker, it has run or never will",
        {.search = plan::way::bounded, .preemptions = 3, .stale_reads = 1, .outcomes = {0, 1}}) {
    ap::thread_pool pool{{.threads = 1}};
    std::atomic<int> ran{0};
    auto ask = ap::request{[&] {
                   ran.fetch_add(1);
                   return make(7);
               }} |
               ap::starts_on(pool);
    auto f = ask.submit();
    f.request_stop();
    ap::result<boxed> const r = std::move(f).get();
    explore::check(r ? ran.load() == 1 : r.error() == ap::errc::cancelled && ran.load() == 0, "one or the other");
    explore::outcome(r ? 1 : 0);
}
EXPLORE("submit: a stop token is stopped by a request for it", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::thread_pool pool{{.threads = 1}};
    auto ask = ap::request{[](std::stop_token stop) { return stop.stop_requested() ? 1 : 0; }} | ap::starts_on(pool);
    auto f = ask.submit();
    f.request_stop();
    ap::result<int> const r = std::move(f).get();
    explore::check(r.has_value() || r.error() == ap::errc::cancelled, "an answer");
}
EXPLORE("submit: with a callback, told exactly once on the pool", {.search = plan::way::bounded, .preemptions = 3, .stale_reads = 1}) {
    std::atomic<int> told{0};
    {
        ap::thread_pool pool{{.threads = 1}};
        auto ask = ap::request{[] { return make(7); }} | ap::starts_on(pool);
        ask.submit([&](ap::result<boxed> r) {
            explore::check(has(r, 7), "the value");
            told.fetch_add(1);
        });
    }
    explore::check(told.load() == 1, "once");
}
EXPLORE("submit: a callback against a shut-down is told once, of the value or the end",
        {.search = plan::way::bounded, .stale_reads = 0, .outcomes = {0, 1}}) {
    std::atomic<int> told{0};
    {
        ap::thread_pool pool{{.threads = 1}};
        auto ask = ap::request{[] { return make(7); }} | ap::starts_on(pool);
        std::thread closer{[&] { static_cast<void>(pool.shut_down()); }};
        ask.submit([&](ap::result<boxed> r) {
            explore::outcome(r ? 1 : 0);
            told.fetch_add(1);
        });
        closer.join();
    }
    explore::check(told.load() == 1, "once");
}
EXPLORE("then: a continuation on a pool against its worker", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::thread_pool pool{{.threads = 1}};
    auto ask = ap::request{[] { return 7; }} | ap::starts_on(pool);
    explore::check(ask.submit().then([](int x) { return x + 1; }).get().value() == 8, "the value");
}
EXPLORE("then: a continuation elsewhere is posted once, and the pools may end in any order",
        {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::thread_pool one{{.threads = 1}};
    ap::thread_pool two{{.threads = 1}};
    auto ask = ap::request{[] { return 7; }} | ap::starts_on(one);
    explore::check(ask.submit().then(two, [](int x) { return x + 1; }).get().value() == 8, "the value");
}
EXPLORE("trailing promise: given by another thread while its handler returns", {.search = plan::way::bounded, .stale_reads = 1}) {
    ap::manual_executor manual;
    std::optional<std::thread> answering;
    auto ask = ap::request{[&](ap::promise<int> p) { answering.emplace([p = std::move(p)]() mutable { p.set_value(7); }); }} |
               ap::starts_on(manual);
    auto f = ask.submit();
    manual.run();
    explore::check(std::move(f).get().value() == 7, "the value");
    answering->join();
}
EXPLORE("trailing promise: dropped by another thread while its handler returns", {.search = plan::way::bounded, .stale_reads = 1}) {
    ap::manual_executor manual;
    std::optional<std::thread> dropping;
    auto ask = ap::request{[&](ap::promise<int> p) {
                   dropping.emplace([p = std::move(p)]() mutable { ap::promise<int> gone = std::move(p); });
               }} |
               ap::starts_on(manual);
    auto f = ask.submit();
    manual.run();
    explore::check(std::move(f).get().error() == ap::errc::broken_promise, "broken");
    dropping->join();
}
EXPLORE("stop_when: a token stopped against the answer", {.search = plan::way::bounded, .preemptions = 2, .stale_reads = 0}) {
    std::stop_source source;
    ap::manual_executor manual;
    auto ask = ap::request{[] { return 7; }} | ap::stop_when(source.get_token()) | ap::starts_on(manual);
    std::thread stopper{[&] { source.request_stop(); }};
    auto f = ask.submit();
    manual.run();
    ap::result<int> const r = std::move(f).get();
    explore::check(r ? *r == 7 : r.error() == ap::errc::cancelled, "one or the other");
    stopper.join();
}
EXPLORE("stop_when: a token stopped while the ask begins", {.search = plan::way::bounded, .stale_reads = 0}) {
    std::stop_source source;
    ap::promise<int> kept;
    auto ask = ap::request{[&](ap::promise<int> p) { kept = std::move(p); }} | ap::stop_when(source.get_token());
    ap::manual_executor manual;
    auto placed = ask | ap::starts_on(manual);
    auto f = placed.submit();
    std::thread stopper{[&] { source.request_stop(); }};
    manual.run();
    kept.set_value(7);
    static_cast<void>(std::move(f).get());
    stopper.join();
}
EXPLORE("request: an erased one asked by two threads at once", {.search = plan::way::bounded, .stale_reads = 1}) {
    std::atomic<int> ran{0};
    ap::request<int(int)> ask = [&](int x) {
        ran.fetch_add(1, std::memory_order_relaxed);
        return x + 1;
    };
    std::thread other{[ask] { explore::check(ask.call(1).value() == 2, "its own answer"); }};
    explore::check(ask.call(2).value() == 3, "its own answer");
    ask = {};
    other.join();
    explore::check(ran.load() == 2, "both");
}
EXPLORE("task: a coroutine that awaits another pool's answer", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::thread_pool one{{.threads = 1}};
    ap::thread_pool two{{.threads = 1}};
    auto inner = ap::request{[] { return 7; }} | ap::starts_on(one);
    auto outer = ap::request{[&]() -> ap::task<int> { co_return (co_await inner()).value() + 1; }} | ap::starts_on(two);
    explore::check(outer.submit().get().value() == 8, "both answered");
}
EXPLORE("task: a turn on a pool of two, taken by the other worker while the first one leaves the step",
        {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::thread_pool pool{{.threads = 2, .claimable = false}};
    std::atomic<int> ended{0};
    {
        auto const turning = ap::request{[]() -> ap::task<int> {
                                 co_await ap::reschedule();
                                 co_return 7;
                             }} |
                             ap::starts_on(pool);
        turning.submit([&](ap::result<int> r) { ended.fetch_add(r.value_or(0), std::memory_order_relaxed); });
        turning.submit().detach();  // nobody but its worker and its queue holds it
    }
    static_cast<void>(pool.shut_down(ap::duration::max()));
    explore::check(ended.load() == 7, "it came to its end, once");
}
EXPLORE("task: a turn on a pool against a waiter that runs it", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::thread_pool pool{{.threads = 1}};
    auto const turning = ap::request{[]() -> ap::task<int> {
                             co_await ap::reschedule();
                             co_return 7;
                         }} |
                         ap::starts_on(pool);
    explore::check(turning.submit().get().value() == 7, "answered");
}
EXPLORE("task: a sleeping coroutine stopped against its timer", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::thread_pool pool{{.threads = 1}};
    auto ask = ap::request{[]() -> ap::task<int> {
                   co_await ap::sleep_for(1ms);
                   co_return 7;
               }} |
               ap::starts_on(pool);
    auto f = ask.submit();
    f.request_stop();
    static_cast<void>(std::move(f).get());
}
