// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/inline_executor.hpp>
#include <antiphon/execution/manual_executor.hpp>
#include <antiphon/request/promise.hpp>
#include <antiphon/request/request.hpp>
#include <antiphon/request/starts_on.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "catch_compat.hpp"
#include "support/allocations.hpp"
#include "support/values.hpp"

namespace ap = antiphon;

TEST_CASE("a promise answers its future with a value made of its arguments") {
    ap::promise<std::string> p;
    ap::future<std::string> f = p.get_future();
    CHECK_FALSE(f.ready());
    CHECK(p.set_value(3U, 'x'));
    CHECK(f.ready());
    CHECK(std::move(f).get().value() == "xxx");
}

TEST_CASE("a promise answers with a failure, a result or an exception") {
    ap::promise<int> a, b, c;
    auto fa = a.get_future(), fb = b.get_future(), fc = c.get_future();
    CHECK(a.set_failure({ap::errc::aborted, ap::executed::yes}));
    CHECK(b.set(ap::result<int>{4}));
#if ANTIPHON_EXCEPTIONS
    CHECK(c.set_exception(std::make_exception_ptr(std::runtime_error{"why"})));
    CHECK(std::move(fc).get().error().exception() != nullptr);
#endif
    auto const ra = std::move(fa).get();
    CHECK((ra.error() == ap::errc::aborted && ra.error().executed() == ap::executed::yes));
    CHECK(std::move(fb).get().value() == 4);
}

TEST_CASE("a promise of nothing and one of a reference work alike") {
    int target = 1;
    ap::promise<void> nothing;
    ap::promise<int&> reference;
    auto fn = nothing.get_future();
    auto fr = reference.get_future();
    CHECK(nothing.set_value());
    CHECK(reference.set_value(target));
    CHECK(std::move(fn).get().has_value());
    CHECK(&std::move(fr).get().value() == &target);
}

TEST_CASE("a promise answers once, and afterwards says that there is nothing to answer") {
    ap::promise<int> p;
    auto f = p.get_future();
    CHECK(p.valid());
    CHECK(p.set_value(1));
    CHECK_FALSE(p.valid());
    CHECK_FALSE(p.set_value(2));
    CHECK_FALSE(p.set_failure(ap::errc::aborted));
    CHECK(std::move(f).get().value() == 1);
}

TEST_CASE("a promise that is dropped is broken") {
    std::optional<ap::promise<int>> p{std::in_place};
    auto f = p->get_future();
    p.reset();
    auto const r = std::move(f).get();
    CHECK(r.error() == ap::errc::broken_promise);
    CHECK(r.error().executed() == ap::executed::maybe);
}

TEST_CASE("a promise that is assigned over is broken") {
    ap::promise<int> p;
    auto f = p.get_future();
    p = ap::promise<int>{};
    CHECK(std::move(f).get().error() == ap::errc::broken_promise);
}

TEST_CASE("a moved-from promise answers nothing and breaks nothing") {
    ap::promise<int> p;
    auto f = p.get_future();
    ap::promise<int> q{std::move(p)};
    CHECK_FALSE(p.set_value(1));
    CHECK_FALSE(p.stop_requested());
    p.swap(q);
    CHECK(p.set_value(2));
    CHECK(std::move(f).get().value() == 2);
}

TEST_CASE("a promise gives its future once, and empty ones afterwards") {
    ap::promise<int> p;
    auto f = p.get_future();
    CHECK_FALSE(p.get_future().valid());
    p.set_value(1);
}

TEST_CASE("a promise may be answered before its future is fetched") {
    ap::promise<int> p;
    CHECK(p.set_value(1));
    auto f = p.get_future();
    CHECK(f.ready());
    CHECK(std::move(f).get().value() == 1);
}

TEST_CASE("a promise whose future was never fetched leaves nothing behind") {
    {
        ap::promise<test::counted> const p;
    }
    {
        ap::promise<test::counted> p;
        p.set_value(3);
    }
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("a promise hears that its future was dropped or asked to stop") {
    ap::promise<int> dropped, asked;
    {
        auto f = dropped.get_future();
    }
    auto f = asked.get_future();
    CHECK_FALSE(asked.stop_requested());
    f.request_stop();
    CHECK(dropped.stop_requested());
    CHECK(asked.stop_requested());
    CHECK(asked.set_value(1));
    CHECK(std::move(f).get().value() == 1);
}

TEST_CASE("a detached future does not ask its promise to stop") {
    ap::promise<int> p;
    p.get_future().detach();
    CHECK_FALSE(p.stop_requested());
}

TEST_CASE("continuations of a bare promise run inside the call that answers it") {
    ap::promise<int> p;
    int seen = 0;
    p.get_future().on_complete([&](ap::result<int> r) { seen = r.value(); });
    p.set_value(5);
    CHECK(seen == 5);
}

TEST_CASE("a bare promise is one allocation, answering it none") {
    CHECK(test::allocations_of([] {
              ap::promise<int> p;
              auto f = p.get_future();
              std::size_t const made = test::allocations();
              p.set_value(1);
              static_cast<void>(std::move(f).get());
              if (test::allocations() != made) std::terminate();
          }) == 1);
}

TEST_CASE("a handler's trailing promise answers from anywhere, for every verb") {
    std::optional<ap::promise<int>> kept;
    ap::request later{[&](int x, ap::promise<int> reply) {
        std::thread{[x, reply = std::move(reply)]() mutable { reply.set_value(2 * x); }}.detach();
    }};
    CHECK(later.call(1).value() == 2);
    CHECK(later.submit(2).get().value() == 4);
    auto f = later.call_for(ap::duration::max(), 3);
    CHECK(f.ready());
    CHECK(std::move(f).get().value() == 6);
}

TEST_CASE("a trailing promise that its handler drops is broken") {
    ap::request forgets{[](ap::promise<int>) {}};
    CHECK(forgets.call().error() == ap::errc::broken_promise);
    CHECK(forgets.submit().get().error() == ap::errc::broken_promise);
}

TEST_CASE("a handler that answers through its promise keeps its captures and arguments until it returns") {
    std::string seen;
    ap::request answers{[&seen, own = std::string(100, 'o')](std::string const& given, ap::promise<int> reply) {
        reply.set_value(1);
        seen = own + given;
    }};
    CHECK(answers.call(std::string(100, 'g')).value() == 1);
    CHECK(seen.size() == 200);
    seen.clear();
    CHECK((answers | ap::starts_on(ap::inline_executor{})).submit(std::string(100, 'g')).get().value() == 1);
    CHECK(seen.size() == 200);
}

TEST_CASE("a handler that has given its promise away is destroyed before the answer is published") {
    std::optional<ap::promise<int>> kept;
    auto const token = std::make_shared<int>(0);
    auto f = (ap::request{[token, &kept](ap::promise<int> reply) { kept = std::move(reply); }} | ap::starts_on(ap::inline_executor{}))
                 .submit();
    bool destroyed = false;
    std::move(f).on_complete([&](ap::result<int>) { destroyed = token.use_count() == 1; });
    kept->set_value(1);
    CHECK(destroyed);
}

TEST_CASE("a trailing promise hears a stop request") {
    ap::manual_executor desk;
    std::optional<ap::promise<int>> kept;
    auto f = (ap::request{[&](ap::promise<int> reply) { kept = std::move(reply); }} | ap::starts_on(desk)).submit();
    desk.run();
    CHECK_FALSE(kept->stop_requested());
    f.request_stop();
    CHECK(kept->stop_requested());
    kept->set_value(1);
    CHECK(std::move(f).get().value() == 1);
}

TEST_CASE("continuations of a trailing promise run on the request's executor") {
    ap::manual_executor desk;
    std::optional<ap::promise<int>> kept;
    void const* place = nullptr;
    auto f = (ap::request{[&](ap::promise<int> reply) { kept = std::move(reply); }} | ap::starts_on(desk)).submit().then([&](int x) {
        place = ap::place_scope::current();
        return x;
    });
    desk.run();
    kept->set_value(1);
    CHECK_FALSE(f.ready());
    CHECK(desk.run() == 1);
    CHECK(f.ready());
    CHECK(place == desk.get_executor().place());
}

TEST_CASE("a handler's trailing promise has no second future") {
    bool empty = false;
    ap::request r{[&](ap::promise<int> reply) {
        empty = !reply.get_future().valid();
        reply.set_value(1);
    }};
    CHECK(r.call().value() == 1);
    CHECK(empty);
}

#if ANTIPHON_EXCEPTIONS

TEST_CASE("what making the value throws becomes the failure") {
    struct refuses {
        explicit refuses(int) { throw std::runtime_error{"no value"}; }
    };
    ap::promise<refuses> p;
    auto f = p.get_future();
    CHECK(p.set_value(1));
    CHECK(std::move(f).get().error().exception() != nullptr);
}

TEST_CASE("a handler that throws while it has its promise fails with what it threw") {
    ap::request throws{[](ap::promise<int>) { throw std::runtime_error{"before"}; }};
    auto const r = throws.call();
    CHECK(r.error().message().find("before") != std::string::npos);
    CHECK(r.error().executed() == ap::executed::yes);
}

TEST_CASE("a handler that moves its promise into a local and throws fails with what it threw") {
    ap::request throws{[](ap::promise<int> reply) {
        ap::promise<int> const mine = std::move(reply);
        throw std::runtime_error{"dropped"};
    }};
    CHECK(throws.call().error().message().find("dropped") != std::string::npos);
}

namespace {
std::exception_ptr unhandled;
struct noticing_executor {
    void execute(ap::work job) const { std::move(job)(); }
    void unhandled(std::exception_ptr e) const { ::unhandled = std::move(e); }
};
}  // namespace

TEST_CASE("what a handler throws after it has given its promise away goes to the unhandled hook") {
    std::optional<ap::promise<int>> kept;
    ap::request throws{[&](ap::promise<int> reply) {
        kept = std::move(reply);
        throw std::runtime_error{"after"};
    }};
    unhandled = nullptr;
    auto f = (throws | ap::starts_on(noticing_executor{})).submit();
    CHECK(unhandled != nullptr);
    CHECK_FALSE(f.ready());
    kept->set_value(9);
    CHECK(std::move(f).get().value() == 9);
}

TEST_CASE("what a handler throws after it has answered goes to the unhandled hook") {
    ap::request throws{[](ap::promise<int> reply) {
        reply.set_value(4);
        throw std::runtime_error{"after"};
    }};
    unhandled = nullptr;
    CHECK((throws | ap::starts_on(noticing_executor{})).submit().get().value() == 4);
    CHECK(unhandled != nullptr);
}

#endif

TEST_CASE("set_with answers with what a function returns, a value or a result") {
    ap::promise<std::string> value;
    ap::promise<int> absent;
    ap::promise<void> nothing;
    auto fv = value.get_future();
    auto fa = absent.get_future();
    auto fn = nothing.get_future();
    CHECK(value.set_with([] { return "seven"; }));
    CHECK(absent.set_with([]() -> ap::result<int> { return ap::errc::not_found; }));
    CHECK(nothing.set_with([] {}));
    CHECK(std::move(fv).get() == "seven");
    CHECK(std::move(fa).get() == ap::errc::not_found);
    CHECK(std::move(fn).get().has_value());
}

TEST_CASE("set_with does not call its function where there is nothing to answer") {
    ap::promise<int> p;
    auto f = p.get_future();
    CHECK(p.set_value(1));
    CHECK_FALSE(p.set_with([] {
        FAIL("called");
        return 2;
    }));
    CHECK(std::move(f).get() == 1);
}

#if ANTIPHON_EXCEPTIONS

TEST_CASE("what the function of set_with throws is the failure, and so is an exception given by value") {
    ap::promise<int> p, q;
    auto fp = p.get_future(), fq = q.get_future();
    CHECK(p.set_with([]() -> int { throw std::runtime_error{"thrown"}; }));
    CHECK(q.set_exception(std::runtime_error{"given"}));
    CHECK(std::move(fp).get().error().message() == "thrown");
    CHECK_THROWS_AS(std::move(fq).get().value(), std::runtime_error);
}

#endif

TEST_CASE("swapped promises and futures answer each other's asks") {
    ap::promise<int> a, b;
    auto fa = a.get_future(), fb = b.get_future();
    swap(a, b);
    a.set_value(1);
    b.set_value(2);
    swap(fa, fb);
    CHECK(std::move(fa).get() == 1);
    CHECK(std::move(fb).get() == 2);
}

namespace antiphon {

static_assert(!std::is_copy_constructible_v<promise<int>> && std::is_nothrow_move_constructible_v<promise<int>>);

}  // namespace antiphon
