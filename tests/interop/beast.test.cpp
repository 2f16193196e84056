// SPDX-License-Identifier: BSL-1.0
// The server by Beast on loopback: with our own client, with curl's command line, and with clients that misbehave.
#include <antiphon/antiphon.hpp>
#include <antiphon/interop/beast.hpp>
#include <antiphon/interop/curl.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "antiphon/http/respond_async.hpp"
#include "catch_compat.hpp"
#include "support/servers.hpp"
#include "support/web.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;

namespace {

/// What "/hold" asks wait for, and how many of them began, and were stopped.
struct gate {
    std::atomic<int> begun{0}, stopped{0};
    std::atomic<bool> open{false};
};
http::service site(gate& g) {
    http::service made{{.retry_after = 0s}};
    made.route("GET", "/hello", ap::request{[] { return std::string{"hello"}; }});
    made.route("POST", "/echo", ap::request{[](std::string body) { return body; }});
    made.route("GET", "/fields", ap::request{[](http::request_message m) {
                   return http::response{.status = 200, .headers = {{"X-Seen", m.headers.get("X-Sent").value_or("none")}}};
               }});
    made.route("POST", "/hold", ap::request{[&g](ap::context const& ask, std::string body) -> ap::task<std::string> {
                   ++g.begun;
                   while (!g.open && !ask.stop_requested())
                       co_await ap::sleep_for(1ms);
                   if (ask.stop_requested()) ++g.stopped;
                   co_return "held " + body;
               }});
    return made;
}
/// A client that sends what it likes, and returns what comes back until the server closes.
class raw {
public:
    explicit raw(std::uint16_t port) : fd_{::socket(AF_INET, SOCK_STREAM, 0)} {
        ::sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        to.sin_port = htons(port);
        REQUIRE(::connect(fd_, reinterpret_cast<::sockaddr*>(&to), sizeof to) == 0);
    }
    raw(raw const&) = delete;
    raw& operator=(raw const&) = delete;
    ~raw() { ::close(fd_); }
    void send(std::string const& text) const {
        std::size_t sent = 0;
        while (sent < text.size()) {
            ::ssize_t const n = ::send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
            if (n <= 0) return;
            sent += static_cast<std::size_t>(n);
        }
    }
    [[nodiscard]] std::string rest() const {
        std::string out;
        char buffer[4096];
        for (;;) {
            ::ssize_t const n = ::recv(fd_, buffer, sizeof buffer, 0);
            if (n <= 0) return out;
            out.append(buffer, static_cast<std::size_t>(n));
        }
    }

private:
    int fd_;
};

}  // namespace

TEST_CASE("beast: requests are served, over connections that are kept") {
    gate g;
    http::server const server{site(g)};
    http::client const web{server.url(), quiet()};
    for (int i = 0; i < 20; ++i)
        REQUIRE(web.get("/hello").call()->body == "hello");
    CHECK(web.post("/echo", "text").call()->body == "text");
    CHECK(web.post("/echo", std::string(1'000'000, 'x')).call()->body.size() == 1'000'000);
    CHECK(web.get("/fields", {{"X-Sent", "y"}}).call()->headers.get("X-Seen") == "y");
    CHECK(web.head("/hello").call()->status == 200);
    CHECK(web.get("/nothing").call()->status == 404);
    CHECK(web.delete_("/hello").call()->headers.get("Allow") == "GET");
}

TEST_CASE("beast: both ends of the hybrid over a network: a ticket is redeemed, and given back") {
    gate g;
    http::server const server{site(g)};
    http::client const web{server.url(), quiet()};
    auto const asks = web.post("/hold", "it") | http::respond_async{.wait = 0s};
    auto f = asks.submit();
    REQUIRE(soon([&] { return g.begun == 1; }));
    g.open = true;
    CHECK(std::move(f).get()->body == "held it");
    g.open = false;
    ap::promise<void> told;
    auto ticket = told.get_future();
    auto stopped =
        (web.post("/hold", "it") | http::respond_async{.wait = 0s, .on_ticket = [&](http::ticket const&) { told.set_value(); }})
            .submit();
    REQUIRE(std::move(ticket).get().has_value());
    stopped.request_stop();
    CHECK(std::move(stopped).get().error() == ap::errc::cancelled);
    CHECK(soon([&] { return g.stopped == 1; }));
}

TEST_CASE("beast: a client that goes stops what it asked") {
    gate g;
    http::server const server{site(g)};
    http::client const web{server.url(), quiet()};
    {
        auto const f = web.post("/hold", "").submit();
        REQUIRE(soon([&] { return g.begun == 1; }));
    }
    CHECK(soon([&] { return g.stopped == 1; }));
}

TEST_CASE("beast: the client's deadline is the ask's") {
    gate g;
    http::server const server{site(g)};
    http::client const web{server.url(), quiet()};
    CHECK((web.post("/hold", "") | ap::timeout{.limit = 50ms}).call().error() == ap::errc::deadline_exceeded);
    CHECK(soon([&] { return g.stopped == 1; }));
}

TEST_CASE("beast: what is no HTTP, or too large, is refused, and the connection closed") {
    gate g;
    http::server const server{site(g), {.max_header = 1000, .max_body = 1000}};
    auto const said = [&](std::string const& text) {
        raw const client{server.port()};
        client.send(text);
        return client.rest();
    };
    CHECK(said("no http at all\r\n\r\n").starts_with("HTTP/1.1 400"));
    CHECK(said("GET /hello HTTP/1.1\r\nX: " + std::string(2000, 'y') + "\r\n\r\n").starts_with("HTTP/1.1 431"));
    CHECK(said("POST /echo HTTP/1.1\r\nContent-Length: 2000\r\n\r\n" + std::string(2000, 'y')).starts_with("HTTP/1.1 413"));
    CHECK(said("GET /hello HTTP/1.1\r\nConnection: close\r\n\r\n").ends_with("hello"));
    CHECK(said("GET /hello HTTP/1.1\r\n\r\nGET /hello HTTP/1.1\r\nConnection: close\r\n\r\n").find("hello", 150) != std::string::npos);
}

TEST_CASE("beast: a connection on which nothing moves is closed") {
    gate g;
    http::server const server{site(g), {.idle = 50ms}};
    raw const silent{server.port()}, slow{server.port()};
    slow.send("GET /hel");
    CHECK(silent.rest().empty());
    CHECK(slow.rest().empty());
}

TEST_CASE("beast: a message that is sent too slowly, and an answer that nobody takes, are given up") {
    std::atomic<int> asked{0};
    http::service made;
    made.route("POST", "/large", ap::request{[&](std::string body) { return ++asked, std::move(body); }});
    http::server const server{made, {.max_connections = 1, .max_body = std::uint64_t{64} << 20, .idle = 200ms}};
    raw const begins{server.port()};
    begins.send("POST /large HTTP/1.1\r\nContent-Length: 100\r\n\r\nsome of it");
    CHECK(begins.rest().empty());
    CHECK(asked == 0);
    // More than the sockets' buffers hold: the rest of the answer has nowhere to go.
    raw const takes_nothing{server.port()};
    std::string const body(std::size_t{32} << 20, 'x');
    takes_nothing.send("POST /large HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    CHECK(soon([&] { return asked == 1; }));
    // The only place becomes free.
    http::client const web{server.url(), quiet()};
    CHECK(web.post("/large", "next").call()->body == "next");
    CHECK(takes_nothing.rest().size() < body.size());
}

TEST_CASE("beast: a message just as large as allowed is taken, by its length and in chunks") {
    gate g;
    http::server const server{site(g), {.max_body = 1000}};
    auto const said = [&](std::string const& text) {
        raw const client{server.port()};
        client.send(text);
        return client.rest();
    };
    std::string const head = "POST /echo HTTP/1.1\r\nConnection: close\r\n";
    CHECK(said(head + "Content-Length: 1000\r\n\r\n" + std::string(1000, 'y')).starts_with("HTTP/1.1 200"));
    CHECK(said(head + "Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + std::string(1000, 'y') + "\r\n0\r\n\r\n")
              .starts_with("HTTP/1.1 200"));
    CHECK(said(head + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'y') + "\r\n0\r\n\r\n")
              .starts_with("HTTP/1.1 413"));
    CHECK(said(head + "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n").starts_with("HTTP/1.1 413"));
}

TEST_CASE("beast: more connections than allowed wait for their turn") {
    gate g;
    http::server const server{site(g), {.max_connections = 2}};
    http::client const web{server.url(), quiet()};
    std::vector<ap::future<http::response>> asked;
    {
        std::vector<ap::future<http::response>> held;
        for (int i = 0; i < 4; ++i)
            held.push_back(web.post("/hold", "").submit());
        REQUIRE(soon([&] { return g.begun == 2; }));
        g.open = true;
        for (auto& each : held)
            CHECK(std::move(each).get().has_value());
    }
    CHECK(g.begun == 4);
}

TEST_CASE("beast: shut down, it answers what it is being asked, and what takes longer is stopped") {
    gate g;
    http::server server{site(g)};
    http::client const web{server.url(), quiet()};
    CHECK(web.get("/hello").call().has_value());
    auto f = web.post("/hold", "last").submit();
    REQUIRE(soon([&] { return g.begun == 1; }));
    ap::request const opens{[&]() -> ap::task<int> {
        co_await ap::sleep_for(50ms);
        g.open = true;
        co_return 0;
    }};
    auto const opened = opens.submit();
    server.shut_down(10s);
    CHECK(std::move(f).get()->body == "held last");
    CHECK(web.get("/hello").call().error() == ap::errc::unavailable);

    gate stuck;
    std::optional<http::server> other{std::in_place, site(stuck)};
    http::client const late{other->url(), quiet()};
    auto never = late.post("/hold", "").submit();
    REQUIRE(soon([&] { return stuck.begun == 1; }));
    other.reset();
    CHECK(std::move(never).get().error() == ap::errc::unavailable);
    CHECK(soon([&] { return stuck.stopped == 1; }));
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("beast: nonsense and ports that are taken are refused") {
    gate g;
    CHECK_THROWS_AS(http::server(site(g), {.address = "nowhere"}), std::system_error);
    CHECK_THROWS_AS(http::server(site(g), {.max_connections = 0}), std::invalid_argument);
    CHECK_THROWS_AS(http::server(site(g), {.idle = 0s}), std::invalid_argument);
    servers::listener const taken;
    CHECK_THROWS_AS(http::server(site(g), {.port = taken.port()}), std::system_error);
}
#endif
