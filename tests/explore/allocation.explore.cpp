// SPDX-License-Identifier: BSL-1.0
// Every allocation failing, in turn, once and for ever, in whatever thread it is made: an ask is refused with bad_alloc, or ends in a
// failure; nothing is lost, nothing comes twice, nothing leaks, nothing terminates.
#include <antiphon/antiphon.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "explore.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;
using explore::plan;

namespace {

plan const once{
    .search = plan::way::bounded, .preemptions = 0, .stale_reads = 0, .surprises = 0, .failing_allocations = 1, .failing_threads = 1};
plan const for_ever{.search = plan::way::bounded,
                    .preemptions = 0,
                    .stale_reads = 0,
                    .surprises = 0,
                    .failing_allocations = 1,
                    .failing_for_ever = true};

/// A pool whose own making is not what is tried.
struct untroubled_pool {
    std::optional<explore::untroubled> quiet{std::in_place};
    ap::thread_pool pool{{.threads = 1}};
    untroubled_pool() { quiet.reset(); }
};

/// Runs an operation that makes one ask and gives its result: it throws bad_alloc (or what stands for a thread that could not be
/// started), or there is a result.
template <class Operation>
void ask(Operation operation) {
    bool answered = false;
    try {
        static_cast<void>(operation());
        answered = true;
    } catch (std::bad_alloc const&) {
    } catch (std::system_error const&) {
    }
    explore::outcome(answered ? 1 : 0);
}
/// The same for one that tells a callback: refused, it tells nobody; accepted, it tells once.
template <class Operation>
void tell(Operation operation) {
    std::atomic<int> told{0};
    bool accepted = false;
    try {
        operation(told);
        accepted = true;
    } catch (std::bad_alloc const&) {
    } catch (std::system_error const&) {
    }
    explore::check(told.load() == (accepted ? 1 : 0), "told once where it was accepted, and not where it was refused");
}

// --- the operations ---------------------------------------------------------------------------------------------------------
void make_a_pool() {
    ask([] {
        ap::thread_pool pool{{.threads = 2, .name = std::string(40, 'x')}};
        return 0;
    });
}
void call_in_place() {
    ask([] { return ap::request{[](int x) { return x; }}.call(7).value(); });
}
void call_on_a_pool() {
    untroubled_pool p;
    ask([&] { return (ap::request{[](int x) { return x; }} | ap::starts_on(p.pool)).call(7); });
}
void submit_to_a_pool() {
    untroubled_pool p;
    ask([&] { return (ap::request{[](std::string s) { return s + s; }} | ap::starts_on(p.pool)).submit(std::string(40, 'x')).get(); });
}
void submit_with_a_callback() {
    tell([](std::atomic<int>& told) {
        untroubled_pool p;
        (ap::request{[] { return 7; }} | ap::starts_on(p.pool)).submit([&](ap::result<int>) { told.fetch_add(1); });
    });
}
void submit_an_erased_request() {
    untroubled_pool p;
    ask([&] {
        ap::request<int(std::string)> erased =
            ap::request{[](std::string s) { return static_cast<int>(s.size()); }} | ap::starts_on(p.pool);
        return erased.submit("a text that is too long for any small buffer").get();
    });
}
void submit_a_task() {
    untroubled_pool p;
    ask([&] { return (ap::request{[]() -> ap::task<int> { co_return 7; }} | ap::starts_on(p.pool)).submit().get(); });
}
void task_that_awaits() {
    untroubled_pool p;
    ask([&] {
        auto inner = ap::request{[] { return 7; }} | ap::starts_on(p.pool);
        return (ap::request{[inner]() -> ap::task<int> { co_return (co_await inner()).value() + 1; }} | ap::starts_on(p.pool))
            .submit()
            .get();
    });
}
void promise_and_future() {
    ask([] {
        ap::promise<std::unique_ptr<int>> p;
        auto f = p.get_future();
        p.set_value(std::make_unique<int>(7));
        return std::move(f).get();
    });
}
void continuation() {
    ask([] {
        ap::promise<int> p;
        auto f = p.get_future().then([](int x) { return std::make_unique<int>(x); });
        p.set_value(7);
        return std::move(f).get();
    });
}
void continuation_on_a_pool() {
    untroubled_pool p;
    ask([&] { return (ap::request{[] { return 7; }} | ap::starts_on(p.pool)).submit().then([](int x) { return x + 1; }).get(); });
}
void callback_on_a_future() {
    tell([](std::atomic<int>& told) {
        ap::promise<int> p;
        auto f = p.get_future();
        try {
            std::move(f).on_complete([&](ap::result<int>) { told.fetch_add(1); });
        } catch (...) {
            p.set_value(7);
            throw;
        }
        p.set_value(7);
    });
}
void share() {
    ask([] {
        ap::promise<int> p;
        auto a = p.get_future().share();
        auto b = a;
        p.set_value(7);
        return a.get().value() + b.get().value();
    });
}
void all_of_two() {
    untroubled_pool p;
    ask([&] {
        auto one = ap::request{[](int x) { return x; }} | ap::starts_on(p.pool);
        return ap::when_all(one.submit(1), one.submit(2)).get();
    });
}
void any_of_a_range() {
    untroubled_pool p;
    ask([&] {
        auto one = ap::request{[](int x) { return x; }} | ap::starts_on(p.pool);
        std::vector<ap::future<int>> all;
        all.push_back(one.submit(1));
        all.push_back(one.submit(2));
        return ap::when_any(std::move(all)).get();
    });
}
void each_of_a_range() {
    untroubled_pool p;
    ask([&] {
        auto one = ap::request{[](int x) { return x; }} | ap::starts_on(p.pool);
        return ap::for_each_limited(std::vector<int>{1, 2, 3}, 2, [&](int x) { return one.submit(x); }).get();
    });
}
void with_a_timeout() {
    untroubled_pool p;
    ask([&] { return (ap::request{[] { return 7; }} | ap::timeout{.limit = 1s} | ap::starts_on(p.pool)).submit().get(); });
}
void with_a_retry() {
    untroubled_pool p;
    ask([&] {
        std::atomic<int> n{0};
        auto failing = ap::request{[&]() -> ap::result<int> {
            if (n.fetch_add(1) == 0) return ap::errc::unavailable;
            return 7;
        }};
        return (failing | ap::retry{.max_attempts = 2, .backoff = {.initial = 1ms}} | ap::starts_on(p.pool)).submit().get();
    });
}
void with_a_hedge() {
    untroubled_pool p;
    ask([&] { return (ap::request{[] { return 7; }} | ap::hedge{.after = 0ms} | ap::starts_on(p.pool)).submit().get(); });
}
void with_a_breaker() {
    ask([] {
        ap::circuit_breaker const guard{{.window = ap::last(10)}};
        return (ap::request{[] { return 7; }} | guard).call();
    });
}
void through_a_strand() {
    untroubled_pool p;
    ask([&] {
        ap::strand const s{p.pool};
        return (ap::request{[] { return 7; }} | ap::starts_on(s)).submit().get();
    });
}
void after_a_delay() {
    untroubled_pool p;
    ask([&] { return (ap::request{[] { return 7; }} | ap::after(1ms) | ap::starts_on(p.pool)).submit().get(); });
}
void wait_with_a_limit() {
    untroubled_pool p;
    ask([&] { return (ap::request{[] { return 7; }} | ap::starts_on(p.pool)).call_for(1ms).get(); });
}
void stop_by_a_token() {
    untroubled_pool p;
    ask([&] {
        std::stop_source source;
        return (ap::request{[](std::stop_token) { return 7; }} | ap::stop_when(source.get_token()) | ap::starts_on(p.pool))
            .submit()
            .get();
    });
}

}  // namespace

#define EVERY_ALLOCATION(operation, words)                                                                              \
    static explore::test const operation##_once{"allocation: each fails once while " words, __FILE__, once, operation}; \
    static explore::test const operation##_for_ever{"allocation: from each on all fail while " words, __FILE__, for_ever, operation};
EVERY_ALLOCATION(make_a_pool, "a pool is made")
EVERY_ALLOCATION(call_in_place, "a request is called in place")
EVERY_ALLOCATION(call_on_a_pool, "a request is called on a pool")
EVERY_ALLOCATION(submit_to_a_pool, "a request is submitted to a pool")
EVERY_ALLOCATION(submit_with_a_callback, "a request is submitted with a callback")
EVERY_ALLOCATION(submit_an_erased_request, "an erased request is submitted")
EVERY_ALLOCATION(submit_a_task, "a coroutine is submitted")
EVERY_ALLOCATION(task_that_awaits, "a coroutine awaits another answer")
EVERY_ALLOCATION(promise_and_future, "a promise is fulfilled")
EVERY_ALLOCATION(continuation, "a continuation is attached")
EVERY_ALLOCATION(continuation_on_a_pool, "a continuation runs on a pool")
EVERY_ALLOCATION(callback_on_a_future, "a callback is attached")
EVERY_ALLOCATION(share, "a future is shared")
EVERY_ALLOCATION(all_of_two, "two asks are awaited together")
EVERY_ALLOCATION(any_of_a_range, "the first of a range is awaited")
EVERY_ALLOCATION(each_of_a_range, "a range is walked")
EVERY_ALLOCATION(with_a_timeout, "an ask has a timeout")
EVERY_ALLOCATION(with_a_retry, "an ask is retried")
EVERY_ALLOCATION(with_a_hedge, "an ask is hedged")
EVERY_ALLOCATION(with_a_breaker, "an ask goes through a breaker")
EVERY_ALLOCATION(through_a_strand, "an ask goes through a strand")
EVERY_ALLOCATION(after_a_delay, "an ask is delayed")
EVERY_ALLOCATION(wait_with_a_limit, "an ask is awaited with a limit")
EVERY_ALLOCATION(stop_by_a_token, "an ask follows a token")
