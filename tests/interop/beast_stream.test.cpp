// SPDX-License-Identifier: BSL-1.0
// What the server sends while it is being written: streamed bodies, and tickets that are watched.
#include <antiphon/antiphon.hpp>
#include <antiphon/interop/beast.hpp>
#include <antiphon/interop/curl.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/web.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;

namespace {

/// Writers of bodies, and how they ended.
struct writers {
    std::atomic<int> begun{0}, ended{0}, refused{0};

    auto endless() {
        return ap::request{[this](http::request_message) {
            http::body_pipe pipe;
            ap::request writes{[this](http::body_writer to) -> ap::task<void> {
                ++begun;
                for (;;) {
                    ap::result<void> const written = co_await to.write(std::string(10'000, 'x'));
                    if (!written) break;
                }
                ++refused;
            }};
            writes.submit(std::move(pipe.writer)).detach();
            return http::streamed_response{.status = 200, .body = std::move(pipe.reader)};
        }};
    }
    auto parts(bool breaks) {
        return ap::request{[this, breaks](http::request_message) {
            http::body_pipe pipe;
            ap::request writes{[this, breaks](http::body_writer to) -> ap::task<void> {
                for (int i = 0; i < 100; ++i)
                    static_cast<void>(co_await to.write("part " + std::to_string(i) + "\n"));
                if (!breaks) to.end();
                ++ended;
            }};
            writes.submit(std::move(pipe.writer)).detach();
            return http::streamed_response{.status = 200, .headers = {{"X-Kind", "parts"}}, .body = std::move(pipe.reader)};
        }};
    }
};
std::string hundred_parts() {
    std::string all;
    for (int i = 0; i < 100; ++i)
        all += "part " + std::to_string(i) + "\n";
    return all;
}

}  // namespace

TEST_CASE("beast stream: a body that is written while it is sent arrives whole, over a connection that is kept") {
    writers w;
    http::service site;
    site.route("GET", "/parts", w.parts(false));
    http::server const server{site, {.max_connections = 1}};
    http::client const web{server.url(), quiet()};
    for (int i = 0; i < 5; ++i) {
        auto const r = web.get("/parts").call();
        REQUIRE(r.has_value());
        CHECK(r->body == hundred_parts());
        CHECK(r->headers.get("X-Kind") == "parts");
    }
    CHECK(web.head("/parts").call()->status == 200);
    CHECK(web.get("/parts").call()->body == hundred_parts());
}

TEST_CASE("beast stream: parts arrive while the next one is not there yet") {
    http::body_pipe pipe;
    std::optional<http::body_reader> once{std::move(pipe.reader)};
    http::service site;
    site.route("GET", "/one",
               ap::request{[&](http::request_message) { return http::streamed_response{.status = 200, .body = std::move(*once)}; }});
    http::server const server{site, {.idle = 100ms}};  // which is not meant for handlers
    http::client const web{server.url(), quiet()};
    auto answer = web.stream("/one").call();
    REQUIRE(answer.has_value());
    for (int i = 0; i < 3; ++i) {
        CHECK(pipe.writer.write("x" + std::to_string(i)).get().has_value());
        CHECK(answer->body.next().get() == "x" + std::to_string(i));
    }
    pipe.writer.end();
    CHECK(answer->body.next().get() == "");
}

TEST_CASE("beast stream: a body that breaks off is not taken for a whole one") {
    writers w;
    http::service site;
    site.route("GET", "/broken", w.parts(true));
    http::server const server{site};
    http::client const web{server.url(), quiet()};
    auto const r = web.get("/broken").call();
    CHECK(r.error() == ap::errc::unavailable);
    CHECK(r.error().executed() == ap::executed::yes);
}

TEST_CASE("beast stream: a reader that goes, or a server, stops the writer, and a slow reader makes it wait") {
    writers w;
    http::service site;
    site.route("GET", "/endless", w.endless());
    std::optional<http::server> server{std::in_place, site};
    http::client const web{server->url(), quiet()};
    std::vector<http::streamed_response> open;
    for (int i = 0; i < 20; ++i) {
        auto answer = web.stream("/endless").call();
        REQUIRE(answer.has_value());
        CHECK(answer->body.next().get().has_value());
        open.push_back(*std::move(answer));
    }
    CHECK(w.refused == 0);
    open.resize(10);
    CHECK(soon([&] { return w.refused == 10; }));
    server.reset();
    CHECK(soon([&] { return w.refused == 20; }));
    CHECK(w.begun == 20);
}

TEST_CASE("beast stream: a ticket is watched: its progress, then its answer, and no more") {
    std::atomic<int> go{0};
    http::service site;
    site.route("POST", "/count", ap::request{[&](http::progress told, std::string what) -> ap::task<std::string> {
                   for (int i = 1; i <= 3; ++i) {
                       while (go < i)
                           co_await ap::sleep_for(1ms);
                       told.report(what + " " + std::to_string(i));
                   }
                   while (go < 4)
                       co_await ap::sleep_for(1ms);
                   co_return "counted";
               }});
    http::server const server{site};
    http::client const web{server.url(), quiet()};
    auto const begun = web.post("/count", "at", {{"Prefer", "respond-async"}}).call();
    REQUIRE(begun->status == 202);
    std::string const ticket{begun->headers.get("Location").value()};
    http::event_source feed{web.stream(), {.target = ticket}, {.retry = 1ms}};
    for (int i = 1; i <= 3; ++i) {
        go = i;
        auto const e = feed.next().get();
        REQUIRE(e.has_value());
        CHECK(e.value() == http::server_event{"progress", "at " + std::to_string(i), std::to_string(i)});
    }
    go = 4;
    CHECK(feed.next().get().value() == http::server_event{"answer", "200\ncounted", "end"});
    CHECK(feed.next().get().value() == std::nullopt);
    CHECK(web.get(ticket).call()->body == "counted");
}

TEST_CASE("beast stream: shut down, it lets a body end that ends in time") {
    http::body_pipe pipe;
    std::optional<http::body_reader> once{std::move(pipe.reader)};
    http::service site;
    site.route("GET", "/one",
               ap::request{[&](http::request_message) { return http::streamed_response{.status = 200, .body = std::move(*once)}; }});
    http::server server{site};
    http::client const web{server.url(), quiet()};
    auto answer = web.stream("/one").call();
    REQUIRE(answer.has_value());
    ap::request const ends{[&] { server.shut_down(1h); }};
    auto ended = ends.submit();
    CHECK(pipe.writer.write("last").get().has_value());
    CHECK(answer->body.next().get() == "last");
    pipe.writer.end();
    CHECK(answer->body.next().get() == "");
    CHECK(std::move(ended).get().has_value());
}
