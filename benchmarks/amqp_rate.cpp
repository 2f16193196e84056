// SPDX-License-Identifier: BSL-1.0
// Asks a second over RabbitMQ, beside librabbitmq that is underneath: amqp_rate URL [SECONDS]. The responder is librabbitmq's, for both.

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

#include "antiphon/antiphon.hpp"
#include "antiphon/interop/amqp.hpp"
#include "antiphon/messaging/client.hpp"
#include "support/asks_per_second.hpp"

namespace ap = antiphon;
namespace ms = antiphon::messaging;
using bench::many;
using bench::one;
using bench::rate;

namespace {

constexpr char const* exchange = "antiphon";

void ok(bool good, char const* what) {
    if (good) return;
    std::fprintf(stderr, "amqp: %s\n", what);
    std::exit(1);
}
/// A connection of librabbitmq alone, on one thread, with one channel.
class raw {
public:
    explicit raw(std::string url) : c_{amqp_new_connection()} {
        amqp_connection_info at{};
        amqp_default_connection_info(&at);
        ok(amqp_parse_url(url.data(), &at) == AMQP_STATUS_OK, "URL");
        ok(amqp_socket_open(amqp_tcp_socket_new(c_), at.host, at.port) == AMQP_STATUS_OK, "connect");
        ok(amqp_login(c_, at.vhost, 0, AMQP_DEFAULT_FRAME_SIZE, 0, AMQP_SASL_METHOD_PLAIN, at.user, at.password).reply_type ==
               AMQP_RESPONSE_NORMAL,
           "login");
        amqp_channel_open(c_, 1);
        amqp_exchange_declare(c_, 1, amqp_cstring_bytes(exchange), amqp_cstring_bytes("topic"), 0, 1, 0, 0, amqp_empty_table);
        good("declare");
    }
    raw(raw const&) = delete;
    raw& operator=(raw const&) = delete;
    ~raw() { amqp_destroy_connection(c_); }

    void hear_replies() {
        amqp_basic_consume(c_, 1, amqp_cstring_bytes("amq.rabbitmq.reply-to"), amqp_empty_bytes, 0, 1, 0, amqp_empty_table);
        good("consume");
    }
    void ask() {
        amqp_basic_properties_t p{};
        p._flags = AMQP_BASIC_REPLY_TO_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG;
        p.reply_to = amqp_cstring_bytes("amq.rabbitmq.reply-to");
        p.correlation_id = amqp_cstring_bytes("00112233445566778899aabbccddeeff.0011223344556677");
        ok(amqp_basic_publish(c_, 1, amqp_cstring_bytes(exchange), amqp_cstring_bytes("rate.echo"), 1, 0, &p,
                              amqp_cstring_bytes("12345")) == 0,
           "publish");
    }
    void answer() {
        amqp_maybe_release_buffers(c_);
        amqp_envelope_t e;
        ok(amqp_consume_message(c_, &e, nullptr, 0).reply_type == AMQP_RESPONSE_NORMAL, "answer");
        amqp_destroy_envelope(&e);
    }
    void bind_echo() {
        amqp_queue_declare_ok_t* const q = amqp_queue_declare(c_, 1, amqp_empty_bytes, 0, 0, 1, 1, amqp_empty_table);
        good("queue");
        amqp_queue_bind(c_, 1, q->queue, amqp_cstring_bytes(exchange), amqp_cstring_bytes("rate.echo"), amqp_empty_table);
        good("bind");
        amqp_basic_consume(c_, 1, q->queue, amqp_empty_bytes, 0, 1, 0, amqp_empty_table);
        good("consume");
    }
    void echo(std::atomic<bool> const& over) {
        while (!over) {
            amqp_maybe_release_buffers(c_);
            amqp_envelope_t e;
            ::timeval wait{};
            wait.tv_usec = 100'000;
            if (amqp_consume_message(c_, &e, &wait, 0).reply_type != AMQP_RESPONSE_NORMAL) continue;
            amqp_basic_properties_t p{};
            p._flags = AMQP_BASIC_CORRELATION_ID_FLAG;
            p.correlation_id = e.message.properties.correlation_id;
            amqp_basic_publish(c_, 1, amqp_empty_bytes, e.message.properties.reply_to, 0, 0, &p, e.message.body);
            amqp_destroy_envelope(&e);
        }
    }

private:
    void good(char const* what) { ok(amqp_get_rpc_reply(c_).reply_type == AMQP_RESPONSE_NORMAL, what); }
    amqp_connection_state_t c_;
};

double raw_one(raw& c, double seconds) {
    return rate(seconds, [&] {
        c.ask();
        c.answer();
        return 1;
    });
}
double raw_many(raw& c, double seconds) {
    for (int i = 0; i < bench::window::size; ++i)
        c.ask();
    double const r = raw_one(c, seconds);
    for (int i = 0; i < bench::window::size; ++i)
        c.answer();
    return r;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return std::fprintf(stderr, "usage: amqp_rate URL [SECONDS]\n"), 2;
    double const seconds = argc > 2 ? std::atof(argv[2]) : 1;
    raw echo{argv[1]}, asker{argv[1]};
    echo.bind_echo();
    asker.hear_replies();
    std::atomic<bool> over{false};
    std::thread echoing{[&] { echo.echo(over); }};
    {
        ms::amqp const here{{.servers = {argv[1]}}};
        ms::client const bus{here}, timeless{here, {.timeout = ap::duration::max()}};
        auto const ask = bus.request<int(int)>("rate.echo"), bare = timeless.request<int(int)>("rate.echo");
        std::printf("%-34s %10s %10s\n", "asks a second", "1", "256");
        for (int round = 0; round < 3; ++round) {  // interleaved: the machine is not always the same
            double const r1 = raw_one(asker, seconds), a1 = one(ask, seconds), b1 = one(bare, seconds);
            double const r256 = raw_many(asker, seconds), a256 = many(ask, seconds), b256 = many(bare, seconds);
            std::printf("%-34s %10.0f %10.0f\n", "librabbitmq", r1, r256);
            std::printf("%-34s %10.0f %10.0f\n", "antiphon", a1, a256);
            std::printf("%-34s %10.0f %10.0f\n", "antiphon, without a client timeout", b1, b256);
        }
    }
    over = true;
    echoing.join();
}
