// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/event_source.hpp>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;

namespace {

/// A server that a test speaks for.
struct station {
    ap::testing::simulation sim{1};
    ap::time_point start = sim.now();
    struct connection {
        ap::duration when;
        http::request_message message;
        http::body_writer body;
    };
    std::vector<connection> seen;
    std::vector<ap::result<int>> script;  ///< statuses, or failures, of the first connections; then 200
    std::string type = "text/event-stream; charset=utf-8";

    http::event_source source(http::event_options options = {}) {
        ap::request connect{[this](http::request_message m) -> ap::result<http::streamed_response> {
            http::body_pipe pipe;
            seen.push_back({sim.now() - start, std::move(m), std::move(pipe.writer)});
            ap::result<int> const status = seen.size() <= script.size() ? script[seen.size() - 1] : 200;
            if (!status) return status.error();
            return http::streamed_response{.status = *status, .headers = {{"Content-Type", type}}, .body = std::move(pipe.reader)};
        }};
        return {connect | ap::starts_on(sim), {.target = "/feed"}, std::move(options)};
    }
    void say(std::string text) { CHECK(seen.back().body.write(std::move(text)).ready()); }
    /// What `next` gives, asked in virtual time.
    auto ask(http::event_source& from) {
        ap::request next{[&from] { return from.next(); }};
        auto f = (next | ap::starts_on(sim)).submit();
        sim.run();
        return f;
    }
    auto now(http::event_source& from) {
        auto f = ask(from);
        REQUIRE(f.ready());
        return std::move(f).get();
    }
};

}  // namespace

TEST_CASE("event_source: events arrive in order, and it asks for a stream") {
    station s;
    auto feed = s.source();
    auto first = s.ask(feed);
    CHECK_FALSE(first.ready());
    CHECK(s.seen.at(0).message.headers.get("Accept") == "text/event-stream");
    CHECK(s.seen.at(0).message.target == "/feed");
    s.say("data: 1\n\ndata: 2\n\nda");
    s.sim.run();
    CHECK(std::move(first).get().value() == http::server_event{.data = "1"});
    CHECK(s.now(feed).value() == http::server_event{.data = "2"});
    auto third = s.ask(feed);
    s.say("ta: 3\n\n");
    s.sim.run();
    CHECK(std::move(third).get().value() == http::server_event{.data = "3"});
    CHECK(s.seen.size() == 1);
}

TEST_CASE("event_source: where the stream breaks off it connects again, after the pause, from the last event on") {
    station s;
    auto feed = s.source({.retry = 2s});
    auto first = s.ask(feed);
    s.say("id: a7\ndata: 1\n\ndata: half");
    s.sim.run();
    CHECK(std::move(first).get().has_value());
    s.seen.back().body = {};
    auto second = s.ask(feed);
    REQUIRE(s.seen.size() == 2);
    CHECK(s.seen[1].when == 2s);
    CHECK(s.seen[1].message.headers.get("Last-Event-ID") == "a7");
    s.say("retry: 500\ndata: 2\n\n");
    s.sim.run();
    CHECK(std::move(second).get().value()->data == "2");
    s.seen.back().body.end();
    auto third = s.ask(feed);
    REQUIRE(s.seen.size() == 3);
    CHECK(s.seen[2].when == 2500ms);
    CHECK(feed.last_event_id() == "a7");
}

TEST_CASE("event_source: a later listener goes on where an earlier one stopped") {
    station s;
    auto feed = s.source({.last_event_id = "b3"});
    auto const first = s.ask(feed);
    CHECK(s.seen.at(0).message.headers.get("Last-Event-ID") == "b3");
}

TEST_CASE("event_source: 204 is the end") {
    station s;
    s.script = {204};
    auto feed = s.source();
    CHECK(s.now(feed).value() == std::nullopt);
    CHECK(s.now(feed).value() == std::nullopt);
    CHECK(s.seen.size() == 1);
}

TEST_CASE("event_source: without reconnecting the end of the stream is the end, and a break its failure") {
    station s;
    auto feed = s.source({.reconnect = false});
    auto end = s.ask(feed);
    s.seen.back().body.end();
    s.sim.run();
    CHECK(std::move(end).get().value() == std::nullopt);
    station broken;
    auto other = broken.source({.reconnect = false});
    auto why = broken.ask(other);
    broken.seen.back().body.fail(ap::errc::unavailable);
    broken.sim.run();
    CHECK(std::move(why).get().error() == ap::errc::unavailable);
    CHECK(broken.now(other).value() == std::nullopt);
}

TEST_CASE("event_source: connections that fail in passing are made again, as often as was said") {
    station s;
    s.script = {ap::errc::unavailable, 503, 200};
    auto feed = s.source({.retry = 1s, .max_failures = 2});
    auto first = s.ask(feed);
    REQUIRE(s.seen.size() == 3);
    CHECK(s.seen[2].when == 2s);
    station dead;
    dead.script = std::vector<ap::result<int>>(10, ap::errc::unavailable);
    auto none = dead.source({.max_failures = 2});
    CHECK(dead.now(none).error() == ap::errc::unavailable);
    CHECK(dead.seen.size() == 3);
}

TEST_CASE("event_source: an answer that is no event stream is a failure") {
    station s;
    s.type = "text/html";
    auto feed = s.source();
    CHECK(s.now(feed).error() == ap::errc::failed_precondition);
    station missing;
    missing.script = {404};
    auto none = missing.source();
    CHECK(missing.now(none).error() == ap::errc::not_found);
    CHECK(missing.seen.size() == 1);
}

TEST_CASE("event_source: an event that is too long is a failure, and the end") {
    station s;
    auto feed = s.source({.max_event = 10});
    auto first = s.ask(feed);
    s.say("data: 1\n\ndata: 12345678901\n\n");
    s.sim.run();
    CHECK(std::move(first).get().error() == ap::errc::out_of_range);
    CHECK(s.now(feed).value()->data == "1");
    CHECK(s.now(feed).value() == std::nullopt);
}

TEST_CASE("event_source: a stop loses nothing, and the connection stays") {
    station s;
    auto feed = s.source();
    auto stopped = s.ask(feed);
    stopped.request_stop();
    s.sim.run();
    CHECK(std::move(stopped).get().error() == ap::errc::cancelled);
    auto next = s.ask(feed);
    s.say("data: 1\n\n");
    s.sim.run();
    CHECK(std::move(next).get().value()->data == "1");
    CHECK(s.seen.size() == 1);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("event_source: a negative pause is refused") {
    station s;
    CHECK_THROWS_AS(s.source({.retry = -1s}), std::invalid_argument);
}
#endif
