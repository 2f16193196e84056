// SPDX-License-Identifier: BSL-1.0
// An answer on its way from a promise to a future: every way of giving it against every way of taking it.
#include <antiphon/request/future.hpp>
#include <antiphon/request/promise.hpp>
#include <antiphon/request/shared_future.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "explore.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

/// A result that is seen when it is lost, or used after its end: it lives on the heap.
using boxed = std::unique_ptr<int>;

/// A producer and its future, each used by its own thread.
template <class Produce, class Consume>
void both(Produce produce, Consume consume) {
    ap::promise<boxed> p;
    ap::future<boxed> f = p.get_future();
    std::thread producer{[p = std::move(p), &produce]() mutable { produce(std::move(p)); }};
    consume(std::move(f));
    producer.join();
}
void answer(ap::promise<boxed> p) { p.set_value(std::make_unique<int>(7)); }
void fail(ap::promise<boxed> p) { p.set_failure(ap::errc::aborted); }
void drop(ap::promise<boxed> p) { static_cast<void>(p); }
bool is_seven(ap::result<boxed> const& r) { return r.has_value() && **r == 7; }

}  // namespace

EXPLORE("promise: a waiting get sees the value", {}) {
    both(answer, [](ap::future<boxed> f) { explore::check(is_seven(std::move(f).get()), "the value"); });
}
EXPLORE("promise: a waiting get sees the failure", {}) {
    both(fail, [](ap::future<boxed> f) { explore::check(std::move(f).get().error() == ap::errc::aborted, "the failure"); });
}
EXPLORE("promise: a drop is a broken promise to a waiting get", {}) {
    both(drop, [](ap::future<boxed> f) { explore::check(std::move(f).get().error() == ap::errc::broken_promise, "broken"); });
}
EXPLORE("promise: a timed wait sees the answer or its end, and the answer is never lost", {.outcomes = {0, 1}}) {
    both(answer, [](ap::future<boxed> f) {
        explore::outcome(f.wait_for(1ms) ? 1 : 0);
        explore::check(is_seven(std::move(f).get()), "the value");
    });
}
EXPLORE("promise: two timed waits one after the other", {.stale_reads = 1}) {
    both(answer, [](ap::future<boxed> f) {
        static_cast<void>(f.wait_for(1ms));
        static_cast<void>(f.wait_for(1ms));
        static_cast<void>(f.ready());
    });
}
EXPLORE("promise: ready, once true, shows the value", {.outcomes = {0, 1}}) {
    both(answer, [](ap::future<boxed> f) {
        bool const ready = f.ready();
        explore::outcome(ready ? 1 : 0);
        if (ready) explore::check(is_seven(std::move(f).get()), "the value");
    });
}
EXPLORE("promise: a future dropped against the answer loses nothing", {}) {
    both(answer, [](ap::future<boxed> f) { static_cast<void>(f); });
}
EXPLORE("promise: a future dropped against a dropped promise loses nothing", {}) {
    both(drop, [](ap::future<boxed> f) { static_cast<void>(f); });
}
EXPLORE("promise: a detached future against the answer loses nothing", {}) {
    both(answer, [](ap::future<boxed> f) { std::move(f).detach(); });
}
EXPLORE("promise: a stop request is seen, or came after the answer", {.outcomes = {0, 1}}) {
    both(
        [](ap::promise<boxed> p) {
            explore::outcome(p.stop_requested() ? 1 : 0);
            answer(std::move(p));
        },
        [](ap::future<boxed> f) {
            f.request_stop();
            explore::check(is_seven(std::move(f).get()), "the answer still comes");
        });
}
EXPLORE("promise: a callback is told exactly once", {}) {
    std::atomic<int> told{0};
    both(answer, [&](ap::future<boxed> f) {
        std::move(f).on_complete([&](ap::result<boxed> r) {
            explore::check(is_seven(r), "the value");
            told.fetch_add(1);
        });
    });
    explore::check(told.load() == 1, "once");
}
EXPLORE("promise: a callback hears of a broken promise", {}) {
    std::atomic<int> told{0};
    both(drop, [&](ap::future<boxed> f) {
        std::move(f).on_complete([&](ap::result<boxed> r) {
            explore::check(r.error() == ap::errc::broken_promise, "broken");
            told.fetch_add(1);
        });
    });
    explore::check(told.load() == 1, "once");
}
EXPLORE("promise: a continuation runs once, and its answer arrives", {}) {
    both(answer, [](ap::future<boxed> f) {
        ap::future<int> g = std::move(f).then([](boxed b) { return *b + 1; });
        explore::check(std::move(g).get().value() == 8, "the continuation's value");
    });
}
EXPLORE("promise: a chain of two continuations against the answer", {}) {
    both(answer, [](ap::future<boxed> f) {
        ap::future<int> g = std::move(f).then([](boxed b) { return *b; }).then([](int x) { return x + 1; });
        explore::check(std::move(g).get().value() == 8, "the value passes both");
    });
}
EXPLORE("promise: a continuation's future dropped against the answer", {}) {
    both(answer, [](ap::future<boxed> f) {
        ap::future<int> g = std::move(f).then([](boxed b) { return *b; });
        static_cast<void>(g);
    });
}
EXPLORE("promise: a continuation stopped against the answer ends exactly once", {.outcomes = {0, 1}}) {
    both(answer, [](ap::future<boxed> f) {
        ap::future<int> g = std::move(f).then([](boxed b) { return *b; });
        g.request_stop();
        ap::result<int> const r = std::move(g).get();
        explore::check(r ? *r == 7 : r.error() == ap::errc::cancelled, "the value, or cancelled");
        explore::outcome(r ? 1 : 0);
    });
}
EXPLORE("promise: a continuation with a timed wait against the answer", {}) {
    both(answer, [](ap::future<boxed> f) {
        ap::future<int> g = std::move(f).then([](boxed b) { return *b; });
        static_cast<void>(g.wait_for(1ms));
        explore::check(std::move(g).get().value() == 7, "the value");
    });
}
EXPLORE("promise: an answer that is itself a future, both given by threads", {.stale_reads = 1}) {
    ap::promise<int> outer, inner;
    ap::future<int> waits = outer.get_future();
    ap::future<int> later = inner.get_future();
    std::thread first{[p = std::move(outer)]() mutable { p.set_value(1); }};
    ap::future<int> flat = std::move(waits).then([&](int) { return std::move(later); });
    inner.set_value(7);
    explore::check(std::move(flat).get().value() == 7, "the inner value");
    first.join();
}
EXPLORE("promise: a flattened answer stopped while its inner future is given", {.stale_reads = 1}) {
    ap::promise<int> outer, inner;
    ap::future<int> waits = outer.get_future();
    ap::future<int> later = inner.get_future();
    ap::future<int> flat = std::move(waits).then([&](int) { return std::move(later); });
    std::thread first{[p = std::move(outer)]() mutable { p.set_value(1); }};
    flat.request_stop();
    inner.set_value(7);
    ap::result<int> const r = std::move(flat).get();
    explore::check(r ? *r == 7 : r.error() == ap::errc::cancelled, "the value, or cancelled");
    first.join();
}
EXPLORE("promise: of three threads, one answers, one asks to stop through a continuation, one waits",
        {.search = explore::plan::way::bounded, .preemptions = 3, .stale_reads = 1}) {
    ap::promise<int> p;
    ap::future<int> f = p.get_future().then([](int x) { return x; });
    std::thread producer{[p = std::move(p)]() mutable { p.set_value(7); }};
    std::thread stopper{[&] { f.request_stop(); }};
    static_cast<void>(f.wait());
    stopper.join();
    ap::result<int> const r = std::move(f).get();
    explore::check(r ? *r == 7 : r.error() == ap::errc::cancelled, "the value, or cancelled");
    producer.join();
}

EXPLORE("shared_future: two readers see one answer", {.search = explore::plan::way::bounded, .preemptions = 2, .stale_reads = 1}) {
    ap::promise<boxed> p;
    ap::shared_future<boxed> a = p.get_future().share();
    ap::shared_future<boxed> b = a;
    std::thread producer{[p = std::move(p)]() mutable { answer(std::move(p)); }};
    std::thread reader{[b = std::move(b)]() mutable { explore::check(is_seven(b.get()), "the value"); }};
    explore::check(is_seven(a.get()), "the value");
    reader.join();
    producer.join();
}
EXPLORE("shared_future: one waiting reader against the answer", {}) {
    ap::promise<boxed> p;
    ap::shared_future<boxed> a = p.get_future().share();
    std::thread producer{[p = std::move(p)]() mutable { answer(std::move(p)); }};
    explore::check(is_seven(a.get()), "the value");
    producer.join();
}
EXPLORE("shared_future: a reader that gives up against the answer", {}) {
    ap::promise<boxed> p;
    ap::shared_future<boxed> a = p.get_future().share();
    std::thread producer{[p = std::move(p)]() mutable { answer(std::move(p)); }};
    static_cast<void>(a.wait_for(1ms));
    producer.join();
}
EXPLORE("shared_future: the last handle dropped against the answer", {}) {
    ap::promise<boxed> p;
    {
        ap::shared_future<boxed> a = p.get_future().share();
        std::thread producer{[p = std::move(p)]() mutable { answer(std::move(p)); }};
        producer.detach();
    }
}
EXPLORE("shared_future: two handles dropped by two threads request stop once", {}) {
    ap::promise<boxed> p;
    ap::shared_future<boxed> a = p.get_future().share();
    std::thread other{[b = a]() mutable { b = {}; }};
    a = {};
    other.join();
    explore::check(p.stop_requested(), "nobody wants it any more");
}
EXPLORE("shared_future: shared while it is being answered", {}) {
    both(answer, [](ap::future<boxed> f) {
        ap::shared_future<boxed> a = std::move(f).share();
        explore::check(is_seven(a.get()), "the value");
    });
}
