// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/hedge.hpp"

#include <atomic>
#include <chrono>
#include <limits>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"
#include "support/allocations.hpp"
#include "support/observed_by.hpp"
#include "support/values.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

/// Copies that answer as they are told: how long each takes, and in what.
struct copies {
    struct plan {
        ap::duration takes{};
        std::optional<ap::failure> fails{};
    };
    ap::testing::simulation sim{1};
    ap::time_point start = sim.now();
    std::vector<plan> script{};  ///< the last one goes on for ever
    std::vector<ap::duration> sent{};
    std::size_t stopped = 0;

    /// Answers its own number, from 1.
    auto request() {
        return ap::request{[this]() -> ap::task<std::size_t> {
            std::size_t const n = sent.size();
            sent.push_back(sim.now() - start);
            plan const mine = script[n < script.size() ? n : script.size() - 1];
            auto const until = sim.now() + mine.takes;
            co_await ap::sleep_for(mine.takes);
            if (sim.now() < until) {
                ++stopped;
                co_return ap::errc::cancelled;
            }
            if (mine.fails) co_return *mine.fails;
            co_return n + 1;
        }};
    }
    template <class Policy>
    ap::result<std::size_t> ask(Policy const& policy) {
        auto f = (request() | policy | ap::starts_on(sim)).submit();
        sim.run();
        REQUIRE(f.ready());
        CHECK(sim.pending() == 0);
        return std::move(f).get();
    }
    [[nodiscard]] ap::duration elapsed() const { return sim.now() - start; }
};

struct recorder final : ap::observer {
    void hedged(std::uint32_t number) noexcept override { copies.push_back(number); }
    void late() noexcept override { ++late_ones; }
    std::vector<std::uint32_t> copies;
    int late_ones = 0;
};

}  // namespace

TEST_CASE("hedge: an answer in time is one copy, and frees the timer") {
    copies c{.script = {{40ms}}};
    CHECK(c.ask(ap::hedge{.after = 50ms}).value() == 1);
    CHECK(c.sent.size() == 1);
    CHECK(c.elapsed() == 40ms);
}

TEST_CASE("hedge: a slow ask is sent again after the delay, and the first success wins") {
    copies c{.script = {{10s}, {5ms}}};
    CHECK(c.ask(ap::hedge{.after = 50ms}).value() == 2);
    CHECK(c.sent == std::vector<ap::duration>{0ms, 50ms});
    CHECK(c.elapsed() == 55ms);
    copies d{.script = {{60ms}, {20ms}}};
    CHECK(d.ask(ap::hedge{.after = 50ms}).value() == 1);
    CHECK(d.elapsed() == 60ms);
}

TEST_CASE("hedge: the winner requests stop on the rest") {
    copies c{.script = {{10s}, {10s}, {1ms}}};
    CHECK(c.ask(ap::hedge{.after = 50ms, .max_attempts = 3}).value() == 3);
    CHECK(c.stopped == 2);
    CHECK(c.elapsed() == 101ms);
}

TEST_CASE("hedge: it sends up to max_attempts in all, one delay apart") {
    copies c{.script = {{1s}}};
    CHECK(c.ask(ap::hedge{.after = 50ms, .max_attempts = 4}).value() == 1);
    CHECK(c.sent == std::vector<ap::duration>{0ms, 50ms, 100ms, 150ms});
    copies d{.script = {{1s}}};
    CHECK(d.ask(ap::hedge{.after = 50ms}).value() == 1);
    CHECK(d.sent.size() == 2);
    copies e{.script = {{1s}}};
    CHECK(e.ask(ap::hedge{.after = 50ms, .max_attempts = 1}).value() == 1);
    CHECK(e.sent.size() == 1);
}

TEST_CASE("hedge: with a delay of zero all are sent at once") {
    copies c{.script = {{30ms}, {20ms}, {10ms}}};
    CHECK(c.ask(ap::hedge{.after = 0ms, .max_attempts = 3}).value() == 3);
    CHECK(c.sent == std::vector<ap::duration>{0ms, 0ms, 0ms});
    CHECK(c.elapsed() == 10ms);
}

TEST_CASE("hedge: a failure that is not transient ends it at once, and the others are stopped") {
    copies c{.script = {{10s}, {5ms, ap::errc::invalid_argument}}};
    auto r = c.ask(ap::hedge{.after = 50ms, .max_attempts = 3});
    CHECK(r.error() == ap::errc::invalid_argument);
    CHECK(r.error().attempts() == 2);
    CHECK(c.stopped == 1);
    CHECK(c.elapsed() == 55ms);
}

TEST_CASE("hedge: a transient failure sends the next copy immediately, and the delay starts anew") {
    copies c{.script = {{30ms, ap::errc::unavailable}, {1s}, {1s}}};
    CHECK(c.ask(ap::hedge{.after = 50ms, .max_attempts = 3}).value() == 2);
    CHECK(c.sent == std::vector<ap::duration>{0ms, 30ms, 80ms});
}

TEST_CASE("hedge: all failed gives the first copy's failure, with the number of copies") {
    copies c{.script = {{100ms, ap::errc::unavailable}, {10ms, ap::errc::aborted}, {10ms, ap::errc::resource_exhausted}}};
    auto r = c.ask(ap::hedge{.after = 50ms, .max_attempts = 3});
    CHECK(r.error() == ap::errc::unavailable);
    CHECK(r.error().attempts() == 3);
    CHECK(c.sent == std::vector<ap::duration>{0ms, 50ms, 60ms});
}

TEST_CASE("hedge: a failure counts as executed when any copy may have been") {
    copies c{.script = {{1ms, ap::failure{ap::errc::unavailable, ap::executed::no}},
                        {1ms, ap::failure{ap::errc::unavailable, ap::executed::yes}}}};
    CHECK(c.ask(ap::hedge{.after = 50ms}).error().executed() == ap::executed::yes);
}

TEST_CASE("hedge: a negative retry_after means no more copies, and those in flight go on") {
    copies c{.script = {{1s}, {10ms, ap::failure{ap::errc::unavailable}.with_retry_after(-1ms)}, {1ms}}};
    CHECK(c.ask(ap::hedge{.after = 50ms, .max_attempts = 5}).value() == 1);
    CHECK(c.sent.size() == 2);
    CHECK(c.elapsed() == 1s);
    copies d{.script = {{10ms, ap::failure{ap::errc::unavailable}.with_retry_after(-1ms)}}};
    CHECK(d.ask(ap::hedge{.after = 50ms, .max_attempts = 5}).error() == ap::errc::unavailable);
    CHECK(d.sent.size() == 1);
    CHECK(d.elapsed() == 10ms);
}

TEST_CASE("hedge: a retry_after sends the next copy that much later, and the delay starts anew from there") {
    copies c{.script = {{1s}, {10ms, ap::failure{ap::errc::unavailable}.with_retry_after(200ms)}, {5s}, {5s}}};
    CHECK(c.ask(ap::hedge{.after = 50ms, .max_attempts = 4}).value() == 1);
    CHECK(c.sent == std::vector<ap::duration>{0ms, 50ms, 260ms, 310ms});
    copies d{.script = {{10ms, ap::failure{ap::errc::unavailable}.with_retry_after(200ms)}, {1ms}}};
    CHECK(d.ask(ap::hedge{.after = 50ms}).value() == 2);
    CHECK(d.sent == std::vector<ap::duration>{0ms, 210ms});
    copies e{.script = {{10ms, ap::failure{ap::errc::unavailable}.with_retry_after(0ms)}, {1ms}}};
    CHECK(e.ask(ap::hedge{.after = 50ms}).value() == 2);
    CHECK(e.sent == std::vector<ap::duration>{0ms, 10ms});
}

TEST_CASE("hedge: a retry_after beyond the deadline is not waited for") {
    copies c{.script = {{10ms, ap::failure{ap::errc::unavailable}.with_retry_after(10s)}}};
    auto r = c.ask(ap::hedge{.after = 50ms} | ap::timeout{.limit = 1s});
    CHECK(r.error() == ap::errc::unavailable);
    CHECK(c.elapsed() == 10ms);
}

TEST_CASE("hedge: retry_if says what is transient") {
    copies c{.script = {{10ms, ap::errc::internal}, {1ms}}};
    CHECK(c.ask(ap::hedge{.after = 50ms, .retry_if = [](ap::failure const& f) { return f == ap::errc::internal; }}).value() == 2);
}

TEST_CASE("hedge: the hook for late answers may take one") {
    struct keeper final : ap::observer {
        void late_reply(ap::late_answer answer) noexcept override {
            if (auto* const r = answer.get<int>(); r != nullptr && *r) kept = **r;
        }
        int kept = 0;
    } heard;
    ap::testing::simulation sim{1};
    int copies = 0;
    ap::request slow{[&]() -> ap::task<int> {
        int const mine = ++copies;
        for (int i = 0; i != (mine == 1 ? 30 : 10); ++i)
            (void)co_await (ap::request{[] {}} | ap::after(1ms) | ap::starts_on(sim)).submit();
        co_return mine;
    }};
    auto f = (slow | ap::hedge{.after = 5ms} | ap::observe(&heard) | ap::starts_on(sim)).submit();
    sim.run();
    CHECK(std::move(f).get().value() == 2);
    CHECK(heard.kept == 1);
}

TEST_CASE("hedge: a late answer is dropped and its observer hears of it, while one that obeyed the stop is no news") {
    ap::testing::simulation sim{1};
    recorder heard;
    std::vector<ap::promise<int>> pending;
    pending.reserve(3);
    ap::request waits{[&] {
        pending.emplace_back();
        return pending.back().get_future();
    }};
    int answers = 0;
    (waits | ap::hedge{.after = 10ms, .max_attempts = 3} | test::observed_by{&heard} | ap::starts_on(sim))
        .submit([&](ap::result<int> r) { answers += r.value(); });
    sim.run();
    REQUIRE(pending.size() == 3);
    pending[1].set_value(5);
    sim.run();
    CHECK(answers == 5);
    pending[0].set_value(100);
    pending[2].set_failure(ap::errc::cancelled);
    sim.run();
    CHECK(answers == 5);
    CHECK(heard.late_ones == 1);
    CHECK(heard.copies == std::vector<std::uint32_t>{2, 3});
}

TEST_CASE("hedge: a stop reaches every copy, and the ask is cancelled") {
    copies c{.script = {{10s}}};
    auto f = (c.request() | ap::hedge{.after = 50ms, .max_attempts = 3} | ap::starts_on(c.sim)).submit();
    c.sim.advance(60ms);
    f.request_stop();
    c.sim.run();
    CHECK(std::move(f).get().error() == ap::errc::cancelled);
    CHECK(c.stopped == 2);
    CHECK(c.sent.size() == 2);
    CHECK(c.elapsed() == 60ms);
}

TEST_CASE("hedge: a stop while nothing is in flight frees the timer at once") {
    copies c{.script = {{10ms, ap::failure{ap::errc::unavailable}.with_retry_after(1h)}}};
    auto f = (c.request() | ap::hedge{.after = 50ms} | ap::starts_on(c.sim)).submit();
    c.sim.advance(1s);
    CHECK_FALSE(f.ready());
    f.request_stop();
    CHECK(f.ready());
    CHECK(c.sim.pending() == 0);
    auto r = std::move(f).get();
    CHECK(r.error() == ap::errc::cancelled);
    CHECK(r.error().attempts() == 1);
}

TEST_CASE("hedge: a stop before it began is cancelled, unexecuted") {
    copies c{.script = {{10ms}}};
    auto f = (c.request() | ap::hedge{.after = 50ms} | ap::after(1s) | ap::starts_on(c.sim)).submit();
    f.request_stop();
    c.sim.run();
    auto r = std::move(f).get();
    CHECK(r.error() == ap::errc::cancelled);
    CHECK(r.error().executed() == ap::executed::no);
    CHECK(c.sent.empty());
}

TEST_CASE("hedge: the executor's end decides the ask, in flight or between copies") {
    for (auto const pause : {ap::duration{0}, ap::duration{1h}}) {
        ap::future<int> f;
        {
            ap::testing::simulation sim{1};
            ap::request fails{[&]() -> ap::task<int> {
                if (pause == 0ms) co_await ap::sleep_for(10s);
                co_return ap::failure{ap::errc::unavailable}.with_retry_after(pause);
            }};
            f = (fails | ap::hedge{.after = 50ms, .max_attempts = 3} | ap::starts_on(sim)).submit();
            sim.advance(20ms);
            CHECK_FALSE(f.ready());
        }
        REQUIRE(f.ready());
        auto r = std::move(f).get();
        CHECK((r.error() == ap::errc::shut_down || (pause == 0ms && r.error() == ap::errc::unavailable)));
    }
}

TEST_CASE("hedge: each copy has the original arguments, and knows its number") {
    ap::testing::simulation sim{1};
    std::vector<std::pair<std::string, std::uint32_t>> seen;
    ap::request consumes{[&](ap::context const& c, std::string s) -> ap::task<int> {
        seen.emplace_back(std::move(s), c.attempt());
        co_await ap::sleep_for(1s);
        co_return 1;
    }};
    (void)(consumes | ap::hedge{.after = 50ms, .max_attempts = 3} | ap::starts_on(sim)).submit(std::string(50, 'a')).get();
    std::string const a(50, 'a');
    CHECK(seen == std::vector<std::pair<std::string, std::uint32_t>>{{a, 1}, {a, 2}, {a, 3}});
}

TEST_CASE("hedge: arguments that cannot be copied mean one copy") {
    ap::testing::simulation sim{1};
    int asked = 0;
    ap::request takes{[&](test::move_only) -> ap::task<int> {
        ++asked;
        co_await ap::sleep_for(1s);
        co_return 1;
    }};
    CHECK((takes | ap::hedge{.after = 1ms} | ap::starts_on(sim)).submit(test::move_only{1}).get().value() == 1);
    CHECK(asked == 1);
}

TEST_CASE("hedge: budgets gate all copies but the first") {
    ap::retry_budget const budget{{.max_tokens = 2}};
    copies c{.script = {{1s}}};
    CHECK(c.ask(ap::hedge{.after = 50ms, .budget = budget}).has_value());
    CHECK(c.sent.size() == 2);
    budget.failed();
    c.sent.clear();
    CHECK(c.ask(ap::hedge{.after = 50ms, .budget = budget}).has_value());
    CHECK(c.sent.size() == 1);
}

TEST_CASE("hedge: transient failures of copies take from a throttle, a success gives back") {
    ap::retry_budget const budget{{.max_tokens = 10, .token_ratio = 0.5}};
    copies c{.script = {{1ms, ap::errc::unavailable}, {1ms, ap::errc::unavailable}, {1ms}}};
    CHECK(c.ask(ap::hedge{.after = 50ms, .max_attempts = 3, .budget = budget}).has_value());
    CHECK(budget.balance(c.sim.now()) == 8.5);
}

TEST_CASE("hedge: max_extra_load caps the copies as a fraction of the asks") {
    copies c{.script = {{100ms}}};
    auto const capped = c.request() | ap::hedge{.after = 10ms, .max_extra_load = 0.25} | ap::starts_on(c.sim);
    for (int i = 0; i < 40; ++i)
        CHECK(capped.call().has_value());
    CHECK(c.sent.size() == 50);
}

TEST_CASE("hedge: a percentile is off until enough was measured, and is shared by copies of the request") {
    copies c{.script = {{10ms}}};
    auto const first = c.request() | ap::hedge{.after = ap::percentile(0.9)} | ap::starts_on(c.sim);
    auto const second = first;
    c.script = {{5s}};
    CHECK(first.call().has_value());
    CHECK(c.sent.size() == 1);
    c.sim.advance(1min);
    c.script = {{10ms}};
    for (int i = 0; i < 30; ++i)
        CHECK((i % 2 == 0 ? first : second).call().has_value());
    CHECK(c.sent.size() == 31);
    c.sent.clear();
    c.script = {{1s}, {1ms}};
    auto const before = c.sim.now();
    CHECK(second.call().value() == 2);
    CHECK(c.sim.now() - before > 11ms);
    CHECK(c.sim.now() - before < 12ms);
}

TEST_CASE("hedge: each pipeline measures for itself, one policy value notwithstanding") {
    copies c{.script = {{10ms}}};
    auto const policy = ap::hedge{.after = ap::percentile(0.9)} | ap::timeout{.limit = 1h};
    auto const known = c.request() | policy | ap::starts_on(c.sim);
    auto const other = c.request() | policy | ap::starts_on(c.sim);
    for (int i = 0; i < 30; ++i)
        CHECK(known.call().has_value());
    c.sent.clear();
    c.script = {{1s}};
    CHECK(other.call().has_value());
    CHECK(c.sent.size() == 1);
    CHECK(known.call().has_value());
    CHECK(c.sent.size() == 3);
}

TEST_CASE("hedge: a percentile is at least a millisecond, and fast failures are not measured") {
    copies c{.script = {{0ms}}};
    auto const r = c.request() | ap::hedge{.after = ap::percentile(0.5)} | ap::starts_on(c.sim);
    for (int i = 0; i < 30; ++i)
        CHECK(r.call().has_value());
    c.script = {{0ms, ap::errc::internal}};
    for (int i = 0; i < 100; ++i)
        CHECK_FALSE(r.call().has_value());
    c.sent.clear();
    c.script = {{1s}, {0ms}};
    auto const before = c.sim.now();
    CHECK(r.call().value() == 2);
    CHECK(c.sim.now() - before == 1ms);
}

TEST_CASE("hedge: a call without an executor runs on the pool, so that the loser can be given up") {
    std::atomic<int> asked{0};
    std::atomic<bool> stuck{true};
    std::atomic<int> done{0};
    ap::request once_stuck{[&](std::stop_token) {
        if (++asked == 1) stuck.wait(true);
        ++done;
        done.notify_all();
        return 4;
    }};
    auto const here = std::this_thread::get_id();
    static_cast<void>(here);
    CHECK((once_stuck | ap::hedge{.after = 1ms}).call().value() == 4);
    stuck = false;
    stuck.notify_all();
    done.wait(1);
    CHECK(done == 2);
}

TEST_CASE("hedge: with the inline executor no copy and no predicate runs on the timer thread") {
    std::atomic<bool> wrong{false};
    auto const look = [&] { wrong = wrong || ap::timer_thread::is_current(); };
    struct told {
        std::atomic<bool>* wrong;
        explicit told(std::atomic<bool>& w) : wrong{&w} {}
        told(told const& o) : wrong{o.wrong} { *wrong = *wrong || ap::timer_thread::is_current(); }
    };
    ap::request slow{[&](told const&) -> ap::task<int> {
        look();
        co_await ap::sleep_for(3ms);
        look();
        co_return ap::errc::unavailable;
    }};
    auto const asks = [&](ap::failure const&) {
        look();
        return true;
    };
    auto f = (slow | ap::timeout{.limit = 2ms} | ap::hedge{.after = 1ms, .max_attempts = 3, .retry_if = asks} | ap::after(1ms) |
              ap::starts_on(ap::inline_executor{}))
                 .submit(told{wrong});
    CHECK_FALSE(std::move(f).get());
    CHECK_FALSE(wrong);
}

TEST_CASE("hedge: copies that race on a pool give one answer each time, and leave nothing") {
    {
        ap::thread_pool pool{{.threads = 3}};
        std::atomic<unsigned> n{0};
        ap::request races{[&](test::counted const&) -> ap::result<int> {
            unsigned const mine = n.fetch_add(1);
            if (mine % 3 == 0) return ap::errc::unavailable;
            for (unsigned i = 0; i < mine % 7; ++i)
                std::this_thread::yield();
            return 1;
        }};
        auto const hedged = races | ap::hedge{.after = 0ms, .max_attempts = 3} | ap::starts_on(pool);
        std::atomic<int> values{0}, failures{0};
        for (int i = 0; i < 2000; ++i) {
            auto f = hedged.submit(test::counted{});
            if (i % 5 == 0) f.request_stop();
            ++(std::move(f).get() ? values : failures);
            hedged.submit(test::counted{}, [&](ap::result<int> r) { ++(r ? values : failures); });
        }
        pool.shut_down(10s);
        CHECK(values + failures == 4000);
    }
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("hedge: copies that fail where they are sent use constant stack") {
    ap::request fails{[](ap::context const&) -> ap::result<int> { return ap::errc::unavailable; }};
    auto const many = fails | ap::hedge{.after = 1h, .max_attempts = 200'000} | ap::starts_on(ap::inline_executor{});
    CHECK(many.call().error().attempts() == 200'000);
}

TEST_CASE("hedge: the ask, its timer and its first copy are one allocation, every further copy one more") {
    ap::request quick{[](int x) { return x; }};
    auto const hedged = quick | ap::hedge{.after = 1h} | ap::starts_on(ap::inline_executor{});
    CHECK(test::allocations_of([&] { hedged.submit(1).detach(); }) == 1);
    auto const both = quick | ap::hedge{.after = 0ms} | ap::starts_on(ap::inline_executor{});
    CHECK(test::allocations_of([&] { both.submit(1).detach(); }) == 2);
}

TEST_CASE("hedge: it works over an erased request, and under one") {
    copies c{.script = {{10s}, {1ms}}};
    ap::request<std::size_t()> const erased = c.request();
    ap::request<std::size_t()> const hedged = erased | ap::hedge{.after = 5ms} | ap::starts_on(c.sim);
    CHECK(hedged.call().value() == 2);
    c.sent.clear();
    CHECK(hedged.submit().get().value() == 2);
}

TEST_CASE("hedge: inside a retry, every attempt is hedged") {
    copies c{.script = {{10s, ap::errc::unavailable}, {1ms, ap::errc::unavailable}, {10s}, {1ms}}};
    CHECK(c.ask(ap::hedge{.after = 5ms} | ap::timeout{.limit = 20ms} |
                ap::retry{.backoff = {.initial = 100ms, .jitter = ap::jitter::none}})
              .value() == 4);
    CHECK(c.sent == std::vector<ap::duration>{0ms, 5ms, 120ms, 125ms});
}

TEST_CASE("hedge: idempotent() opens it to a request that is unsafe to repeat") {
    ap::testing::simulation sim{1};
    int asked = 0;
    ap::request<int(), ap::repeat::unsafe> post = [&]() -> ap::task<int> {
        ++asked;
        co_await ap::sleep_for(1s);
        co_return 1;
    };
    CHECK((ap::idempotent(post) | ap::hedge{.after = 1ms} | ap::starts_on(sim)).call().has_value());
    CHECK(asked == 2);
}

TEST_CASE("hedge: everything of an ask is destroyed with its last copy") {
    {
        ap::testing::simulation sim{1};
        ap::request slow{[](ap::duration d, test::counted c) -> ap::task<test::counted> {
            co_await ap::sleep_for(d);
            co_return c;
        }};
        auto f = (slow | ap::hedge{.after = 1ms, .max_attempts = 4} | ap::starts_on(sim)).submit(ap::duration{10ms}, test::counted{6});
        sim.run();
        CHECK(std::move(f).get().value().read() == 6);
        CHECK(test::counted::alive() == 0);
    }
}

TEMPLATE_TEST_CASE("hedge: every type of result passes unchanged", "[law]", ANTIPHON_LAW_TYPES) {
    ap::testing::simulation sim{1};
    int asked = 0;
    ap::request sometimes{[&](int n) -> ap::result<TestType> {
        if (++asked % 2 == 1) return ap::errc::unavailable;
        if constexpr (std::is_void_v<TestType>) {
            return {};
        } else {
            return ap::result<TestType>{test::make<TestType>(n)};
        }
    }};
    auto const hedged = sometimes | ap::hedge{.after = 1s} | ap::starts_on(sim);
    for (int i = 0; i < 4; ++i) {
        auto r = i % 2 == 0 ? hedged.call(i) : hedged.submit(i).get();
        REQUIRE(r.has_value());
        if constexpr (!std::is_void_v<TestType>) CHECK(test::read(*r) == i);
    }
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("hedge: what retry_if throws is the failure") {
    copies c{.script = {{1ms, ap::errc::unavailable}}};
    auto r = c.ask(ap::hedge{.after = 50ms, .retry_if = [](ap::failure const&) -> bool { throw std::runtime_error{"no idea"}; }});
    CHECK(r.error().message() == "no idea");
}

TEST_CASE("hedge: nonsense is refused by |, naming the field") {
    auto r = ap::request{[] { return 1; }};
    auto const refusal = [&](ap::hedge const& h) -> std::string {
        try {
            (void)(r | h);
        } catch (std::invalid_argument const& e) {
            return e.what();
        }
        return "nothing was refused";
    };
    CHECK(refusal({.after = -1ms}) == "hedge.after: must not be negative");
    CHECK(refusal({.after = 1ms, .max_attempts = 0}) == "hedge.max_attempts: must be at least 1");
    for (double x : {-0.1, 1.1, 0.0004, std::numeric_limits<double>::quiet_NaN()})
        CHECK(refusal({.after = 1ms, .max_extra_load = x}) == "hedge.max_extra_load: must be 0, or from 0.001 to 1");
}

TEST_CASE("hedge: whichever allocation fails, the ask ends once, and nothing is left") {
    ap::request r{[](ap::context const& c, test::counted const&) -> ap::result<int> {
        if (c.attempt() < 3) return ap::errc::unavailable;
        return 1;
    }};
    ap::testing::simulation sim{1};
    auto const hedged = r | ap::hedge{.after = 10ms, .max_attempts = 3} | ap::starts_on(sim);
    int failures = 0, values = 0;
    for (std::size_t after = 0; values == 0; ++after) {
        REQUIRE(after < 20);
        try {
            ap::future<int> f;
            test::failing_allocations const starved{after};
            f = hedged.submit(test::counted{});
            sim.run();
            REQUIRE(f.ready());
            auto answer = std::move(f).get();
            ++(answer ? values : failures);
            if (!answer) CHECK(answer.error() == ap::errc::resource_exhausted);
        } catch (std::bad_alloc const&) {
            ++failures;
        }
        CHECK(test::counted::alive() == 0);
        CHECK(sim.pending() == 0);
    }
    CHECK(failures == 3);
}

TEST_CASE("hedge: a copy that cannot be made is no harm while another is in flight") {
    copies c{.script = {{100ms}}};
    auto f = (c.request() | ap::hedge{.after = 50ms} | ap::starts_on(c.sim)).submit();
    c.sim.advance(10ms);
    {
        test::failing_allocations const starved;
        c.sim.advance(60ms);
    }
    c.sim.run();
    CHECK(std::move(f).get().value() == 1);
}
#endif

TEST_CASE("hedge: copies that the budget refuses are not charged to max_extra_load") {
    ap::testing::simulation sim{1};
    ap::retry_budget const budget{ap::retry_budget::throttle{.max_tokens = 10}};
    for (int i = 0; i != 6; ++i)
        budget.failed();
    int sent = 0;
    auto ask = ap::request{[&]() -> ap::task<int> {
                   ++sent;
                   co_await ap::sleep_for(50ms);
                   co_return 1;
               }} |
               ap::hedge{.after = 10ms, .max_extra_load = 0.5, .budget = budget} | ap::starts_on(sim);
    for (int i = 0; i != 4; ++i)
        CHECK(ask.call().has_value());
    REQUIRE(sent == 4);
    for (int i = 0; i != 60; ++i)
        budget.succeeded();
    for (int i = 0; i != 2; ++i)
        CHECK(ask.call().has_value());
    CHECK(sent == 8);
}
