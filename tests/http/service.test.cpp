// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/service.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/http/respond_async.hpp"
#include "antiphon/testing/mock.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;

namespace {

/// A service in virtual time, whose slow route answers after as many seconds as its body says.
struct site {
    ap::testing::simulation sim{1};
    int stopped = 0, finished = 0;
    http::service service;

    explicit site(http::service_options options = {}) : service{std::move(options)} {
        service.route("GET", "/hello", ap::request{[] { return std::string{"hello"}; }});
        service.route("POST", "/reverse", ap::request{[](std::string text) { return std::string{text.rbegin(), text.rend()}; }});
        service.route("POST", "/fail", ap::request{[](std::string) -> ap::result<std::string> { return ap::errc::not_found; }});
        service.route("PUT", "/nothing", ap::request{[](std::string) {}});
        service.route("POST", "/slow", ap::request{[this](ap::context const& ask, std::string seconds) -> ap::task<std::string> {
                          co_await ap::sleep_for(std::chrono::seconds{std::stoi(seconds)});
                          ++(ask.stop_requested() ? stopped : finished);
                          co_return "slow " + seconds;
                      }});
        service.route("POST", "/count",
                      ap::request{[](ap::context const& ask, http::progress told, std::string up_to) -> ap::task<std::string> {
                          for (int i = 1; i <= std::stoi(up_to) && !ask.stop_requested(); ++i) {
                              co_await ap::sleep_for(10s);
                              told.report("at " + std::to_string(i));
                          }
                          co_return "counted";
                      }});
        service.route("GET", "/parts", ap::request{[this](http::request_message) {
                          http::body_pipe pipe;
                          ap::request writes{[](http::body_writer to) -> ap::task<void> {
                              for (int i = 0; i < 3; ++i) {
                                  co_await ap::sleep_for(1s);
                                  static_cast<void>(co_await to.write("part "));
                              }
                              to.end();
                          }};
                          (writes | ap::starts_on(sim)).submit(std::move(pipe.writer)).detach();
                          return http::streamed_response{
                              .status = 200, .headers = {{"X-Kind", "parts"}}, .body = std::move(pipe.reader)};
                      }});
        service.route("GET", "/raw/", ap::request{[](http::request_message m) {
                          return http::response{.status = 299, .headers = {{"X-Left", "here"}}, .body = m.target};
                      }});
    }
    auto transport() { return service.handler() | ap::starts_on(sim); }
    ap::future<http::response> begin(http::request_message m) { return transport().submit(std::move(m)); }
    http::response ask(http::request_message m) {
        auto f = begin(std::move(m));
        for (int i = 0; i < 100 && !f.ready(); ++i)
            sim.advance(100ms);
        REQUIRE(f.ready());
        return std::move(f).get().value();
    }
    http::response ask(http::method verb, std::string target, std::string body = {}, http::fields headers = {}) {
        return ask(http::request_message{verb, std::move(target), std::move(headers), std::move(body)});
    }
    http::reply reply(std::string target, http::fields headers) {
        auto f = (service.replies() | ap::starts_on(sim))
                     .submit(http::request_message{.target = std::move(target), .headers = std::move(headers)});
        sim.advance(0s);
        REQUIRE(f.ready());
        return std::move(f).get().value();
    }
    http::reply watch(std::string const& ticket, std::string last_id = {}) {
        http::fields headers{{"Accept", "text/html;q=0.5, Text/Event-Stream; charset=utf-8"}};
        if (!last_id.empty()) REQUIRE(headers.add("Last-Event-ID", last_id));
        return reply(ticket, std::move(headers));
    }
    /// What has come of a stream so far, or its whole rest.
    std::string so_far(http::body_reader& from) {
        std::string all;
        for (;;) {
            auto next = from.next();
            if (!next.ready()) return all;
            std::string part = std::move(next).get().value();
            if (part.empty()) return all + "<end>";
            all += part;
        }
    }
    /// The ticket of an ask that takes so long.
    std::string ticket(std::string seconds, std::string what = "/slow") {
        http::response const r = ask("POST", std::move(what), std::move(seconds), {{"Prefer", "respond-async"}});
        REQUIRE(r.status == 202);
        return std::string{r.headers.get("Location").value()};
    }
};

}  // namespace

TEST_CASE("service: requests answer at their routes, through a codec") {
    site s;
    CHECK(s.ask("GET", "/hello").body == "hello");
    CHECK(s.ask("GET", "/hello?x=1").body == "hello");
    CHECK(s.ask("GET", "http://h:1/hello").body == "hello");
    CHECK(s.ask("HEAD", "/hello").status == 200);
    CHECK(s.ask("POST", "/reverse", "abc").body == "cba");
    CHECK(s.ask("PUT", "/nothing", "x").status == 204);
    CHECK(s.ask("GET", "/raw/a/b?c").body == "/raw/a/b?c");
    CHECK(s.ask("GET", "/raw/a").status == 299);
}

TEST_CASE("service: what is not there, not that way, or fails, is a status") {
    site s;
    CHECK(s.ask("GET", "/").status == 404);
    CHECK(s.ask("GET", "/hello/").status == 404);
    http::response const r = s.ask("DELETE", "/hello");
    CHECK(r.status == 405);
    CHECK(r.headers.get("Allow") == "GET");
    CHECK(s.ask("POST", "/fail").status == 404);
#if ANTIPHON_EXCEPTIONS
    CHECK(s.ask("POST", "/slow", "no number").status == 500);  // what std::stoi throws
#endif
}

TEST_CASE("service: the longest of the routes that fit counts") {
    site s;
    s.service.route("GET", "/raw/deep/", ap::request{[] { return std::string{"deep"}; }});
    CHECK(s.ask("GET", "/raw/deep/x").body == "deep");
    CHECK(s.ask("GET", "/raw/x").status == 299);
}

TEST_CASE("service: without a preference the answer is waited for") {
    site s;
    CHECK(s.ask("POST", "/slow", "5").body == "slow 5");
    CHECK(s.service.tickets() == 0);
}

TEST_CASE("service: with one, an answer in time is the answer") {
    site s;
    CHECK(s.ask("POST", "/slow", "1", {{"Prefer", "respond-async, wait=2"}}).body == "slow 1");
    CHECK(s.service.tickets() == 0);
}

TEST_CASE("service: else there is a ticket, at which the answer can be had later") {
    site s;
    auto f = s.begin({.method = "POST", .target = "/slow", .headers = {{"Prefer", "respond-async, wait=2"}}, .body = "10"});
    s.sim.advance(1999ms);
    CHECK_FALSE(f.ready());
    s.sim.advance(1ms);
    REQUIRE(f.ready());
    http::response const r = std::move(f).get().value();
    CHECK(r.status == 202);
    CHECK(r.headers.get("Preference-Applied") == "respond-async, wait=2");
    CHECK(r.headers.get("Retry-After") == "1");
    std::string const where{r.headers.get("Location").value()};
    CHECK(where.starts_with("/tickets/"));
    CHECK(s.ask("GET", where).status == 202);
    CHECK(s.ask("POST", where).status == 405);
    s.sim.advance(8s);
    CHECK(s.ask("GET", where).body == "slow 10");
    CHECK(s.ask("HEAD", where).status == 200);
}

TEST_CASE("service: a look may be held, and ends with the answer") {
    site s;
    std::string const where = s.ticket("3");
    auto f = s.begin({.target = where, .headers = {{"Prefer", "wait=2"}}});
    s.sim.advance(1900ms);
    CHECK_FALSE(f.ready());
    s.sim.advance(100ms);
    REQUIRE(f.ready());
    http::response const r = std::move(f).get().value();
    CHECK(r.status == 202);
    CHECK(r.headers.get("Preference-Applied") == "wait=2");
    auto g = s.begin({.target = where, .headers = {{"Prefer", "wait=50"}}});
    s.sim.advance(1s);
    REQUIRE(g.ready());
    CHECK(std::move(g).get()->body == "slow 3");
}

TEST_CASE("service: no wait is longer than the longest") {
    site s{{.max_wait = 1s}};
    auto f = s.begin({.method = "POST", .target = "/slow", .headers = {{"Prefer", "respond-async, wait=50"}}, .body = "100"});
    s.sim.advance(1s);
    REQUIRE(f.ready());
    CHECK(std::move(f).get()->headers.get("Preference-Applied") == "respond-async, wait=1");
}

TEST_CASE("service: a ticket that is deleted stops its ask, and is gone") {
    site s;
    std::string const where = s.ticket("100");
    CHECK(s.ask("DELETE", where).status == 204);
    CHECK(s.stopped == 1);
    CHECK(s.ask("GET", where).status == 410);
    CHECK(s.ask("DELETE", where).status == 410);
    s.sim.advance(10min);
    CHECK(s.ask("GET", where).status == 404);
}

TEST_CASE("service: an answer is kept for a while and not longer, an unknown ticket was never there") {
    site s{{.keep_results = 10s}};
    std::string const where = s.ticket("1");
    s.sim.advance(10s);
    CHECK(s.ask("GET", where).body == "slow 1");
    s.sim.advance(2s);
    CHECK(s.ask("GET", where).status == 404);
    CHECK(s.service.tickets() == 0);
    CHECK(s.ask("GET", "/tickets/0123").status == 404);
}

TEST_CASE("service: a failure is kept like any answer") {
    site s;
    s.service.route("POST", "/later", ap::request{[]() -> ap::task<std::string> {
                        co_await ap::sleep_for(1s);
                        co_return ap::failure{ap::errc::resource_exhausted};
                    }});
    std::string const where{s.ask("POST", "/later", {}, {{"Prefer", "respond-async"}}).headers.get("Location").value()};
    s.sim.advance(2s);
    CHECK(s.ask("GET", where).status == 429);
    CHECK(s.ask("GET", where).status == 429);
}

TEST_CASE("service: when there are too many tickets kept answers go, and then asks are refused and stopped") {
    site s{{.max_tickets = 2}};
    std::string const first = s.ticket("1");
    s.sim.advance(2s);
    std::string const second = s.ticket("100"), third = s.ticket("100");
    CHECK(s.ask("GET", first).status == 404);
    CHECK(s.ask("GET", second).status == 202);
    http::response const r = s.ask("POST", "/slow", "100", {{"Prefer", "respond-async, wait=1"}});
    CHECK(r.status == 503);
    CHECK(r.headers.contains("Retry-After"));
    s.sim.advance(1s);
    CHECK(s.stopped == 1);
    CHECK(s.ask("GET", third).status == 202);
}

TEST_CASE("service: a client that goes before it has a ticket stops what it asked") {
    for (char const* prefer : {"", "respond-async, wait=50"}) {
        site s;
        auto f = s.begin({.method = "POST", .target = "/slow", .headers = {{"Prefer", prefer}}, .body = "100"});
        s.sim.advance(1s);
        f.request_stop();
        s.sim.advance(1s);
        CHECK(s.stopped == 1);
        CHECK(s.service.tickets() == 0);
    }
}

TEST_CASE("service: a client that leaves a look leaves the ask alone") {
    site s;
    std::string const where = s.ticket("5");
    {
        auto const f = s.begin({.target = where, .headers = {{"Prefer", "wait=50"}}});
        s.sim.advance(1s);
    }
    s.sim.advance(5s);
    CHECK(s.ask("GET", where).body == "slow 5");
    CHECK(s.stopped == 0);
}

TEST_CASE("service: the client's deadline is the ask's") {
    site s;
    CHECK(s.ask("POST", "/slow", "5", {{"Request-Timeout-Ms", "1500"}}).status == 504);
    CHECK(s.stopped == 1);
    CHECK(s.ask("POST", "/slow", "1", {{"Request-Timeout-Ms", "1500"}}).body == "slow 1");
    CHECK(s.ask("POST", "/slow", "1", {{"Request-Timeout-Ms", "0"}}).status == 504);
    CHECK(s.ask("POST", "/slow", "1", {{"Request-Timeout-Ms", "soon"}}).status == 400);
}

TEST_CASE("service: a ticket that is kept does not keep the ask that got it") {
    site s;
    auto const alive = std::make_shared<int>(0);
    (s.transport() | ap::timeout{.limit = 1h})
        .submit(http::request_message{.method = "POST", .target = "/slow", .headers = {{"Prefer", "respond-async"}}, .body = "5"},
                [alive](ap::result<http::response> r) { CHECK(r->status == 202); });
    s.sim.advance(1s);
    CHECK(alive.use_count() == 1);
    CHECK(s.service.tickets() == 1);
}

TEST_CASE("service: both ends of the hybrid understand each other") {
    site s;
    auto const asks = s.transport() | http::respond_async{.wait = 2s};
    auto report = asks.submit(http::request_message{.method = "POST", .target = "http://h/slow", .body = "30"});
    ap::time_point const start = s.sim.now();
    s.sim.run_until([&] { return report.ready(); });
    CHECK(std::move(report).get()->body == "slow 30");
    CHECK(s.sim.now() - start < 31s);
    auto stopped = asks.submit(http::request_message{.method = "POST", .target = "http://h/slow", .body = "1000"});
    s.sim.advance(10s);
    stopped.request_stop();
    s.sim.advance(1s);
    CHECK(std::move(stopped).get().error() == ap::errc::cancelled);
    CHECK(s.stopped == 1);
}

TEST_CASE("service: a ticket's answer is delivered to a callback, where that is allowed") {
    ap::testing::mock<http::response(http::webhook)> calls;
    calls.returns(http::response{.status = 200}).forever();
    site s{{.callbacks = ap::request<http::response(http::webhook)>{calls}}};
    CHECK(s.ask("POST", "/slow", "5", {{"Prefer", "respond-async"}, {"Callback-Url", "http://me/1"}}).status == 202);
    CHECK(s.ask("POST", "/slow", "5", {{"Prefer", "respond-async"}}).status == 202);
    CHECK(calls.count() == 0);
    s.sim.advance(6s);
    REQUIRE(calls.count() == 1);
    CHECK(std::get<0>(calls.calls()[0]).url == "http://me/1");
    CHECK(std::get<0>(calls.calls()[0]).body == "slow 5");
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("service: a ticket that is watched tells its progress as it is made, and its answer last") {
    site s;
    http::reply watched = s.watch(s.ticket("2", "/count"));
    CHECK(watched.whole.status == 200);
    CHECK(watched.whole.headers.get("Content-Type") == "text/event-stream");
    CHECK(s.so_far(watched.stream).empty());
    s.sim.advance(10s);
    CHECK(s.so_far(watched.stream) == "id: 1\nevent: progress\ndata: at 1\n\n");
    s.sim.advance(10s);
    CHECK(s.so_far(watched.stream) ==
          "id: 2\nevent: progress\ndata: at 2\n\nid: end\nevent: answer\ndata: 200\ndata: counted\n\n<end>");
}

TEST_CASE("service: who watches later hears the newest report, who comes back what is new to it, who has heard all that it is over") {
    site s;
    std::string const ticket = s.ticket("3", "/count");
    s.sim.advance(20s);
    http::reply late = s.watch(ticket), knows = s.watch(ticket, "2");
    CHECK(s.so_far(late.stream) == "id: 2\nevent: progress\ndata: at 2\n\n");
    CHECK(s.so_far(knows.stream).empty());
    s.sim.advance(10s);
    std::string const last = "id: 3\nevent: progress\ndata: at 3\n\nid: end\nevent: answer\ndata: 200\ndata: counted\n\n<end>";
    CHECK(s.so_far(late.stream) == last);
    CHECK(s.so_far(knows.stream) == last);
    http::reply after = s.watch(ticket, "3");
    CHECK(s.so_far(after.stream) == "id: end\nevent: answer\ndata: 200\ndata: counted\n\n<end>");
    CHECK(s.watch(ticket, "end").whole.status == 204);
    CHECK_FALSE(s.watch(ticket, "end").stream);
}

TEST_CASE("service: the id of an event that the ticket never had, or no number, is nothing heard") {
    site s;
    std::string const ticket = s.ticket("3", "/count");
    s.sim.advance(10s);
    for (char const* const id : {"7", "a1", "1x", "99999999999999999999999"}) {
        http::reply stranger = s.watch(ticket, id);
        CHECK(s.so_far(stranger.stream) == "id: 1\nevent: progress\ndata: at 1\n\n");
    }
}

TEST_CASE("service: while a ticket has no news a comment goes out, and who has gone is found out by it") {
    site s{{.keep_alive = 4s}};
    http::reply watched = s.watch(s.ticket("20"));
    s.sim.advance(4s);
    CHECK(s.so_far(watched.stream) == ":\n\n");
    s.sim.advance(8s);
    CHECK(s.so_far(watched.stream) == ":\n\n:\n\n");
    watched.stream = {};
    s.sim.advance(4s);
    CHECK(s.finished == 0);  // the watcher went, the ask did not
    s.sim.advance(4s);
    CHECK(s.finished == 1);
}

TEST_CASE("service: a watched ask that is stopped ends with that as its answer, and a ticket that is none cannot be watched") {
    site s;
    std::string const ticket = s.ticket("10", "/count");
    http::reply watched = s.watch(ticket);
    CHECK(s.ask("DELETE", ticket).status == 204);
    s.sim.advance(10s);
    CHECK(s.so_far(watched.stream).find("event: answer\ndata: 503\n") != std::string::npos);
    CHECK(s.watch(ticket).whole.status == 410);
    CHECK(s.watch("/tickets/unknown").whole.status == 404);
}

TEST_CASE("service: without a ticket reports go nowhere, and whole messages are not events") {
    site s;
    auto answer = s.begin({.method = "POST", .target = "/count", .body = "2"});
    s.sim.advance(20s);
    CHECK(std::move(answer).get()->body == "counted");
    CHECK(s.ask("GET", s.ticket("2", "/count"), {}, {{"Accept", "text/event-stream"}}).status == 202);
}

TEST_CASE("service: a body may be written while it is sent, and is gathered where only whole ones are sent") {
    site s;
    http::reply streamed = s.reply("/parts", {});
    CHECK(streamed.whole.headers.get("X-Kind") == "parts");
    s.sim.advance(1s);
    CHECK(s.so_far(streamed.stream) == "part ");
    s.sim.advance(2s);
    CHECK(s.so_far(streamed.stream) == "part part <end>");
    http::response const whole = s.ask("GET", "/parts");
    CHECK(whole.body == "part part part ");
    CHECK(whole.headers.get("X-Kind") == "parts");
}

TEST_CASE("service: nonsense is refused") {
    CHECK_THROWS_AS(http::service({.tickets = "tickets"}), std::invalid_argument);
    CHECK_THROWS_AS(http::service({.keep_results = -1s}), std::invalid_argument);
    CHECK_THROWS_AS(http::service({.max_tickets = 0}), std::invalid_argument);
    CHECK_THROWS_AS(http::service({.max_wait = -1s}), std::invalid_argument);
    CHECK_THROWS_AS(http::service({.retry_after = -1s}), std::invalid_argument);
    CHECK_THROWS_AS(http::service{}.route("GET", "x", ap::request{[] { return std::string{}; }}), std::invalid_argument);
}
#endif
