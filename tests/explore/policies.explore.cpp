// SPDX-License-Identifier: BSL-1.0
// Policies: answers against timers, stops, losers and one another; and what several asks share.
#include <antiphon/antiphon.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "explore.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;
using explore::plan;

namespace {

/// A request that another thread answers, some time.
struct answered_elsewhere {
    ap::promise<int> kept;
    std::atomic<std::uint32_t> here{0};
    auto request() {
        return ap::request{[this](ap::promise<int> p) {
            kept = std::move(p);
            std::uint32_t expected = 0;
            here.compare_exchange_strong(expected, 1);
            ap::futex_wake_all(here);
        }};
    }
    void answer() {
        while (here.load() == 0)
            ap::futex_wait(here, 0);
        if (here.load() == 1) ap::promise<int>{std::move(kept)}.set_value(7);
    }
    /// It may not have begun, and then never will.
    void never_mind() {
        std::uint32_t expected = 0;
        here.compare_exchange_strong(expected, 2);
        ap::futex_wake_all(here);
    }
};

}  // namespace

EXPLORE("timeout: an answer against the timer, one of both", {.search = plan::way::bounded, .stale_reads = 0, .outcomes = {0, 1}}) {
    answered_elsewhere other;
    ap::thread_pool pool{{.threads = 1}};
    auto ask = other.request() | ap::timeout{.limit = 1ms} | ap::starts_on(pool);
    std::thread answering{[&] { other.answer(); }};
    ap::result<int> const r = ask.submit().get();
    explore::check(r ? *r == 7 : r.error() == ap::errc::deadline_exceeded, "one of both");
    explore::outcome(r ? 1 : 0);
    other.never_mind();
    answering.join();
}
EXPLORE("timeout: a handler that has not begun when it expires never does",
        {.search = plan::way::bounded, .stale_reads = 0, .outcomes = {0, 1}}) {
    std::atomic<int> ran{0};
    unsigned answered = 0;
    {
        ap::thread_pool pool{{.threads = 1}};
        auto ask = ap::request{[&] { return ran.fetch_add(1); }} | ap::timeout{.limit = 1ms} | ap::starts_on(pool);
        ap::result<int> const r = ask.submit().get();
        answered = r ? 1 : 0;
        if (!r && r.error().executed() == ap::executed::no) explore::check(ran.load() == 0, "it says so");
    }
    explore::outcome(answered);
}
EXPLORE("timeout: dropped against its timer and its worker", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::thread_pool pool{{.threads = 1}};
    auto ask = ap::request{[] { return std::make_unique<int>(7); }} | ap::timeout{.limit = 1ms} | ap::starts_on(pool);
    {
        auto dropped = ask.submit();
    }
}
EXPLORE("deadline: nested in a retry, each attempt ends before it", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::thread_pool pool{{.threads = 1}};
    std::atomic<int> attempts{0};
    auto ask = ap::request{[&]() -> ap::result<int> {
                   attempts.fetch_add(1);
                   return ap::errc::unavailable;
               }} |
               ap::retry{.max_attempts = 2, .backoff = {.initial = 1ms, .jitter = ap::jitter::none}} |
               ap::deadline{ap::clock::now() + 2ms} | ap::starts_on(pool);
    ap::result<int> const r = ask.submit().get();
    explore::check(!r, "no value");
    explore::check(attempts.load() <= 2, "no more attempts than allowed");
}
EXPLORE("after: stopped against its timer", {.search = plan::way::bounded, .stale_reads = 0, .outcomes = {0, 1}}) {
    ap::thread_pool pool{{.threads = 1}};
    std::atomic<int> ran{0};
    auto ask = ap::request{[&] { return 7 + 0 * ran.fetch_add(1); }} | ap::after(1ms) | ap::starts_on(pool);
    auto f = ask.submit();
    std::thread stopper{[&] { f.request_stop(); }};
    stopper.join();
    ap::result<int> const r = std::move(f).get();
    explore::check(r ? ran.load() == 1 : ran.load() == 0 && r.error() == ap::errc::cancelled, "one of both");
    explore::outcome(r ? 1 : 0);
}
EXPLORE("retry: stopped during the delay, no further attempt", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::thread_pool pool{{.threads = 1}};
    std::atomic<int> attempts{0};
    auto ask = ap::request{[&]() -> ap::result<int> {
                   attempts.fetch_add(1);
                   return ap::errc::unavailable;
               }} |
               ap::retry{.max_attempts = 2, .backoff = {.initial = 1ms, .jitter = ap::jitter::none}} | ap::starts_on(pool);
    auto f = ask.submit();
    f.request_stop();
    ap::result<int> const r = std::move(f).get();
    explore::check(!r && (r.error() == ap::errc::cancelled || r.error() == ap::errc::unavailable), "a failure");
}
EXPLORE("retry: the second attempt answers, on a timer's word", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::thread_pool pool{{.threads = 1}};
    std::atomic<int> attempts{0};
    auto ask = ap::request{[&]() -> ap::result<int> {
                   if (attempts.fetch_add(1) == 0) return ap::errc::unavailable;
                   return 7;
               }} |
               ap::retry{.max_attempts = 2, .backoff = {.initial = 1ms, .jitter = ap::jitter::none}} | ap::starts_on(pool);
    explore::check(ask.submit().get().value() == 7, "the value");
}
EXPLORE("hedge: two copies at once, the first value wins and the other is stopped", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::thread_pool pool{{.threads = 1}};
    std::atomic<unsigned> ran{0};
    auto ask = ap::request{[&] { return ran.fetch_add(1); }} | ap::hedge{.after = 0ms, .max_attempts = 2} | ap::starts_on(pool);
    ap::result<unsigned> const r = ask.submit().get();
    explore::check(r.has_value() && *r < 2, "a value");
}
EXPLORE("hedge: a copy sent by the timer against the first one's answer", {.search = plan::way::bounded, .stale_reads = 0}) {
    std::atomic<int> copies{0};
    answered_elsewhere other;
    ap::thread_pool pool{{.threads = 1}};
    auto first = other.request() | ap::starts_on(pool);
    auto ask = ap::request{[&]() -> ap::future<int> {
                   if (copies.fetch_add(1) == 0) return first.submit();
                   return ap::make_future(8);
               }} |
               ap::hedge{.after = 1ms, .max_attempts = 2} | ap::starts_on(pool);
    std::thread answering{[&] { other.answer(); }};
    ap::result<int> const r = ask.submit().get();
    explore::check(r.has_value() && (*r == 7 || *r == 8), "either's value");
    other.never_mind();
    answering.join();
}
EXPLORE("hedge: stopped against both copies", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::thread_pool pool{{.threads = 1}};
    auto ask = ap::request{[] { return 7; }} | ap::hedge{.after = 0ms, .max_attempts = 2} | ap::starts_on(pool);
    auto f = ask.submit();
    f.request_stop();
    ap::result<int> const r = std::move(f).get();
    explore::check(r || r.error() == ap::errc::cancelled, "the value, or cancelled");
}
EXPLORE("every: stopped against its next ask", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::thread_pool pool{{.threads = 1}};
    auto ask = ap::request{[] { return 7; }} | ap::starts_on(pool) | ap::after(1ms);
    auto f = ask.submit();
    f.request_stop();
    static_cast<void>(std::move(f).get());
}
EXPLORE("retry_budget: two threads take tokens, and none is lost", {}) {
    ap::retry_budget budget{{.max_tokens = 4, .token_ratio = 0.5}};
    std::thread other{[&] {
        budget.failed();
        budget.succeeded();
    }};
    budget.failed();
    other.join();
    explore::check(budget.balance(ap::clock::now()) == 2.5, "4 - 1 - 1 + 0.5");
}
EXPLORE("retry_budget: a bucket's token goes to one of two threads", {.stale_reads = 0}) {
    ap::retry_budget budget{ap::retry_budget::bucket{.percent = 1.0, .min_per_second = 0, .ttl = 10s}};
    auto const now = ap::clock::now();
    budget.ask(now);
    std::atomic<int> allowed{0};
    auto const take = [&] {
        if (budget.allow(now)) allowed.fetch_add(1);
    };
    std::thread other{take};
    take();
    other.join();
    explore::check(allowed.load() == 1, "one token, one repeat");
}
EXPLORE("circuit_breaker: half-open, two threads ask and one place is given", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::circuit_breaker guard{{.window = ap::last(1), .minimum_calls = 1, .open_for = 1ms, .half_open_calls = 1}};
    auto failing = ap::request{[]() -> ap::result<int> { return ap::errc::unavailable; }} | guard;
    static_cast<void>(failing.call());
    explore::check(guard.state() == ap::circuit_breaker::open, "open");
    std::this_thread::sleep_for(2ms);
    std::atomic<int> ran{0};
    auto ask = ap::request{[&] { return ran.fetch_add(1); }} | guard;
    std::thread other{[&] { static_cast<void>(ask.call()); }};
    static_cast<void>(ask.call());
    other.join();
    explore::check(ran.load() >= 1, "one was let in");
    explore::check(guard.state() == ap::circuit_breaker::closed, "its success closed it");
}
EXPLORE("circuit_breaker: a failure that opens it against an ask", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::circuit_breaker guard{{.window = ap::last(1), .minimum_calls = 1}};
    auto failing = ap::request{[]() -> ap::result<int> { return ap::errc::unavailable; }} | guard;
    auto good = ap::request{[] { return 7; }} | guard;
    std::thread other{[&] { static_cast<void>(failing.call()); }};
    ap::result<int> const r = good.call();
    explore::check(r || r.error() == ap::errc::circuit_open, "let in, or not");
    other.join();
}
