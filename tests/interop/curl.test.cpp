// SPDX-License-Identifier: BSL-1.0
#include <antiphon/antiphon.hpp>
#include <antiphon/interop/curl.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/child.hpp"
#include "support/servers.hpp"
#include "support/web.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;

// --- what is sent and what comes back -----------------------------------------------------------------------------------

TEST_CASE("curl: a get is a request, and its response is a value") {
    NEEDS_NODE();
    ap::result<http::response> const r = web().get("/status/200?x=1").call();
    CHECK(body_of(r) == "status 200");
    CHECK(r->status == 200);
    CHECK(r->headers.get("content-type") == "text/plain");
    CHECK(r->url == node().url("/status/200?x=1"));
}

TEST_CASE("curl: it can be waited for, called back, awaited and half waited for") {
    NEEDS_NODE();
    auto const get = web().get("/status/200");
    CHECK(get.submit().get()->status == 200);
    CHECK(get.call_for(1h).get()->status == 200);
    ap::promise<int> called;
    auto answer = called.get_future();
    get.submit([&](ap::result<http::response> r) { called.set_value(r->status); });
    CHECK(std::move(answer).get() == 200);
    ap::request const awaits{[&]() -> ap::task<int> { co_return (co_await get()).value().status; }};
    CHECK(awaits.call() == 200);
    CHECK((get | ap::timeout{.limit = 1h}).call()->status == 200);
    ap::request<http::response()> const erased = get;
    CHECK(erased.call()->status == 200);
}

TEST_CASE("curl: every verb arrives with its body and its fields") {
    NEEDS_NODE();
    CHECK_THAT(body_of(web().put("/echo", "a\0b").call()), ContainsSubstring("PUT /echo\n"));
    CHECK_THAT(body_of(web().put("/echo", std::string{"a\0b", 3}).call()), ContainsSubstring(std::string{"\n\na\0b", 5}));
    CHECK_THAT(body_of(web().post("/echo", "posted").call()), ContainsSubstring("POST /echo\n"));
    CHECK_THAT(body_of(web().post("/echo", "posted").call()), ContainsSubstring("\n\nposted"));
    CHECK_THAT(body_of(web().patch("/echo", "{}", {{"Content-Type", "application/json"}}).call()),
               ContainsSubstring("Content-Type: application/json\n"));
    CHECK_THAT(body_of(web().delete_("/echo").call()), ContainsSubstring("DELETE /echo\n"));
    CHECK_THAT(body_of(web().options("/echo").call()), ContainsSubstring("OPTIONS /echo\n"));
    CHECK_THAT(body_of(web().get("/echo", {{"X-Empty", ""}, {"X-A", "b"}}).call()), ContainsSubstring("X-Empty: \nX-A: b\n"));
    CHECK_THAT(body_of(web().post("/echo", "").call()), ContainsSubstring("Content-Length: 0\n"));
    CHECK(web().head("/status/404").call()->status == 404);
}

TEST_CASE("curl: a body has no content type unless it was given one, and no expectation") {
    NEEDS_NODE();
    std::string const large(std::size_t{3} << 20, 'b');
    std::string const seen = body_of(web().post("/echo", large).call());
    CHECK_THAT(seen.substr(0, 1000), !ContainsSubstring("Content-Type"));
    CHECK_THAT(seen.substr(0, 1000), !ContainsSubstring("Expect"));
    CHECK(seen.size() > large.size());
    CHECK(seen.ends_with(large));
}

TEST_CASE("curl: the client's own fields go along, and those of the request win") {
    NEEDS_NODE();
    http::client const own{node().url(), quiet({.headers = {{"X-Client", "yes"}, {"X-Both", "client"}}, .user_agent = "choir/1"})};
    std::string const seen = body_of(own.get("/echo", {{"x-both", "request"}}).call());
    CHECK_THAT(seen, ContainsSubstring("X-Client: yes\n"));
    CHECK_THAT(seen, ContainsSubstring("x-both: request\n"));
    CHECK_THAT(seen, !ContainsSubstring("X-Both: client"));
    CHECK_THAT(seen, ContainsSubstring("User-Agent: choir/1\n"));
}

TEST_CASE("curl: a field that comes twice is there twice") {
    NEEDS_NODE();
    CHECK(web().get("/twice").call()->headers.joined("x-twice") == "1, 2");
}

TEST_CASE("curl: the target and the whole message may be arguments") {
    NEEDS_NODE();
    auto const get = web().get();
    CHECK(get.call("/status/201")->status == 201);
    CHECK(get.submit(std::string{"/status/202"}).get()->status == 202);
    CHECK_THAT(body_of(web().send().call(http::request_message{.method = "REPORT", .target = "/echo", .body = "why"})),
               ContainsSubstring("REPORT /echo\n"));
}

TEST_CASE("curl: targets are resolved against the base") {
    NEEDS_NODE();
    http::client const below{node().url("/status/"), quiet()};
    CHECK(below.get("204").call()->status == 204);
    CHECK(below.get("/status/200").call()->status == 200);
    http::client const baseless{{}, quiet()};
    CHECK(baseless.get(node().url("/status/200")).call()->status == 200);
    CHECK(http::fault_of(baseless.get("/x").call().error())->what == http::fault::missing);
}

TEST_CASE("curl: a bad target fails where it is asked, with the position") {
    NEEDS_NODE();
    auto const r = web().get("/a\r\nX: y").call();
    CHECK(http::fault_of(r.error()) == http::located_fault{http::fault::control_character, 2});
    CHECK(r.error().executed() == ap::executed::no);
    CHECK(web().get("ftp://h/").call().error() == ap::errc::invalid_argument);
    CHECK(web().post("/echo", "x", {{"Content-Length", "9"}}).call().error() == ap::errc::invalid_argument);
    CHECK(web().post("/echo", "x", {{"transfer-encoding", "chunked"}}).call().error() == ap::errc::invalid_argument);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("curl: a client is not made of nonsense") {
    CHECK_THROWS_AS(http::client("http://h:x/"), ap::request_error);
    CHECK_THROWS_AS(http::client("http://h", {.max_active = 0}), std::invalid_argument);
    CHECK_THROWS_AS(http::client("http://h", {.timeout = 0s}), std::invalid_argument);
    CHECK_THROWS_AS(http::client("http://h", {.connect_timeout = -1s}), std::invalid_argument);
    CHECK_THROWS_AS(http::client("http://h", {.user_agent = "a\nb"}), std::invalid_argument);
    CHECK_THROWS_AS(http::client("http://h", {.deadline_field = "a b"}), std::invalid_argument);
    CHECK_THROWS_AS(http::client("http://h", {.max_header = 0}), std::invalid_argument);
}
#endif

TEST_CASE("curl: compression is asked for and undone, unless it is switched off") {
    NEEDS_NODE();
    auto const r = web().get("/gzip/5000").call();
    CHECK(body_of(r) == std::string(5000, 'z'));
    CHECK(r->headers.get("content-encoding") == "gzip");
    http::client const plain{node().url(), quiet({.compression = false})};
    auto const p = plain.get("/gzip/5000").call();
    CHECK(body_of(p) == std::string(5000, 'z'));
    CHECK_FALSE(p->headers.contains("content-encoding"));
}

// --- success and failure ------------------------------------------------------------------------------------------------

TEST_CASE("curl: a status that is not 2xx is a value, and with expect_success a failure") {
    NEEDS_NODE();
    CHECK(web().get("/status/503").call()->status == 503);
    ap::result<http::response> const r = (web().get("/retry/503/7") | http::expect_success).call();
    CHECK(r.error() == ap::errc::unavailable);
    CHECK(r.error().executed() == ap::executed::yes);
    CHECK(r.error().retry_after() == ap::duration{7s});
    CHECK(r.error().message() == "503 Service Unavailable");
    CHECK((web().get("/status/204") | http::expect_success).call()->status == 204);
}

TEST_CASE("curl: a Retry-After that is a date counts as well") {
    NEEDS_NODE();
    auto const r = (web().get("/retry/429/Fri%2C%2031%20Dec%202199%2023%3A59%3A59%20GMT") | http::expect_success).call();
    CHECK(r.error() == ap::errc::resource_exhausted);
    REQUIRE(r.error().retry_after().has_value());
    CHECK(*r.error().retry_after() > ap::duration{24h});
}

TEST_CASE("curl: a connection that is refused was certainly not executed") {
    http::client const nobody{refusing_url(), quiet()};
    auto const r = nobody.post("/x", "y").call();
    CHECK(r.error() == ap::errc::unavailable);
    CHECK(r.error().executed() == ap::executed::no);
    CHECK(r.error().message() == "the connection was refused");
}

TEST_CASE("curl: a host without a name's address is unavailable, and nothing was executed") {
    http::client const nowhere{"http://" + std::string(64, 'a') + "/", quiet()};  // too long a label: nobody has to be asked
    auto const r = nowhere.get("/").call();
    CHECK(r.error() == ap::errc::unavailable);
    CHECK(r.error().executed() == ap::executed::no);
    CHECK(r.error().message() == "the host's name is not known");
}

TEST_CASE("curl: a connection that ends before the answer may have been executed") {
    NEEDS_NODE();
    for (char const* how : {"/reset/", "/hangup/"}) {
        std::string const name = unique("gone");
        auto const r = web().post(how + name, "body").call();
        CHECK(r.error() == ap::errc::unavailable);
        CHECK(r.error().executed() == ap::executed::maybe);
        CHECK(body_of(web().get("/counted/" + name).call()) == "1");
    }
}

TEST_CASE("curl: a body that is cut off was executed") {
    NEEDS_NODE();
    auto const r = web().get("/cut").call();
    CHECK(r.error() == ap::errc::unavailable);
    CHECK(r.error().executed() == ap::executed::yes);
}

TEST_CASE("curl: what is not HTTP is an internal failure, never a response") {
    NEEDS_NODE();
    for (char const* what : {"noise", "name", "nocolon", "control"}) {
        INFO(what);
        CHECK(web().get(std::string{"/garbage/"} + what).call().error() == ap::errc::internal);
    }
    CHECK(web().get("/garbage/nothing").call().error() == ap::errc::unavailable);
    CHECK(web().get("/garbage/gzip").call().error() == ap::errc::data_loss);
}

TEST_CASE("curl: a body larger than allowed is a failure, compressed or without end, and one just as large is none") {
    NEEDS_NODE();
    http::client const small{node().url(), quiet({.max_body = 1000})};
    CHECK(small.get("/big/1000").call()->body.size() == 1000);
    for (char const* target : {"/big/1001", "/endless", "/gzip/1000000"}) {
        auto const r = small.get(target).call();
        CHECK(r.error() == ap::errc::out_of_range);
        CHECK(r.error().executed() == ap::executed::yes);
    }
}

TEST_CASE("curl: more header than allowed is a failure") {
    NEEDS_NODE();
    http::client const small{node().url(), quiet({.max_header = 4000})};
    CHECK(small.get("/fields/2").call()->headers.size() > 2);
    CHECK(small.get("/fields/5").call().error() == ap::errc::out_of_range);
}

// --- time and stop ------------------------------------------------------------------------------------------------------

TEST_CASE("curl: a deadline ends the transfer, and the server notices") {
    NEEDS_NODE();
    std::string const id = unique("late");
    auto const r = (web().get("/hold/" + id) | ap::timeout{.limit = 50ms}).call();
    CHECK(r.error() == ap::errc::deadline_exceeded);
    CHECK(r.error().executed() == ap::executed::maybe);
    CHECK(eventually("/held/" + id, "closed"));
}

TEST_CASE("curl: the client's own limit says in what the time ran out") {
    NEEDS_NODE();
    http::client const hasty{node().url(), quiet({.timeout = 50ms})};
    auto const waiting = hasty.get("/hold/" + unique("hasty")).call();
    CHECK(waiting.error() == ap::errc::deadline_exceeded);
    CHECK(waiting.error().executed() == ap::executed::maybe);
    CHECK(waiting.error().message() == "timed out while waiting for the answer");
    auto const receiving = hasty.get("/drip").call();
    CHECK(receiving.error() == ap::errc::deadline_exceeded);
    CHECK(receiving.error().executed() == ap::executed::yes);
    CHECK(receiving.error().message() == "timed out while receiving the body");
}

TEST_CASE("curl: a connection that does not come about in time was not executed, and the failure says how far it came") {
    auto const asked = [](std::string const& url, http::client_options options) {
        options.proxy = "";
        http::client const web{url, std::move(options)};
        auto const r = web.get("/").call();
        CHECK(r.error() == ap::errc::deadline_exceeded);
        CHECK(r.error().executed() == ap::executed::no);
        return std::string{r.error().message()};
    };
    // The kernel accepts, nobody speaks: the handshake hangs.
    servers::listener const silent;
    std::string secure = silent.url();
    secure.replace(0, 4, "https");
    CHECK(asked(secure, {.connect_timeout = 50ms}) == "timed out in the TLS handshake");
    CHECK(asked(secure, {.timeout = 50ms}) == "timed out in the TLS handshake");
    // Nobody accepts, and the queue is full: connecting hangs.
    servers::listener const full{0};
    std::vector<std::unique_ptr<hanging_socket>> queue;
    for (int i = 0; i < 4; ++i)
        queue.push_back(std::make_unique<hanging_socket>(full.port()));
    CHECK(asked(full.url(), {.connect_timeout = 50ms}) == "timed out while connecting");
}

TEST_CASE("curl: what is left of the deadline goes out, under a name of choice, or not at all") {
    NEEDS_NODE();
    auto const value_in = [](std::string const& seen, std::string const& name) {
        std::size_t const at = seen.find("\n" + name + ": ");
        return at == std::string::npos ? -1 : std::stol(seen.substr(at + name.size() + 3));
    };
    std::string const seen = body_of((web().get("/echo") | ap::timeout{.limit = 1h}).call());
    CHECK(value_in(seen, "Request-Timeout-Ms") > 3'500'000);
    CHECK(value_in(seen, "Request-Timeout-Ms") <= 3'600'000);
    CHECK(value_in(body_of(web().get("/echo").call()), "Request-Timeout-Ms") == -1);
    http::client const named{node().url(), quiet({.timeout = 1h, .deadline_field = "X-Left"})};
    CHECK(value_in(body_of(named.get("/echo").call()), "X-Left") > 3'500'000);
    CHECK(value_in(body_of(named.get("/echo", {{"x-left", "5"}}).call()), "x-left") == 5);
    http::client const silent{node().url(), quiet({.timeout = 1h, .deadline_field = ""})};
    CHECK_THAT(body_of(silent.get("/echo").call()), !ContainsSubstring("imeout"));
}

TEST_CASE("curl: an ask leaves nothing of its own to the next one, for the same or for another") {
    NEEDS_NODE();
    http::client const client{node().url(), quiet({.max_active = 1})};  // one handle for all
    auto const get = client.get("/echo", {{"X-Mine", "get"}});
    auto const post = client.post("/echo", "a body", {{"X-Mine", "post"}});
    auto const plain = [&] {
        std::string const seen = body_of(get.call());
        CHECK_THAT(seen, ContainsSubstring("X-Mine: get"));
        for (char const* foreign : {"Request-Timeout-Ms", "Idempotency-Key", "X-Mine: post", "a body"})
            CHECK_THAT(seen, !ContainsSubstring(foreign));
        return seen;
    };
    std::string const first = plain();
    for (int i = 0; i < 3; ++i) {
        CHECK_THAT(body_of((get | ap::timeout{.limit = 1h}).call()), ContainsSubstring("Request-Timeout-Ms"));
        CHECK(plain() == first);
        CHECK(plain() == first);
        CHECK_THAT(body_of(post.call()), ContainsSubstring("a body"));
        CHECK(plain() == first);
        CHECK(client.head("/echo").call()->body.empty());
        CHECK(plain() == first);
        CHECK((client.get("/hold/" + unique("reused")) | ap::timeout{.limit = 20ms}).call().error() == ap::errc::deadline_exceeded);
        CHECK(plain() == first);
        auto streamed = client.stream("/echo").call();
        CHECK(streamed->body.next().get().has_value());
        streamed->body = {};
        CHECK(plain() == first);
    }
}

TEST_CASE("curl: a stop request takes the transfer out at once") {
    NEEDS_NODE();
    std::string const id = unique("stop");
    auto f = web().get("/hold/" + id).submit();
    REQUIRE(eventually("/held/" + id, "open"));
    f.request_stop();
    auto const r = std::move(f).get();
    CHECK(r.error() == ap::errc::cancelled);
    CHECK(r.error().executed() == ap::executed::maybe);
    CHECK(eventually("/held/" + id, "closed"));
}

TEST_CASE("curl: a dropped future takes its transfer along") {
    NEEDS_NODE();
    std::string const id = unique("drop");
    {
        auto const f = web().get("/hold/" + id).submit();
        REQUIRE(eventually("/held/" + id, "open"));
    }
    CHECK(eventually("/held/" + id, "closed"));
}

TEST_CASE("curl: a cancelled transfer was not executed if it had not begun") {
    NEEDS_NODE();
    http::client const narrow{node().url(), quiet({.max_active = 1})};
    std::string const id = unique("narrow");
    auto first = narrow.get("/hold/" + id).submit();
    REQUIRE(eventually("/held/" + id, "open"));
    ap::inline_executor const here;
    auto second = (narrow.get("/status/200") | ap::starts_on(here)).submit();
    auto third = (narrow.get("/status/201") | ap::starts_on(here)).submit();
    second.request_stop();
    auto const r = std::move(second).get();
    CHECK(r.error() == ap::errc::cancelled);
    CHECK(r.error().executed() == ap::executed::no);
    CHECK_FALSE(third.ready());
    CHECK(body_of(web().get("/release/" + id).call()).empty());
    CHECK(std::move(first).get()->body == "released");
    CHECK(std::move(third).get()->status == 201);
}

TEST_CASE("curl: what waits for its turn longer than its deadline was not executed") {
    NEEDS_NODE();
    http::client const narrow{node().url(), quiet({.max_active = 1})};
    std::string const id = unique("queue");
    auto const first = narrow.get("/hold/" + id).submit();
    REQUIRE(eventually("/held/" + id, "open"));
    // Asked inside another ask it has that one's deadline, and no layer of its own that would answer for the client.
    ap::promise<http::response> told;
    auto answer = told.get_future();
    ap::request const asks{[&] {
        (narrow.get("/status/200") | ap::starts_on(ap::inline_executor{})).submit([&](ap::result<http::response> r) {
            told.set(std::move(r));
        });
    }};
    CHECK((asks | ap::timeout{.limit = 50ms}).call().has_value());
    auto const r = std::move(answer).get();
    CHECK(r.error() == ap::errc::deadline_exceeded);
    CHECK(r.error().executed() == ap::executed::no);
    CHECK(r.error().message() == "timed out while waiting for its turn");
}

TEST_CASE("curl: a stop that came before the ask sends nothing") {
    NEEDS_NODE();
    std::stop_source stop;
    stop.request_stop();
    std::string const name = unique("never");
    auto const r = (web().post("/count/" + name, "x") | ap::stop_when(stop.get_token())).call();
    CHECK(r.error() == ap::errc::cancelled);
    CHECK(body_of(web().get("/counted/" + name).call()) == "0");
}

// --- the queue and the connections --------------------------------------------------------------------------------------

TEST_CASE("curl: no more transfers than allowed are under way") {
    NEEDS_NODE();
    servers::node_server own;
    http::client const narrow{own.url(), quiet({.max_active = 3})};
    std::vector<ap::future<http::response>> asked;
    for (int i = 0; i < 30; ++i)
        asked.push_back(narrow.get("/gauge").submit());
    for (auto& each : asked)
        CHECK(std::move(each).get()->status == 200);
    CHECK(std::stoi(body_of(narrow.get("/most").call())) <= 3);
}

TEST_CASE("curl: what hangs makes room for others, though not beyond what is allowed") {
    NEEDS_NODE();
    http::client const narrow{node().url(), quiet({.min_active = 1, .max_active = 2})};
    std::string const id = unique("hangs");
    auto first = narrow.get("/hold/" + id).submit();
    REQUIRE(eventually("/held/" + id, "open"));
    CHECK(narrow.get("/status/200").call()->status == 200);  // after a second in which nothing ended
    CHECK_FALSE(first.ready());
    CHECK(body_of(web().get("/release/" + id).call()) == "");
    CHECK(std::move(first).get()->body == "released");
}

TEST_CASE("curl: one after the other they share one connection") {
    NEEDS_NODE();
    servers::node_server own;
    http::client const client{own.url(), quiet()};
    for (int i = 0; i < 50; ++i)
        REQUIRE(client.get("/status/200").call()->status == 200);
    CHECK(body_of(client.get("/connections").call()) == "1");
}

TEST_CASE("curl: five hundred at once all get their own answer") {
    NEEDS_NODE();
    std::vector<ap::future<http::response>> asked;
    for (int i = 0; i < 500; ++i)
        asked.push_back(web().get("/echo/" + std::to_string(i)).submit());
    for (int i = 0; i < 500; ++i)
        REQUIRE(body_of(std::move(asked[static_cast<std::size_t>(i)]).get()).starts_with("GET /echo/" + std::to_string(i) + "\n"));
}

TEST_CASE("curl: a post is not sent twice over a connection that died, a get is") {
    NEEDS_NODE();
    servers::node_server own;
    http::client const client{own.url(), quiet()};
    REQUIRE(client.get("/last").call()->status == 200);
    auto const r = client.post("/count/a", "body").call();
    CHECK(r.error() == ap::errc::unavailable);
    CHECK(r.error().executed() == ap::executed::maybe);
    REQUIRE(client.get("/last").call()->status == 200);
    CHECK(client.get("/count/b").call()->status == 200);
    REQUIRE(client.get("/last").call()->status == 200);
    CHECK(client.post("/count/c", "").call()->status == 200);  // without a body: over a new one
    CHECK(body_of(client.get("/counted/doomed").call()) == "3");  // the first post, the get, and this one itself
    CHECK(body_of(client.get("/counted/a").call()) == "0");
}

TEST_CASE("curl: a server that dies decides every ask that is pending") {
    NEEDS_NODE();
    servers::node_server own;
    http::client const client{own.url(), quiet()};
    std::vector<ap::future<http::response>> asked;
    for (int i = 0; i < 100; ++i)
        asked.push_back(client.get("/hold/" + std::to_string(i)).submit());
    while (body_of(client.get("/held/99").call()) != "open") {
    }
    own.kill();
    for (auto& each : asked)
        CHECK(std::move(each).get().error() == ap::errc::unavailable);
    CHECK(client.get("/").call().error().executed() == ap::executed::no);
}

TEST_CASE("curl: ten thousand aborted transfers leave nothing behind") {
    NEEDS_NODE();
    servers::node_server own;
    http::client const client{own.url(), quiet({.max_active = 50})};
    std::size_t const open_before = open_descriptors();
    int const rounds = 50;
    for (int round = 0; round < rounds; ++round) {
        std::vector<ap::future<http::response>> asked;
        for (int i = 0; i < 200; ++i)
            asked.push_back(client.get(i % 2 == 0 ? "/delay/50" : "/echo").submit());
        // dropped, whatever has become of them
    }
    CHECK(client.get("/status/200").call()->status == 200);
    // What is kept are connections for reuse, as many as may be active.
    CHECK(open_descriptors() <= open_before + 50);
}

// --- redirections -------------------------------------------------------------------------------------------------------

TEST_CASE("curl: redirections are followed, and the response says to where") {
    NEEDS_NODE();
    auto const r = web().get("/hops/5").call();
    CHECK(body_of(r) == "there");
    CHECK(r->url == node().url("/hops/0"));
}

TEST_CASE("curl: the method changes where the status says so, and the body goes with it") {
    NEEDS_NODE();
    for (auto const& [status, method] : {std::pair{"301", "GET"}, {"302", "GET"}, {"303", "GET"}, {"307", "POST"}, {"308", "POST"}}) {
        std::string const seen =
            body_of(web().post(std::string{"/redirect/"} + status + "/%2Fecho", "sent", {{"Content-Type", "text/x"}}).call());
        INFO(status);
        CHECK(seen.starts_with(std::string{method} + " /echo\n"));
        bool const kept = std::string_view{method} == "POST";
        CHECK(seen.ends_with("\n\nsent") == kept);
        CHECK((seen.find("Content-Type: text/x") != std::string::npos) == kept);
    }
    CHECK(body_of(web().put("/redirect/302/%2Fecho", "sent").call()).starts_with("PUT /echo\n"));
    CHECK(body_of(web().put("/redirect/303/%2Fecho", "sent").call()).starts_with("GET /echo\n"));
}

TEST_CASE("curl: redirections are bounded, and may be switched off") {
    NEEDS_NODE();
    http::client const two{node().url(), quiet({.max_redirects = 2})};
    CHECK(two.get("/hops/2").call()->status == 200);
    auto const r = two.get("/hops/3").call();
    CHECK(r.error() == ap::errc::failed_precondition);
    CHECK(r.error().message() == "too many redirections");
    http::client const none{node().url(), quiet({.max_redirects = 0})};
    CHECK(none.get("/hops/1").call()->status == 302);
}

TEST_CASE("curl: credentials do not follow to another origin, other fields do") {
    NEEDS_NODE();
    servers::node_server other;
    http::fields const secrets{{"Authorization", "Bearer x"}, {"Cookie", "a=b"}, {"X-Other", "y"}};
    std::string const away = body_of(web().get("/redirect/302/" + http::percent_encoded(other.url("/echo")), secrets).call());
    CHECK_THAT(away, !ContainsSubstring("Authorization") && !ContainsSubstring("Cookie") && ContainsSubstring("X-Other: y"));
    std::string const home = body_of(web().get("/redirect/302/%2Fecho", secrets).call());
    CHECK_THAT(home, ContainsSubstring("Authorization: Bearer x") && ContainsSubstring("Cookie: a=b"));
}

TEST_CASE("curl: a redirection out of HTTP is refused, one without a usable location is an answer") {
    NEEDS_NODE();
    CHECK(web().get("/redirect/302/file%3A%2F%2F%2Fetc%2Fpasswd").call().error() == ap::errc::failed_precondition);
    CHECK(web().get("/status/302").call()->status == 302);
    CHECK(web().get("/redirect/302/http%3A%2F%2Fa%20b").call()->status == 302);
    CHECK(web().get("/status/304").call()->status == 304);
}

// --- keys and repetition ------------------------------------------------------------------------------------------------

TEST_CASE("curl: what may be repeated says so in its type") {
    static_assert(std::is_same_v<http::safe_request::repeat_type, ap::repeat::safe>);
    static_assert(std::is_same_v<http::keyed_request::repeat_type, ap::repeat::safe>);
    static_assert(std::is_same_v<http::unsafe_request::repeat_type, ap::repeat::unsafe>);
    static_assert(std::is_same_v<http::message_request::repeat_type, ap::repeat::unsafe>);
    using client = http::client const&;
    static_assert(std::is_same_v<decltype(std::declval<client>().put("", "")), http::safe_request>);
    static_assert(std::is_same_v<decltype(std::declval<client>().post("", "")), http::unsafe_request>);
    static_assert(std::is_same_v<decltype(std::declval<client>().patch("", "", {{"a", "b"}})), http::unsafe_request>);
    static_assert(std::is_same_v<decltype(std::declval<client>().post("", "", http::idempotency_key::make())), http::safe_request>);
    static_assert(std::is_same_v<decltype(std::declval<client>().post("", "", http::keyed)), http::keyed_request>);
    SUCCEED();
}

TEST_CASE("curl: a key that the caller knows goes out") {
    NEEDS_NODE();
    auto const key = http::idempotency_key::parse("order-7").value();
    CHECK_THAT(body_of(web().post("/echo", "x", key).call()), ContainsSubstring("Idempotency-Key: \"order-7\"\n"));
    CHECK_THAT(body_of(web().patch("/echo", "x", key).call()), ContainsSubstring("Idempotency-Key: \"order-7\"\n"));
    CHECK_THAT(body_of(web().post("/echo", "x", http::keyed).call(key)), ContainsSubstring("Idempotency-Key: \"order-7\"\n"));
}

TEST_CASE("curl: one ask has one key, however often it is sent, and the next has another") {
    NEEDS_NODE();
    auto const key_in = [](std::string const& seen) {
        std::size_t const at = seen.find("Idempotency-Key: ");
        return at == std::string::npos ? std::string{} : seen.substr(at + 17, seen.find('\n', at) - at - 17);
    };
    auto const twice = [&](http::keyed_request inner) {
        return ap::request{
            [=](http::idempotency_key key) { return key_in(inner.call(key)->body) + " " + key_in(inner.call(key)->body); }};
    };
    auto const post = web().post("/echo", "x", http::keyed) | twice | http::new_key;
    std::string const first = post.call().value(), second = post.call().value();
    REQUIRE(first.size() == 2 * 34 + 1);
    CHECK(first.substr(0, 34) == first.substr(35));
    CHECK(first != second);
}

// --- the client and its thread ------------------------------------------------------------------------------------------

TEST_CASE("curl: a client that goes decides what is pending, and its requests outlive it") {
    NEEDS_NODE();
    auto client = std::make_unique<http::client>(node().url(), quiet({.max_active = 1}));
    auto const get = client->get("/hold/" + unique("bye"));
    auto first = (get | ap::starts_on(ap::inline_executor{})).submit();
    auto second = (get | ap::starts_on(ap::inline_executor{})).submit();
    client.reset();
    CHECK(std::move(first).get().error() == ap::errc::shut_down);
    auto const r = std::move(second).get();
    CHECK(r.error() == ap::errc::shut_down);
    CHECK(r.error().executed() == ap::executed::no);
    CHECK(get.call().error() == ap::errc::shut_down);
}

TEST_CASE("curl: a callback may end the client, since it does not run on its thread") {
    NEEDS_NODE();
    auto client = std::make_unique<http::client>(node().url(), quiet());
    ap::promise<bool> ended;
    auto answer = ended.get_future();
    (client->get("/status/200") | ap::starts_on(ap::inline_executor{})).submit([&](ap::result<http::response>) {
        bool const elsewhere = !ap::timer_thread::is_current();
        client.reset();
        ended.set_value(elsewhere);
    });
    CHECK(std::move(answer).get() == true);
}

#if ANTIPHON_HAS_FORK
TEST_CASE("curl: a forked child's asks fail, and its client ends") {
    NEEDS_NODE();
    auto client = std::make_unique<http::client>(node().url(), quiet());
    auto const get = client->get("/status/200");
    REQUIRE(get.call()->status == 200);
    CHECK(in_child([&] {
        bool const told = get.call().error() == ap::errc::forked;
        client.reset();
        return told;
    }));
    CHECK(get.call()->status == 200);
}
#endif
