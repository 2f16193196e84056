// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/inline_executor.hpp>
#include <antiphon/execution/manual_executor.hpp>
#include <antiphon/execution/thread_pool.hpp>
#include <antiphon/request/promise.hpp>
#include <antiphon/request/request.hpp>
#include <antiphon/request/starts_on.hpp>
#include <antiphon/request/task.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/allocations.hpp"
#include "support/values.hpp"

namespace ap = antiphon;

namespace {

constexpr int million = 1'000'000;
ap::task<int> twice(int x) { co_return 2 * x; }
ap::task<int> depth(int n) {
    if (n == 0) co_return 0;
    co_return (co_await depth(n - 1)).value() + 1;
}
ap::future<int> answered(int n) {
    ap::promise<int> p;
    auto f = p.get_future();
    p.set_value(n);
    return f;
}

}  // namespace

TEST_CASE("a task does nothing until it is awaited") {
    bool ran = false;
    auto const body = [&]() -> ap::task<void> {
        ran = true;
        co_return;
    };
    {
        auto const idle = body();
        CHECK_FALSE(ran);
    }
    CHECK_FALSE(ran);
    CHECK(ap::request{[&] { return body(); }}.call().has_value());
    CHECK(ran);
}

TEST_CASE("a task that nobody awaits destroys its arguments") {
    auto const body = [](test::counted c) -> ap::task<int> { co_return c.read(); };
    {
        auto const idle = body(test::counted{1});
    }
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("a task returns a value, a result, a failure or a code") {
    ap::request value{[]() -> ap::task<int> { co_return 3; }};
    ap::request result{[]() -> ap::task<int> { co_return ap::result<int>{4}; }};
    ap::request failure{[]() -> ap::task<int> { co_return ap::failure{ap::errc::aborted, ap::executed::yes}; }};
    ap::request code{[]() -> ap::task<int> { co_return ap::errc::not_found; }};
    CHECK(value.call().value() == 3);
    CHECK(result.call().value() == 4);
    CHECK(failure.call().error().executed() == ap::executed::yes);
    CHECK(code.call().error() == ap::errc::not_found);
}

TEST_CASE("tasks have results of every kind") {
    static int target = 0;
    ap::request nothing{[]() -> ap::task<void> { co_return; }};
    ap::request reference{[]() -> ap::task<int&> { co_return target; }};
    ap::request moves{[]() -> ap::task<test::move_only> { co_return test::move_only{4}; }};
    ap::request wide{[]() -> ap::task<test::overaligned> { co_return test::overaligned{5}; }};
    CHECK(nothing.call().has_value());
    CHECK(&reference.call().value() == &target);
    CHECK(moves.submit().get().value().read() == 4);
    CHECK(wide.submit().get().value().read() == 5);
}

namespace {
/// Counts those of its kind that were made where they do not fit.
struct alignas(64) surveyed {
    surveyed() noexcept { look(); }
    surveyed(surveyed const&) noexcept { look(); }
    surveyed& operator=(surveyed const&) = default;
    ~surveyed() = default;
    void look() noexcept { astray += reinterpret_cast<std::uintptr_t>(this) % alignof(surveyed) != 0; }

    static inline int astray = 0;
};
}  // namespace

TEST_CASE("a task keeps an over-aligned answer where it fits, whatever frame the compiler asks for") {
    auto const body = []() -> ap::task<surveyed> { co_return surveyed{}; };
    std::vector<std::unique_ptr<std::byte[]>> between;  // what else is on the heap moves the frames about
    std::vector<ap::task<surveyed>> tasks;
    for (std::size_t n = 1; n <= 32; ++n) {
        between.push_back(std::make_unique<std::byte[]>(16 * n));
        tasks.push_back(body());
    }
    surveyed::astray = 0;
    for (auto& each : tasks)
        CHECK(ap::request{[&] { return std::move(each); }}.call().has_value());
    CHECK(surveyed::astray == 0);
}

TEST_CASE("a task awaits tasks and gets their results") {
    ap::request sum{[]() -> ap::task<int> { co_return (co_await twice(1)).value() + (co_await twice(2)).value(); }};
    CHECK(sum.call().value() == 6);
    CHECK(sum.submit().get().value() == 6);
}

TEST_CASE("an empty task answers failed_precondition") {
    ap::request awaits{[]() -> ap::task<bool> {
        auto t = twice(1);
        static_cast<void>(co_await std::move(t));
        co_return (co_await std::move(t)).error() == ap::errc::failed_precondition;
    }};
    CHECK(awaits.call().value());
    ap::request returns{[] {
        auto t = twice(1);
        auto const taken = std::move(t);
        return t;
    }};
    CHECK(returns.call().error() == ap::errc::failed_precondition);
}

TEST_CASE("a task that is assigned over destroys the frame that it had") {
    auto const body = [](test::counted c) -> ap::task<int> { co_return c.read(); };
    {
        auto t = body(test::counted{1});
        t = body(test::counted{2});
        CHECK(test::counted::alive() == 1);
    }
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("tasks that await tasks a million deep use constant stack") {
    CHECK(ap::request{[] { return depth(million); }}.call().value() == million);
}

TEST_CASE("a million awaits of what is ready use constant stack") {
    ap::request ready{[]() -> ap::task<long> {
        long sum = 0;
        for (int i = 0; i < million; ++i)
            sum += (co_await answered(1)).value();
        co_return sum;
    }};
    CHECK(ready.call().value() == million);
    ap::request tasks{[]() -> ap::task<long> {
        long sum = 0;
        for (int i = 0; i < million; ++i)
            sum += (co_await twice(1)).value();
        co_return sum;
    }};
    CHECK(tasks.submit().get().value() == 2 * million);
    ap::request requests{[]() -> ap::task<long> {
        ap::request const one{[] { return 1; }};
        long sum = 0;
        for (int i = 0; i < million; ++i)
            sum += (co_await one()).value();
        co_return sum;
    }};
    CHECK(requests.call().value() == million);
}

TEST_CASE("a million awaits of a pool's futures use constant stack") {
    ap::thread_pool pool{{.threads = 2}};
    ap::request loop{[&]() -> ap::task<long> {
        auto const one = ap::request{[] { return 1; }} | ap::starts_on(pool);
        long sum = 0;
        for (int i = 0; i < million; ++i)
            sum += (co_await one.submit()).value();
        co_return sum;
    }};
    CHECK((loop | ap::starts_on(pool)).submit().get().value() == million);
}

TEST_CASE("a million awaits of an inline executor's asks use constant stack") {
    ap::request loop{[]() -> ap::task<long> {
        auto const one = ap::request{[] { return 1; }} | ap::starts_on(ap::inline_executor{});
        long sum = 0;
        for (int i = 0; i < million; ++i)
            sum += (co_await one()).value();
        co_return sum;
    }};
    CHECK(loop.call().value() == million);
    CHECK((loop | ap::starts_on(ap::inline_executor{})).submit().get().value() == million);
}

TEST_CASE("a suspended task resumes on its request's executor") {
    ap::manual_executor desk;
    ap::promise<int> p;
    std::vector<void const*> places;
    auto f = (ap::request{[&]() -> ap::task<int> {
                  places.push_back(ap::place_scope::current());
                  int const x = (co_await p.get_future()).value();
                  places.push_back(ap::place_scope::current());
                  co_return x;
              }} |
              ap::starts_on(desk))
                 .submit();
    CHECK(desk.run() == 1);
    p.set_value(4);
    CHECK_FALSE(f.ready());
    CHECK(desk.run() == 1);
    CHECK(std::move(f).get().value() == 4);
    void const* const place = desk.get_executor().place();
    CHECK(places == std::vector<void const*>{place, place});
}

TEST_CASE("for call() without an executor a suspended task resumes in the calling thread") {
    ap::thread_pool pool{{.threads = 1, .claimable = false}};
    auto const here = std::this_thread::get_id();
    auto const elsewhere = ap::request{[] { return std::this_thread::get_id(); }} | ap::starts_on(pool);
    ap::request moves{[&]() -> ap::task<bool> {
        bool const away = (co_await elsewhere.submit()).value() != here;
        co_return away&& std::this_thread::get_id() == here;
    }};
    CHECK(moves.call().value());
}

TEST_CASE("a stop request reaches what a task awaits, through tasks in between") {
    ap::manual_executor desk;
    ap::promise<int> p;
    auto const inner = [&]() -> ap::task<int> { co_return (co_await p.get_future()).value(); };
    auto f = (ap::request{[&]() -> ap::task<int> { co_return (co_await inner()).value(); }} | ap::starts_on(desk)).submit();
    desk.run();
    CHECK_FALSE(p.stop_requested());
    f.request_stop();
    CHECK(p.stop_requested());
    p.set_value(2);
    desk.run();
    CHECK(std::move(f).get().value() == 2);
}

TEST_CASE("what a task awaits after the stop hears of it at once") {
    ap::manual_executor desk;
    ap::promise<int> first, second;
    auto f = (ap::request{[&](std::stop_token stop) -> ap::task<bool> {
                  static_cast<void>(co_await first.get_future());
                  static_cast<void>(co_await second.get_future());
                  co_return stop.stop_requested();
              }} |
              ap::starts_on(desk))
                 .submit();
    desk.run();
    f.request_stop();
    first.set_value(1);
    desk.run();
    CHECK(second.stop_requested());
    second.set_value(1);
    desk.run();
    CHECK(std::move(f).get().value());
}

TEST_CASE("a coroutine handler lives, with its arguments, until it has ended") {
    ap::manual_executor desk;
    ap::promise<int> p;
    auto const token = std::make_shared<int>(5);
    auto f = (ap::request{[token, &p](std::string const& s) -> ap::task<int> {
                  static_cast<void>(co_await p.get_future());
                  co_return *token + static_cast<int>(s.size());
              }} |
              ap::starts_on(desk))
                 .submit(std::string(100, 'x'));
    desk.run();
    CHECK(token.use_count() == 2);
    p.set_value(1);
    desk.run();
    CHECK(f.ready());
    CHECK(token.use_count() == 1);
    CHECK(std::move(f).get().value() == 105);
}

TEST_CASE("a suspended task whose executor refuses to resume it is destroyed and fails with that code") {
    std::optional<ap::manual_executor> desk{std::in_place};
    ap::promise<int> p;
    auto f = (ap::request{[&](test::counted) -> ap::task<int> { co_return (co_await p.get_future()).value(); }} | ap::starts_on(*desk))
                 .submit(test::counted{1});
    desk->run();
    desk.reset();
    CHECK_FALSE(f.ready());
    p.set_value(1);
    auto const r = std::move(f).get();
    CHECK(r.error() == ap::errc::shut_down);
    CHECK(r.error().executed() == ap::executed::maybe);
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("a task that its executor has queued to resume is destroyed with the executor") {
    std::optional<ap::manual_executor> desk{std::in_place};
    ap::promise<int> p;
    auto f = (ap::request{[&](test::counted) -> ap::task<int> { co_return (co_await p.get_future()).value(); }} | ap::starts_on(*desk))
                 .submit(test::counted{1});
    desk->run();
    p.set_value(1);
    desk.reset();
    CHECK(std::move(f).get().error() == ap::errc::shut_down);
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("a suspended task on a pool that is shut down fails when it would resume") {
    ap::thread_pool pool{{.threads = 1}};
    ap::promise<int> p;
    ap::promise<void> started;
    auto running = started.get_future();
    auto f = (ap::request{[&]() -> ap::task<int> {
                  started.set_value();
                  co_return (co_await p.get_future()).value();
              }} |
              ap::starts_on(pool))
                 .submit();
    REQUIRE(running.wait());
    pool.shut_down();
    p.set_value(1);
    CHECK(std::move(f).get().error() == ap::errc::shut_down);
}

namespace {
struct keeping_executor {
    std::vector<ap::work>* queue;
    void execute(ap::work job) const { queue->push_back(std::move(job)); }
};
}  // namespace

TEST_CASE("a task whose resumption is dropped is destroyed elsewhere and fails as cancelled") {
    std::vector<ap::work> queue;
    ap::promise<int> p;
    auto f = (ap::request{[&](test::counted) -> ap::task<int> { co_return (co_await p.get_future()).value(); }} |
              ap::starts_on(keeping_executor{&queue}))
                 .submit(test::counted{1});
    std::move(queue.front())();
    queue.clear();
    p.set_value(1);
    REQUIRE(queue.size() == 1);
    queue.clear();
    auto const r = std::move(f).get();
    CHECK(r.error() == ap::errc::cancelled);
    CHECK(r.error().executed() == ap::executed::maybe);
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("awaiting a plain request inside a task allocates nothing") {
    ap::request counts{[]() -> ap::task<std::size_t> {
        ap::request const plain{[](int x) { return x + 1; }};
        std::size_t const before = test::allocations();
        int const two = (co_await plain(1)).value();
        co_return two == 2 ? test::allocations() - before : 99;
    }};
    CHECK(counts.call().value() == 0);
    CHECK(counts.submit().get().value() == 0);
}

TEST_CASE("a request with an executor is awaited there, and the task resumes at home") {
    ap::manual_executor home, away;
    void const *there = nullptr, *back = nullptr;
    auto const visit = ap::request{[&](int x) {
                           there = ap::place_scope::current();
                           return x + 1;
                       }} |
                       ap::starts_on(away);
    auto f = (ap::request{[&]() -> ap::task<int> {
                  int const x = (co_await visit(1)).value();
                  back = ap::place_scope::current();
                  co_return x;
              }} |
              ap::starts_on(home))
                 .submit();
    home.run();
    away.run();
    home.run();
    CHECK(std::move(f).get().value() == 2);
    CHECK(there == away.get_executor().place());
    CHECK(back == home.get_executor().place());
}

TEST_CASE("an awaited request keeps its arguments as passed") {
    ap::request<int(std::string const&)> const length = [](std::string const& s) { return static_cast<int>(s.size()); };
    ap::request r{
        [&]() -> ap::task<int> { co_return (co_await length("four")).value() + (co_await length(std::string(10, 'x'))).value(); }};
    CHECK(r.call().value() == 14);
}

#if ANTIPHON_EXCEPTIONS

TEST_CASE("what leaves a task becomes its failure, for whoever awaits it") {
    auto const throws = [](int n) -> ap::task<int> {
        if (n > 0) throw std::runtime_error{"inside"};
        co_return n;
    };
    ap::request whole{[&](int n) { return throws(n); }};
    CHECK(whole.call(1).error().message().find("inside") != std::string::npos);
    CHECK(whole.submit(1).get().error().executed() == ap::executed::yes);
    ap::request part{[&]() -> ap::task<bool> { co_return !(co_await throws(1)); }};
    CHECK(part.call().value());
    ap::request number{[]() -> ap::task<void> {
        throw 3;
        co_return;
    }};
    CHECK(number.call().error().exception() != nullptr);
}

TEST_CASE("locals of a task that throws are destroyed before its answer is published") {
    ap::request r{[]() -> ap::task<int> {
        test::counted const local{1};
        throw 1;
        co_return 0;
    }};
    auto f = (r | ap::starts_on(ap::inline_executor{})).submit();
    CHECK(f.ready());
    CHECK(test::counted::alive() == 0);
}

#endif
