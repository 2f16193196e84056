// SPDX-License-Identifier: BSL-1.0
// Asks a second over NATS, beside the C client that is underneath: nats_rate URL [SECONDS]. The responder is the C client's, for both.

#include <nats/nats.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/interop/nats.hpp"
#include "antiphon/messaging/client.hpp"
#include "support/asks_per_second.hpp"

namespace ap = antiphon;
namespace ms = antiphon::messaging;
using bench::many;
using bench::one;
using bench::rate;

namespace {

void ok(natsStatus s) {
    if (s == NATS_OK) return;
    std::fprintf(stderr, "nats: %s\n", natsStatus_GetText(s));
    std::exit(1);
}
natsConnection* connect(char const* url) {
    natsOptions* options = nullptr;
    ok(natsOptions_Create(&options));
    ok(natsOptions_SetURL(options, url));
    ok(natsOptions_SetSendAsap(options, true));
    natsConnection* nc = nullptr;
    ok(natsConnection_Connect(&nc, options));
    natsOptions_Destroy(options);
    return nc;
}
bench::window raw_in_flight;

double raw_one(natsConnection* nc, double seconds) {
    return rate(seconds, [&] {
        natsMsg* reply = nullptr;
        ok(natsConnection_RequestString(&reply, nc, "rate.echo", "12345", 5000));
        natsMsg_Destroy(reply);
        return 1;
    });
}
double raw_many(natsConnection* nc, double seconds) {
    natsSubscription* sub = nullptr;
    ok(natsConnection_Subscribe(
        &sub, nc, "_INBOX.rate.*",
        [](natsConnection*, natsSubscription*, natsMsg* m, void*) {
            natsMsg_Destroy(m);
            raw_in_flight.leave();
        },
        nullptr));
    int number = 0;
    double const r = rate(seconds, [&] {
        raw_in_flight.enter();
        ok(natsConnection_PublishRequestString(nc, "rate.echo", ("_INBOX.rate." + std::to_string(++number)).c_str(), "12345"));
        return 1;
    });
    raw_in_flight.drain();
    natsSubscription_Destroy(sub);
    return r;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return std::fprintf(stderr, "usage: nats_rate URL [SECONDS]\n"), 2;
    double const seconds = argc > 2 ? std::atof(argv[2]) : 1;
    natsConnection* const echo = connect(argv[1]);
    natsSubscription* sub = nullptr;
    ok(natsConnection_Subscribe(
        &sub, echo, "rate.echo",
        [](natsConnection* nc, natsSubscription*, natsMsg* m, void*) {
            natsConnection_Publish(nc, natsMsg_GetReply(m), natsMsg_GetData(m), natsMsg_GetDataLength(m));
            natsMsg_Destroy(m);
        },
        nullptr));
    ok(natsConnection_Flush(echo));
    natsConnection* const nc = connect(argv[1]);
    ms::nats const here{{.servers = {argv[1]}}};
    ms::client const bus{here}, timeless{here, {.timeout = ap::duration::max()}};
    auto const ask = bus.request<int(int)>("rate.echo"), bare = timeless.request<int(int)>("rate.echo");
    std::printf("%-34s %10s %10s\n", "asks a second", "1", "256");
    for (int round = 0; round < 3; ++round) {  // interleaved: the machine is not always the same
        double const r1 = raw_one(nc, seconds), a1 = one(ask, seconds), b1 = one(bare, seconds);
        double const r256 = raw_many(nc, seconds), a256 = many(ask, seconds), b256 = many(bare, seconds);
        std::printf("%-34s %10.0f %10.0f\n", "the C client", r1, r256);
        std::printf("%-34s %10.0f %10.0f\n", "antiphon", a1, a256);
        std::printf("%-34s %10.0f %10.0f\n", "antiphon, without a client timeout", b1, b256);
    }
}
