// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/layer.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"
#include "support/allocations.hpp"
#include "support/values.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

auto same() {
    return ap::request{[](int x) { return x; }};
}
auto failing() {
    return ap::request{[](int) -> ap::result<int> { return ap::failure{ap::errc::unavailable, ap::executed::no}; }};
}

}  // namespace

TEST_CASE("layer: what it changes of the arguments reaches the handler, what it changes of the answer the caller") {
    auto const plus_one = ap::layer([](auto next, int x) { return next(x + 1).then([](int y) { return y * 10; }); });
    CHECK((same() | plus_one).call(1).value() == 20);
    CHECK((same() | plus_one | plus_one).call(1).value() == 300);
}

TEST_CASE("layer: a coroutine awaits next as often as it likes") {
    int asked = 0;
    ap::request flaky{[&](int x) -> ap::result<int> {
        if (++asked < 3) return ap::errc::unavailable;
        return x;
    }};
    auto const stubborn = ap::layer([](auto next, auto... args) -> ap::task<int> {
        for (;;) {
            ap::result<int> answer = co_await next(args...);
            if (answer) co_return answer;
        }
    });
    CHECK((flaky | stubborn).call(7).value() == 7);
    CHECK(asked == 3);
}

TEST_CASE("layer: a callback after next's arguments hears the result, and a trailing promise answers") {
    auto const watched = ap::layer([](auto next, int x, ap::promise<int> reply) {
        next(x, [reply = std::move(reply)](ap::result<int> r) mutable { reply.set(r ? ap::result<int>{*r + 1} : std::move(r)); });
    });
    CHECK((same() | watched).call(1).value() == 2);
    CHECK((failing() | watched).call(1).error() == ap::errc::unavailable);
}

TEST_CASE("layer: a promise of another type is spelled, layer<R>") {
    auto const told = ap::layer<std::string>([](auto next, int x, ap::promise<std::string> reply) {
        next(x, [reply = std::move(reply)](ap::result<int> r) mutable { reply.set_value(std::to_string(r.value_or(0))); });
    });
    ap::result<std::string> const answer = (same() | told).call(42);
    CHECK(answer.value() == "42");
}

TEST_CASE("layer: its answer may be a value, a result, a future, a task or a request") {
    CHECK((same() | ap::layer([](auto, int x) { return x + 1; })).call(1).value() == 2);
    CHECK((same() | ap::layer([](auto, int) -> ap::result<int> { return ap::errc::aborted; })).call(1).error() == ap::errc::aborted);
    CHECK((same() | ap::layer([](auto next, int x) { return next(x); })).call(1).value() == 1);
    CHECK((same() | ap::layer([](auto, int x) -> ap::task<int> { co_return x + 2; })).call(1).value() == 3);
    CHECK((same() | ap::layer([](auto, int x) { return ap::request{[x] { return x + 3; }}; })).call(1).value() == 4);
}

TEST_CASE("layer: its answer decides the result's type, the arguments stay the request's") {
    auto r = same() | ap::layer([](auto next, auto... args) { return next(args...).then([](int y) { return std::to_string(y); }); });
    static_assert(std::is_same_v<decltype(r)::signature, std::string(int)>);
    CHECK(r.call(5).value() == "5");
    auto none = same() | ap::layer<void>([](auto next, int x) { return next(x); });
    static_assert(std::is_same_v<decltype(none)::signature, void(int)>);
    CHECK(none.call(5).has_value());
}

TEST_CASE("layer: the function that never asks next is an answer without the handler") {
    bool ran = false;
    ap::request handler{[&](int) { ran = true; }};
    CHECK((handler | ap::layer([](auto, int x) { return x; })).call(3).value() == 3);
    CHECK_FALSE(ran);
}

TEST_CASE("layer: a failure of next passes by then, and is the function's to handle") {
    auto const mended = ap::layer([](auto next, int x) { return next(x).or_else([](ap::failure const&) { return -1; }); });
    auto const blind = ap::layer([](auto next, int x) { return next(x).then([](int y) { return y + 1; }); });
    CHECK((failing() | mended).call(1).value() == -1);
    auto const answer = (failing() | blind).call(1);
    CHECK(answer.error() == ap::errc::unavailable);
    CHECK(answer.error().executed() == ap::executed::no);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("layer: what the function throws is the failure") {
    auto const thrower = ap::layer([](auto, int) -> int { throw std::runtime_error{"layer"}; });
    CHECK((same() | thrower).call(1).error().message() == "layer");
    auto const with_promise = ap::layer([](auto, int, ap::promise<int>) { throw std::runtime_error{"promise"}; });
    CHECK((same() | with_promise).call(1).error().message() == "promise");
}
#endif

TEST_CASE("layer: a dropped promise is a broken one") {
    CHECK((same() | ap::layer([](auto, int, ap::promise<int>) {})).call(1).error() == ap::errc::broken_promise);
}

TEST_CASE("layer: without an executor, call runs everything in the calling thread") {
    std::vector<std::thread::id> seen;
    auto const here = [&] { seen.push_back(std::this_thread::get_id()); };
    ap::request handler{[&](int x) {
        here();
        return x;
    }};
    auto const style = ap::layer([&](auto next, int x) {
        here();
        return next(x).then([&](int y) {
            here();
            return y;
        });
    });
    auto const coroutine = ap::layer([&](auto next, int x) -> ap::task<int> {
        here();
        ap::result<int> y = co_await next(x);
        here();
        co_return y;
    });
    CHECK((handler | style | coroutine).call(3).value() == 3);
    CHECK(seen == std::vector<std::thread::id>(5, std::this_thread::get_id()));
}

TEST_CASE("layer: the function runs in the asking thread, continuations on the request's executor") {
    ap::testing::simulation sim{1};
    std::vector<std::string> order;
    auto const style = ap::layer([&](auto next, int x) {
        order.push_back("layer");
        return next(x).then([&](int y) {
            order.push_back("then");
            return y;
        });
    });
    auto f = (same() | style | ap::starts_on(sim)).submit(1);
    CHECK(order == std::vector<std::string>{"layer"});
    sim.run();
    CHECK(order == std::vector<std::string>{"layer", "then"});
    CHECK(std::move(f).get().value() == 1);
}

TEST_CASE("layer: behind a delay on the process's timers, the function does not run on their thread") {
    bool on_timer_thread = true;
    auto const style = ap::layer([&](auto next, int x) {
        on_timer_thread = ap::timer_thread::is_current();
        return next(x);
    });
    CHECK((same() | style | ap::after(1ms)).submit(4).get().value() == 4);
    CHECK_FALSE(on_timer_thread);
}

TEST_CASE("layer: the function may look at the context of the ask, and so may what is inside") {
    ap::testing::simulation sim{1};
    ap::request handler{[](ap::context const& c, int) { return static_cast<int>(c.remaining() / 1ms); }};
    std::vector<std::uint32_t> attempts;
    auto const curious = ap::layer([&](ap::context const& c, auto next, int x) {
        attempts.push_back(c.attempt());
        CHECK(c.remaining() == 1s);
        return next(x).then([](int left) -> ap::result<int> {
            if (left != 1000) return left;
            return ap::errc::unavailable;
        });
    });
    auto const patient = ap::timeout{.limit = 1s} | ap::retry{.max_attempts = 2, .backoff = {.initial = 0ms}};
    auto f = (handler | curious | patient | ap::starts_on(sim)).submit(1);
    sim.run();
    CHECK(std::move(f).get().error() == ap::errc::unavailable);
    CHECK(attempts == std::vector<std::uint32_t>{1, 2});
}

TEST_CASE("layer: a stop request reaches the function's token and everything it has asked") {
    ap::testing::simulation sim{1};
    std::vector<std::stop_token> inside;
    std::optional<std::stop_token> own;
    ap::promise<int> never[3];
    ap::request waits{[&](std::stop_token stop, int i) {
        inside.push_back(std::move(stop));
        return never[i].get_future();
    }};
    auto const callbacks = ap::layer([&](std::stop_token stop, auto next, int, ap::promise<int> reply) {
        own = std::move(stop);
        for (int i = 0; i != 2; ++i)
            next(i, [](ap::result<int>) {});
        next(2, [reply = std::move(reply)](ap::result<int> r) mutable { reply.set(std::move(r)); });
    });
    auto f = (waits | callbacks | ap::starts_on(sim)).submit(0);
    sim.run();
    REQUIRE(inside.size() == 3);
    never[0].set_value(0);
    sim.run();
    CHECK_FALSE(own->stop_requested());
    f.request_stop();
    CHECK(own->stop_requested());
    CHECK_FALSE(inside[0].stop_requested());  // that one was answered before
    CHECK(inside[1].stop_requested());
    CHECK(inside[2].stop_requested());
    never[1].set_value(1);
    never[2].set_value(2);
    sim.run();
    CHECK(std::move(f).get().value() == 2);
}

TEST_CASE("layer: what it asks after the stop request is cancelled") {
    ap::testing::simulation sim{1};
    int runs = 0;
    ap::request handler{[&](int x) {
        ++runs;
        return x;
    }};
    auto const slow = ap::layer([](auto next, int x) -> ap::task<int> {
        co_await ap::sleep_for(1s);
        co_return co_await next(x);
    });
    auto f = (handler | slow | ap::starts_on(sim)).submit(1);
    sim.advance(10ms);
    f.request_stop();
    sim.run();
    CHECK(std::move(f).get().error() == ap::errc::cancelled);
    CHECK(runs == 0);
    CHECK(sim.now() == ap::time_point{1h + 10ms});
}

TEST_CASE("layer: a timeout around it gives up on it, a timeout inside it is one of next's failures") {
    ap::testing::simulation sim{1};
    ap::request slow{[](int) -> ap::task<int> {
        co_await ap::sleep_for(1h);
        co_return 1;
    }};
    auto const pass = ap::layer([](auto next, int x) { return next(x); });
    auto f = (slow | pass | ap::timeout{.limit = 2s} | ap::starts_on(sim)).submit(1);
    sim.run();
    CHECK(std::move(f).get().error() == ap::errc::deadline_exceeded);
    auto const mended = ap::layer([](auto next, int x) { return next(x).or_else([](ap::failure const&) { return 9; }); });
    auto g = (slow | ap::timeout{.limit = 2s} | mended | ap::starts_on(sim)).submit(1);
    sim.run();
    CHECK(std::move(g).get().value() == 9);
    CHECK(sim.pending() == 0);
}

TEST_CASE("layer: next is a value, which may be copied, and outlive the function") {
    ap::testing::simulation sim{1};
    int answers = 0;
    auto const both = ap::layer([&](auto next, int x) {
        return next(x).then([next, &answers](int y) {
            ++answers;
            return next(y + 1).then([&answers](int z) {
                ++answers;
                return z;
            });
        });
    });
    auto f = (same() | both | ap::starts_on(sim)).submit(1);
    sim.run();
    CHECK(std::move(f).get().value() == 2);
    CHECK(answers == 2);
}

TEST_CASE("layer: a function that takes next by reference may refer to it until it has answered") {
    auto const style = ap::layer([](auto const& next, int x) { return next(x).then([&next](int y) { return next(y + 1); }); });
    CHECK((same() | style).call(1).value() == 2);
}

TEST_CASE("layer: several asks at once through one next are each answered") {
    ap::testing::simulation sim{1};
    auto const pair = ap::layer([](auto next, int x) {
        return ap::when_all(next(x), next(x + 1), next(x + 2)).then([](std::tuple<int, int, int> t) {
            return std::get<0>(t) + std::get<1>(t) + std::get<2>(t);
        });
    });
    auto f = (same() | pair | ap::starts_on(sim)).submit(1);
    sim.run();
    CHECK(std::move(f).get().value() == 6);
}

TEST_CASE("layer: handler and function may be of a kind that only moves") {
    ap::request handler{[p = std::make_unique<int>(3)](int x) { return *p + x; }};
    auto r = std::move(handler) | ap::layer([q = std::make_unique<int>(4)](auto next, int x) { return next(x + *q); });
    CHECK(r.call(1).value() == 8);
    CHECK(r.submit(2).get().value() == 9);
}

TEST_CASE("layer: arguments that only move, and references, pass through it") {
    auto const pass = ap::layer([](auto next, auto&&... args) { return next(std::forward<decltype(args)>(args)...); });
    ap::request takes{[](std::unique_ptr<int> p) { return *p; }};
    CHECK((takes | pass).call(std::make_unique<int>(3)).value() == 3);
    ap::request adds{[](int& sum, int x) -> int& { return sum += x; }};
    int sum = 1;
    CHECK(&(adds | pass).call(std::ref(sum), 4).value() == &sum);
    CHECK(sum == 5);
}

TEST_CASE("layer: what was passed lives until the answer, also where its parameter only refers to it") {
    ap::testing::simulation sim{1};
    ap::request<int(std::string_view)> length = [](std::string_view s) { return static_cast<int>(s.size()); };
    auto const slow = ap::layer([](auto next, std::string_view s) -> ap::task<int> {
        co_await ap::sleep_for(1s);
        co_return co_await next(s);
    });
    auto f = (length | slow | ap::starts_on(sim)).submit(std::string(40, 'x'));
    sim.run();
    CHECK(std::move(f).get().value() == 40);
}

TEST_CASE("layer: it works around and inside of an erased request") {
    ap::request<int(int)> erased = same();
    auto const plus_one = ap::layer([](auto next, int x) { return next(x + 1); });
    ap::request<long(int)> twice = erased | plus_one | plus_one;
    CHECK(twice.call(1).value() == 3);
    CHECK(twice.submit(1).get().value() == 3);
    int heard = 0;
    ap::manual_executor desk;
    (twice | ap::starts_on(desk)).submit(5, [&](ap::result<long> r) { heard = static_cast<int>(r.value_or(0)); });
    desk.run();
    CHECK(heard == 7);
}

TEST_CASE("layer: an empty request fails through it") {
    ap::request<int(int)> const empty;
    auto r = empty | ap::layer([](auto next, int x) { return next(x); });
    CHECK_FALSE(static_cast<bool>(r));
    CHECK(r.call(1).error() == ap::errc::failed_precondition);
}

TEST_CASE("layer: every copy of an ask's handler, function and next is gone once nobody asks") {
    ap::testing::simulation sim{1};
    {
        auto r = ap::request{[kept = test::counted{1}](int x) { return kept.read() + x; }} |
                 ap::layer([kept = test::counted{2}](auto next, int x) -> ap::task<int> {
                     ap::result<int> y = co_await next(x);
                     co_await ap::sleep_for(1s);
                     co_return co_await next(*y + kept.read());
                 }) |
                 ap::starts_on(sim);
        auto f = r.submit(0);
        auto g = r.submit(1);
        sim.advance(500ms);
        g.request_stop();
        sim.run();
        CHECK(std::move(f).get().value() == 4);
    }
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("layer: next's first ask is part of the layer's, a further one is an allocation") {
    auto const pass = same() | ap::layer([](auto next, int x) { return next(x); }) | ap::starts_on(ap::inline_executor{});
    static_cast<void>(pass.call(1));
    CHECK(test::allocations_of([&] { CHECK(pass.submit(1).get().value() == 1); }) == 1);
    auto const twice = same() | ap::layer([](auto next, int x) {
                           static_cast<void>(next(x).get());
                           return next(x);
                       }) |
                       ap::starts_on(ap::inline_executor{});
    CHECK(test::allocations_of([&] { CHECK(twice.submit(1).get().value() == 1); }) == 2);
}
