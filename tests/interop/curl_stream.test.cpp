// SPDX-License-Identifier: BSL-1.0
// Bodies that are read and written part by part over a real network, and events that a server sends.
#include <antiphon/antiphon.hpp>
#include <antiphon/interop/curl.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/web.hpp"

using namespace std::chrono_literals;

namespace {
/// Everything up to the end, or the failure.
ap::result<std::string> all_of(http::body_reader& body) {
    std::string out;
    for (;;) {
        ap::result<std::string> part = body.next().get();
        if (!part) return part;
        if (part->empty()) return out;
        out += *part;
    }
}
}  // namespace

TEST_CASE("curl stream: the answer is there before its body, which is read to its end") {
    NEEDS_NODE();
    auto r = web().stream("/big/3000000").call();
    REQUIRE(r.has_value());
    CHECK(r->status == 200);
    CHECK(r->url == node().url("/big/3000000"));
    CHECK(all_of(r->body)->size() == 3000000);
    CHECK(r->body.read() == 3000000);
}

TEST_CASE("curl stream: a server that never ends is made to wait for a slow reader, and is left when the reader goes") {
    NEEDS_NODE();
    std::string const id = unique("pressure");
    {
        http::client const narrow{node().url(), quiet({.stream_window = 10000})};
        auto r = narrow.stream("/flood/" + id).call();
        REQUIRE(r.has_value());
        CHECK_FALSE(r->body.next().get()->empty());
        // What was sent stops growing: buffers on the way are full.
        std::string before, now = body_of(web().get("/flooded/" + id).call());
        for (int i = 0; i < 1000 && before != now; ++i) {
            before = now;
            CHECK(web().get("/delay/20").call().has_value());
            now = body_of(web().get("/flooded/" + id).call());
        }
        CHECK(before == now);
        CHECK(now.starts_with("open"));
        std::size_t read = 0;
        while (read < 20'000'000)
            read += r->body.next().get().value().size();
    }
    CHECK(eventually_starts("/flooded/" + id, "closed"));
}

TEST_CASE("curl stream: a body that is cut off says so to its reader") {
    NEEDS_NODE();
    auto r = web().stream("/cut").call();
    REQUIRE(r.has_value());
    auto const all = all_of(r->body);
    CHECK(all.error() == ap::errc::unavailable);
    CHECK(all.error().executed() == ap::executed::yes);
}

TEST_CASE("curl stream: compressed and empty bodies, other statuses and redirections are as ever") {
    NEEDS_NODE();
    auto packed = web().stream("/gzip/500000").call();
    CHECK(all_of(packed.value().body) == std::string(500000, 'z'));
    auto none = web().stream("/status/204").call();
    CHECK(none->status == 204);
    CHECK(all_of(none->body) == std::string{});
    auto missing = web().stream("/status/404").call();
    CHECK(all_of(missing.value().body) == std::string{"status 404"});
    CHECK((web().stream("/status/404") | http::expect_success).call().error() == ap::errc::not_found);
    auto moved = web().stream("/hops/3").call();
    CHECK(all_of(moved.value().body) == std::string{"there"});
    CHECK(moved->url == node().url("/hops/0"));
}

TEST_CASE("curl stream: a failure before the answer is the answer") {
    http::client const nobody{refusing_url(), quiet()};
    CHECK(nobody.stream("/").call().error() == ap::errc::unavailable);
    CHECK(http::fault_of(web().stream("/a b").call().error()).has_value());
}

TEST_CASE("curl stream: the limit of time holds until the body begins, and not for the body") {
    NEEDS_NODE();
    http::client const hasty{node().url(), quiet({.timeout = 100ms})};
    auto const late = hasty.stream("/hold/" + unique("stream")).call();
    CHECK(late.error() == ap::errc::deadline_exceeded);
    CHECK(late.error().executed() == ap::executed::maybe);
    http::client const brief{node().url(), quiet({.timeout = 1s})};
    auto slow = brief.stream("/slowly/1200").call();
    CHECK(all_of(slow.value().body) == std::string{"slowly"});
}

TEST_CASE("curl stream: a read that is stopped loses nothing, and a stop of the ask ends it before its answer") {
    NEEDS_NODE();
    auto r = web().stream("/drip").call();
    REQUIRE(r.has_value());
    for (int i = 0; i < 3; ++i) {
        auto next = r->body.next();
        next.request_stop();
        auto const part = std::move(next).get();
        CHECK((part.has_value() || part.error() == ap::errc::cancelled));
    }
    CHECK(r->body.next().get().has_value());
    std::string const id = unique("stopped");
    auto f = web().stream("/hold/" + id).submit();
    REQUIRE(eventually("/held/" + id, "open"));
    f.request_stop();
    CHECK(std::move(f).get().error() == ap::errc::cancelled);
    CHECK(eventually("/held/" + id, "closed"));
}

TEST_CASE("curl stream: a client that goes breaks the bodies that are being read") {
    NEEDS_NODE();
    auto client = std::make_unique<http::client>(node().url(), quiet());
    auto r = client->stream("/drip").call();
    REQUIRE(r.has_value());
    client.reset();
    ap::result<std::string> const all = all_of(r->body);
    CHECK(all.error() == ap::errc::shut_down);
}

TEST_CASE("curl stream: what is written goes out while it is being written, in chunks") {
    NEEDS_NODE();
    http::body_pipe pipe{1000};
    auto answer = web().upload().submit(http::request_message{.method = "POST", .target = "/echo"}, std::move(pipe.reader));
    for (int i = 0; i < 100; ++i)
        REQUIRE(pipe.writer.write(std::string(1000, static_cast<char>('a' + i % 26))).get().has_value());
    pipe.writer.end();
    std::string const seen = body_of(std::move(answer).get());
    CHECK_THAT(seen.substr(0, 1000), ContainsSubstring("Transfer-Encoding: chunked\n") && ContainsSubstring("POST /echo\n"));
    CHECK(seen.size() > 100'000);
    CHECK(seen.ends_with(std::string(1000, 'v')));
}

TEST_CASE("curl stream: a writer that goes before the end breaks the upload off") {
    NEEDS_NODE();
    std::string const name = unique("broken");
    http::body_pipe pipe;
    auto answer = web().upload().submit(http::request_message{.method = "PUT", .target = "/count/" + name}, std::move(pipe.reader));
    REQUIRE(pipe.writer.write("half").get().has_value());
    pipe.writer.fail(ap::failure{ap::errc::data_loss});
    CHECK(std::move(answer).get().error() == ap::errc::data_loss);
    CHECK(body_of(web().get("/counted/" + name).call()) == "0");
}

TEST_CASE("curl stream: a writer learns that the upload has ended without it") {
    NEEDS_NODE();
    http::body_pipe pipe{10};
    auto answer =
        web().upload().submit(http::request_message{.method = "POST", .target = "/reset/" + unique("up")}, std::move(pipe.reader));
    answer.request_stop();
    CHECK(std::move(answer).get().error() == ap::errc::cancelled);
    ap::result<void> written;
    for (int i = 0; written && i < 100; ++i)
        written = pipe.writer.write("0123456789").get();
    CHECK(written.error() == ap::errc::cancelled);
}

TEST_CASE("curl stream: an upload is not sent twice, by a redirection neither") {
    NEEDS_NODE();
    http::body_pipe pipe;
    auto answer =
        web().upload().submit(http::request_message{.method = "POST", .target = "/redirect/307/%2Fecho"}, std::move(pipe.reader));
    REQUIRE(pipe.writer.write("once").get().has_value());
    pipe.writer.end();
    CHECK(std::move(answer).get()->status == 307);
    http::body_pipe other;
    auto seen =
        web().upload().submit(http::request_message{.method = "POST", .target = "/redirect/303/%2Fecho"}, std::move(other.reader));
    REQUIRE(other.writer.write("once").get().has_value());
    other.writer.end();
    CHECK(body_of(std::move(seen).get()).starts_with("GET /echo\n"));
}

TEST_CASE("curl stream: thousands of bodies that nobody reads to their end leave nothing behind") {
    NEEDS_NODE();
    servers::node_server own;
    http::client const client{own.url(),
                              quiet({.max_active = 100, .stream_window = 1000})};  // all of a round at once: none is read to its end
    for (int round = 0; round < 20; ++round) {
        std::vector<ap::future<http::streamed_response>> asked;
        for (int i = 0; i < 100; ++i)
            asked.push_back(client.stream(i % 2 == 0 ? "/endless" : "/big/100000").submit());
        auto first = std::move(asked.front()).get();
        CHECK(first.value().body.next().get().has_value());
    }
    CHECK(client.get("/status/200").call()->status == 200);
}

TEST_CASE("curl stream: events arrive one by one, over connections that break off, up to the end") {
    NEEDS_NODE();
    http::event_source feed = web().events("/events/8");
    for (int i = 1; i <= 8; ++i) {
        auto const e = feed.next().get();
        REQUIRE(e.has_value());
        REQUIRE(e->has_value());
        CHECK(**e == http::server_event{"tick", "event " + std::to_string(i), std::to_string(i)});
    }
    CHECK(feed.next().get().value() == std::nullopt);
    CHECK(web().events("/status/200").next().get().error() == ap::errc::failed_precondition);
}
