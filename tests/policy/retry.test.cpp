// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/retry.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
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

constexpr ap::backoff plain{.initial = 100ms, .jitter = ap::jitter::none};
constexpr ap::backoff at_once{.initial = 0ms, .jitter = ap::jitter::none};

/// A handler that fails as it is told, and remembers when it was asked.
struct flaky {
    ap::testing::simulation sim{1};
    ap::time_point start = sim.now();
    std::vector<ap::duration> sent;
    std::vector<ap::failure> script;  ///< the failures of the first attempts; afterwards it succeeds

    auto request() {
        return ap::request{[this](int x) -> ap::result<int> {
            sent.push_back(sim.now() - start);
            if (sent.size() <= script.size()) return script[sent.size() - 1];
            return x;
        }};
    }
    template <class Policy>
    ap::result<int> ask(Policy const& policy, int x = 1) {
        auto f = (request() | policy | ap::starts_on(sim)).submit(x);
        sim.run();
        REQUIRE(f.ready());
        CHECK(sim.pending() == 0);
        return std::move(f).get();
    }
};

std::vector<ap::failure> times(std::size_t n, ap::failure why = ap::errc::unavailable) { return std::vector<ap::failure>(n, why); }

struct recorder final : ap::observer {
    void retried(std::uint32_t number, ap::failure const& why, ap::duration delay) noexcept override {
        said.push_back({number, why.code(), delay});
    }
    struct event {
        std::uint32_t number;
        std::error_code code;
        ap::duration delay;
    };
    std::vector<event> said;
};

#if ANTIPHON_EXCEPTIONS
/// What the refusal of an argument says.
template <class F>
std::string refusal(F f) {
    try {
        f();
    } catch (std::invalid_argument const& e) {
        return e.what();
    }
    return "nothing was refused";
}
#endif

}  // namespace

TEST_CASE("retry: it makes three attempts by default, the first one included") {
    flaky f;
    f.script = times(9);
    auto r = f.ask(ap::retry{});
    CHECK(f.sent.size() == 3);
    CHECK(r.error() == ap::errc::unavailable);
}

TEST_CASE("retry: a success ends it, and the attempts before it leave no trace") {
    flaky f;
    f.script = times(2);
    CHECK(f.ask(ap::retry{}, 5).value() == 5);
    CHECK(f.sent.size() == 3);
}

TEST_CASE("retry: the last failure is what the caller sees, with the number of attempts") {
    flaky f;
    f.script = {ap::errc::unavailable, ap::errc::aborted, ap::errc::resource_exhausted, ap::errc::unavailable};
    auto r = f.ask(ap::retry{.max_attempts = 3});
    CHECK(r.error() == ap::errc::resource_exhausted);
    CHECK(r.error().attempts() == 3);
}

TEST_CASE("retry: a failure counts as executed when any attempt may have been") {
    flaky f;
    f.script = {ap::failure{ap::errc::unavailable, ap::executed::yes}, ap::failure{ap::errc::unavailable, ap::executed::no}};
    CHECK(f.ask(ap::retry{.max_attempts = 2}).error().executed() == ap::executed::yes);
    flaky g;
    g.script = times(2, ap::failure{ap::errc::unavailable, ap::executed::no});
    CHECK(g.ask(ap::retry{.max_attempts = 2}).error().executed() == ap::executed::no);
}

TEST_CASE("retry: by default the transient codes are asked again, and no others") {
    for (ap::errc code : {ap::errc::unavailable, ap::errc::aborted, ap::errc::resource_exhausted, ap::errc::deadline_exceeded}) {
        flaky f;
        f.script = times(1, code);
        CHECK(f.ask(ap::retry{}).has_value());
    }
    for (ap::errc code :
         {ap::errc::internal, ap::errc::cancelled, ap::errc::invalid_argument, ap::errc::circuit_open, ap::errc::unknown}) {
        flaky f;
        f.script = times(1, code);
        auto r = f.ask(ap::retry{});
        CHECK(f.sent.size() == 1);
        CHECK(r.error() == code);
        CHECK(r.error().attempts() == 1);
    }
}

TEST_CASE("retry: an attempt that ran out of its own time is asked again") {
    ap::testing::simulation sim{1};
    int attempts = 0;
    ap::request slow{[&]() -> ap::task<int> {
        if (++attempts == 1) co_await ap::sleep_for(1h);
        co_return attempts;
    }};
    auto f = (slow | ap::timeout{.limit = 1s} | ap::retry{.backoff = plain} | ap::starts_on(sim)).submit();
    sim.run();
    CHECK(std::move(f).get().value() == 2);
}

TEST_CASE("retry: retry_if decides instead of the default") {
    flaky f;
    f.script = {ap::errc::internal, ap::errc::unavailable};
    auto r = f.ask(ap::retry{.retry_if = [](ap::failure const& why) { return why == ap::errc::internal; }});
    CHECK(f.sent.size() == 2);
    CHECK(r.error() == ap::errc::unavailable);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("retry: a handler's own exception is not transient by default") {
    ap::testing::simulation sim{1};
    int attempts = 0;
    ap::request throws{[&]() -> int {
        ++attempts;
        throw std::system_error{make_error_code(ap::errc::unavailable)};
    }};
    auto r = (throws | ap::retry{} | ap::starts_on(sim)).call();
    CHECK(attempts == 1);
    CHECK_THROWS_AS(r.value(), std::system_error);
    CHECK_FALSE(
        (throws | ap::retry{.backoff = at_once, .retry_if = [](ap::failure const&) { return true; }} | ap::starts_on(sim)).call());
    CHECK(attempts == 4);
}

TEST_CASE("retry: what retry_if throws is the failure") {
    flaky f;
    f.script = times(2);
    auto r = f.ask(ap::retry{.retry_if = [](ap::failure const&) -> bool { throw std::runtime_error{"no idea"}; }});
    CHECK(f.sent.size() == 1);
    CHECK(r.error().message() == "no idea");
    CHECK(r.error().attempts() == 1);
}
#endif

TEST_CASE("retry: an unsafe request is asked again only when it certainly did not execute") {
    for (ap::executed how : {ap::executed::no, ap::executed::maybe, ap::executed::yes}) {
        int asked = 0;
        ap::request<int(), ap::repeat::unsafe> post = [&]() -> ap::result<int> {
            ++asked;
            return ap::failure{ap::errc::unavailable, how};
        };
        ap::testing::simulation sim{1};
        CHECK_FALSE((post | ap::retry{} | ap::starts_on(sim)).call());
        CHECK(asked == (how == ap::executed::no ? 3 : 1));
        asked = 0;
        CHECK_FALSE((ap::idempotent(post) | ap::retry{} | ap::starts_on(sim)).call());
        CHECK(asked == 3);
    }
}

TEST_CASE("retry: retry_if cannot talk an unsafe request into a repeat") {
    int asked = 0;
    ap::request<int(), ap::repeat::unsafe> post = [&]() -> ap::result<int> {
        ++asked;
        return ap::errc::unavailable;
    };
    ap::testing::simulation sim{1};
    CHECK_FALSE((post | ap::retry{.retry_if = [](ap::failure const&) { return true; }} | ap::starts_on(sim)).call());
    CHECK(asked == 1);
}

TEST_CASE("retry: a pipeline that is unsafe to repeat stays that") {
    ap::request<int(), ap::repeat::unsafe> post = [] { return 1; };
    auto const patient = post | ap::retry{};
    STATIC_REQUIRE(std::is_same_v<decltype(patient)::repeat_type, ap::repeat::unsafe>);
}

TEST_CASE("retry: attempts are a back-off apart, exactly") {
    flaky f;
    f.script = times(9);
    (void)f.ask(ap::retry{.max_attempts = 4, .backoff = plain});
    CHECK(f.sent == std::vector<ap::duration>{0ms, 100ms, 300ms, 700ms});
}

TEST_CASE("retry: the jitter is drawn from the executor's randomness, so that a seed replays") {
    auto const run = [](std::uint64_t seed) {
        ap::testing::simulation sim{seed};
        std::vector<ap::duration> sent;
        ap::request fails{[&]() -> ap::result<int> {
            sent.push_back(sim.now().time_since_epoch());
            return ap::errc::unavailable;
        }};
        (void)(fails | ap::retry{.max_attempts = 6} | ap::starts_on(sim)).call();
        return sent;
    };
    CHECK(run(1) == run(1));
    CHECK(run(1) != run(2));
}

TEST_CASE("retry: retry_after replaces the back-off exactly, uncapped, and the next back-off starts again at initial") {
    flaky f;
    f.script = times(9);
    f.script[1].with_retry_after(5min);
    f.script[4].with_retry_after(0ms);
    (void)f.ask(ap::retry{.max_attempts = 7, .backoff = {.initial = 100ms, .max = 1s, .jitter = ap::jitter::none}});
    CHECK(f.sent == std::vector<ap::duration>{0ms, 100ms, 5min + 100ms, 5min + 200ms, 5min + 400ms, 5min + 400ms, 5min + 500ms});
}

TEST_CASE("retry: after a retry_after, decorrelated jitter starts again at initial too") {
    flaky f;
    f.script = times(30);
    for (std::size_t i = 1; i < 30; i += 2)
        f.script[i].with_retry_after(1h);
    (void)f.ask(ap::retry{.max_attempts = 30, .backoff = {.jitter = ap::jitter::decorrelated}});
    REQUIRE(f.sent.size() == 30);
    for (std::size_t i = 0; i + 1 < 30; i += 2) {
        CHECK(f.sent[i + 1] - f.sent[i] >= 100ms);
        CHECK(f.sent[i + 1] - f.sent[i] <= 300ms);
    }
}

TEST_CASE("retry: a negative retry_after means stop") {
    flaky f;
    f.script = times(3);
    f.script[0].with_retry_after(-1ms);
    auto r = f.ask(ap::retry{});
    CHECK(f.sent.size() == 1);
    CHECK(r.error() == ap::errc::unavailable);
}

TEST_CASE("retry: a delay that would overrun the deadline is not slept: the failure comes at once") {
    flaky f;
    f.script = times(9);
    auto r = f.ask(ap::retry{.max_attempts = 5, .backoff = plain} | ap::timeout{.limit = 250ms});
    CHECK(f.sent == std::vector<ap::duration>{0ms, 100ms});
    CHECK(f.sim.now() - f.start == 100ms);
    CHECK(r.error() == ap::errc::unavailable);
    CHECK(r.error().attempts() == 2);
}

TEST_CASE("retry: a delay that ends with the deadline overruns it") {
    flaky f;
    f.script = times(9);
    (void)f.ask(ap::retry{.backoff = plain} | ap::timeout{.limit = 100ms});
    CHECK(f.sim.now() == f.start);
}

TEST_CASE("retry: a stop during the delay frees the timer at once, and the ask is cancelled") {
    flaky f;
    f.script = times(9);
    auto answer = (f.request() | ap::retry{.backoff = {.initial = 10s, .jitter = ap::jitter::none}} | ap::starts_on(f.sim)).submit(1);
    f.sim.advance(1s);
    CHECK(f.sim.pending() == 1);
    answer.request_stop();
    CHECK(f.sim.pending() == 0);
    REQUIRE(answer.ready());
    auto r = std::move(answer).get();
    CHECK(r.error() == ap::errc::cancelled);
    CHECK(r.error().attempts() == 1);
    CHECK(r.error().executed() == ap::executed::maybe);
    CHECK(f.sent.size() == 1);
    CHECK(f.sim.now() - f.start == 1s);
}

TEST_CASE("retry: dropping the future during the delay frees the timer too") {
    flaky f;
    f.script = times(9);
    {
        auto answer = (f.request() | ap::retry{.backoff = plain} | ap::starts_on(f.sim)).submit(1);
        f.sim.advance(1ms);
    }
    CHECK(f.sim.pending() == 0);
}

TEST_CASE("retry: a deadline outside that comes during a delay frees the timer at once") {
    flaky f;
    f.script = times(9);
    f.script[0].with_retry_after(1h);
    // the timeout is outside of a layer that hides it, so the retry cannot know that the delay is too long
    ap::request hides{[&](int x) { return (f.request() | ap::retry{} | ap::starts_on(f.sim)).submit(x); }};
    auto answer = (hides | ap::starts_on(f.sim)).submit(1);
    f.sim.advance(1s);
    CHECK(f.sim.pending() == 1);
    answer.request_stop();
    f.sim.advance(0s);
    CHECK(f.sim.pending() == 0);
    CHECK(std::move(answer).get().error() == ap::errc::cancelled);
}

TEST_CASE("retry: a pause that the machine made longer than the deadline ends in deadline_exceeded") {
    // An executor whose timers are late.
    struct late_executor {
        ap::testing::simulation* sim;
        void execute(ap::work job) const { sim->get_executor().execute(std::move(job)); }
        ap::time_point now() const { return sim->now(); }
        void arm(ap::timer& t, ap::time_point when) const { sim->get_executor().arm(t, when + 1min); }
        bool disarm(ap::timer& t) const { return sim->get_executor().disarm(t); }
    };
    ap::testing::simulation sim{1};
    int asked = 0;
    ap::request fails{[&]() -> ap::result<int> {
        ++asked;
        return ap::errc::unavailable;
    }};
    struct until {
        static auto limit(ap::time_point t) { return ap::deadline{t}; }
    };
    auto f = (fails | ap::retry{.backoff = plain} | until::limit(sim.now() + 30s) | ap::starts_on(late_executor{&sim})).submit();
    sim.run();
    auto r = std::move(f).get();
    CHECK(r.error() == ap::errc::deadline_exceeded);
    CHECK(r.error().attempts() == 1);
    CHECK(asked == 1);
}

TEST_CASE("retry: the executor's end during the delay is shut_down, at once") {
    int asked = 0;
    ap::future<int> f;
    {
        ap::testing::simulation sim{1};
        ap::request fails{[&]() -> ap::result<int> {
            ++asked;
            return ap::errc::unavailable;
        }};
        f = (fails | ap::retry{.backoff = plain} | ap::starts_on(sim)).submit();
        sim.advance(1ms);
    }
    REQUIRE(f.ready());
    auto r = std::move(f).get();
    CHECK(r.error() == ap::errc::shut_down);
    CHECK(r.error().attempts() == 1);
    CHECK(asked == 1);
}

TEST_CASE("retry: a stop during an attempt reaches the handler, and no attempt follows") {
    ap::testing::simulation sim{1};
    int attempts = 0;
    ap::request slow{[&]() -> ap::task<int> {
        ++attempts;
        co_await ap::sleep_for(1h);
        co_return ap::errc::unavailable;
    }};
    auto f = (slow | ap::retry{} | ap::starts_on(sim)).submit();
    sim.advance(1s);
    f.request_stop();
    sim.run();
    CHECK(std::move(f).get().error() == ap::errc::cancelled);
    CHECK(attempts == 1);
}

TEST_CASE("retry: a stop before the first attempt is cancelled, unexecuted") {
    ap::testing::simulation sim{1};
    bool ran = false;
    auto f = (ap::request{[&] { ran = true; }} | ap::retry{} | ap::after(1s) | ap::starts_on(sim)).submit();
    f.request_stop();
    sim.run();
    auto r = std::move(f).get();
    CHECK(r.error() == ap::errc::cancelled);
    CHECK(r.error().executed() == ap::executed::no);
    CHECK_FALSE(ran);
}

TEST_CASE("retry: each attempt sees the original arguments") {
    ap::testing::simulation sim{1};
    std::vector<std::string> seen;
    ap::request consumes{[&](std::string s) -> ap::result<int> {
        seen.push_back(std::move(s));
        return ap::errc::unavailable;
    }};
    (void)(consumes | ap::retry{} | ap::starts_on(sim)).submit(std::string(100, 'x')).get();
    CHECK(seen == std::vector<std::string>(3, std::string(100, 'x')));
}

TEST_CASE("retry: references go through, and each attempt sees the same object") {
    ap::testing::simulation sim{1};
    int count = 0;
    ap::request counts{[](int& c) -> ap::result<int> {
        if (++c < 3) return ap::errc::unavailable;
        return c;
    }};
    CHECK((counts | ap::retry{} | ap::starts_on(sim)).call(std::ref(count)).value() == 3);
    CHECK(count == 3);
}

TEST_CASE("retry: arguments that cannot be copied mean one attempt") {
    ap::testing::simulation sim{1};
    int asked = 0;
    ap::request takes{[&](test::move_only m, std::vector<std::unique_ptr<int>> const&) -> ap::result<int> {
        ++asked;
        CHECK(m.read() == 4);
        return ap::errc::unavailable;
    }};
    auto r = (takes | ap::retry{} | ap::starts_on(sim)).call(test::move_only{4}, std::vector<std::unique_ptr<int>>{});
    CHECK(asked == 1);
    CHECK(r.error() == ap::errc::unavailable);
}

TEST_CASE("retry: a handler that cannot be copied is shared by its attempts") {
    ap::testing::simulation sim{1};
    int asked = 0;
    ap::request only{[&asked, p = std::make_unique<int>(7)]() -> ap::result<int> {
        if (++asked < 3) return ap::errc::unavailable;
        return *p;
    }};
    auto patient = std::move(only) | ap::retry{} | ap::retry{} | ap::starts_on(sim);
    CHECK(patient.call().value() == 7);
    CHECK(patient.submit().get().value() == 7);
}

TEST_CASE("retry: the context tells the handler its attempt number") {
    ap::testing::simulation sim{1};
    std::vector<std::uint32_t> numbers;
    ap::request tells{[&](ap::context const& c) -> ap::result<int> {
        numbers.push_back(c.attempt());
        return ap::errc::unavailable;
    }};
    (void)(tells | ap::retry{} | ap::starts_on(sim)).call();
    CHECK(numbers == std::vector<std::uint32_t>{1, 2, 3});
}

TEST_CASE("retry: what an attempt asks in turn counts its own attempts, from 1, by every verb and through every layer") {
    ap::testing::simulation sim{1};
    std::vector<std::uint32_t> seen;
    ap::request const notes{[&](ap::context const& c) { seen.push_back(c.attempt()); }};
    auto const behind = notes | ap::timeout{.limit = 1s} | ap::layer([](auto next) { return next(); }) | ap::starts_on(sim);
    auto const in_a_layer = notes | ap::layer([](ap::context const& c, auto next) {
                                CHECK(c.attempt() == 1);
                                return next();
                            });
    ap::request<void()> const erased = notes | ap::starts_on(sim);
    ap::request asks{[&](ap::context const& c) -> ap::task<int> {
        std::uint32_t const own = c.attempt();
        (void)notes.call();
        (void)behind.call();
        (void)in_a_layer.call();
        (void)erased.call();
        (void)co_await notes();
        (void)co_await behind();
        (void)co_await erased();
        (void)co_await behind.submit();
        behind.submit([](ap::result<void>) {});
        erased.submit([](ap::result<void>) {});
        CHECK(c.attempt() == own);
        if (own < 3) co_return ap::failure{ap::errc::unavailable};
        co_return 7;
    }};
    auto f = (asks | ap::retry{} | ap::starts_on(sim)).submit();
    sim.run();
    CHECK(std::move(f).get().value() == 7);
    CHECK(seen == std::vector<std::uint32_t>(3 * 10, 1));
}

TEST_CASE("retry: the attempts of a nested retry are not those of the one around it") {
    ap::testing::simulation sim{1};
    std::vector<std::uint32_t> seen;
    ap::request const fails{[&](ap::context const& c) -> ap::result<int> {
        seen.push_back(c.attempt());
        return ap::errc::unavailable;
    }};
    auto const nested = fails | ap::retry{.max_attempts = 2, .backoff = at_once} | ap::starts_on(sim);
    ap::request outer{[&] { return nested.submit(); }};
    auto f = (outer | ap::retry{.max_attempts = 2, .backoff = at_once} | ap::starts_on(sim)).submit();
    sim.run();
    CHECK_FALSE(std::move(f).get());
    CHECK(seen == std::vector<std::uint32_t>{1, 2, 1, 2});
}

TEST_CASE("retry: an observer hears the number of a nested ask's own attempt") {
    ap::testing::simulation sim{1};
    std::vector<std::uint32_t> started;
    ap::request const nested{[](ap::promise<int> reply) { reply.set_value(1); }};
    ap::request outer{[&](ap::context const& c) -> ap::task<int> {
        std::uint32_t const own = c.attempt();
        (void)co_await (nested | ap::starts_on(sim)).submit();
        if (own < 2) co_return ap::failure{ap::errc::unavailable};
        co_return 7;
    }};
    auto const watched = ap::observe(ap::hooks{.started = [&](std::uint32_t n) { started.push_back(n); }});
    auto f = (outer | ap::retry{} | watched | ap::starts_on(sim)).submit();
    sim.run();
    CHECK(std::move(f).get().value() == 7);
    CHECK(started == std::vector<std::uint32_t>{1, 1, 2, 1});
}

TEST_CASE("retry: an attempt that was given up on keeps its own number") {
    ap::testing::simulation sim{1};
    std::vector<std::uint32_t> numbers;
    ap::request deaf{[&](ap::context const& c) -> ap::task<int> {
        for (int i = 0; i < 3; ++i) {
            numbers.push_back(c.attempt());
            (void)co_await (ap::request{[] {}} | ap::after(700ms) | ap::starts_on(sim)).submit();
        }
        co_return 1;
    }};
    auto f = (deaf | ap::timeout{.limit = 1s} | ap::retry{.max_attempts = 2, .backoff = at_once} | ap::starts_on(sim)).submit();
    sim.run();
    CHECK_FALSE(std::move(f).get());
    for (std::size_t i = 1; i < numbers.size(); ++i)
        CHECK((numbers[i] == 1 || numbers[i] == 2));
    CHECK(std::count(numbers.begin(), numbers.end(), 1u) >= 2);
    CHECK(std::count(numbers.begin(), numbers.end(), 2u) >= 2);
}

TEST_CASE("retry: results passed over are destroyed at once") {
#if ANTIPHON_EXCEPTIONS
    ap::testing::simulation sim{1};
    ap::request fails{[]() -> int { throw test::counted{1}; }};
    auto f = (fails | ap::retry{.backoff = plain, .retry_if = [](ap::failure const&) { return true; }} | ap::starts_on(sim)).submit();
    sim.advance(50ms);
    CHECK_FALSE(f.ready());
    CHECK(test::counted::alive() == 0);
    sim.run();
    CHECK(test::counted::alive() == 1);
    f = {};
    CHECK(test::counted::alive() == 0);
#endif
}

TEST_CASE("retry: everything of an ask is destroyed with it, and its arguments before the answer is heard") {
    ap::testing::simulation sim{1};
    int asked = 0;
    ap::request fails{[&, held = test::counted{}](test::counted const&) -> ap::result<test::counted> {
        if (++asked < 3) return ap::errc::unavailable;
        return test::counted{5};
    }};
    auto const patient = std::move(fails) | ap::retry{} | ap::starts_on(sim);
    int const idle = test::counted::alive();
    bool heard = false;
    patient.submit(test::counted{}, [&](ap::result<test::counted> r) {
        CHECK(r.value().read() == 5);
        heard = true;
    });
    sim.run();
    CHECK(heard);
    CHECK(test::counted::alive() == idle);
}

TEST_CASE("retry: without an executor every attempt of call() runs in the calling thread, after a back-off too") {
    auto const here = std::this_thread::get_id();
    std::vector<std::thread::id> threads;
    ap::request fails{[&]() -> ap::result<int> {
        threads.push_back(std::this_thread::get_id());
        return ap::errc::unavailable;
    }};
    auto r = (fails | ap::retry{.backoff = {.initial = 1ms, .jitter = ap::jitter::none}}).call();
    CHECK(r.error().attempts() == 3);
    CHECK(threads == std::vector<std::thread::id>(3, here));
}

TEST_CASE("retry: on a real pool attempts run on its workers, and the caller waits") {
    ap::thread_pool pool{{.threads = 2}};
    std::atomic<int> asked{0};
    ap::request fails{[&]() -> ap::result<int> {
        if (++asked < 4) return ap::errc::unavailable;
        return 9;
    }};
    auto patient = fails | ap::retry{.max_attempts = 5, .backoff = {.initial = 1ms}} | ap::starts_on(pool);
    CHECK(patient.call().value() == 9);
    asked = 0;
    CHECK(patient.submit().get().value() == 9);
}

TEST_CASE("retry: with the inline executor no attempt and no predicate runs on the timer thread") {
    std::atomic<bool> wrong{false};
    auto const look = [&] { wrong = wrong || ap::timer_thread::is_current(); };
    ap::request fails{[&]() -> ap::task<int> {
        look();
        co_await ap::sleep_for(1ms);
        look();
        co_return ap::errc::unavailable;
    }};
    auto const asks = [&](ap::failure const&) {
        look();
        return true;
    };
    auto f = (fails | ap::timeout{.limit = 500us} | ap::retry{.backoff = {.initial = 1ms}, .retry_if = asks} | ap::after(1ms) |
              ap::starts_on(ap::inline_executor{}))
                 .submit();
    CHECK_FALSE(std::move(f).get());
    CHECK_FALSE(wrong);
}

TEST_CASE("retry: a worker that waits on its own pool for a retried ask is not stuck") {
    ap::thread_pool one{{.threads = 1}};
    std::atomic<int> asked{0};
    auto inner = ap::request{[&]() -> ap::result<int> {
                     if (++asked < 3) return ap::errc::unavailable;
                     return 3;
                 }} |
                 ap::retry{.backoff = {.initial = 1ms}} | ap::starts_on(one);
    auto outer = ap::request{[&] { return inner.call().value(); }} | ap::starts_on(one);
    CHECK(outer.submit().get().value() == 3);
}

TEST_CASE("retry: a million immediate attempts use constant stack, on every executor") {
    static constexpr int many = 1'000'000;
    auto const run = [](auto where, auto drive) {
        int asked = 0;
        ap::request fails{[&]() -> ap::result<int> {
            if (++asked < many) return ap::errc::unavailable;
            return asked;
        }};
        auto f = (fails | ap::retry{.max_attempts = many, .backoff = at_once} | ap::starts_on(where)).submit();
        drive();
        CHECK(std::move(f).get().value() == many);
    };
    run(ap::inline_executor{}, [] {});
    ap::testing::simulation sim{1};
    run(sim.get_executor(), [&] { sim.run(); });
    ap::thread_pool pool{{.threads = 1}};
    run(pool.get_executor(), [] {});
}

TEST_CASE("retry: a million attempts that fail in promises fulfilled from outside use constant stack") {
    constexpr int many = 100'000;
    ap::promise<int> pending;
    ap::request waits{[&] {
        pending = {};
        return pending.get_future();
    }};
    auto f = (waits | ap::retry{.max_attempts = many, .backoff = at_once} | ap::starts_on(ap::inline_executor{})).submit();
    for (int i = 0; i < many; ++i) {
        auto p = std::move(pending);
        p.set_failure(ap::errc::unavailable);
    }
    CHECK(std::move(f).get().error().attempts() == many);
}

TEST_CASE("retry: an ask of a million attempts by call() uses constant stack") {
    int asked = 0;
    ap::request fails{[&]() -> ap::result<int> {
        ++asked;
        return ap::errc::unavailable;
    }};
    CHECK_FALSE((fails | ap::retry{.max_attempts = 200'000, .backoff = at_once}).call());
    CHECK(asked == 200'000);
}

TEST_CASE("retry: the ask and its first attempt are one allocation, every further attempt one more") {
    int failures = 0;
    ap::request r{[&](int x) -> ap::result<int> {
        if (failures-- > 0) return ap::errc::unavailable;
        return x;
    }};
    auto const patient = r | ap::retry{.backoff = at_once} | ap::starts_on(ap::inline_executor{});
    CHECK(test::allocations_of([&] { patient.submit(1).detach(); }) == 1);
    failures = 2;
    CHECK(test::allocations_of([&] { patient.submit(1).detach(); }) == 3);
}

TEST_CASE("retry: it works over an erased request, and under one") {
    flaky f;
    f.script = times(2);
    ap::request<int(int)> const erased = f.request();
    ap::request<int(int)> const patient = erased | ap::retry{} | ap::starts_on(f.sim);
    CHECK(patient.call(3).value() == 3);
    CHECK(f.sent.size() == 3);
    f.sent.clear();
    CHECK(patient.submit(4).get().value() == 4);
}

TEST_CASE("retry: nested, each counts its own attempts") {
    flaky f;
    f.script = times(100);
    auto r = f.ask(ap::retry{.max_attempts = 2} | ap::retry{.max_attempts = 3});
    CHECK(f.sent.size() == 6);
    CHECK(r.error().attempts() == 3);
}

TEST_CASE("retry: a handler that is asked again may be a coroutine, a future or a promise") {
    ap::testing::simulation sim{1};
    int n = 0;
    ap::request task{[&]() -> ap::task<int> {
        co_await ap::sleep_for(1ms);
        if (++n < 3) co_return ap::errc::unavailable;
        co_return n;
    }};
    CHECK((task | ap::retry{} | ap::starts_on(sim)).call().value() == 3);
    n = 0;
    ap::request replies{[&](ap::promise<int> reply) { ++n < 3 ? reply.set_failure(ap::errc::unavailable) : reply.set_value(n); }};
    CHECK((replies | ap::retry{} | ap::starts_on(sim)).call().value() == 3);
}

TEMPLATE_TEST_CASE("retry: every type of result passes unchanged", "[law]", ANTIPHON_LAW_TYPES) {
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
    auto const patient = sometimes | ap::retry{} | ap::starts_on(sim);
    for (int i = 0; i < 4; ++i) {
        auto r = i % 2 == 0 ? patient.call(i) : patient.submit(i).get();
        REQUIRE(r.has_value());
        if constexpr (!std::is_void_v<TestType>) CHECK(test::read(*r) == i);
    }
}

TEST_CASE("retry: an observer hears of each failure that is followed by another attempt, and of its delay") {
    flaky f;
    f.script = {ap::errc::unavailable, ap::errc::aborted, ap::errc::unavailable};
    recorder heard;
    (void)f.ask(ap::retry{.backoff = plain} | test::observed_by{&heard});
    REQUIRE(heard.said.size() == 2);
    CHECK(heard.said[0].number == 1);
    CHECK(heard.said[0].code == ap::errc::unavailable);
    CHECK(heard.said[0].delay == 100ms);
    CHECK(heard.said[1].number == 2);
    CHECK(heard.said[1].code == ap::errc::aborted);
    CHECK(heard.said[1].delay == 200ms);
}

TEST_CASE("retry: failures take from the budget, and when half is gone nothing is asked again") {
    flaky f;
    f.script = times(100);
    ap::retry_budget budget{{.max_tokens = 10}};
    ap::retry const policy{.max_attempts = 3, .backoff = plain, .budget = budget};
    (void)f.ask(policy);
    CHECK(f.sent.size() == 3);
    CHECK(budget.balance(f.sim.now()) == 7);
    (void)f.ask(policy);
    CHECK(f.sent.size() == 5);
    CHECK(budget.balance(f.sim.now()) == 5);
    auto r = f.ask(policy);
    CHECK(f.sent.size() == 6);
    CHECK(r.error() == ap::errc::unavailable);
    CHECK(r.error().attempts() == 1);
}

TEST_CASE("retry: a success gives the budget its ratio, a failure that is not transient takes nothing, a negative retry_after does") {
    flaky f;
    ap::retry_budget budget{{.max_tokens = 10, .token_ratio = 0.5}};
    ap::retry const policy{.budget = budget};
    f.script = {ap::failure{ap::errc::internal}.with_retry_after(-1ms)};
    (void)f.ask(policy);
    CHECK(budget.balance(f.sim.now()) == 9);
    CHECK(f.ask(policy).has_value());
    CHECK(budget.balance(f.sim.now()) == 9.5);
    f.sent.clear();
    f.script = {ap::errc::internal};
    (void)f.ask(policy);
    CHECK(budget.balance(f.sim.now()) == 9.5);
}

TEST_CASE("retry: every ask deposits in a bucket, every repeat withdraws") {
    flaky f;
    ap::retry_budget budget{ap::retry_budget::bucket{.percent = 0.5, .min_per_second = 0}};
    ap::retry const policy{.max_attempts = 5, .backoff = at_once, .budget = budget};
    for (int i = 0; i < 4; ++i)
        CHECK(f.ask(policy).has_value());
    f.sent.clear();
    f.script = times(100);
    (void)f.ask(policy);
    CHECK(f.sent.size() == 3);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("retry: nonsense is refused by |, naming the field") {
    auto r = ap::request{[] { return 1; }};
    CHECK(refusal([&] { (void)(r | ap::retry{.max_attempts = 0}); }) == "retry.max_attempts: must be at least 1");
    CHECK_THROWS_AS((r | ap::retry{.max_attempts = -1}), std::invalid_argument);
    CHECK_THROWS_AS((r | ap::retry{.backoff = {.initial = -1s}}), std::invalid_argument);
}

TEST_CASE("retry: an argument whose copy throws ends the ask in that exception") {
    struct fragile {
        std::shared_ptr<int> copies;
        explicit fragile(std::shared_ptr<int> c) : copies{std::move(c)} {}
        fragile(fragile const& o) : copies{o.copies} {
            if (++*copies == 2) throw std::runtime_error{"fragile"};
        }
        fragile(fragile&&) = default;
    };
    ap::testing::simulation sim{1};
    ap::request fails{[](fragile const&) -> ap::result<int> { return ap::errc::unavailable; }};
    auto r = (fails | ap::retry{} | ap::starts_on(sim)).submit(fragile{std::make_shared<int>(0)}).get();
    CHECK(r.error().message() == "fragile");
    CHECK(r.error().attempts() == 1);
}

TEST_CASE("retry: whichever allocation fails, the ask ends once, in bad_alloc or in its answer, and nothing is left") {
    ap::request r{[](ap::context const& c, test::counted const&) -> ap::result<int> {
        if (c.attempt() < 3) return ap::errc::unavailable;
        return 1;
    }};
    for (auto const where : {0, 1}) {
        ap::testing::simulation sim{1};
        auto const patient = r | ap::retry{.backoff = where == 0 ? at_once : plain} |
                             ap::starts_on(where == 0 ? ap::any_executor{ap::inline_executor{}} : ap::any_executor{sim.get_executor()});
        int failures = 0, values = 0;
        for (std::size_t after = 0; values == 0; ++after) {
            REQUIRE(after < 20);
            try {
                ap::future<int> f;
                test::failing_allocations const starved{after};
                f = patient.submit(test::counted{});
                sim.run();
                REQUIRE(f.ready());
                auto answer = std::move(f).get();
                if (answer) {
                    ++values;
                } else {
                    ++failures;
                    CHECK(answer.error() == ap::errc::resource_exhausted);
                }
            } catch (std::bad_alloc const&) {
                ++failures;
            }
            CHECK(test::counted::alive() == 0);
            CHECK(sim.pending() == 0);
        }
        CHECK(failures == 3);
    }
}
#endif

TEST_CASE("retry: what a later attempt has begun reports to its observers after the ask has ended") {
    struct log final : ap::observer {
        void started(std::uint32_t) noexcept override { ++count; }
        int count = 0;
    } inner, outer;
    ap::testing::simulation sim{1};
    ap::request const aside = ap::request{[] {}} | ap::after(1s);
    int calls = 0;
    auto const r = ap::request{[&]() -> ap::result<int> {
                       if (++calls == 1) return ap::errc::unavailable;
                       aside.submit().detach();
                       return calls;
                   }} |
                   ap::retry{.max_attempts = 2, .backoff = {.initial = 1ms}} | ap::observe{&inner} | ap::observe{&outer} |
                   ap::starts_on(sim);
    CHECK(r.call().value() == 2);
    sim.run();
    CHECK(inner.count == 3);
    CHECK(outer.count == 3);
}

TEST_CASE("retry: when() asks again after a value that is not wanted, and a wanted one ends it") {
    ap::testing::simulation sim{1};
    int asked = 0;
    std::vector<std::uint32_t> numbers;
    recorder heard;
    ap::request const status{[&](ap::context const& c) -> std::string {
        numbers.push_back(c.attempt());
        return ++asked < 3 ? "pending" : "done";
    }};
    auto const until_done = ap::retry{.max_attempts = 5, .backoff = plain}.when([](std::string const& s) { return s == "pending"; });
    auto const start = sim.now();
    auto f = (status | until_done | ap::observe(&heard) | ap::starts_on(sim)).submit();
    sim.run();
    CHECK(std::move(f).get().value() == "done");
    CHECK(numbers == std::vector<std::uint32_t>{1, 2, 3});
    CHECK(sim.now() - start == 300ms);
    REQUIRE(heard.said.size() == 2);
    CHECK(heard.said[0].code == ap::errc::unavailable);
}

TEST_CASE("retry: when() gives the last value, wanted or not, when attempts, budget, deadline or stop end it") {
    auto const negative = [](int x) { return x < 0; };
    ap::testing::simulation sim{1};
    int asked = 0;
    ap::request const below{[&] { return -++asked; }};
    auto const ask = [&](auto r) {
        asked = 0;
        return (r | ap::starts_on(sim)).call().value();
    };
    CHECK(ask(below | ap::retry{.max_attempts = 2, .backoff = plain}.when(negative)) == -2);
    CHECK(ask(below | ap::retry{.max_attempts = 9, .backoff = plain}.when(negative) | ap::timeout{.limit = 250ms}) == -2);
    ap::retry_budget const budget{ap::retry_budget::throttle{.max_tokens = 4}};
    CHECK(ask(below | ap::retry{.max_attempts = 9, .backoff = plain, .budget = budget}.when(negative)) == -2);
    CHECK(budget.balance(sim.now()) == 2);

    asked = 0;
    std::optional<ap::future<int>> f;
    auto stopping = ap::request{[&] {
                        f->request_stop();
                        return -++asked;
                    }} |
                    ap::retry{.max_attempts = 9, .backoff = plain}.when(negative) | ap::starts_on(sim);
    f = stopping.submit();
    sim.run();
    CHECK(std::move(*f).get().value() == -1);
    CHECK(asked == 1);
}

TEST_CASE("retry: when() never repeats what is unsafe to repeat for its value: it has executed") {
    ap::testing::simulation sim{1};
    int asked = 0;
    ap::request<int(), ap::repeat::unsafe> const once = [&] { return -++asked; };
    CHECK((once | ap::retry{.backoff = at_once}.when([](int x) { return x < 0; }) | ap::starts_on(sim)).call().value() == -1);
    CHECK(asked == 1);
}

TEST_CASE("retry: when() leaves failures to retry_if, and one that follows a value counts as executed") {
    ap::testing::simulation sim{1};
    int asked = 0;
    auto const r = ap::request{[&]() -> ap::result<int> {
                       if (++asked == 1) return -1;
                       return ap::failure{asked == 2 ? ap::errc::unavailable : ap::errc::not_found, ap::executed::no};
                   }} |
                   ap::retry{.max_attempts = 9, .backoff = plain}.when([](int x) { return x < 0; }) | ap::starts_on(sim);
    ap::failure const why = r.call().error();
    CHECK(asked == 3);
    CHECK(why == ap::errc::not_found);
    CHECK(why.attempts() == 3);
    CHECK(why.executed() == ap::executed::yes);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("retry: what the function of when() throws is the failure") {
    ap::testing::simulation sim{1};
    auto const r =
        ap::request{[] { return 1; }} | ap::retry{}.when([](int) -> bool { throw std::runtime_error{"odd"}; }) | ap::starts_on(sim);
    CHECK(r.call().error().message() == "odd");
}
#endif

TEST_CASE("retry: the function of when() does not run on the timer thread, and values of every kind pass it") {
    std::atomic<bool> on_timer{false};
    auto const looks = ap::retry{.max_attempts = 2, .backoff = at_once}.when([&](int x) {
        if (ap::timer_thread::is_current()) on_timer = true;
        return x < 0;
    });
    auto const late =
        ap::request{[](ap::promise<int> p) {
            auto wake = ap::request{[] {}} | ap::after(1ms);
            wake.submit([held = std::make_shared<ap::promise<int>>(std::move(p))](ap::result<void>) { held->set_value(-1); });
        }} |
        looks | ap::starts_on(ap::inline_executor{});
    CHECK(late.submit().get().value() == -1);
    CHECK_FALSE(on_timer);

    ap::testing::simulation sim{1};
    static int place = 4;
    auto const refers =
        ap::request{[]() -> int& { return place; }} | ap::retry{}.when([](int const& x) { return x < 0; }) | ap::starts_on(sim);
    CHECK(&refers.call().value() == &place);
    auto const moves = ap::request{[] { return std::make_unique<int>(5); }} |
                       ap::retry{}.when([](std::unique_ptr<int> const& p) { return p == nullptr; }) | ap::starts_on(sim);
    CHECK(*moves.call().value() == 5);
}
