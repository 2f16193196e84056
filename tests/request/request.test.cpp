// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/inline_executor.hpp>
#include <antiphon/execution/manual_executor.hpp>
#include <antiphon/execution/strand.hpp>
#include <antiphon/execution/thread_pool.hpp>
#include <antiphon/policy/deadline.hpp>
#include <antiphon/policy/timeout.hpp>
#include <antiphon/request/adapt.hpp>
#include <antiphon/request/promise.hpp>
#include <antiphon/request/request.hpp>
#include <antiphon/request/shared_future.hpp>
#include <antiphon/request/starts_on.hpp>
#include <antiphon/request/task.hpp>
#include <antiphon/testing/simulation.hpp>

#include <malloc.h>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/allocations.hpp"
#include "support/values.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

int plain_function(int x) { return x + 1; }
struct functor {
    int operator()(int x) const { return x + by; }
    int by;
};
/// The answer of every verb: call, submit, call_for, a callback, co_await.
template <class Request, class... A>
auto by_every_verb(Request const& r, A const&... args) {
    using R = typename Request::result_type;
    std::vector<ap::result<R>> all;
    all.push_back(r.call(args...));
    all.push_back(r.submit(args...).get());
    all.push_back(r.call_for(ap::duration::max(), args...).get());
    all.push_back(r.call_for(0s, args...).get());
    ap::promise<R> told;
    auto f = told.get_future();
    auto shared = std::make_shared<ap::promise<R>>(std::move(told));
    r.submit(args..., [shared](ap::result<R> x) { shared->set(std::move(x)); });
    shared.reset();
    all.push_back(std::move(f).get());
    if constexpr (!std::is_void_v<R>) {
        all.push_back(ap::request{[&]() -> ap::task<R> { co_return co_await r(args...); }}.call());
        all.push_back(ap::request{[&]() -> ap::task<R> { co_return co_await r.submit(args...); }}.submit().get());
    }
    return all;
}
template <class Request, class T, class... A>
bool always(Request const& r, T const& value, A const&... args) {
    for (auto& each : by_every_verb(r, args...))
        if (!each || !(*each == value)) return false;
    return true;
}

}  // namespace

TEST_CASE("every form of handler answers by every verb") {
    CHECK(always(ap::request{[](int x) { return 2 * x; }}, 4, 2));
    CHECK(always(ap::request{[](int x) -> ap::result<int> { return 2 * x; }}, 4, 2));
    CHECK(always(ap::request{[](int x) -> ap::task<int> { co_return 2 * x; }}, 4, 2));
    CHECK(always(ap::request{[](int x) { return ap::request{[x] { return 2 * x; }}.submit(); }}, 4, 2));
    CHECK(always(ap::request{[](int x) { return ap::request{[x] { return 2 * x; }}; }}, 4, 2));
    CHECK(always(ap::request{[](int x, ap::promise<int> p) { p.set_value(2 * x); }}, 4, 2));
    CHECK(always(ap::request{[](std::stop_token, int x) { return 2 * x; }}, 4, 2));
    CHECK(always(ap::request{[](std::stop_token const&, int x) { return 2 * x; }}, 4, 2));
    CHECK(always(ap::request{[](ap::context const& c, int x) { return x + static_cast<int>(c.attempt()) + 1; }}, 4, 2));
    CHECK(always(ap::request{[](std::stop_token, int x, ap::promise<int> p) { p.set_value(2 * x); }}, 4, 2));
    CHECK(always(ap::request{[](ap::context const&, int x, ap::promise<int> p) { p.set_value(2 * x); }}, 4, 2));
    CHECK(always(ap::request{[](std::stop_token, int x) -> ap::task<int> { co_return 2 * x; }}, 4, 2));
    CHECK(always(ap::request{[](ap::context const&, int x) -> ap::task<int> { co_return 2 * x; }}, 4, 2));
}

TEST_CASE("every form of handler fits a spelled signature") {
    using asks = ap::request<int(int)>;
    CHECK(always(asks{[](int x) { return 2 * x; }}, 4, 2));
    CHECK(always(asks{[](auto x) { return 2 * x; }}, 4, 2));
    CHECK(always(asks{[](int x) -> ap::result<short> { return static_cast<short>(2 * x); }}, 4, 2));
    CHECK(always(asks{[](int x) -> ap::task<int> { co_return 2 * x; }}, 4, 2));
    CHECK(always(asks{[](int x) -> ap::task<short> { co_return static_cast<short>(2 * x); }}, 4, 2));
    CHECK(always(asks{[](int x) { return ap::request{[x] { return 2 * x; }}.submit(); }}, 4, 2));
    CHECK(always(asks{[](int x) { return ap::request{[x] { return 2 * x; }}; }}, 4, 2));
    CHECK(always(asks{[](int x, ap::promise<int> p) { p.set_value(2 * x); }}, 4, 2));
    CHECK(always(asks{[](std::stop_token, int x) { return 2 * x; }}, 4, 2));
    CHECK(always(asks{[](ap::context const&, int x) { return 2 * x; }}, 4, 2));
    CHECK(always(asks{[](std::stop_token, int x, ap::promise<int> p) { p.set_value(2 * x); }}, 4, 2));
    CHECK(always(asks{[](ap::context const&, int x, ap::promise<int> p) { p.set_value(2 * x); }}, 4, 2));
}

TEST_CASE("functions, functors and requests are handlers") {
    CHECK(always(ap::request{plain_function}, 3, 2));
    CHECK(always(ap::request{&plain_function}, 3, 2));
    CHECK(always(ap::request{functor{5}}, 7, 2));
    CHECK(always(ap::request{std::function<int(int)>{plain_function}}, 3, 2));
    ap::request const same{plain_function};
    ap::request const copy = same;
    CHECK(always(copy, 3, 2));
    CHECK(always(ap::request<int(int)>{same}, 3, 2));
    CHECK(always(ap::request<long(int)>{same}, 3L, 2));
    struct counter {
        [[nodiscard]] int read() const { return 8; }
    };
    ap::request<int(counter)> const member = &counter::read;
    CHECK(always(member, 8, counter{}));
}

TEST_CASE("a pointer to a member is a handler whose first argument is the object") {
    struct account {
        [[nodiscard]] int after(int amount) const noexcept { return balance + amount; }
        void add(int amount) { balance += amount; }
        int balance = 5;
    };
    ap::request const after{&account::after};
    STATIC_REQUIRE(std::is_same_v<decltype(after)::signature, int(account const&, int)>);
    CHECK(always(after, 7, account{}, 2));
    ap::request const balance{&account::balance};
    STATIC_REQUIRE(std::is_same_v<decltype(balance)::signature, int(account const&)>);
    CHECK(always(balance, 5, account{}));
    ap::request const add{&account::add};
    STATIC_REQUIRE(std::is_same_v<decltype(add)::signature, void(account&, int)>);
    account mine;
    CHECK(add.call(std::ref(mine), 3).has_value());
    CHECK(mine.balance == 8);
    int (account::*null)(int) const noexcept = nullptr;
    CHECK(ap::request{null}.call(mine, 1).error() == ap::errc::failed_precondition);
}

TEST_CASE("what a handler returns converts to what was spelled") {
    struct base {
        base() = default;
        base(base const&) = delete;
        base& operator=(base const&) = delete;
        virtual ~base() = default;
        [[nodiscard]] virtual int number() const { return 1; }
    };
    struct derived : base {
        [[nodiscard]] int number() const override { return 2; }
    };
    ap::request<std::unique_ptr<base>()> const pointer = [] { return std::make_unique<derived>(); };
    CHECK(pointer.call().value()->number() == 2);
    CHECK(pointer.submit().get().value()->number() == 2);
    static derived target;
    ap::request<base const&()> const reference = []() -> derived& { return target; };
    CHECK(&reference.call().value() == &target);
    CHECK(&reference.submit().get().value() == &target);
    CHECK(always(ap::request<std::string()>{[] { return "literal"; }}, std::string{"literal"}));
    CHECK(always(ap::request<std::optional<int>()>{[]() -> std::optional<int> { return std::nullopt; }}, std::optional<int>{}));
    CHECK(always(ap::request<bool()>{[]() -> ap::result<bool> { return false; }}, false));
    CHECK(always(ap::request<std::error_code()>{[] { return std::make_error_code(std::errc::io_error); }},
                 std::make_error_code(std::errc::io_error)));
    for (auto const& each : by_every_verb(ap::request<void(int)>{[](int x) { return x; }}, 1))
        CHECK(each.has_value());
}

TEST_CASE("answers inside answers are flattened to the last") {
    auto const seven = [] { return 7; };
    ap::request const futures{[seven] { return ap::request{[seven] { return ap::request{seven}.submit(); }}.submit(); }};
    ap::request const requests{[seven] { return ap::request{[seven] { return ap::request{seven}; }}; }};
    ap::request const in_result{[seven]() -> ap::result<ap::future<int>> { return ap::request{seven}.submit(); }};
    ap::request const shared{[f = ap::request{seven}.submit().share()] { return f; }};
    STATIC_REQUIRE(std::is_same_v<decltype(requests)::result_type, int>);
    CHECK(always(futures, 7));
    CHECK(always(requests, 7));
    CHECK(always(in_result, 7));
    CHECK(always(shared, 7));
}

TEST_CASE("results of every kind come by every verb") {
    static int target = 3;
    CHECK(&ap::request{[]() -> int& { return target; }}.call().value() == &target);
    CHECK(&ap::request{[]() -> int& { return target; }}.submit().get().value() == &target);
    CHECK(ap::request{[] { return test::move_only{4}; }}.call().value().read() == 4);
    CHECK(ap::request{[] { return test::move_only{4}; }}.submit().get().value().read() == 4);
    CHECK(ap::request{[] { return test::overaligned{5}; }}.submit().get().value().read() == 5);
    CHECK(ap::request{[] { return test::throwing_move{6}; }}.submit().get().value().read() == 6);
    for (auto const& each : by_every_verb(ap::request{[] {}}))
        CHECK(each.has_value());
    ap::request<test::overaligned(test::overaligned)> const wide = [](test::overaligned w) { return w; };
    CHECK(wide.call(test::overaligned{1}).value().read() == 1);
    CHECK(wide.submit(test::overaligned{1}).get().value().read() == 1);
}

TEST_CASE("an empty request answers failed_precondition by every verb") {
    ap::request<int(int)> const none;
    int (*null)(int) = nullptr;
    ap::request<int(int)> const of_null = null;
    ap::request const deduced_null{null};
    ap::request const of_empty_function{std::function<int(int)>{}};
    CHECK_FALSE(static_cast<bool>(none));
    CHECK_FALSE(static_cast<bool>(of_null));
    CHECK_FALSE(static_cast<bool>(deduced_null));
    CHECK_FALSE(static_cast<bool>(of_empty_function));
    auto const refused = [](auto const& r) {
        for (auto const& each : by_every_verb(r, 1))
            if (each || !(each.error() == ap::errc::failed_precondition) || each.error().executed() != ap::executed::no) return false;
        return true;
    };
    CHECK(refused(none));
    CHECK(refused(of_null));
    CHECK(refused(deduced_null));
    CHECK(refused(of_empty_function));
    CHECK(refused(none | ap::starts_on(ap::inline_executor{})));
    CHECK(refused(ap::request<long(int)>{deduced_null}));
}

TEST_CASE("a moved-from spelled request is empty, its copies are not") {
    ap::request<int(int)> a = plain_function;
    ap::request<int(int)> const b = a;
    ap::request<int(int)> const c = std::move(a);
    CHECK_FALSE(static_cast<bool>(a));
    CHECK(a.call(1).error() == ap::errc::failed_precondition);
    CHECK(b.call(1).value() == 2);
    CHECK(c.call(1).value() == 2);
    a = b;
    CHECK(a.call(1).value() == 2);
}

TEST_CASE("an argument is kept as passed, and converted when the handler runs") {
    ap::manual_executor desk;
    ap::request<std::size_t(std::string_view)> const length = [](std::string_view s) { return s.size(); };
    ap::request const deduced{[](std::string_view s) { return s.size(); }};
    auto a = (length | ap::starts_on(desk)).submit(std::string(100, 'x'));
    auto b = (deduced | ap::starts_on(desk)).submit(std::string(100, 'x'));
    std::optional<std::string> text{std::string(50, 'y')};
    auto c = (length | ap::starts_on(desk)).submit(*text);
    text.reset();
    desk.run();
    CHECK(std::move(a).get().value() == 100);
    CHECK(std::move(b).get().value() == 100);
    CHECK(std::move(c).get().value() == 50);
    CHECK(length.call(std::string(7, 'x')).value() == 7);
}

TEST_CASE("a reference parameter fed by another type is materialised for the ask") {
    ap::manual_executor desk;
    ap::request const length{[](std::string const& s) { return s.size(); }};
    ap::request<std::size_t(std::string const&)> const spelled = length;
    char text[] = "four";
    auto f = (length | ap::starts_on(desk)).submit(text);
    auto g = (spelled | ap::starts_on(desk)).submit(text);
    auto h = (ap::request{[](std::string&& s) { return s.size(); }} | ap::starts_on(desk)).submit(text);
    desk.run();
    CHECK(std::move(f).get().value() == 4);
    CHECK(std::move(g).get().value() == 4);
    CHECK(std::move(h).get().value() == 4);
}

TEST_CASE("a coroutine may refer to its reference argument until it ends") {
    ap::manual_executor desk;
    ap::promise<int> p;
    ap::request const late{[&](std::string const& s) -> ap::task<std::size_t> {
        static_cast<void>(co_await p.get_future());
        co_return s.size();
    }};
    auto f = (late | ap::starts_on(desk)).submit(std::string(200, 'z'));
    auto g = (ap::request<std::size_t(std::string const&)>{[](std::string const& s) -> ap::task<std::size_t> { co_return s.size(); }} |
              ap::starts_on(desk))
                 .submit("abc");
    desk.run();
    p.set_value(1);
    desk.run();
    CHECK(std::move(f).get().value() == 200);
    CHECK(std::move(g).get().value() == 3);
}

TEST_CASE("references go through std::ref, for every verb") {
    int n = 0;
    ap::request const bump{[](int& x) { return ++x; }};
    ap::request<int(int&)> const spelled = bump;
    CHECK(bump.call(std::ref(n)).value() == 1);
    CHECK(bump.submit(std::ref(n)).get().value() == 2);
    CHECK(spelled.call(std::ref(n)).value() == 3);
    CHECK(spelled.submit(std::ref(n)).get().value() == 4);
    CHECK((spelled | ap::starts_on(ap::inline_executor{})).submit(std::ref(n)).get().value() == 5);
    CHECK(ap::request{[&]() -> ap::task<int> { co_return co_await bump(std::ref(n)); }}.call().value() == 6);
    CHECK(n == 6);
}

TEST_CASE("move-only arguments and handlers go through every verb") {
    ap::request const open{[](test::move_only m) { return m.read(); }};
    ap::request<int(test::move_only)> const spelled = open;
    CHECK(open.call(test::move_only{1}).value() == 1);
    CHECK(open.submit(test::move_only{2}).get().value() == 2);
    CHECK(spelled.call(test::move_only{3}).value() == 3);
    CHECK(spelled.submit(test::move_only{4}).get().value() == 4);
    ap::request keeps{[m = test::move_only{5}](int x) { return m.read() + x; }};
    CHECK(keeps.call(1).value() == 6);
    CHECK(std::move(keeps).submit(1).get().value() == 6);
    ap::request<int(int)> const erased = [m = test::move_only{5}](int x) { return m.read() + x; };
    CHECK(always(erased, 6, 1));
}

TEST_CASE("arrays are kept as pointers, standard arrays by value") {
    ap::request const first{[](int const* p) { return *p; }};
    static int const numbers[] = {7, 8};
    CHECK(first.submit(numbers).get().value() == 7);
    ap::request const sum{[](std::array<int, 2> a) { return a[0] + a[1]; }};
    CHECK(sum.submit(std::array{1, 2}).get().value() == 3);
}

TEST_CASE("the callback runs once, on the request's executor, never inside submit") {
    ap::manual_executor desk;
    int told = 0;
    void const* place = nullptr;
    auto const r = ap::request{[](int x) { return x; }} | ap::starts_on(desk);
    r.submit(3, [&](ap::result<int> x) {
        told += x.value();
        place = ap::place_scope::current();
    });
    CHECK(told == 0);
    desk.run();
    CHECK(told == 3);
    CHECK(place == desk.get_executor().place());
}

TEST_CASE("a callback may come after any arguments, by a spelled request as well") {
    ap::manual_executor desk;
    int told = 0;
    ap::request<int(std::string_view)> const length = [](std::string_view s) { return static_cast<int>(s.size()); };
    (length | ap::starts_on(desk)).submit(std::string(5, 'x'), [&, m = test::move_only{1}](ap::result<int> x) {
        told = x.value() + m.read();
    });
    ap::request<int(std::string_view)> placed = length | ap::starts_on(desk);
    placed.submit("abc", [&](ap::result<int> x) { told += x.value(); });
    desk.run();
    CHECK(told == 9);
}

TEST_CASE("call_for gives a ready future in time, and one that is on its way otherwise") {
    ap::testing::simulation sim;
    auto const r = ap::request{[](int x) { return x; }} | ap::starts_on(sim);
    CHECK(r.call_for(1s, 1).ready());
    ap::manual_executor desk;
    auto late = (ap::request{[](int x) { return x; }} | ap::starts_on(desk)).call_for(-5s, 2);
    CHECK_FALSE(late.ready());
    desk.run();
    CHECK(std::move(late).get().value() == 2);
}

TEST_CASE("a deadline that has passed answers without running the handler") {
    bool ran = false;
    ap::request const r{[&] { ran = true; }};
    ap::testing::simulation sim;
    auto const past = (r | ap::deadline{sim.now() - 1s} | ap::starts_on(sim)).call();
    CHECK(past.error() == ap::errc::deadline_exceeded);
    CHECK(past.error().executed() == ap::executed::no);
    CHECK((r | ap::deadline{ap::time_point::min()} | ap::starts_on(sim)).submit().get().error() == ap::errc::deadline_exceeded);
    CHECK_FALSE(ran);
    CHECK((r | ap::timeout{.limit = -1s} | ap::starts_on(sim)).call().has_value());
    CHECK((r | ap::timeout{.limit = ap::duration::max()} | ap::starts_on(sim)).call().has_value());
    CHECK(ran);
}

TEST_CASE("handlers run as const, and one request may be asked from many threads") {
    ap::thread_pool pool{{.threads = 4}};
    auto const r = ap::request{[](int x) { return x; }} | ap::starts_on(pool);
    std::vector<std::thread> askers;
    std::atomic<long> sum{0};
    for (int t = 0; t < 4; ++t)
        askers.emplace_back([&] {
            for (int i = 0; i < 1000; ++i)
                sum += r.submit(1).get().value();
        });
    for (std::thread& t : askers)
        t.join();
    CHECK(sum == 4000);
}

TEST_CASE("the handler and its arguments are destroyed before the answer is published") {
    ap::manual_executor desk;
    auto const token = std::make_shared<int>(1);
    auto const check = [&](auto&& request) {
        long const before = token.use_count();
        auto f = (std::forward<decltype(request)>(request) | ap::starts_on(desk)).submit(token);
        desk.run();
        CHECK(f.ready());
        CHECK(token.use_count() <= before);
    };
    check(ap::request{[](std::shared_ptr<int> p) { return *p; }});
    check(ap::request{[token](std::shared_ptr<int> const& p) { return *p; }});
    check(ap::request{[](std::shared_ptr<int> p, ap::promise<int> reply) { reply.set_value(*p); }});
    check(ap::request{[](std::shared_ptr<int> p) -> ap::task<int> { co_return *p; }});
    CHECK(token.use_count() == 1);
}

TEST_CASE("call() of a plain request allocates nothing") {
    ap::request const plain{[](int x) { return x + 1; }};
    ap::request<int(int)> const erased = plain;
    ap::request const throws_not{[](std::stop_token, int x) { return x; }};
    CHECK(test::allocations_of([&] { static_cast<void>(plain.call(1)); }) == 0);
    CHECK(test::allocations_of([&] { static_cast<void>(erased.call(1)); }) == 0);
    CHECK(test::allocations_of([&] { static_cast<void>(throws_not.call(1)); }) == 0);
}

TEST_CASE("submit is one allocation, with a future or with a callback") {
    static_cast<void>(ap::default_pool());  // made on first use, which would count
    ap::manual_executor desk;
    auto const plain = ap::request{[](int x) { return x + 1; }} | ap::starts_on(desk);
    ap::request<int(int)> const erased = plain;
    CHECK(test::allocations_of([&] { plain.submit(1).detach(); }) == 1);
    CHECK(test::allocations_of([&] { plain.submit(1, [](ap::result<int>) {}); }) == 1);
    CHECK(test::allocations_of([&] { erased.submit(1).detach(); }) == 1);
    auto const coroutine = ap::request{[](int x) { return ap::request{[x] { return x; }}; }} | ap::starts_on(desk);
    CHECK(test::allocations_of([&] { coroutine.submit(1).detach(); }) == 1);
    CHECK(test::allocations_of([&] {
              while (desk.run_one()) {
              }
          }) == 1);  // the request that the last one answered with
}

TEST_CASE("submit of an erased request is one allocation, with a future or with a callback, whatever its arguments") {
    ap::manual_executor desk;
    ap::request<int(int)> const numbers = ap::request{[](int x) { return x + 1; }} | ap::starts_on(desk);
    ap::request<std::size_t(std::string_view)> const length =
        ap::request{[](std::string_view s) { return s.size(); }} | ap::starts_on(desk);
    ap::request<long(int)> const converted = ap::request{[](int x) { return x; }} | ap::starts_on(desk);
    ap::request<int(int), ap::repeat::unsafe> const rebound = numbers | ap::starts_on(desk);
    auto const ignore = [](auto const&) {};
    CHECK(test::allocations_of([&] { numbers.submit(1, ignore); }) == 1);
    CHECK(test::allocations_of([&] { length.submit(std::string{"short"}).detach(); }) == 1);
    CHECK(test::allocations_of([&] { length.submit(std::string{"short"}, ignore); }) == 1);
    CHECK(test::allocations_of([&] { converted.submit(1).detach(); }) == 1);
    CHECK(test::allocations_of([&] { converted.submit(1, ignore); }) == 1);
    CHECK(test::allocations_of([&] { rebound.submit(1).detach(); }) == 1);
    CHECK(test::allocations_of([&] { rebound.submit(1, ignore); }) == 1);
    CHECK(test::allocations_of([&] { CHECK(desk.run() == 7); }) == 0);
}

TEST_CASE("an erased request delivers to a callback of any shape, once") {
    ap::manual_executor desk;
    ap::request<std::size_t(std::string_view)> const length =
        ap::request{[](std::string_view s) { return s.size(); }} | ap::starts_on(desk);
    std::size_t sum = 0;
    SECTION("move-only") {
        auto const addend = [&](std::size_t n) { return [&sum, p = std::make_unique<std::size_t>(n)](auto r) { sum += *r + *p; }; };
        length.submit("seven77", addend(10));
        length.submit(std::string_view{"four"}, addend(20));
        desk.run();
        CHECK(sum == 7 + 10 + 4 + 20);
    }
    SECTION("over-aligned") {
        struct alignas(64) wide {
            std::size_t* to;
            void operator()(ap::result<std::size_t> r) const {
                CHECK(reinterpret_cast<std::uintptr_t>(this) % 64 == 0);
                *to += *r;
            }
        };
        length.submit(std::string_view{"four"}, wide{&sum});
        desk.run();
        CHECK(sum == 4);
    }
    SECTION("a function") {
        static std::size_t heard = 0;
        struct local {
            static void hear(ap::result<std::size_t> r) { heard = *r; }
        };
        length.submit(std::string_view{"four"}, local::hear);
        desk.run();
        CHECK(heard == 4);
    }
    SECTION("one that is given as an lvalue is copied") {
        auto const token = std::make_shared<int>(1);
        auto const callback = [&sum, token](ap::result<std::size_t> r) { sum += *r; };
        length.submit(std::string_view{"four"}, callback);
        length.submit(std::string_view{"fives"}, callback);
        CHECK(token.use_count() == 4);
        desk.run();
        CHECK(token.use_count() == 2);
        CHECK(sum == 9);
    }
    SECTION("an over-aligned argument inside, converted") {
        struct alignas(64) wide {
            wide(int x) : value{x} {}
            int value;
        };
        ap::request<bool(wide const&)> const placed =
            ap::request{[](wide const& w) { return reinterpret_cast<std::uintptr_t>(&w) % 64 == 0 && w.value == 5; }} |
            ap::starts_on(desk);
        bool good = false;
        placed.submit(5, [&](ap::result<bool> r) { good = r.value_or(false); });
        auto later = placed.submit(5);
        desk.run();
        CHECK(good);
        CHECK(std::move(later).get().value_or(false));
    }
}

TEST_CASE("an empty erased request tells its callback on the executor of the ask, not inside submit") {
    ap::manual_executor desk;
    ap::request<int(int)> const numbers = ap::request<int(int)>{} | ap::starts_on(desk);
    ap::result<int> heard = 0;
    numbers.submit(1, [&](ap::result<int> r) { heard = std::move(r); });
    CHECK(heard == 0);
    desk.run();
    CHECK(heard.error() == ap::errc::failed_precondition);
    CHECK(heard.error().executed() == ap::executed::no);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("a callback that cannot be copied into its ask makes submit throw, and nothing is asked or left behind") {
    struct stubborn {
        stubborn() = default;
        stubborn(stubborn const&) { throw std::runtime_error{"not this one"}; }
        void operator()(ap::result<int>) const {}
    };
    stubborn const callback;
    auto const alive = test::counted::alive();
    ap::manual_executor desk;
    {
        auto const plain = ap::request{[](test::counted c) { return c.read(); }} | ap::starts_on(desk);
        CHECK_THROWS_AS(plain.submit(test::counted{1}, callback), std::runtime_error);
        ap::request<int(test::counted)> const erased = plain;
        CHECK_THROWS_AS(erased.submit(test::counted{1}, callback), std::runtime_error);
        ap::request<int(std::string_view)> const converts =
            ap::request{[](std::string_view s) { return static_cast<int>(s.size()); }} | ap::starts_on(desk);
        CHECK_THROWS_AS(converts.submit(std::string{"a long enough string to be on the heap"}, callback), std::runtime_error);
    }
    CHECK(desk.run() == 0);
    CHECK(test::counted::alive() == alive);
}
#endif

TEST_CASE("a queued ask of an int for an int takes 128 bytes of heap at most") {
    ap::manual_executor desk;
    auto const plain = ap::request{[](int x) { return x + 1; }} | ap::starts_on(desk);
    auto const before = ::mallinfo2().uordblks;
    std::vector<ap::future<int>> all;
    all.reserve(1000);
    auto const reserved = ::mallinfo2().uordblks;
    for (int i = 0; i < 1000; ++i)
        all.push_back(plain.submit(i));
    auto const used = ::mallinfo2().uordblks - reserved;
    // A sanitizer's heap does not count here.
    if (reserved > before) CHECK(used / 1000 <= 128);
    desk.run();
}

TEST_CASE("a static request of an empty handler is empty, and a spelled one is a pointer") {
    STATIC_REQUIRE(std::is_empty_v<decltype(ap::request{[](int x) { return x; }})>);
    STATIC_REQUIRE(sizeof(ap::request<int(int)>) == sizeof(void*));
    STATIC_REQUIRE(std::is_copy_constructible_v<ap::request<int(int)>>);
    STATIC_REQUIRE(std::is_nothrow_move_constructible_v<ap::request<int(int)>>);
}

TEST_CASE("an ask without an executor runs on the default pool when it is submitted, and in the caller when it is called") {
    ap::request const where{[] { return ap::place_scope::current(); }};
    CHECK(where.submit().get().value() == ap::default_pool().get_executor().place());
    CHECK(where.call().value() == nullptr);
    auto const here = std::this_thread::get_id();
    CHECK(ap::request{[]() -> ap::task<std::thread::id> { co_return std::this_thread::get_id(); }}.call().value() == here);
    CHECK(ap::request{[](ap::promise<std::thread::id> p) { p.set_value(std::this_thread::get_id()); }}.call().value() == here);
}

namespace {
struct dropping_executor {
    static void execute(ap::work job) { ap::work{std::move(job)}; }
};

/// How a request that never ran is answered, by every verb.
template <class Executor>
bool is_cancelled_unrun(Executor const& where) {
    bool ran = false;
    auto const r = ap::request{[&ran](int x) {
                       ran = true;
                       return x;
                   }} |
                   ap::starts_on(where);
    for (auto const& each : by_every_verb(r, 1))
        if (each || each.error() != ap::errc::cancelled || each.error().executed() != ap::executed::no) return false;
    for (auto const& each : by_every_verb(ap::request<long(int)>{r}, 1))
        if (each || each.error() != ap::errc::cancelled || each.error().executed() != ap::executed::no) return false;
    return !ran;
}
}  // namespace

TEST_CASE("what an executor drops is cancelled and was not executed, by every verb") { CHECK(is_cancelled_unrun(dropping_executor{})); }

#if ANTIPHON_EXCEPTIONS

namespace {
struct throwing_executor {
    [[noreturn]] static void execute(ap::work const&) { throw std::runtime_error{"no room"}; }
};
}  // namespace

TEST_CASE("what an executor throws at is cancelled and was not executed, by every verb") {
    CHECK(is_cancelled_unrun(throwing_executor{}));
}

TEST_CASE("what a handler throws becomes the failure, an int as well, by every verb") {
    auto const fails = [](auto const& r) {
        for (auto const& each : by_every_verb(r, 1))
            if (each || each.error().exception() == nullptr || each.error().executed() != ap::executed::yes) return false;
        return true;
    };
    CHECK(fails(ap::request{[](int) -> int { throw std::runtime_error{"x"}; }}));
    CHECK(fails(ap::request{[](int) -> int { throw 3; }}));
    CHECK(fails(ap::request{[](int) -> ap::result<int> { throw 3; }}));
    CHECK(fails(ap::request{[](int) -> ap::future<int> { throw 3; }}));
    CHECK(fails(ap::request{[](int, ap::promise<int>) { throw 3; }}));
    CHECK(fails(ap::request{[](std::stop_token, int) -> int { throw 3; }}));
    CHECK(fails(ap::request<int(int)>{[](int) -> int { throw 3; }}));
    CHECK(fails(ap::request<long(int)>{ap::request{[](int) -> int { throw 3; }}}));
}

namespace {
std::atomic<int> unhandled{0};
}

TEST_CASE("what a callback throws goes to the pool's unhandled hook, and the pool goes on") {
    unhandled = 0;
    {
        ap::thread_pool pool{{.threads = 1, .unhandled = [](std::exception_ptr e) { unhandled += e != nullptr; }}};
        auto const r = ap::request{[] { return 1; }} | ap::starts_on(pool);
        r.submit([](ap::result<int>) { throw 3; });
        r.submit().on_complete([](ap::result<int>) { throw std::runtime_error{"x"}; });
        CHECK(r.submit().get().value() == 1);
    }
    CHECK(unhandled == 2);
}

TEST_CASE("a result whose move throws is a failure, not a lost ask") {
    ap::manual_executor desk;
    auto f = (ap::request{[] { return test::throwing_move{1}; }} | ap::starts_on(desk)).submit();
    desk.run();
    test::throwing_move::armed const now;
    auto const r = std::move(f).get();
    CHECK(r.error().exception() != nullptr);
    ap::request<test::throwing_move()> const erased =
        ap::request{[] { return test::throwing_move{1}; }} | ap::starts_on(ap::inline_executor{});
    CHECK(erased.call().error().exception() != nullptr);
    ap::request const flattened{[] { return ap::request{[] { return test::throwing_move{1}; }}; }};
    CHECK(flattened.submit().get().error().exception() != nullptr);
}

TEST_CASE("an argument whose copy throws leaves submit, and nothing behind") {
    test::throwing_move const value{1};
    ap::request const r{[](test::throwing_move v, test::counted) { return v.read(); }};
    {
        test::throwing_move::armed const now;
        CHECK_THROWS_AS(r.submit(value, test::counted{1}), std::runtime_error);
    }
    CHECK(test::counted::alive() == 0);
    CHECK(r.submit(value, test::counted{1}).get().value() == 1);
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("submit without memory throws bad_alloc and leaves nothing behind") {
    ap::request const r{[c = test::counted{1}](test::counted) { return 1; }};
    int const before = test::counted::alive();
    {
        test::failing_allocations const none;
        CHECK_THROWS_AS(r.submit(test::counted{1}), std::bad_alloc);
        CHECK_THROWS_AS(r.submit(test::counted{1}, [](ap::result<int>) {}), std::bad_alloc);
    }
    CHECK(test::counted::alive() == before);
}

TEST_CASE("a handler that runs out of memory fails its ask") {
    ap::request const r{[] {
        test::failing_allocations const none;
        return std::make_unique<int>(1);
    }};
    CHECK(r.call().error().exception() != nullptr);
}

TEST_CASE("a conversion of an argument that throws fails the ask, or leaves call() as a failure") {
    struct refuses {
        explicit(false) operator int() const { throw std::runtime_error{"no number"}; }
    };
    ap::request const r{[](int x) { return x; }};
    CHECK(r.call(refuses{}).error().exception() != nullptr);
    CHECK(r.submit(refuses{}).get().error().exception() != nullptr);
}

#endif

TEST_CASE("a pointer to a member that changes its object is asked by every verb") {
    struct counter {
        int add(int n) { return total += n; }
        int total = 0;
    };
    counter mine;
    ap::request const add{&counter::add};
    CHECK(add.call(std::ref(mine), 1) == 1);
    CHECK(add.submit(std::ref(mine), 1).get() == 2);
    ap::request<int(counter&, int)> const spelled = &counter::add;
    CHECK(spelled.call(std::ref(mine), 1) == 3);
    CHECK(spelled.submit(std::ref(mine), 1).get() == 4);
}

TEST_CASE("a generic handler sees its arguments as the spelled parameters, by every verb") {
    ap::request<std::size_t(long)> const width = [](auto x) { return sizeof(x); };
    CHECK(width.call(1) == sizeof(long));
    CHECK(width.submit(1).get() == sizeof(long));
    ap::request<int(int&)> const next = [](auto& x) { return ++x; };
    int n = 0;
    CHECK(next.call(std::ref(n)) == 1);
    CHECK(next.submit(std::ref(n)).get() == 2);
    ap::request<bool(std::string_view)> const seen = [](auto text) { return std::is_same_v<decltype(text), std::string_view>; };
    CHECK(seen.call(std::string{"temporary"}) == true);
    CHECK(seen.submit(std::string{"temporary"}).get() == true);
}

TEST_CASE("a spelled request is made of, assigned and compared with null") {
    ap::request<int()> r{nullptr};
    CHECK(r == nullptr);
    r = [] { return 1; };
    CHECK(r != nullptr);
    r = nullptr;
    CHECK(r.call() == ap::errc::failed_precondition);
}
