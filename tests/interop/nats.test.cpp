// SPDX-License-Identifier: BSL-1.0
#include "antiphon/interop/nats.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/messaging/client.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/brokers.hpp"
#include "support/nats_server.hpp"
#include "support/node_packages.hpp"
#include "support/servers.hpp"

namespace ap = antiphon;
using namespace antiphon::messaging;
using namespace std::chrono_literals;
using brokers::twice;

namespace {

bool server_is_missing() {
    if (!servers::find_program("nats-server").empty()) return false;
    WARN("nats-server is not installed: skipped");
    return true;
}

nats_options to(servers::nats_server const& server) { return {.servers = {server.url()}, .reconnect_wait = 20ms}; }
/// Patient, for what has to get through an outage.
auto stubborn() { return ap::retry{.max_attempts = 400, .backoff = {.initial = 10ms, .max = 100ms}}; }

}  // namespace

#define NEEDS_SERVER() \
    if (server_is_missing()) return

TEST_CASE("nats: where no server is, the constructor says so") {
    servers::listener taken;
    std::string const port = std::to_string(taken.port());
    taken.close();
    try {
        nats const refused{{.servers = {"nats://127.0.0.1:" + port}}};
        FAIL("it connected");
    } catch (ap::request_error const& e) {
        CHECK(e.why() == ap::errc::unavailable);
        CHECK(e.why().executed() == ap::executed::no);
    }
}

TEST_CASE("nats: a lost connection decides what is under way, and the next one is made by itself") {
    NEEDS_SERVER();
    std::optional<servers::nats_server> server{std::in_place};
    std::string const port = server->port();
    nats const here{to(*server)};
    client const bus{here};
    ap::promise<int> never;
    ap::promise<void> arrived;
    auto has_arrived = arrived.get_future();
    auto const parked = bus.serve("parked", ap::request{[&](int, ap::promise<int> reply) {
                                      never = std::move(reply);
                                      arrived.set_value();
                                  }});
    auto const serving = bus.serve("twice", twice());
    auto lost = bus.request<int(int)>("parked").submit(1);
    REQUIRE(std::move(has_arrived).get().has_value());
    server->kill();
    ap::failure const why = std::move(lost).get().error();
    CHECK(why == ap::errc::unavailable);
    CHECK(why.executed() == ap::executed::maybe);
    ap::failure const refused = bus.request<int(int)>("twice").call(1).error();
    CHECK(refused == ap::errc::unavailable);
    CHECK(refused.executed() == ap::executed::no);
    server.emplace(std::vector<std::string>{}, port);
    CHECK((bus.request<int(int)>("twice") | stubborn()).call(21) == 42);
}

TEST_CASE("nats: what is kept over the reconnect is answered afterwards") {
    NEEDS_SERVER();
    std::optional<servers::nats_server> server{std::in_place};
    std::string const port = server->port();
    nats_options options = to(*server);
    options.send_after_reconnect = true;
    nats const here{options};
    client const bus{here, {.keep_over_reconnect = true}};
    ap::promise<int> reply;
    ap::promise<void> arrived;
    auto has_arrived = arrived.get_future();
    auto const parked = bus.serve("parked", ap::request{[&](int, ap::promise<int> p) {
                                      reply = std::move(p);
                                      arrived.set_value();
                                  }});
    auto answer = bus.request<int(int)>("parked").submit(1);
    REQUIRE(std::move(has_arrived).get().has_value());
    server->kill();
    server.emplace(std::vector<std::string>{}, port);
    reply.set_value(17);
    CHECK(std::move(answer).get() == 17);
}

TEST_CASE("nats: a connection that goes first makes its clients' asks unavailable") {
    NEEDS_SERVER();
    servers::nats_server const server;
    std::optional<nats> here{std::in_place, to(server)};
    client const bus{*here};
    auto const serving = bus.serve("never", ap::request{[](std::stop_token, int, ap::promise<int> reply) {
                                       static ap::promise<int> kept;
                                       kept = std::move(reply);
                                   }});
    auto answer = bus.request<int(int)>("never").submit(1);
    here.reset();
    CHECK(std::move(answer).get().error() == ap::errc::unavailable);
    CHECK(bus.request<int(int)>("never").call(1).error().executed() == ap::executed::no);
}

TEST_CASE("nats: a stranger is served, and a stranger serves") {
    NEEDS_SERVER();
    servers::nats_server const server;
    nats const here{to(server)};
    client const bus{here};
    auto const serving = bus.serve("greet", ap::request{[](std::string who) { return "hello " + who; }});
    natsConnection* stranger = nullptr;
    REQUIRE(natsConnection_ConnectTo(&stranger, server.url().c_str()) == NATS_OK);
    natsMsg* reply = nullptr;
    REQUIRE(natsConnection_RequestString(&reply, stranger, "greet", "world", 5000) == NATS_OK);
    CHECK(std::string{natsMsg_GetData(reply)} == "hello world");
    natsMsg_Destroy(reply);

    natsSubscription* theirs = nullptr;
    REQUIRE(natsConnection_Subscribe(
                &theirs, stranger, "shout",
                [](natsConnection* nc, natsSubscription*, natsMsg* m, void*) {
                    std::string const loud = std::string{natsMsg_GetData(m)} + "!";
                    natsConnection_PublishString(nc, natsMsg_GetReply(m), loud.c_str());
                    natsMsg_Destroy(m);
                },
                nullptr) == NATS_OK);
    REQUIRE(natsConnection_Flush(stranger) == NATS_OK);
    CHECK(bus.request<std::string(std::string)>("shout").call("hello") == "hello!");

    std::atomic<bool> ended{false};
    natsSubscription_SetOnCompleteCB(
        theirs,
        [](void* flag) {
            static_cast<std::atomic<bool>*>(flag)->store(true);
            static_cast<std::atomic<bool>*>(flag)->notify_all();
        },
        &ended);
    natsSubscription_Unsubscribe(theirs);
    ended.wait(false);
    natsSubscription_Destroy(theirs);
    natsConnection_Close(stranger);
    natsConnection_Destroy(stranger);
}

TEST_CASE("nats: no handler and no callback runs on the client's threads, whatever its executor says") {
    NEEDS_SERVER();
    servers::nats_server const server;
    nats const here{to(server)};
    client const bus{here};
    std::atomic<bool> on_theirs{false};
    auto const serving = bus.serve("place", ap::request{[&](int n) {
                                                if (ap::timer_thread::is_current()) on_theirs = true;
                                                return n;
                                            }} | ap::starts_on(ap::inline_executor{}));
    ap::promise<void> told;
    auto heard = told.get_future();
    (bus.request<int(int)>("place") | ap::starts_on(ap::inline_executor{})).submit(1, [&](ap::result<int> r) {
        if (ap::timer_thread::is_current() || !r) on_theirs = true;
        told.set_value();
    });
    CHECK(std::move(heard).get().has_value());
    CHECK_FALSE(on_theirs);
}

TEST_CASE("nats: in a cluster, a server that is killed costs only time") {
    NEEDS_SERVER();
    servers::listener one, two;
    std::string const a_routes = "nats://127.0.0.1:" + std::to_string(one.port()),
                      b_routes = "nats://127.0.0.1:" + std::to_string(two.port());
    one.close();
    two.close();
    servers::nats_server a{{"--cluster", a_routes, "--cluster_name", "test", "--routes", b_routes}};
    servers::nats_server const b{{"--cluster", b_routes, "--cluster_name", "test", "--routes", a_routes}};
    nats const on_a{to(a)}, on_b{to(b)};
    // It learns of b from a, and goes there when a dies.
    client const bus{on_a, {.timeout = 500ms}}, worker{on_b};
    auto const there = worker.serve("twice", twice(), {.remember = 1h});
    auto const here = bus.serve("twice", twice(), {.remember = 1h});
    auto const ask = bus.request<int(message)>("twice") | ap::timeout{.limit = 300ms} | stubborn();
    // Until the servers know each other's listeners, all of the work goes to one.
    for (int i = 0; there.answered() < 3 && i < 100'000; ++i)
        static_cast<void>(ask.call(message{.body = "1"}));
    REQUIRE(there.answered() >= 3);
    std::vector<ap::future<int>> answers;
    for (int i = 0; i < 400; ++i) {
        message m{.body = std::to_string(i)};
        m.key = "key-" + std::to_string(i);
        answers.push_back(ask.submit(std::move(m)));
        if (i == 200) a.kill();
    }
    int right = 0;
    for (int i = 0; i < 400; ++i)
        right += std::move(answers[static_cast<std::size_t>(i)]).get() == 2 * i ? 1 : 0;
    CHECK(right == 400);
    CHECK(bus.under_way() == 0);
}

TEST_CASE("nats: TLS with an authority of one's own") {
    NEEDS_SERVER();
    if (servers::find_program("openssl").empty()) {
        WARN("openssl is not installed: skipped");
        return;
    }
    servers::authority const ca, other;
    REQUIRE(ca.good());
    servers::nats_server const server{{"--tls", "--tlscert", ca.certificate("server"), "--tlskey", ca.key("server")}};
    nats_options options = to(server);
    options.tls = true;
    options.ca_file = ca.certificate("ca");
    nats const here{options};
    client const bus{here};
    auto const serving = bus.serve("twice", twice());
    CHECK(bus.request<int(int)>("twice").call(2) == 4);
    options.ca_file = other.certificate("ca");
    CHECK_THROWS_AS(nats{options}, ap::request_error);
}

TEST_CASE("nats: a server that wants a token lets in who has it") {
    NEEDS_SERVER();
    servers::nats_server const server{{"--auth", "open-sesame"}};
    nats_options options = to(server);
    CHECK_THROWS_AS(nats{options}, ap::request_error);
    options.token = "open-sesame";
    nats const here{options};
    client const bus{here};
    auto const serving = bus.serve("twice", twice());
    CHECK(bus.request<int(int)>("twice").call(2) == 4);
}

TEST_CASE("nats: Node's nats is served, serves, and fails and refuses as anybody else") {
    NEEDS_SERVER();
    if (std::string const why = servers::node_package_missing("nats", "2"); !why.empty()) {
        WARN(why);
        return;
    }
    servers::nats_server const server;
    nats const here{to(server)};
    client const bus{here, {.headers = {{"Tenant", "blue"}}}};
    brokers::meets_node(bus, "nats_peer.js", server.url(), "503");
}
