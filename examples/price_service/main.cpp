// SPDX-License-Identifier: BSL-1.0
// Three workers quote prices, a client asks. In the process by default; over NATS or RabbitMQ with `--over nats|amqp`: nothing but the
// transport changes. In the middle one worker is killed. Whatever it had is asked again, of another, and no ask is lost.
// `--role worker` is one worker in a process of its own, until SIGTERM; `--role client` asks those.

#include <antiphon/antiphon.hpp>
#include <antiphon/messaging/client.hpp>
#include <antiphon/messaging/loopback.hpp>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../expect.hpp"
#include "worker.hpp"

#if PRICE_SERVICE_NATS
#include <antiphon/interop/nats.hpp>
#endif
#if PRICE_SERVICE_AMQP
#include <antiphon/interop/amqp.hpp>
#endif

namespace ap = antiphon;
namespace ms = antiphon::messaging;
using namespace std::chrono_literals;

namespace {

struct settings {
    int asks = 20'000;
    std::size_t in_flight = 64;
    std::string over = "loopback";
    std::string role = "all";
    std::string url;  ///< empty: where such a broker usually is
};

[[noreturn]] void usage() {
    fmt::print(stderr,
               "usage: price_service [--asks N] [--in-flight N] [--over loopback|nats|amqp] [--url URL] [--role all|client|worker]\n");
    std::exit(2);
}
template <class N>
void read_number(std::string_view text, N& into) {
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    if (error != std::errc{} || end != text.data() + text.size() || into == 0) usage();
}
settings read(int argc, char** argv) {
    settings s;
    for (int i = 1; i < argc; i += 2) {
        std::string_view const name = argv[i];
        if (i + 1 == argc) usage();
        if (name == "--asks") {
            read_number(argv[i + 1], s.asks);
        } else if (name == "--in-flight") {
            read_number(argv[i + 1], s.in_flight);
        } else if (name == "--over") {
            s.over = argv[i + 1];
        } else if (name == "--url") {
            s.url = argv[i + 1];
        } else if (name == "--role") {
            s.role = argv[i + 1];
            if (s.role != "all" && s.role != "client" && s.role != "worker") usage();
        } else {
            usage();
        }
    }
    return s;
}

query question(int i) {
    static constexpr std::array symbols{"ACME", "BOLT", "CORD", "DUNE"};
    return {symbols[static_cast<std::size_t>(i) % symbols.size()], 1 + i % 7};
}
long right_answer(query const& q) {
    long unit = 100;
    for (char const c : q.symbol)
        unit = (unit * 31 + c) % 10'000;
    return (unit + 1) * q.quantity;
}

void print(ap::stats_snapshot const& seen, std::vector<std::unique_ptr<worker>> const& workers, ap::duration took) {
    double const seconds = std::chrono::duration<double>(took).count();
    fmt::print("{} asks in {:.2f} s: {:.0f} a second, {} asked again\n", seen.completed(), seconds,
               static_cast<double>(seen.completed()) / seconds, seen.retried);
    for (auto const& each : workers)
        fmt::print("  {:8} {:6} quotes{}\n", each->name(), each->quoted(), each->dead() ? ", killed" : "");
    for (double const q : {0.5, 0.9, 0.99, 0.999, 1.0})
        fmt::print("  {:5.1f} % within {:8.0f} us\n", 100 * q,
                   std::chrono::duration<double, std::micro>(seen.values.percentile(q)).count());
}

template <class Connect>
int run(settings const& s, Connect const& connect) {
    bool const alone = s.role == "client";
    if (s.role == "worker") return work_until_told(connect());
    std::vector<std::unique_ptr<worker>> workers;
    if (!alone)
        for (char const* name : {"anna", "bert", "clara"})
            workers.push_back(std::make_unique<worker>(name, connect()));
    auto const over = connect();
    ms::client const bus{*over};

    // The request is made here, once, and knows nothing of where it is answered.
    ap::stats const seen;
    auto const quote = bus.request<price(query), ap::repeat::safe, price_codec>("prices.quote", price_codec{})  //
                       | ap::timeout{.limit = 250ms}  // each attempt
                       | ap::retry{.max_attempts = 20, .backoff = {.initial = 1ms, .max = 20ms}}  //
                       | seen;

    std::vector<int> asks(static_cast<std::size_t>(s.asks));
    std::iota(asks.begin(), asks.end(), 0);
    std::atomic<int> right{0};
    ap::time_point const began = ap::clock::now();
    auto const done = ap::for_each_limited(std::move(asks), s.in_flight, [&](int i) {
                          if (i == s.asks / 2 && !alone) workers[1]->kill();
                          return quote.submit(question(i)).then([&right, i](price p) {
                              if (p.cents == right_answer(question(i))) ++right;
                          });
                      }).get();
    print(seen.snapshot(), workers, ap::clock::now() - began);

    expect(done.has_value(), "no ask fails, though a worker was killed");
    expect(right == s.asks, "every price is right");
    if (alone) return 0;
    expect(workers[1]->dead(), "one worker was killed");
    std::uint64_t const share = static_cast<std::uint64_t>(s.asks) / 10;
    expect(workers[0]->quoted() > share && workers[2]->quoted() > share, "the others share the work");
    auto const refused =
        bus.request<price(query), ap::repeat::safe, price_codec>("prices.quote", price_codec{}).call(query{"ACME", -1});
    expect(!refused && refused.error() == ap::errc::invalid_argument, "a worker's refusal arrives as it was");
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    settings const s = read(argc, argv);
    if (s.role == "worker") wait_for_signals();  // before there is another thread
    if (s.over == "loopback") {
        ms::loopback const broker;
        return run(s, [&] { return std::make_shared<ms::loopback>(broker); });
    }
#if PRICE_SERVICE_NATS
    if (s.over == "nats") {
        ms::nats_options options;
        if (!s.url.empty()) options.servers = {s.url};
        return run(s, [&] { return std::make_shared<ms::nats>(options); });
    }
#endif
#if PRICE_SERVICE_AMQP
    if (s.over == "amqp") {
        ms::amqp_options options;
        if (!s.url.empty()) options.servers = {s.url};
        return run(s, [&] { return std::make_shared<ms::amqp>(options); });
    }
#endif
    usage();
}
