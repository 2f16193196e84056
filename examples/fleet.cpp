// SPDX-License-Identifier: BSL-1.0
// A thousand clients and a hundred workers through an outage of their broker, in virtual time. `fleet FILE` plots it (SVG).

#include <antiphon/antiphon.hpp>
#include <antiphon/messaging/client.hpp>
#include <antiphon/messaging/loopback.hpp>
#include <antiphon/testing/chaos.hpp>
#include <antiphon/testing/simulation.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <vector>

#include "expect.hpp"

namespace ap = antiphon;
namespace ms = antiphon::messaging;
using namespace std::chrono_literals;

namespace {

constexpr ap::duration step = 100ms, end = 6s, down = 2s, up = 3s;
constexpr std::size_t steps = end / step + 20;
struct counted {
    int answered = 0, failed = 0, worked = 0;
};
using story = std::array<counted, steps>;

void plot(story const& seen, char const* file) {
    std::FILE* const out = std::fopen(file, "w");
    if (out == nullptr) return;
    int most = 1;
    for (counted const& each : seen)
        most = std::max({most, each.answered, each.failed, each.worked});
    fmt::print(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 700 260\" font-family=\"sans-serif\" font-size=\"12\">\n");
    fmt::print(
        out, "<rect width=\"700\" height=\"260\" fill=\"white\"/><rect x=\"{}\" y=\"20\" width=\"{}\" height=\"200\" fill=\"#eee\"/>\n",
        40 + 8 * (down / step), 8 * ((up - down) / step));
    auto const line = [&](char const* colour, char const* name, int y, int counted::* what) {
        fmt::print(out, "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2\" points=\"", colour);
        for (std::size_t i = 0; i < steps; ++i)
            fmt::print(out, "{},{} ", 40 + 8 * i, 220 - 200 * (seen[i].*what) / most);
        fmt::print(out, "\"/><text x=\"560\" y=\"{}\" fill=\"{}\">{}</text>\n", y, colour, name);
    };
    line("#1b7", "answered", 40, &counted::answered);
    line("#c33", "failed", 56, &counted::failed);
    line("#46c", "worked on", 72, &counted::worked);
    fmt::print(out,
               "<text x=\"40\" y=\"240\">0 s</text><text x=\"{}\" y=\"240\">broker down</text><text x=\"520\" y=\"240\">6 s</text>",
               40 + 8 * (down / step));
    fmt::print(out, "<text x=\"4\" y=\"16\">{} in {} ms</text></svg>\n", most, step / 1ms);
    std::fclose(out);
}

}  // namespace

int main(int argc, char** argv) {
    ap::testing::simulation sim{7};
    ms::loopback broker{sim, {.latency = ap::testing::latency::uniform(1ms, 3ms)}};
    ap::time_point const began = sim.now();
    story seen{};
    auto const now = [&]() -> counted& { return seen[std::min(steps - 1, static_cast<std::size_t>((sim.now() - began) / step))]; };

    ms::client const hall{broker};
    std::vector<ms::responder> workers;
    for (int i = 0; i < 100; ++i)
        workers.push_back(hall.serve("orders.price", ap::request{[&](int n) -> ap::task<int> {
                                                         ++now().worked;
                                                         co_await ap::sleep_for(8ms);
                                                         co_return 2 * n;
                                                     }} | ap::starts_on(sim)));

    int asked = 0, answered = 0, failed = 0;
    std::vector<std::unique_ptr<ms::client>> clients;
    std::vector<ap::future<void>> lives;
    for (int i = 0; i < 1000; ++i) {
        clients.push_back(std::make_unique<ms::client>(broker));
        auto const ask = clients.back()->request<int(int)>("orders.price") | ap::timeout{.limit = 100ms} |
                         ap::retry{.max_attempts = 4, .backoff = {.initial = 50ms, .max = 400ms}};
        ap::request const life{[&, ask](int me) -> ap::task<void> {
            co_await ap::sleep_for(std::chrono::microseconds{100 * me});  // not all at once
            while (sim.now() - began < end) {
                ++asked;
                ap::result<int> const r = co_await ask(me);
                ++(r ? now().answered : now().failed);
                ++(r ? answered : failed);
                co_await ap::sleep_for(100ms);
            }
        }};
        lives.push_back((life | ap::starts_on(sim)).submit(i));
    }

    sim.advance(down);
    broker.disconnect();
    sim.advance(up - down);
    broker.reconnect();
    sim.run();

    int before = 0, after = 0, peak = 0;
    for (std::size_t i = 10; i < 20; ++i) {
        before += seen[i].answered;
        after += seen[i + 30].answered;
    }
    for (counted const& each : seen)
        peak = std::max(peak, each.worked);
    fmt::print("{} asks: {} answered, {} failed\n", asked, answered, failed);
    fmt::print("a second before the outage {} answers, a second after it {}; the workers' busiest 100 ms: {}\n", before, after, peak);
    if (argc > 1) plot(seen, argv[1]);

    expect(asked == answered + failed, "every ask is decided, once");
    expect(after > before * 9 / 10, "a second after the outage everything is as before");
    expect(peak < before / 10 * 2, "nobody who comes back brings twice the load");
    return 0;
}
