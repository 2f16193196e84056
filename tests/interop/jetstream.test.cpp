// SPDX-License-Identifier: BSL-1.0
#include "antiphon/interop/jetstream.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/messaging/client.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/brokers.hpp"
#include "support/nats_server.hpp"
#include "support/servers.hpp"

namespace ap = antiphon;
using namespace antiphon::messaging;
using namespace std::chrono_literals;
using brokers::holding;
using brokers::twice;

namespace {

bool server_is_missing() {
    if (!servers::find_program("nats-server").empty()) return false;
    WARN("nats-server is not installed: skipped");
    return true;
}
/// A server that keeps what it is told in a folder of the test's.
struct keeping_server {
    servers::temporary_folder folder;
    std::optional<servers::nats_server> server;
    keeping_server() { start(); }
    void start(std::string port = "-1") { server.emplace(std::vector<std::string>{"-js", "-sd", folder / "js"}, std::move(port)); }
    [[nodiscard]] jetstream_options options() const {
        return {.nats = {.servers = {server->url()}, .reconnect_wait = 20ms}, .subjects = {"work.*"}, .redeliver_after = 500ms};
    }
};
}  // namespace

#define NEEDS_SERVER() \
    if (server_is_missing()) return

TEST_CASE("jetstream: a server without streams says so, and one that has another kind of stream, too") {
    NEEDS_SERVER();
    servers::nats_server const plain;
    try {
        jetstream const refused{{.nats = {.servers = {plain.url()}}, .subjects = {"work.*"}}};
        FAIL("it keeps");
    } catch (ap::request_error const& e) {
        CHECK(e.why() == ap::errc::unimplemented);
    }
    keeping_server const at;
    jetstream const here{at.options()};
    jetstream_options other = at.options();
    other.subjects = {"other.*"};
    try {
        jetstream const refused{other};
        FAIL("it keeps");
    } catch (ap::request_error const& e) {
        CHECK(e.why() == ap::errc::failed_precondition);
    }
}

TEST_CASE("jetstream: an ask waits until somebody serves, and other subjects are as over NATS") {
    NEEDS_SERVER();
    keeping_server const at;
    jetstream const caller{at.options()}, worker{at.options()};
    client const bus{caller}, there{worker};
    auto answer = bus.request<int(int)>("work.later").submit(21);
    CHECK(bus.request<int(int)>("elsewhere").call(1).error().executed() == ap::executed::no);
    auto const serving = there.serve("work.later", twice());
    CHECK(std::move(answer).get() == 42);
    CHECK(bus.request<int(int)>("work.later").call(4) == 8);
}

TEST_CASE("jetstream: what a worker had when its connection died goes to another one, and its caller is answered") {
    NEEDS_SERVER();
    keeping_server const at;
    jetstream const caller{at.options()};
    client const bus{caller};
    holding slow;
    std::optional<jetstream> dying{std::in_place, at.options()};
    std::optional<client> worker{std::in_place, *dying};
    std::optional<responder> first{worker->serve("work.hold", slow.request())};
    auto answer = bus.request<int(int)>("work.hold").submit(21);
    REQUIRE(std::move(slow.has_arrived).get().has_value());
    dying.reset();
    jetstream const living{at.options()};
    client const other{living};
    auto const second = other.serve("work.hold", twice());
    CHECK(std::move(answer).get() == 42);
    slow.reply.set_value(1);
}

TEST_CASE("jetstream: what is worked on is not delivered again, however long it takes") {
    NEEDS_SERVER();
    keeping_server const at;
    jetstream const caller{at.options()}, one{at.options()}, two{at.options()};
    client const bus{caller}, a{one}, b{two};
    std::atomic<int> ran{0};
    auto const slow = [&] {
        return ap::request{[&](int n) -> ap::task<int> {
            ++ran;
            co_await ap::sleep_for(1800ms);  // more than three times as long as a worker may be silent
            co_return 2 * n;
        }};
    };
    auto const here = a.serve("work.slow", slow());
    auto const there = b.serve("work.slow", slow());
    CHECK(bus.request<int(int)>("work.slow").call(21) == 42);
    CHECK(ran == 1);
}

TEST_CASE("jetstream: a draining responder answers what it has begun and hands back the rest") {
    NEEDS_SERVER();
    keeping_server const at;
    jetstream const caller{at.options()}, one{at.options()}, two{at.options()};
    client const bus{caller}, a{one}, b{two};
    holding slow;
    auto const going = a.serve("work.hold", slow.request());
    auto first = bus.request<int(int)>("work.hold").submit(1);
    REQUIRE(std::move(slow.has_arrived).get().has_value());
    auto drained = going.drain();
    auto second = bus.request<int(int)>("work.hold").submit(2);
    auto const staying = b.serve("work.hold", twice());
    CHECK(std::move(second).get() == 4);
    slow.reply.set_value(17);
    CHECK(std::move(first).get() == 17);
    CHECK(std::move(drained).get().has_value());
}

TEST_CASE("jetstream: asks outlive the server, and each key is worked on once") {
    NEEDS_SERVER();
    keeping_server at;
    jetstream_options options = at.options();
    options.nats.send_after_reconnect = true;
    jetstream const caller{options}, worker{options};
    client const bus{caller, {.timeout = 3s, .keep_over_reconnect = true}}, there{worker};
    std::atomic<int> ran{0};
    auto const serving = there.serve("work.charge", ap::request{[&](int n) { return ++ran, 2 * n; }}, {.remember = 1h});
    auto const ask =
        bus.request<int(message)>("work.charge") | ap::retry{.max_attempts = 50, .backoff = {.initial = 10ms, .max = 100ms}};
    std::string const port = at.server->port();
    std::vector<ap::future<int>> answers;
    for (int i = 0; i < 200; ++i) {
        message m{.body = std::to_string(i)};
        m.key = "key-" + std::to_string(i);
        answers.push_back(ask.submit(std::move(m)));
        if (i == 100) at.server->kill();
    }
    at.start(port);
    int right = 0;
    for (int i = 0; i < 200; ++i)
        right += std::move(answers[static_cast<std::size_t>(i)]).get() == 2 * i ? 1 : 0;
    CHECK(right == 200);
    CHECK(ran == 200);
    CHECK(bus.under_way() == 0);
}

TEST_CASE("jetstream: a worker process that is killed loses nothing, though nothing is asked again") {
    NEEDS_SERVER();
    keeping_server const at;
    jetstream const caller{at.options()};
    client const bus{caller};
    auto const start = [&] {
        auto made = std::make_unique<servers::process>(std::vector<std::string>{ANTIPHON_TEST_WORKER, "jetstream", at.server->url()});
        REQUIRE(made->line() == "ready");
        return made;
    };
    auto doomed = start(), living = start();
    std::vector<ap::future<int>> answers;
    for (int i = 0; i < 300; ++i) {
        answers.push_back(bus.request<int(int)>("work.slow").submit(i));
        if (i == 150) doomed->kill(SIGKILL);
    }
    int right = 0;
    for (int i = 0; i < 300; ++i)
        right += std::move(answers[static_cast<std::size_t>(i)]).get() == 2 * i ? 1 : 0;
    CHECK(right == 300);
    CHECK(bus.under_way() == 0);
}

TEST_CASE("jetstream: what a stranger sends where the stream delivers kills nobody") {
    NEEDS_SERVER();
    keeping_server const at;
    jetstream const here{at.options()};
    client const bus{here};
    auto const serving = bus.serve("work.double", twice());
    natsConnection* made = nullptr;
    REQUIRE(natsConnection_ConnectTo(&made, at.server->url().c_str()) == NATS_OK);
    detail::nats_owned<natsConnection> const stranger{made};
    // Without a reply subject there is nobody to acknowledge it to.
    REQUIRE(natsConnection_PublishString(made, "_antiphon.work.antiphon.workers__work_double", "3") == NATS_OK);
    REQUIRE(natsConnection_Flush(made) == NATS_OK);
    CHECK(bus.request<int(int)>("work.double").call(4) == 8);
    CHECK(serving.answered() == 2);
}

TEST_CASE("jetstream: closing while the stream refuses what it is given waits for who is told of it") {
    NEEDS_SERVER();
    keeping_server const at;
    for (int i = 0; i < 3; ++i) {
        std::vector<ap::future<int>> waiting;
        {
            jetstream const here{at.options()};
            client const bus{here};
            auto const ask = bus.request<int(int)>("work.nobody");
            for (int n = 0; n < 50; ++n)
                waiting.push_back(ask.submit(n));
        }
        for (auto& each : waiting)
            CHECK_FALSE(std::move(each).get().has_value());
    }
}
