// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/respond_async.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/http/expect_success.hpp"
#include "antiphon/testing/mock.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;
using script = ap::testing::mock<http::response(http::request_message)>;

namespace {

constexpr ap::backoff plain{.initial = 100ms, .jitter = ap::jitter::none};
http::request_message const question{.method = "POST", .target = "http://h/reports", .headers = {{"Authorization", "x"}}, .body = "q"};

http::response accepted(http::fields more = {}) {
    http::response r{.status = 202, .headers = {{"Location", "/t/1"}}};
    for (http::field const each : more)
        static_cast<void>(r.headers.add(each.name, each.value));
    return r;
}
http::response pending(http::fields headers = {}) { return {.status = 202, .headers = std::move(headers)}; }
http::response done(std::string body = "report") { return {.status = 200, .body = std::move(body)}; }

/// A server that follows a script, and one ask for it in virtual time.
struct scripted {
    ap::testing::simulation sim{1};
    ap::time_point start = sim.now();
    script server;
    std::vector<ap::duration> times;

    auto transport() {
        ap::request r{server};
        auto const note = [this](auto inner) {
            return ap::request{[this, inner](http::request_message m) -> ap::task<http::response> {
                times.push_back(sim.now() - start);
                co_return co_await inner(std::move(m));
            }};
        };
        return r | note;
    }
    ap::future<http::response> begin(http::respond_async how) {
        auto f = (transport() | how | ap::starts_on(sim)).submit(question);
        return f;
    }
    ap::result<http::response> ask(http::respond_async how = {.backoff = plain}) {
        auto f = begin(std::move(how));
        sim.run();
        REQUIRE(f.ready());
        return std::move(f).get();
    }
    [[nodiscard]] http::request_message sent(std::size_t i) const {
        auto const all = server.calls();
        REQUIRE(i < all.size());
        return std::get<0>(all[i]);
    }
    [[nodiscard]] std::string line(std::size_t i) const {
        http::request_message const m = sent(i);
        return std::string{m.method.name()} + " " + m.target;
    }
};

}  // namespace

// --- an answer in time --------------------------------------------------------------------------------------------------

TEST_CASE("respond_async: the wish goes out, and an answer in time is the answer") {
    scripted s;
    s.server.returns(done());
    CHECK(s.ask({.wait = 1500ms})->body == "report");
    CHECK(s.sent(0).headers.get("Prefer") == "respond-async, wait=2");
    CHECK(s.sent(0).body == "q");
    CHECK(s.server.count() == 1);
}

TEST_CASE("respond_async: what is left of the deadline limits the wait that is asked for") {
    scripted s;
    s.server.returns(done());
    auto f = (s.transport() | http::respond_async{.wait = 1h} | ap::timeout{.limit = 10s} | ap::starts_on(s.sim)).submit(question);
    s.sim.run();
    CHECK(s.sent(0).headers.get("Prefer") == "respond-async, wait=10");
}

TEST_CASE("respond_async: without a wait it asks for a ticket at once") {
    scripted s;
    s.server.returns(done());
    static_cast<void>(s.ask({.wait = 0s}));
    CHECK(s.sent(0).headers.get("Prefer") == "respond-async");
}

TEST_CASE("respond_async: a failure, a refusal, and a 202 without a ticket are answers") {
    for (http::response const& r : {http::response{.status = 202}, http::response{.status = 500}, http::response{.status = 201}}) {
        scripted s;
        s.server.returns(r);
        CHECK(s.ask()->status == r.status);
        CHECK(s.server.count() == 1);
    }
    scripted s;
    s.server.fails({ap::errc::unavailable, ap::executed::no});
    auto const r = s.ask();
    CHECK(r.error() == ap::errc::unavailable);
    CHECK(r.error().executed() == ap::executed::no);
}

TEST_CASE("respond_async: a ticket at no URL is a failure, and the work may have begun") {
    scripted s;
    s.server.returns(http::response{.status = 202, .headers = {{"Location", "http://a b"}}});
    auto const r = s.ask();
    CHECK(http::fault_of(r.error()).has_value());
    CHECK(r.error().executed() == ap::executed::maybe);
}

// --- the ticket ---------------------------------------------------------------------------------------------------------

TEST_CASE("respond_async: a ticket is looked at until it is the answer, with growing pauses") {
    scripted s;
    s.server.returns(accepted());
    s.server.returns(pending()).times(3);
    s.server.returns(done());
    CHECK(s.ask()->body == "report");
    CHECK(s.times == std::vector<ap::duration>{0s, 100ms, 300ms, 700ms, 1500ms});
    CHECK(s.line(0) == "POST http://h/reports");
    for (std::size_t i = 1; i < 5; ++i)
        CHECK(s.line(i) == "GET http://h/t/1");
}

TEST_CASE("respond_async: Retry-After in seconds and as a date is kept to exactly, and then the pauses begin anew") {
    scripted s;
    s.server.returns(accepted({{"Retry-After", "5"}}));
    s.server.returns(pending());
    s.server.returns(pending());
    s.server.returns(pending({{"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}, {"Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT"}}));
    s.server.returns(pending());
    s.server.returns(done());
    CHECK(s.ask()->body == "report");
    CHECK(s.times == std::vector<ap::duration>{0s, 5s, 5100ms, 5300ms, 15300ms, 15400ms});
}

TEST_CASE("respond_async: looks carry the message's credentials, and nothing of its body or its wish") {
    scripted s;
    s.server.returns(accepted());
    s.server.returns(done());
    auto m = question;
    static_cast<void>(m.headers.add("Content-Type", "text/plain"));
    static_cast<void>(m.headers.add("Idempotency-Key", "\"k\""));
    auto f = (s.transport() | http::respond_async{} | ap::starts_on(s.sim)).submit(m);
    s.sim.run();
    CHECK(s.sent(0).headers.get("Content-Type") == "text/plain");
    CHECK(s.sent(1).headers == http::fields{{"Authorization", "x"}});
    CHECK(s.sent(1).body.empty());
}

TEST_CASE("respond_async: credentials do not go to a ticket at another origin") {
    scripted s;
    s.server.returns(http::response{.status = 202, .headers = {{"Location", "http://elsewhere/t"}}});
    s.server.returns(done());
    CHECK(s.ask().has_value());
    CHECK(s.line(1) == "GET http://elsewhere/t");
    CHECK(s.sent(1).headers.empty());
}

TEST_CASE("respond_async: a ticket that points on is followed, without a pause, and not in circles") {
    scripted s;
    s.server.returns(accepted());
    s.server.returns(http::response{.status = 303, .headers = {{"Location", "../results/7"}}});
    s.server.returns(done());
    CHECK(s.ask()->body == "report");
    CHECK(s.line(2) == "GET http://h/results/7");
    CHECK(s.times == std::vector<ap::duration>{0s, 100ms, 100ms});

    scripted circle;
    circle.server.returns(accepted());
    circle.server.returns(http::response{.status = 303, .headers = {{"Location", "/t/1"}}}).forever();
    CHECK(circle.ask().error() == ap::errc::failed_precondition);
    CHECK(circle.server.count() == 12);
}

TEST_CASE("respond_async: credentials do not follow to another origin") {
    scripted s;
    s.server.returns(accepted());
    s.server.returns(http::response{.status = 303, .headers = {{"Location", "http://elsewhere/r"}}});
    s.server.returns(done());
    CHECK(s.ask().has_value());
    CHECK(s.sent(1).headers.contains("Authorization"));
    CHECK_FALSE(s.sent(2).headers.contains("Authorization"));
}

TEST_CASE("respond_async: an unknown or expired ticket is an answer, and a failure for who expects success") {
    for (int status : {404, 410}) {
        scripted s;
        s.server.returns(accepted());
        s.server.returns(http::response{.status = status});
        auto f = (s.transport() | http::respond_async{} | http::expect_success | ap::starts_on(s.sim)).submit(question);
        s.sim.run();
        CHECK(std::move(f).get().error() == ap::errc::not_found);
    }
}

TEST_CASE("respond_async: looks that fail in passing are repeated, those that go on failing are the answer") {
    scripted s;
    s.server.returns(accepted());
    s.server.fails(ap::errc::unavailable);
    s.server.returns(http::response{.status = 503, .headers = {{"Retry-After", "2"}}});
    s.server.fails(ap::errc::deadline_exceeded);
    s.server.returns(done());
    CHECK(s.ask({.backoff = plain, .max_failures = 3})->body == "report");
    CHECK(s.times == std::vector<ap::duration>{0s, 100ms, 300ms, 2300ms, 2400ms});

    scripted dead;
    dead.server.returns(accepted());
    dead.server.fails(ap::errc::unavailable).times(3);
    CHECK(dead.ask({.backoff = plain, .max_failures = 2}).error() == ap::errc::unavailable);
    CHECK(dead.server.exhausted());

    scripted busy;
    busy.server.returns(accepted());
    busy.server.returns(http::response{.status = 429}).times(2);
    CHECK(busy.ask({.backoff = plain, .max_failures = 1})->status == 429);
    CHECK(busy.server.exhausted());

    scripted wrong;
    wrong.server.returns(accepted());
    wrong.server.fails(ap::errc::unauthenticated);
    CHECK(wrong.ask().error() == ap::errc::unauthenticated);
}

TEST_CASE("respond_async: a look that comes through forgives those that failed before") {
    scripted s;
    s.server.returns(accepted());
    for (int i = 0; i < 3; ++i) {
        s.server.fails(ap::errc::unavailable);
        s.server.returns(pending());
    }
    s.server.returns(done());
    CHECK(s.ask({.backoff = plain, .max_failures = 1}).has_value());
}

TEST_CASE("respond_async: where the server grants the wait, looks ask it to hold them, and then need no pause") {
    scripted s;
    s.server.returns(accepted({{"Preference-Applied", "respond-async, wait=2"}}));
    s.server.returns(pending()).after(2s);
    s.server.returns(pending());  // not held: a pause is due
    s.server.returns(done());
    CHECK(s.ask({.wait = 2s, .backoff = plain})->body == "report");
    CHECK(s.sent(1).headers.get("Prefer") == "wait=2");
    CHECK(s.times == std::vector<ap::duration>{0s, 100ms, 2100ms, 2300ms});
}

TEST_CASE("respond_async: where it does not, looks ask for nothing") {
    scripted s;
    s.server.returns(accepted({{"Preference-Applied", "respond-async"}}));
    s.server.returns(done());
    CHECK(s.ask().has_value());
    CHECK_FALSE(s.sent(1).headers.contains("Prefer"));
}

// --- the end of patience ------------------------------------------------------------------------------------------------

TEST_CASE("respond_async: a stop deletes the ticket, at once") {
    scripted s;
    s.server.returns(accepted({{"Retry-After", "3600"}}));
    s.server.returns(http::response{.status = 204});
    auto f = s.begin({});
    s.sim.advance(10s);
    f.request_stop();
    s.sim.run();
    REQUIRE(f.ready());
    CHECK(std::move(f).get().error() == ap::errc::cancelled);
    REQUIRE(s.server.count() == 2);
    CHECK(s.line(1) == "DELETE http://h/t/1");
    CHECK(s.sent(1).headers.contains("Authorization"));
    CHECK(s.times[1] == 10s);
}

TEST_CASE("respond_async: a future that is dropped during a look deletes the ticket") {
    scripted s;
    s.server.returns(accepted());
    s.server.returns(pending()).after(1h);
    s.server.returns(http::response{.status = 204});
    {
        auto const f = s.begin({.backoff = plain});
        s.sim.advance(1s);
        REQUIRE(s.server.count() == 2);
    }
    s.sim.run();
    REQUIRE(s.server.count() == 3);
    CHECK(s.line(2) == "DELETE http://h/t/1");
    CHECK(s.times[2] == 1s);
}

TEST_CASE("respond_async: a ticket that is to be kept is not deleted") {
    scripted s;
    s.server.returns(accepted({{"Retry-After", "3600"}}));
    auto f = s.begin({.delete_on_cancel = false});
    s.sim.advance(10s);
    f.request_stop();
    s.sim.run();
    CHECK(s.server.count() == 1);
}

TEST_CASE("respond_async: one deadline limits everything, and its end deletes the ticket") {
    scripted s;
    s.server.returns(accepted({{"Retry-After", "1"}}));
    s.server.returns(pending({{"Retry-After", "1"}})).times(4);
    s.server.returns(http::response{.status = 204});
    auto f = (s.transport() | http::respond_async{} | ap::timeout{.limit = 4500ms} | ap::starts_on(s.sim)).submit(question);
    s.sim.run();
    REQUIRE(f.ready());
    CHECK(std::move(f).get().error() == ap::errc::deadline_exceeded);
    CHECK(s.line(s.server.count() - 1) == "DELETE http://h/t/1");
    CHECK(s.times.back() == 4s);  // the look after that would have come too late
}

TEST_CASE("respond_async: an answer that is there beats a stop") {
    scripted s;
    s.server.returns(accepted());
    s.server.answers([&](http::request_message const&) { return done(); }).after(1h);
    auto f = s.begin({.backoff = plain});
    s.sim.run();
    f.request_stop();
    CHECK(std::move(f).get()->body == "report");
    CHECK(s.server.count() == 2);
}

// --- tickets that are written down --------------------------------------------------------------------------------------

TEST_CASE("respond_async: the ticket is told, and another process redeems it from its text") {
    std::string file;
    {
        scripted s;
        s.server.returns(accepted());
        s.server.returns(pending()).forever();
        auto f = s.begin({.delete_on_cancel = false, .on_ticket = [&](http::ticket const& t) { file = t.text(); }});
        s.sim.advance(1s);
    }
    scripted later;
    later.server.returns(pending());
    later.server.returns(done());
    auto const redeem =
        later.transport() | http::resume{.backoff = plain, .headers = {{"Authorization", "x"}}} | ap::starts_on(later.sim);
    auto f = redeem.submit(http::ticket::parse(file).value());
    later.sim.run();
    REQUIRE(f.ready());
    CHECK(std::move(f).get()->body == "report");
    CHECK(later.line(0) == "GET http://h/t/1");
    CHECK(later.times == std::vector<ap::duration>{0s, 100ms});
    CHECK(later.sent(0).headers.get("Authorization") == "x");
}

TEST_CASE("respond_async: an exception of who is told is the failure, and the ticket is deleted") {
#if ANTIPHON_EXCEPTIONS
    scripted s;
    s.server.returns(accepted());
    s.server.returns(http::response{.status = 204});
    auto const r = s.ask({.on_ticket = [](http::ticket const&) { throw std::runtime_error{"disk full"}; }});
    CHECK(r.error().message() == "disk full");
    CHECK(s.line(1) == "DELETE http://h/t/1");
#endif
}

TEST_CASE("resume: a ticket that was resumed is deleted as well when nobody waits any more") {
    scripted s;
    s.server.returns(pending()).forever();
    {
        auto const f = (s.transport() | http::resume{} | ap::starts_on(s.sim)).submit(http::ticket{.url = "http://h/t/9"});
        s.sim.advance(10s);
    }
    s.sim.run();
    CHECK(s.line(s.server.count() - 1) == "DELETE http://h/t/9");
}

// --- the callback -------------------------------------------------------------------------------------------------------

namespace {
/// A callback that a test makes.
struct callbacks {
    std::vector<ap::promise<http::response>> open;
    http::expected_callback operator()() {
        return {"http://me/hooks/" + std::to_string(open.size()), open.emplace_back().get_future()};
    }
};
}  // namespace

TEST_CASE("respond_async: a callback that comes first is the answer, and the ticket is left alone") {
    scripted s;
    callbacks hooks;
    s.server.returns(accepted({{"Retry-After", "3600"}}));
    auto f = s.begin({.callback = std::ref(hooks)});
    s.sim.advance(5s);
    CHECK(s.sent(0).headers.get("Callback-Url") == "http://me/hooks/0");
    hooks.open[0].set_value(done("called"));
    s.sim.run();
    REQUIRE(f.ready());
    CHECK(std::move(f).get()->body == "called");
    CHECK(s.server.count() == 1);
}

TEST_CASE("respond_async: an answer that is found first is the answer, and the callback is not waited for") {
    scripted s;
    callbacks hooks;
    s.server.returns(accepted());
    s.server.returns(done("found"));
    auto f = s.begin({.backoff = plain, .callback = std::ref(hooks), .callback_field = "X-Hook"});
    s.sim.run();
    REQUIRE(f.ready());
    CHECK(std::move(f).get()->body == "found");
    CHECK(s.sent(0).headers.get("X-Hook") == "http://me/hooks/0");
    CHECK(hooks.open[0].stop_requested());
}

TEST_CASE("respond_async: a callback that breaks leaves the looks to find the answer") {
    scripted s;
    callbacks hooks;
    s.server.returns(accepted());
    s.server.returns(done("found"));
    auto f = s.begin({.callback = std::ref(hooks)});
    hooks.open.clear();
    s.sim.run();
    REQUIRE(f.ready());
    CHECK(std::move(f).get()->body == "found");
}

TEST_CASE("respond_async: a stop during the race deletes the ticket") {
    scripted s;
    callbacks hooks;
    s.server.returns(accepted({{"Retry-After", "3600"}}));
    s.server.returns(http::response{.status = 204});
    auto f = s.begin({.callback = std::ref(hooks)});
    s.sim.advance(5s);
    f.request_stop();
    s.sim.run();
    CHECK(s.line(1) == "DELETE http://h/t/1");
    REQUIRE(f.ready());
    CHECK(std::move(f).get().error() == ap::errc::cancelled);
    CHECK(hooks.open[0].stop_requested());
}

TEST_CASE("respond_async: looks that end in a failure end the race") {
    scripted s;
    callbacks hooks;
    s.server.returns(accepted());
    s.server.fails(ap::errc::internal);
    auto f = s.begin({.callback = std::ref(hooks)});
    s.sim.run();
    REQUIRE(f.ready());
    CHECK(std::move(f).get().error() == ap::errc::internal);
}

// --- what it is ---------------------------------------------------------------------------------------------------------

TEST_CASE("respond_async: it runs where its transport is bound") {
    scripted s;
    s.server.returns(accepted());
    s.server.returns(done());
    auto f = (s.transport() | ap::starts_on(s.sim) | http::respond_async{.backoff = plain}).submit(question);
    CHECK_FALSE(f.ready());
    s.sim.run();
    REQUIRE(f.ready());
    CHECK(s.times == std::vector<ap::duration>{0s, 100ms});
}

TEST_CASE("respond_async: what may be repeated may be repeated still") {
    script server;
    auto const safe = ap::request{server} | http::respond_async{};
    static_assert(std::is_same_v<decltype(safe)::repeat_type, ap::repeat::safe>);
    static_assert(std::is_same_v<decltype(safe)::signature, http::response(http::request_message)>);
    ap::request<http::response(http::request_message), ap::repeat::unsafe> const post = server;
    static_assert(std::is_same_v<decltype(post | http::respond_async{})::repeat_type, ap::repeat::unsafe>);
    SUCCEED();
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("respond_async: nonsense is refused") {
    ap::request<http::response(http::request_message)> const r = script{};
    CHECK_THROWS_AS(r | http::respond_async{.wait = -1s}, std::invalid_argument);
    CHECK_THROWS_AS(r | http::respond_async{.backoff = {.initial = -1s}}, std::invalid_argument);
    callbacks hooks;
    CHECK_THROWS_AS((r | http::respond_async{.callback = std::ref(hooks), .callback_field = "a b"}), std::invalid_argument);
    CHECK_THROWS_AS(r | http::resume{.wait = -1s}, std::invalid_argument);
}
#endif
