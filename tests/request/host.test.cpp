// SPDX-License-Identifier: BSL-1.0
// Answers that come from elsewhere: flattening, seen from outside.
#include <antiphon/execution/inline_executor.hpp>
#include <antiphon/execution/manual_executor.hpp>
#include <antiphon/execution/thread_pool.hpp>
#include <antiphon/request/host.hpp>
#include <antiphon/request/promise.hpp>
#include <antiphon/request/request.hpp>
#include <antiphon/request/starts_on.hpp>
#include <antiphon/request/task.hpp>

#include <memory>
#include <optional>
#include <utility>

#include "catch_compat.hpp"
#include "support/values.hpp"

namespace ap = antiphon;

TEST_CASE("an ask that is answered by a future is ready when that is, and not before") {
    ap::promise<int> p;
    auto f = (ap::request{[&] { return p.get_future(); }} | ap::starts_on(ap::inline_executor{})).submit();
    CHECK_FALSE(f.ready());
    p.set_value(4);
    CHECK(f.ready());
    CHECK(std::move(f).get().value() == 4);
}

TEST_CASE("the failure of a flattened answer goes on as it is") {
    ap::request r{[]() -> ap::future<int> {
        ap::promise<int> p;
        auto f = p.get_future();
        p.set_failure({ap::errc::data_loss, ap::executed::no});
        return f;
    }};
    auto const failed = r.call();
    CHECK(failed.error() == ap::errc::data_loss);
    CHECK(failed.error().executed() == ap::executed::no);
}

TEST_CASE("a handler that returns another request with its arguments asks it") {
    ap::request const twice{[](int x) { return 2 * x; }};
    ap::request<int(int)> const spelled = twice;
    ap::request const forwards{[&](int x) { return twice(x + 1); }};
    ap::request const forwards_spelled{[&](int x) { return spelled(x); }};
    CHECK(forwards.call(1).value() == 4);
    CHECK(forwards.submit(2).get().value() == 6);
    CHECK(forwards_spelled.call(5).value() == 10);
    ap::request const lends{
        [](std::unique_ptr<int> box) { return ap::request{[](std::unique_ptr<int> b) { return *b; }}(std::move(box)); }};
    CHECK(lends.call(std::make_unique<int>(3)).value() == 3);
}

TEST_CASE("an answer that is converted on the way keeps its value") {
    ap::request<long()> r = [] { return ap::request{[] { return 4; }}.submit(); };
    ap::request<void()> nothing = [] { return ap::request{[] { return 4; }}.submit(); };
    CHECK(r.call().value() == 4);
    CHECK(r.submit().get().value() == 4);
    CHECK(nothing.call().has_value());
}

TEST_CASE("dropping an ask stops the one that it is answered by") {
    ap::promise<int> p;
    {
        auto f = (ap::request{[&] { return p.get_future(); }} | ap::starts_on(ap::inline_executor{})).submit();
    }
    CHECK(p.stop_requested());
    p.set_value(1);
}

TEST_CASE("a handler lives until the answer that it was flattened to has come") {
    ap::promise<int> p;
    auto const token = std::make_shared<int>(0);
    auto f = (ap::request{[token, &p] { return p.get_future(); }} | ap::starts_on(ap::inline_executor{})).submit();
    CHECK(token.use_count() == 2);
    p.set_value(1);
    CHECK(token.use_count() == 1);
}

TEST_CASE("an ask whose executor is gone is answered all the same once its handler has run") {
    std::optional<ap::manual_executor> desk{std::in_place};
    ap::promise<int> p;
    auto f = (ap::request{[&] { return p.get_future(); }} | ap::starts_on(*desk)).submit();
    desk->run();
    desk.reset();
    p.set_value(4);
    CHECK(std::move(f).get().value() == 4);
}
