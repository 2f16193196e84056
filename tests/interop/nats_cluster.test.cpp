// SPDX-License-Identifier: BSL-1.0
// Two servers, a worker process on each, a client on one: and then some of them are killed.
#include <antiphon/antiphon.hpp>
#include <antiphon/interop/nats.hpp>
#include <antiphon/messaging/client.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/nats_server.hpp"
#include "support/servers.hpp"

namespace ap = antiphon;
using namespace antiphon::messaging;
using namespace std::chrono_literals;

namespace {

bool server_is_missing() {
    if (!servers::find_program("nats-server").empty()) return false;
    WARN("nats-server is not installed: skipped");
    return true;
}

class cluster {
public:
    cluster() {
        servers::listener one, two;
        std::string const a_routes = "nats://127.0.0.1:" + std::to_string(one.port()),
                          b_routes = "nats://127.0.0.1:" + std::to_string(two.port());
        one.close();
        two.close();
        a = std::make_unique<servers::nats_server>(
            std::vector<std::string>{"--cluster", a_routes, "--cluster_name", "test", "--routes", b_routes});
        b = std::make_unique<servers::nats_server>(
            std::vector<std::string>{"--cluster", b_routes, "--cluster_name", "test", "--routes", a_routes});
        on_a = worker(*a);
        on_b = worker(*b);
    }
    [[nodiscard]] static std::unique_ptr<servers::process> worker(servers::nats_server const& at) {
        auto made = std::make_unique<servers::process>(std::vector<std::string>{ANTIPHON_TEST_WORKER, "nats", at.url()});
        if (made->line() != "ready") throw std::runtime_error{"the worker does not work"};
        return made;
    }
    /// Until the servers know each other's listeners, one of them has all the work.
    void wait_for_both(client const& bus) const {
        auto const who = bus.request<int()>("work.who") | ap::timeout{.limit = 1s};
        std::vector<int> seen;
        for (int i = 0; i < 100'000 && seen.size() < 2; ++i) {
            auto const pid = who.call();
            if (pid && std::find(seen.begin(), seen.end(), *pid) == seen.end()) seen.push_back(*pid);
        }
        REQUIRE(seen.size() == 2);
    }
    [[nodiscard]] nats_options client_options() const {
        return {.servers = {b->url()}, .reconnect_wait = 20ms, .send_after_reconnect = true};
    }
    std::unique_ptr<servers::nats_server> a, b;
    std::unique_ptr<servers::process> on_a, on_b;
};

constexpr int asks = 3000;
constexpr std::size_t window = 64;

struct outcome {
    int right = 0, failed = 0, undecided = 0, twice = 0;
};
/// Asks all, `window` at a time; in the middle it kills the worker on b, later the client's own server.
template <class Ask>
outcome ask_all(cluster& c, Ask const& ask) {
    std::vector<std::atomic<int>> decided(asks);
    std::atomic<int> right{0};
    std::vector<int> numbers(asks);
    std::iota(numbers.begin(), numbers.end(), 0);
    auto const done = ap::for_each_limited(std::move(numbers), window, [&](int i) {
                          if (i == asks / 3) c.on_b->kill(SIGKILL);
                          if (i == 2 * asks / 3) c.b->kill(SIGKILL);
                          message m{.body = std::to_string(i)};
                          m.key = "key-" + std::to_string(i);
                          ap::promise<void> told;
                          auto heard = told.get_future();
                          ask.submit(std::move(m), [&, i, told = std::move(told)](ap::result<int> r) mutable {
                              ++decided[static_cast<std::size_t>(i)];
                              if (r == 2 * i) ++right;
                              told.set_value();
                          });
                          return heard;
                      }).get();
    REQUIRE(done.has_value());
    outcome all{.right = right, .failed = asks - right};
    for (auto const& each : decided) {
        all.undecided += each == 0 ? 1 : 0;
        all.twice += each > 1 ? 1 : 0;
    }
    return all;
}

}  // namespace

TEST_CASE("nats: a killed worker and a killed server cost at most what was under way, and every ask is decided once") {
    if (server_is_missing()) return;
    cluster c;
    nats const here{c.client_options()};
    client const bus{here};
    c.wait_for_both(bus);
    outcome const all = ask_all(c, bus.request<int(message)>("work.twice") | ap::timeout{.limit = 2s});
    CHECK(all.undecided == 0);
    CHECK(all.twice == 0);
    // One window with the worker; with the server one, and another where the client hears of the loss when it has connected again already.
    CHECK(all.failed <= static_cast<int>(3 * window));
    CHECK(bus.under_way() == 0);
}

TEST_CASE("nats: with retry and a key neither a killed worker nor a killed server costs an ask") {
    if (server_is_missing()) return;
    cluster c;
    nats const here{c.client_options()};
    client const bus{here};
    c.wait_for_both(bus);
    auto const ask = bus.request<int(message)>("work.twice") | ap::timeout{.limit = 500ms} |
                     ap::retry{.max_attempts = 100, .backoff = {.initial = 10ms, .max = 100ms}};
    outcome const all = ask_all(c, ask);
    CHECK(all.undecided == 0);
    CHECK(all.twice == 0);
    CHECK(all.right == asks);
    CHECK(bus.under_way() == 0);
}

TEST_CASE("nats: a worker that is told to go answers what it has, and the others do the rest") {
    if (server_is_missing()) return;
    cluster c;
    nats const here{c.client_options()};
    client const bus{here};
    c.wait_for_both(bus);
    auto const ask = bus.request<int(int)>("work.slow") | ap::retry{.max_attempts = 100, .backoff = {.initial = 1ms, .max = 50ms}};
    std::vector<ap::future<int>> answers;
    for (int i = 0; i < 100; ++i) {
        answers.push_back(ask.submit(i));
        if (i == 50) c.on_a->signal(SIGTERM);
    }
    for (int i = 0; i < 100; ++i)
        REQUIRE(std::move(answers[static_cast<std::size_t>(i)]).get() == 2 * i);
    CHECK(std::stoi(c.on_a->line()) > 0);
    CHECK(c.on_a->wait() == 0);
}
