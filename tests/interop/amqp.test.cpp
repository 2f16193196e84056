// SPDX-License-Identifier: BSL-1.0
#include "antiphon/interop/amqp.hpp"

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
#include "support/node_packages.hpp"
#include "support/rabbit_server.hpp"
#include "support/servers.hpp"

namespace ap = antiphon;
using namespace antiphon::messaging;
using namespace std::chrono_literals;
using brokers::holding;
using brokers::twice;

namespace {

bool server_is_missing() {
    if (!servers::find_rabbit().empty()) return false;
    WARN("rabbitmq-server is not installed: skipped");
    return true;
}
amqp_options to(servers::rabbit_server const& server) {
    return {.servers = {server.url()}, .reconnect_wait = 20ms, .reconnect_most = 200ms};
}
amqp_options durable(servers::rabbit_server const& server, std::string reply_queue = {}) {
    amqp_options o = to(server);
    o.durable = true;
    o.reply_queue = std::move(reply_queue);
    return o;
}
/// A stranger's, with channel 1 open.
detail::amqp_owned raw_connection(servers::rabbit_server const& server) {
    detail::amqp_owned made{amqp_new_connection()};
    amqp_socket_t* const socket = amqp_tcp_socket_new(made.get());
    std::string const port = server.url().substr(server.url().rfind(':') + 1);
    REQUIRE(amqp_socket_open(socket, "127.0.0.1", std::stoi(port)) == AMQP_STATUS_OK);
    REQUIRE(amqp_login(made.get(), "/", 0, 131'072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest").reply_type == AMQP_RESPONSE_NORMAL);
    amqp_channel_open(made.get(), 1);
    return made;
}
/// Without waiting for the broker: what follows on that channel comes right after it.
void delete_queue(detail::amqp_owned const& by, char const* name) {
    amqp_queue_delete_t gone{0, amqp_cstring_bytes(name), 0, 0, 1};
    REQUIRE(amqp_send_method(by.get(), 1, AMQP_QUEUE_DELETE_METHOD, &gone) == AMQP_STATUS_OK);
}
auto stubborn() { return ap::retry{.max_attempts = 400, .backoff = {.initial = 10ms, .max = 100ms}}; }

}  // namespace

#define NEEDS_SERVER() \
    if (server_is_missing()) return

TEST_CASE("amqp: where no broker is, the constructor says so") {
    servers::listener taken;
    std::string const port = std::to_string(taken.port());
    taken.close();
    try {
        amqp const refused{{.servers = {"amqp://guest:guest@127.0.0.1:" + port}}};
        FAIL("it connected");
    } catch (ap::request_error const& e) {
        CHECK(e.why() == ap::errc::unavailable);
        CHECK(e.why().executed() == ap::executed::no);
    }
    try {
        amqp const refused{{.servers = {"what is this"}}};
        FAIL("it connected");
    } catch (ap::request_error const& e) {
        CHECK(e.why() == ap::errc::invalid_argument);
    }
}

TEST_CASE("amqp: a broker lets in who knows the password, and the next of several servers is tried") {
    NEEDS_SERVER();
    servers::rabbit_server const server;
    std::string url = server.url();
    url.replace(url.find("guest:guest"), 11, "guest:wrong");
    try {
        amqp const refused{{.servers = {url}}};
        FAIL("it connected");
    } catch (ap::request_error const& e) {
        CHECK(e.why() == ap::errc::unauthenticated);
    }
    amqp const here{{.servers = {url, server.url()}}};
    client const bus{here};
    auto const serving = bus.serve("twice", twice());
    CHECK(bus.request<int(int)>("twice").call(2) == 4);
}

TEST_CASE("amqp: a queue that is there and is not durable cannot be served as if it were") {
    NEEDS_SERVER();
    servers::rabbit_server const server;
    amqp const here{to(server)}, there{durable(server)};
    client const bus{here}, strict{there};
    auto const serving = bus.serve("mixed", twice());
    try {
        auto const refused = strict.serve("mixed", twice());
        FAIL("it serves");
    } catch (ap::request_error const& e) {
        CHECK(e.why() == ap::errc::failed_precondition);
    }
    // The connection goes on.
    auto const other = strict.serve("other", twice());
    CHECK(bus.request<int(int)>("other").call(3) == 6);
    CHECK(bus.request<int(int)>("mixed").call(4) == 8);
}

TEST_CASE("amqp: who is not let consume a queue hears that, and the connection's other responders serve again") {
    NEEDS_SERVER();
    servers::rabbit_server server;
    server.start();
    // A stranger that has a queue to itself.
    detail::amqp_owned const stranger = raw_connection(server);
    amqp_bytes_t const queue = amqp_cstring_bytes("locked:workers");
    amqp_queue_declare(stranger.get(), 1, queue, 0, 0, 0, 1, amqp_empty_table);
    amqp_basic_consume(stranger.get(), 1, queue, amqp_empty_bytes, 0, 1, 1, amqp_empty_table);
    REQUIRE(amqp_get_rpc_reply(stranger.get()).reply_type == AMQP_RESPONSE_NORMAL);

    amqp const broker{to(server)};
    client const bus{broker}, asker{broker};
    auto const serving = bus.serve("free", twice());
    try {
        auto const refused = bus.serve("locked", twice());
        FAIL("it serves");
    } catch (ap::request_error const& e) {
        CHECK(e.why() == ap::errc::permission_denied);
    }
    CHECK((asker.request<int(int)>("free") | stubborn()).call(4) == 8);
    CHECK((asker.request<int(int)>("free") | stubborn()).call(5) == 10);
}

TEST_CASE("amqp: a queue that became another kind keeps nobody else from being served, and is served again when it is gone") {
    NEEDS_SERVER();
    servers::rabbit_server const server;
    detail::amqp_owned const stranger = raw_connection(server);
    amqp const broker{to(server)};
    client const bus{broker};
    auto const changing = bus.serve("mixed", twice()), free = bus.serve("free", twice());

    delete_queue(stranger, "mixed:workers");
    amqp_queue_declare(stranger.get(), 1, amqp_cstring_bytes("mixed:workers"), 0, 1, 0, 0, amqp_empty_table);  // durable
    REQUIRE(amqp_get_rpc_reply(stranger.get()).reply_type == AMQP_RESPONSE_NORMAL);
    CHECK((bus.request<int(int)>("free") | stubborn()).call(4) == 8);

    delete_queue(stranger, "mixed:workers");
    delete_queue(stranger, "free:workers");  // a consumer loses its queue, and the connection is made again
    CHECK((bus.request<int(int)>("mixed") | stubborn()).call(5) == 10);
    CHECK((bus.request<int(int)>("free") | stubborn()).call(6) == 12);
}

TEST_CASE("amqp: a lost connection decides what is under way, and the next one is made by itself") {
    NEEDS_SERVER();
    servers::rabbit_server server;
    amqp const here{to(server)};
    client const bus{here};
    holding slow;
    auto const parked = bus.serve("parked", slow.request());
    auto const serving = bus.serve("twice", twice());
    auto lost = bus.request<int(int)>("parked").submit(1);
    REQUIRE(std::move(slow.has_arrived).get().has_value());
    server.kill();
    ap::failure const why = std::move(lost).get().error();
    CHECK(why == ap::errc::unavailable);
    CHECK(why.executed() == ap::executed::maybe);
    ap::failure const refused = bus.request<int(int)>("twice").call(1).error();
    CHECK(refused == ap::errc::unavailable);
    CHECK(refused.executed() == ap::executed::no);
    server.start();
    CHECK((bus.request<int(int)>("twice") | stubborn()).call(21) == 42);
}

TEST_CASE("amqp: what a durable worker had when its connection died goes to another one, and its caller is answered") {
    NEEDS_SERVER();
    servers::rabbit_server const server;
    amqp const caller{durable(server)};
    client const bus{caller};
    std::optional<amqp> dying{std::in_place, durable(server)};
    holding slow;
    std::optional<client> worker{std::in_place, *dying};
    std::optional<responder> first{worker->serve("work", slow.request())};
    auto answer = bus.request<int(int)>("work").submit(21);
    REQUIRE(std::move(slow.has_arrived).get().has_value());
    dying.reset();  // the broker sees that nobody is left who could acknowledge it
    amqp const living{durable(server)};
    client const other{living};
    auto const second = other.serve("work", twice());
    CHECK(std::move(answer).get() == 42);
    slow.reply.set_value(1);
}

TEST_CASE("amqp: a durable ask waits until somebody serves") {
    NEEDS_SERVER();
    servers::rabbit_server const server;
    amqp const caller{durable(server)};
    client const bus{caller};
    {
        amqp const once{durable(server)};
        client const worker{once};
        auto const serving = worker.serve("later", twice());  // the queue is there from now on
    }
    auto answer = bus.request<int(int)>("later").submit(4);
    CHECK_FALSE(answer.ready());
    auto const serving = bus.serve("later", twice());
    CHECK(std::move(answer).get() == 8);
}

TEST_CASE("amqp: an ask whose time ended in the queue is not run") {
    NEEDS_SERVER();
    servers::rabbit_server const server;
    amqp const caller{durable(server)};
    client const bus{caller};
    {
        auto const serving = bus.serve("expires", twice());
    }
    auto const ask = bus.request<int(int)>("expires");
    CHECK((ask | ap::timeout{.limit = 50ms}).call(1).error() == ap::errc::deadline_exceeded);
    std::atomic<int> ran{0};
    auto const serving = bus.serve("expires", ap::request{[&](int n) { return ran += n; }});
    CHECK(ask.call(10) == 10);  // the queue is in order: had the first been kept, it would have run before
    CHECK(ran == 10);
}

TEST_CASE("amqp: durable asks and their answers outlive the broker and the caller") {
    NEEDS_SERVER();
    servers::rabbit_server server;
    {
        amqp const caller{durable(server, "billing.answers")};
        client const bus{caller};
        {
            auto const serving = bus.serve("invoice", twice());
        }
        message m{.body = "21"};
        m.key = "invoice-7";
        auto const never = bus.request<int(message)>("invoice").submit(m);
        // Confirmed by the broker when what is asked afterwards is returned.
        REQUIRE(bus.request<int(int)>("nobody").call(1).error().executed() == ap::executed::no);
    }
    server.kill();
    server.start();
    {
        amqp const worker{durable(server)};
        client const bus{worker};
        ap::promise<void> done;
        auto has_run = done.get_future();
        auto const serving = bus.serve("invoice", ap::request{[&](int n) {
                                           done.set_value();
                                           return 2 * n;
                                       }});
        REQUIRE(std::move(has_run).get().has_value());
        REQUIRE(serving.drain().get().has_value());
    }
    ap::promise<message> late;
    auto arrived = late.get_future();
    amqp const caller{durable(server, "billing.answers")};
    client const again{caller, {.on_late = [&](message const& m) { late.set_value(m); }}};
    message const answer = std::move(arrived).get().value();
    CHECK(answer.body == "42");
    CHECK(answer.key == "invoice-7");
}

TEST_CASE("amqp: through the death of the broker every durable ask is answered, with a key once") {
    NEEDS_SERVER();
    servers::rabbit_server server;
    amqp const caller{durable(server)}, worker{durable(server)};
    client const bus{caller, {.timeout = 2s}}, there{worker};
    std::atomic<int> ran{0};
    auto const serving = there.serve("charge", ap::request{[&](int n) { return ++ran, 2 * n; }}, {.remember = 1h});
    auto const ask = bus.request<int(message)>("charge") | stubborn();
    std::vector<ap::future<int>> answers;
    for (int i = 0; i < 200; ++i) {
        message m{.body = std::to_string(i)};
        m.key = "key-" + std::to_string(i);
        answers.push_back(ask.submit(std::move(m)));
        if (i == 100) server.kill();
    }
    server.start();
    int right = 0;
    for (int i = 0; i < 200; ++i)
        right += std::move(answers[static_cast<std::size_t>(i)]).get() == 2 * i ? 1 : 0;
    CHECK(right == 200);
    CHECK(ran == 200);
    CHECK(bus.under_way() == 0);
}

TEST_CASE("amqp: a draining durable responder hands back what it has not begun") {
    NEEDS_SERVER();
    servers::rabbit_server const server;
    amqp const caller{durable(server)}, one{durable(server)}, two{durable(server)};
    client const bus{caller}, a{one}, b{two};
    holding slow;
    auto const going = a.serve("work", slow.request());
    auto first = bus.request<int(int)>("work").submit(1);
    REQUIRE(std::move(slow.has_arrived).get().has_value());
    auto drained = going.drain();
    auto second = bus.request<int(int)>("work").submit(2);
    auto const staying = b.serve("work", twice());
    CHECK(std::move(second).get() == 4);
    slow.reply.set_value(17);
    CHECK(std::move(first).get() == 17);
    CHECK(std::move(drained).get().has_value());
}

TEST_CASE("amqp: what AMQP cannot carry is refused before it is sent, and costs nobody the connection") {
    NEEDS_SERVER();
    servers::rabbit_server const server;
    amqp const here{to(server)};
    client const bus{here};
    auto const serving = bus.serve("twice", twice());
    auto const ask = bus.request<int(message)>("twice");
    message large{.body = "1"};
    REQUIRE(large.headers.add("Large", std::string(200'000, 'x')).has_value());
    CHECK(ask.call(large).error() == ap::errc::out_of_range);
    message named{.body = "1"};
    REQUIRE(named.headers.add(std::string(300, 'n'), "x").has_value());
    CHECK(ask.call(named).error() == ap::errc::out_of_range);
    CHECK(bus.request<int(int)>(std::string(300, 's')).call(1).error() == ap::errc::invalid_argument);
    message fits{.body = "2"};
    REQUIRE(fits.headers.add("Large", std::string(50'000, 'x')).has_value());
    CHECK(ask.call(fits) == 4);
}

TEST_CASE("amqp: TLS with an authority of one's own") {
    NEEDS_SERVER();
    if (servers::find_program("openssl").empty()) {
        WARN("openssl is not installed: skipped");
        return;
    }
    servers::authority const ca, other;
    REQUIRE(ca.good());
    servers::rabbit_server const server{ca};
    amqp_options options;
    options.servers = {server.secure_url()};
    options.tls = true;
    options.ca_file = ca.certificate("ca");
    {
        amqp const here{options};
        client const bus{here};
        auto const serving = bus.serve("twice", twice());
        CHECK(bus.request<int(int)>("twice").call(2) == 4);
    }
    options.ca_file = other.certificate("ca");
    try {
        amqp const refused{options};
        FAIL("it connected");
    } catch (ap::request_error const& e) {
        CHECK(e.why() == ap::errc::unauthenticated);
    }
}

TEST_CASE("amqp: Node's amqplib is served, serves, and fails and refuses as anybody else") {
    NEEDS_SERVER();
    if (std::string const why = servers::node_package_missing("amqplib", "0.10"); !why.empty()) {
        WARN(why);
        return;
    }
    servers::rabbit_server const server;
    amqp const here{to(server)};
    client const bus{here, {.headers = {{"Tenant", "blue"}}}};
    brokers::meets_node(bus, "amqp_peer.js", server.url(), "returned");
}
