// SPDX-License-Identifier: BSL-1.0
// What asks share through the policies that protect somebody: permits, reservations, places in a half-open breaker, flights, entries.
#include <antiphon/antiphon.hpp>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "explore.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;
using explore::plan;

EXPLORE("concurrency_limit: of two asks that share a permit one is inside at a time, and both are answered",
        {.search = plan::way::bounded, .stale_reads = 1}) {
    ap::concurrency_limit const one{{.max_concurrent = 1, .max_queue = 1}};
    int inside = 0;
    auto ask = ap::request{[&] { return ++inside; }} | one;
    std::thread other{[&] { explore::check(ask.call().has_value(), "its turn came"); }};
    explore::check(ask.call().has_value(), "its turn came");
    other.join();
    explore::check(inside == 2 && one.in_flight() == 0 && one.queued() == 0, "everybody has left");
}
EXPLORE("concurrency_limit: three threads and one permit, each has its turn",
        {.search = plan::way::bounded, .preemptions = 3, .stale_reads = 1}) {
    ap::concurrency_limit const one{{.max_concurrent = 1, .max_queue = 2}};
    int inside = 0;
    auto ask = ap::request{[&] { return ++inside; }} | one;
    auto const in_turn = [&] { explore::check(ask.call().has_value(), "its turn came"); };
    std::thread a{in_turn}, b{in_turn};
    in_turn();
    a.join();
    b.join();
    explore::check(inside == 3 && one.in_flight() == 0 && one.queued() == 0, "everybody has left");
}
EXPLORE("concurrency_limit: a permit given back against one who is stopped in line, it is not lost",
        {.search = plan::way::bounded, .preemptions = 3, .stale_reads = 1, .outcomes = {0, 1}}) {
    ap::concurrency_limit const one{{.max_concurrent = 1, .max_queue = 2}};
    ap::promise<int> held;
    auto holder = ap::request{[&](ap::promise<int> p) { held = std::move(p); }} | one;
    auto ask = ap::request{[] { return 7; }} | one;
    ap::inline_executor const here;
    auto first = (holder | ap::starts_on(here)).submit();
    auto second = (ask | ap::starts_on(here)).submit();
    auto third = (ask | ap::starts_on(here)).submit();
    std::thread giving_back{[p = std::move(held)]() mutable { p.set_value(1); }};
    second.request_stop();
    giving_back.join();
    ap::result<int> const r = std::move(second).get();
    explore::check(r ? *r == 7 : r.error() == ap::errc::cancelled, "let in, or gone");
    explore::check(std::move(third).get().value() == 7, "who stands behind is let in");
    explore::check(one.in_flight() == 0 && one.queued() == 0, "everybody has left");
    static_cast<void>(std::move(first).get());
    explore::outcome(r ? 1 : 0);
}
EXPLORE("concurrency_limit: a permit given back against the end of a wait in line",
        {.search = plan::way::bounded, .stale_reads = 0, .outcomes = {0, 1}}) {
    ap::concurrency_limit const one{{.max_concurrent = 1, .max_queue = 1, .max_wait = 1ms}};
    ap::promise<int> held;
    ap::inline_executor const here;
    auto first = (ap::request{[&](ap::promise<int> p) { held = std::move(p); }} | one | ap::starts_on(here)).submit();
    auto second = (ap::request{[] { return 7; }} | one | ap::starts_on(here)).submit();
    std::thread giving_back{[p = std::move(held)]() mutable { p.set_value(1); }};
    ap::result<int> const r = std::move(second).get();
    explore::check(r ? *r == 7 : r.error() == ap::errc::overloaded, "let in, or refused");
    giving_back.join();
    static_cast<void>(std::move(first).get());
    explore::check(one.in_flight() == 0 && one.queued() == 0, "everybody has left");
    explore::outcome(r ? 1 : 0);
}

EXPLORE("rate_limit: a reservation given back against the next one, no cycle has more than its permits", {.outcomes = {1, 2}}) {
    ap::detail::rate_core core{1, 1ms};
    ap::time_point const now = ap::clock::now();
    explore::check(core.reserve(now, 1, 0ms).granted, "the first of this cycle");
    auto const mine = core.reserve(now, 1, 10ms);
    explore::check(mine.granted && mine.cycle == 1, "of the next cycle");
    std::thread other{[&] {
        auto const got = core.reserve(now, 1, 10ms);
        explore::check(got.granted, "within the limit");
        explore::outcome(static_cast<unsigned>(got.cycle));
    }};
    core.give_back(now, 1, mine);
    other.join();
    auto const last = core.reserve(now, 1, 10ms);
    explore::check(last.granted && last.cycle >= 1 && last.cycle <= 3, "what came back is given once");
    explore::check(core.read().waiting == 2 && core.read().returned == 1, "counted");
}
EXPLORE("rate_limit: of three threads one gives back, and the permit is given to one of the others",
        {.search = plan::way::bounded, .preemptions = 3, .stale_reads = 1}) {
    ap::detail::rate_core core{1, 1ms};
    ap::time_point const now = ap::clock::now();
    explore::check(core.reserve(now, 1, 0ms).granted, "the first of this cycle");
    auto const mine = core.reserve(now, 1, 10ms);
    std::int64_t cycles[2] = {};
    auto const take = [&](std::int64_t& into) {
        auto const got = core.reserve(now, 1, 10ms);
        explore::check(got.granted, "within the limit");
        into = got.cycle;
    };
    std::thread a{[&] { take(cycles[0]); }}, b{[&] { take(cycles[1]); }};
    core.give_back(now, 1, mine);
    a.join();
    b.join();
    explore::check(cycles[0] != cycles[1], "one permit a cycle");
}
EXPLORE("rate_limit: one that waits is stopped against its timer and the next ask", {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::rate_limit const slow{{.permits = 1, .per = 1ms, .max_wait = 5ms}};
    ap::thread_pool pool{{.threads = 1}};
    auto ask = ap::request{[] { return 7; }} | slow | ap::starts_on(pool);
    explore::check(ask.submit().get().value() == 7, "a permit is there");
    auto waiting = ask.submit();
    std::thread stopper{[&] { waiting.request_stop(); }};
    explore::check(ask.submit().get().has_value(), "within the limit");
    stopper.join();
    ap::result<int> const r = std::move(waiting).get();
    explore::check(r ? *r == 7 : r.error() == ap::errc::cancelled, "started, or stopped");
    auto const m = slow.metrics();
    explore::check(m.waiting == 0 && m.returned <= 1 && m.admitted == 3, "nobody waits any more");
}

namespace {

using breaker = ap::detail::breaker_core;

/// One that is half-open after a first ask, at which `now` is.
struct half_open {
    explicit half_open(std::uint32_t places)
        : core{{.failure_rate = 0.5, .slow_call_rate = 1, .minimum_calls = 1, .half_open_calls = places, .half_open_for = 10ms},
               ap::last(1),
               1ms} {
        breaker::probe first;
        auto const in = core.admit(now, first);
        explore::check(core.record(in.epoch, first, ap::detail::outcome{.failed = true}, now).has_value(), "it opens");
        now += 2ms;
    }
    breaker core;
    ap::time_point now = ap::clock::now();
};

}  // namespace

EXPLORE("circuit_breaker: half-open, a place whose time is over is lent again while its holder comes back", {.outcomes = {0, 1}}) {
    half_open b{1};
    breaker::probe mine;
    auto const in = b.core.admit(b.now, mine);
    explore::check(in.admitted && in.changed.has_value(), "the first finds it half-open");
    ap::time_point const later = b.now + 11ms;
    std::atomic<int> closings{0};
    std::thread other{[&] {
        breaker::probe his;
        auto const his_in = b.core.admit(later, his);
        explore::check(his_in.admitted, "the place is free, or the breaker closed");
        explore::outcome(his_in.epoch == in.epoch ? 0 : 1);
        if (b.core.record(his_in.epoch, his, ap::detail::outcome{}, later)) closings.fetch_add(1);
    }};
    if (b.core.record(in.epoch, mine, ap::detail::outcome{}, later)) closings.fetch_add(1);
    other.join();
    explore::check(closings.load() == 1, "one result closed it");
    explore::check(b.core.state() == breaker::closed, "closed");
}
EXPLORE("circuit_breaker: half-open, a success and a failure at once, one of them decides", {.outcomes = {0, 1}}) {
    half_open b{1};
    breaker::probe mine;
    auto const in = b.core.admit(b.now, mine);
    ap::time_point const later = b.now + 11ms;
    breaker::probe his;
    auto const his_in = b.core.admit(later, his);  // the first one's time is over
    explore::check(in.admitted && his_in.admitted && in.epoch == his_in.epoch, "both are in");
    std::atomic<int> changes{0};
    std::thread other{[&] {
        if (b.core.record(his_in.epoch, his, ap::detail::outcome{.failed = true}, later)) changes.fetch_add(1);
    }};
    if (b.core.record(in.epoch, mine, ap::detail::outcome{}, later)) changes.fetch_add(1);
    other.join();
    explore::check(changes.load() == 1, "the other one is of an epoch that is over");
    explore::check(b.core.state() == breaker::closed || b.core.state() == breaker::open, "not half-open any more");
    explore::outcome(b.core.state() == breaker::closed ? 1 : 0);
}
EXPLORE("circuit_breaker: half-open, of three threads two are let in",
        {.search = plan::way::bounded, .preemptions = 3, .stale_reads = 1, .outcomes = {2}}) {
    half_open b{2};
    breaker::probe places[3];
    std::atomic<unsigned> in{0};
    auto const ask = [&](breaker::probe& mine) {
        if (b.core.admit(b.now, mine).admitted) in.fetch_add(1);
    };
    std::thread one{[&] { ask(places[0]); }}, two{[&] { ask(places[1]); }};
    ask(places[2]);
    one.join();
    two.join();
    explore::outcome(in.load());
    explore::check(b.core.force(breaker::closed).has_value(), "takes all places back");
}

EXPLORE("coalesce: one who joins against the last who leaves, it has an answer all the same",
        {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::thread_pool pool{{.threads = 1}};
    std::atomic<int> ran{0};
    auto ask = ap::request{[&](int x) {
                   ran.fetch_add(1);
                   return x + 1;
               }} |
               ap::coalesce() | ap::starts_on(pool);
    auto leaving = ask.submit(6);
    std::thread stopper{[&] { leaving.request_stop(); }};
    ap::result<int> const r = ask.submit(6).get();
    explore::check(r.has_value() && *r == 7, "the stop was the other's");
    stopper.join();
    ap::result<int> const left = std::move(leaving).get();
    explore::check(left ? *left == 7 : left.error() == ap::errc::cancelled, "in time, or gone");
    explore::check(ran.load() >= 1 && ran.load() <= 2, "together, or anew");
}
EXPLORE("coalesce: two join at once, and both have the answer", {.search = plan::way::bounded, .stale_reads = 1}) {
    ap::thread_pool pool{{.threads = 1}};
    std::atomic<int> ran{0};
    auto ask = ap::request{[&](int x) {
                   ran.fetch_add(1);
                   return x + 1;
               }} |
               ap::coalesce() | ap::starts_on(pool);
    std::thread other{[&] { explore::check(ask.submit(6).get().value() == 7, "the answer"); }};
    explore::check(ask.submit(6).get().value() == 7, "the answer");
    other.join();
    explore::check(ran.load() >= 1 && ran.load() <= 2, "together, or one after the other");
}
EXPLORE("cache: of two asks that find an entry stale one asks anew", {.search = plan::way::bounded, .stale_reads = 0}) {
    std::atomic<unsigned> ran{0};
    ap::cache const kept{{.ttl = 1ms, .stale_for = 1s}};
    {
        ap::thread_pool pool{{.threads = 1}};
        auto ask = ap::request{[&](int) { return ran.fetch_add(1); }} | kept | ap::starts_on(pool);
        explore::check(ask.submit(1).get().value() == 0, "asked");
        std::this_thread::sleep_for(2ms);
        std::thread other{[&] { explore::check(ask.submit(1).get().has_value(), "the old answer, or the new one"); }};
        explore::check(ask.submit(1).get().has_value(), "the old answer, or the new one");
        other.join();
    }
    auto const seen = kept.stats();
    explore::check(seen.hits + seen.stale + seen.misses == 3, "every ask was one of these");
    explore::check(ran.load() <= seen.misses + seen.stale, "nobody asked twice");
    explore::check(kept.size() == 1, "one entry");
}
EXPLORE("cache: a new answer that is kept against an entry that ends", {.search = plan::way::bounded, .stale_reads = 0}) {
    std::atomic<int> ran{0};
    ap::thread_pool pool{{.threads = 1}};
    ap::cache const kept{{.ttl = 1ms, .stale_for = 1ms}};
    auto ask = ap::request{[&](int) { return ran.fetch_add(1); }} | kept | ap::starts_on(pool);
    static_cast<void>(ask.submit(1).get());
    std::this_thread::sleep_for(1ms);
    std::thread other{[&] { kept.clear(); }};
    explore::check(ask.submit(1).get().has_value(), "an answer");  // begins a refresh, where the entry is there and stale
    other.join();
    explore::check(kept.size() <= 1, "one entry at most");
}
