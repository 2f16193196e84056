// SPDX-License-Identifier: BSL-1.0
// What holds for every policy: the laws of an ask, whatever is put around it.
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/chaos.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"
#include "support/values.hpp"

namespace ap = antiphon;
using ap::testing::chaos;
using ap::testing::latency;
using namespace std::chrono_literals;

namespace {

/// A policy under test: `make()` gives a new one, generous enough that an ask which needs less than a second is not refused.
struct with_timeout {
    static auto make() { return ap::timeout{.limit = 1h}; }
};
struct with_deadline {
    static auto make() { return ap::deadline{ap::time_point::max() - 1h}; }
};
struct with_within {
    static auto make() { return ap::within(1h); }
};
struct with_after {
    static auto make() { return ap::after(10ms); }
};
struct with_at {
    static auto make() { return ap::at(ap::time_point{1h + 10ms}); }
};
struct with_priority {
    static auto make() {
        return [](auto r) { return std::move(r) | ap::priority::high; };
    }
};
struct with_observe {
    static auto make() { return ap::observe(ap::hooks{}); }
};
struct with_stats {
    static auto make() { return ap::stats{{.stripes = 1}}; }
};
struct with_adaptive {
    static auto make() { return ap::adaptive{}; }
};
struct with_chaos {
    static auto make() { return chaos{.delay = latency::exponential(3ms)}; }
};
struct with_layer {
    static auto make() {
        return ap::layer([](auto next, auto&&... args) { return next(std::forward<decltype(args)>(args)...); });
    }
};
struct with_fallback {
    static auto make() {
        return ap::fallback([](ap::failure why) { return why; });
    }
};
/// Asks of one law do not mean the same: each has a key of its own.
struct with_coalesce {
    static constexpr bool copies = true;
    static auto make() {
        return ap::coalesce([n = std::make_shared<int>(0)](auto const&...) { return ++*n; });
    }
};
struct with_cache {
    static constexpr bool copies = true;
    static auto make() {
        return ap::cache{}.by([n = std::make_shared<int>(0)](auto const&...) { return ++*n; });
    }
};
struct with_circuit_breaker {
    static auto make() { return ap::circuit_breaker{}; }
};
struct with_rate_limit {
    static auto make() { return ap::rate_limit{{.permits = 1'000'000, .per = 1h}}; }
};
struct with_delaying_rate_limit {
    static auto make() { return ap::rate_limit{{.permits = 4, .per = 1ms, .max_wait = 1h}}; }
};
struct with_concurrency_limit {
    static auto make() { return ap::concurrency_limit{{.max_concurrent = 1000}}; }
};
struct with_line {
    static auto make() { return ap::concurrency_limit{{.max_concurrent = 1, .max_queue = 1000, .max_wait = 10h}}; }
};
struct with_adaptive_limit {
    static auto make() { return ap::adaptive_limit{{.initial = 1000}}; }
};
struct with_load_shed {
    static auto make() { return ap::load_shed{{.throttle = true, .k = 1e6}}; }
};
struct with_retry {
    static auto make() { return ap::retry{}; }
};
struct with_retry_and_budget {
    static auto make() { return ap::retry{.budget = ap::retry_budget{ap::retry_budget::bucket{}}}; }
};
struct with_hedge {
    static auto make() { return ap::hedge{.after = 2h}; }
};
struct with_measured_hedge {
    static auto make() { return ap::hedge{.max_extra_load = 0.1}; }
};
struct with_with_metadata {
    static auto make() {
        return ap::with_metadata{"key", [] { return "value"; }};
    }
};
struct with_standard {
    static auto make() { return ap::standard{}; }
};
/// With everything that may be left out.
struct with_full_standard {
    static auto make() {
        return ap::standard({.rate_limit = ap::rate_limit{{.permits = 1'000'000, .per = 1h}},
                             .hedge = ap::hedge{.after = 2h},
                             .concurrency_limit = ap::concurrency_limit{{.max_concurrent = 1000}},
                             .load_shed = ap::load_shed{}})
            .with_fallback([](ap::failure why) { return why; });
    }
};
/// A request is the only replica of a balance.
struct with_balance {
    static auto make() {
        return [](auto r) {
            ap::balance<typename decltype(r)::signature> const all{{.breaker = ap::circuit_breaker_options{}}};
            all.add(std::move(r));
            return all.to_request();
        };
    }
};
#define ANTIPHON_LAW_POLICIES                                                                                                          \
    with_timeout, with_deadline, with_within, with_after, with_at, with_priority, with_observe, with_stats, with_adaptive, with_chaos, \
        with_circuit_breaker, with_rate_limit, with_delaying_rate_limit, with_concurrency_limit, with_line, with_adaptive_limit,       \
        with_load_shed, with_layer, with_fallback, with_coalesce, with_cache, with_retry, with_retry_and_budget, with_hedge,           \
        with_measured_hedge, with_with_metadata, with_standard, with_full_standard, with_balance

/// The same for an executor without a clock of its own: its time is the machine's, which may have begun a minute ago.
template <class P>
auto make_in_real_time() {
    if constexpr (std::is_same_v<P, with_at>) {
        return ap::at(ap::clock::now() + 10ms);
    } else {
        return P::make();
    }
}

/// Sixteen asks, each heard of by its callback.
template <class Request>
struct crowd {
    explicit crowd(Request r) : request(std::move(r)) {}
    void ask(int n = 16) {
        for (int i = 0; i != n; ++i) {
            heard.push_back(0);
            request.submit([this, at = heard.size() - 1](auto answer) {
                ++heard[at];
                ++(answer.has_value() ? values : failures);
            });
        }
    }
    void check() const {
        for (int times : heard)
            CHECK(times == 1);
        CHECK(values + failures == static_cast<int>(heard.size()));
    }
    Request request;
    std::vector<int> heard;
    int values = 0;
    int failures = 0;
};

template <class P, class T>
void value_passes() {
    ap::testing::simulation sim{1};
    auto r = ap::request{[]() -> T { return test::make<T>(3); }} | P::make() | ap::starts_on(sim);
    auto const answer = r.call();
    REQUIRE(answer.has_value());
    if constexpr (!std::is_void_v<T>) CHECK(test::read(*answer) == 3);
    if constexpr (std::is_reference_v<T>) CHECK(&*answer == &test::make<T>(3));
}

}  // namespace

TEMPLATE_TEST_CASE("law: a value of every kind passes unchanged", "[law]", ANTIPHON_LAW_POLICIES) {
    value_passes<TestType, int>();
    value_passes<TestType, void>();
    value_passes<TestType, int&>();
    if constexpr (!requires { TestType::copies; }) value_passes<TestType, test::move_only>();
    value_passes<TestType, test::throwing_move>();
    value_passes<TestType, test::overaligned>();
}

TEMPLATE_TEST_CASE("law: an argument that only moves reaches the handler", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    auto r = ap::request{[](std::unique_ptr<int> p) { return *p; }} | TestType::make() | ap::starts_on(sim);
    CHECK(r.call(std::make_unique<int>(7)).value() == 7);
}

TEMPLATE_TEST_CASE("law: an empty request fails through it", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    ap::request<int()> const empty;
    auto const answer = (empty | TestType::make() | ap::starts_on(sim)).call();
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error() == ap::errc::failed_precondition);
}

TEMPLATE_TEST_CASE("law: a failure that no repeat can mend passes unchanged", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    auto r = ap::request{[]() -> ap::result<int> { return ap::failure{ap::errc::not_found, ap::executed::yes}; }} | TestType::make() |
             ap::starts_on(sim);
    auto const answer = r.call();
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error() == ap::errc::not_found);
    CHECK(answer.error().executed() == ap::executed::yes);
}

TEMPLATE_TEST_CASE("law: an empty request fails, and nothing waits for it", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    int (*null)(int) = nullptr;
    auto const check = [&](auto bare) {
        auto const r = bare | TestType::make() | ap::starts_on(sim);
        ap::request<int(int)> const erased = bare | ap::starts_on(sim) | TestType::make();
        for (auto const& answer : {r.call(1), r.submit(1).get(), r.call_for(1h, 1).get(), erased.call(1), erased.submit(1).get()}) {
            REQUIRE_FALSE(answer.has_value());
            CHECK(answer.error() == ap::errc::failed_precondition);
            CHECK(answer.error().executed() == ap::executed::no);
        }
    };
    check(ap::request<int(int)>{});
    check(ap::request<int(int)>{null});
    check(ap::request{null});
}

TEMPLATE_TEST_CASE("law: every ask is answered exactly once, whatever becomes of its handler", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    auto const run = [&](auto handler) {
        crowd c{ap::request{std::move(handler)} | TestType::make() | ap::starts_on(sim)};
        c.ask();
        sim.run();
        c.check();
        CHECK(sim.pending() == 0);
    };
    run([] { return 1; });
    run([]() -> ap::result<int> { return ap::errc::unavailable; });
    run([](ap::promise<int>) {});
    run([]() -> ap::task<int> {
        co_await ap::sleep_for(1ms);
        co_return 2;
    });
#if ANTIPHON_EXCEPTIONS
    run([]() -> int { throw std::runtime_error{"law"}; });
#endif
}

TEMPLATE_TEST_CASE("law: every ask is answered exactly once, when its executor ends under it", "[law]", ANTIPHON_LAW_POLICIES) {
    for (ap::duration until : {0ms, 1ms, 11ms, 50ms}) {
        auto sim = std::make_unique<ap::testing::simulation>(2);
        ap::request slow{[]() -> ap::task<int> {
            co_await ap::sleep_for(40ms);
            co_return 2;
        }};
        crowd c{slow | TestType::make() | ap::starts_on(*sim)};
        c.ask();
        sim->advance(until);
        sim.reset();
        c.check();
    }
}

TEMPLATE_TEST_CASE("law: every ask is answered exactly once, when its executor drops its work", "[law]", ANTIPHON_LAW_POLICIES) {
    struct dropper {
        void execute(ap::work) const {}
    };
    auto r = ap::request{[] { return 1; }} | make_in_real_time<TestType>() | ap::starts_on(dropper{});
    for (int i = 0; i != 4; ++i) {
        auto const answer = r.submit().get();
        REQUIRE_FALSE(answer.has_value());
        CHECK(answer.error().executed() == ap::executed::no);
    }
}

TEMPLATE_TEST_CASE("law: a stop request reaches the running handler", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    std::stop_token seen;
    ap::promise<int> never;
    ap::request waits{[&](std::stop_token stop) {
        seen = std::move(stop);
        return never.get_future();
    }};
    auto f = (waits | TestType::make() | ap::starts_on(sim)).submit();
    sim.advance(1s);
    REQUIRE(seen.stop_possible());
    CHECK_FALSE(seen.stop_requested());
    f.request_stop();
    sim.advance(1s);
    CHECK(seen.stop_requested());
    never.set_value(1);
    sim.run();
    CHECK(f.ready());
    CHECK(sim.pending() == 0);
}

TEMPLATE_TEST_CASE("law: a dropped future requests stop, and what it was for is freed", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    bool stopped = false;
    auto const alive = std::make_shared<int>(1);
    {
        auto f = (ap::request{[&stopped, alive](std::stop_token stop) -> ap::task<int> {
                      co_await ap::sleep_for(1h);
                      stopped = stop.stop_requested();
                      co_return *alive;
                  }} |
                  TestType::make() | ap::starts_on(sim))
                     .submit();
        sim.advance(1s);
        CHECK(alive.use_count() > 1);
    }
    sim.advance(1s);
    CHECK(stopped);
    CHECK(alive.use_count() == 1);
    CHECK(sim.pending() == 0);
}

TEMPLATE_TEST_CASE("law: an ask that is stopped before its handler runs never runs it", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    bool ran = false;
    auto f = (ap::request{[&] { ran = true; }} | TestType::make() | ap::starts_on(sim)).submit();
    f.request_stop();
    sim.run();
    auto const answer = std::move(f).get();
    CHECK_FALSE(ran);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error() == ap::errc::cancelled);
    CHECK(sim.pending() == 0);
}

TEMPLATE_TEST_CASE("law: once it is answered, no timer is left, and the clock stands", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    ap::time_point answered{};
    auto r = ap::request{[]() -> ap::task<int> {
                 co_await ap::sleep_for(1ms);
                 co_return 1;
             }} |
             TestType::make() | ap::starts_on(sim);
    for (int i = 0; i != 8; ++i)
        r.submit([&](ap::result<int>) { answered = sim.now(); });
    sim.run();
    CHECK(sim.now() == answered);
    CHECK(sim.pending() == 0);
}

TEMPLATE_TEST_CASE("law: once it is answered, its handler does not run again", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    for (bool fails : {false, true}) {
        int runs = 0;
        int runs_at_the_end = -1;
        auto r = ap::request{[&]() -> ap::result<int> {
                     ++runs;
                     if (fails) return ap::errc::unavailable;
                     return 1;
                 }} |
                 TestType::make() | ap::starts_on(sim);
        r.submit([&](ap::result<int>) { runs_at_the_end = runs; });
        sim.run();
        CHECK(runs_at_the_end == runs);
    }
}

TEMPLATE_TEST_CASE("law: the handler and its arguments are gone once nobody asks", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    {
        auto r = ap::request{[kept = test::counted{1}](test::counted const& c) { return kept.read() + c.read(); }} | TestType::make() |
                 ap::starts_on(sim);
        for (int i = 0; i != 4; ++i)
            CHECK(r.call(test::counted{i}).value() == 1 + i);
        for (int i = 0; i != 4; ++i)
            r.submit(test::counted{i}).detach();
        auto f = r.submit(test::counted{9});
        f.request_stop();
        sim.run();
    }
    CHECK(test::counted::alive() == 0);
}

TEMPLATE_TEST_CASE("law: the same seed tells the same story", "[law]", ANTIPHON_LAW_POLICIES) {
    auto const story = [](std::uint64_t seed) {
        ap::testing::simulation sim{seed};
        std::vector<std::tuple<int, int, ap::duration::rep>> told;
        auto r = ap::request{[](int x) { return x; }} |
                 chaos{.delay = latency::exponential(5ms), .fails = 0.3, .duplicates = 0.1, .late = 0.1} | TestType::make() |
                 ap::starts_on(sim);
        for (int i = 0; i != 100; ++i) {
            r.submit(i, [&, i](ap::result<int> a) {
                told.emplace_back(i, a ? 0 : a.error().code().value(), sim.now().time_since_epoch().count());
            });
            sim.advance(1ms);
        }
        sim.run();
        CHECK(told.size() == 100);
        return told;
    };
    CHECK(story(5) == story(5));
    CHECK(story(5) != story(6));
}

TEMPLATE_TEST_CASE("law: asks in and answers out are as many on both sides", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{3};
    ap::stats const inside{{.stripes = 1}};
    ap::stats const outside{{.stripes = 1}};
    auto r = ap::request{[](int x) { return x; }} | chaos{.delay = latency::pareto(1ms, 1.2), .fails = 0.2, .late = 0.05} | inside |
             TestType::make() | outside | ap::starts_on(sim);
    for (int i = 0; i != 200; ++i) {
        auto f = r.submit(i);
        if (i % 5 != 0) std::move(f).detach();
        sim.advance(500us);
    }
    sim.run();
    for (auto const& s : {inside.snapshot(), outside.snapshot()}) {
        CHECK(s.asked == s.completed());
        CHECK(s.in_flight == 0);
    }
    CHECK(outside.snapshot().asked == 200);
    CHECK(sim.pending() == 0);
}

TEMPLATE_TEST_CASE("law: it holds over every executor: each verb gives the value, a stop ends the ask, once", "[law]",
                   ANTIPHON_LAW_POLICIES) {
    ap::thread_pool one{{.threads = 1}};
    ap::thread_pool two{{.threads = 2}};
    for (ap::any_executor const& where : {ap::any_executor{ap::inline_executor{}}, ap::any_executor{one.get_executor()},
                                          ap::any_executor{two.get_executor()}, ap::any_executor{ap::strand{two.get_executor()}}}) {
        auto const r = ap::request{[](int x) { return x + 1; }} | make_in_real_time<TestType>() | ap::starts_on(where);
        CHECK(r.call(1).value() == 2);
        CHECK(r.submit(2).get().value() == 3);
        CHECK(r.call_for(1h, 3).get().value() == 4);
        ap::promise<int> told;
        ap::future<int> heard = told.get_future();
        r.submit(4, [&](ap::result<int> answer) { told.set(std::move(answer)); });
        CHECK(std::move(heard).get().value() == 5);
        std::vector<ap::future<int>> many;
        for (int i = 0; i != 20; ++i) {
            many.push_back(r.submit(i));
            if (i % 2 != 0) many.back().request_stop();
        }
        for (int i = 0; i != 20; ++i) {
            ap::result<int> const answer = std::move(many[static_cast<std::size_t>(i)]).get();
            if (answer) CHECK(*answer == i + 1);
            if (i % 2 == 0) CHECK(answer.has_value());
        }
    }
    two.shut_down(1s);
    one.shut_down(1s);
}

TEMPLATE_TEST_CASE("law: the first answer is kept, whatever comes after it", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    std::vector<ap::promise<int>> replies;
    auto const r =
        ap::request{[&](ap::promise<int> reply) { replies.push_back(std::move(reply)); }} | TestType::make() | ap::starts_on(sim);
    auto f = r.submit();
    sim.advance(100ms);
    REQUIRE(replies.size() == 1);
    replies[0].set_value(1);
    sim.advance(100ms);
    f.request_stop();  // too late
    replies.clear();
    sim.run();
    CHECK(std::move(f).get().value() == 1);
    CHECK(sim.pending() == 0);
}

TEMPLATE_TEST_CASE("law: arguments and values are as they were for each of several asks at once", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    std::string const text(1000, 'x');
    auto const r = ap::request{[](std::string s) { return s; }} | TestType::make() | ap::starts_on(sim);
    int heard = 0;
    for (int i = 0; i != 4; ++i)
        r.submit(text, [&](ap::result<std::string> answer) { heard += answer.has_value() && *answer == text; });
    sim.run();
    CHECK(heard == 4);
}
