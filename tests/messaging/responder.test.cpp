// SPDX-License-Identifier: BSL-1.0
#include "antiphon/messaging/responder.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/testing/simulation.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "antiphon/messaging/client.hpp"
#include "antiphon/messaging/loopback.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace antiphon::messaging;
using namespace std::chrono_literals;

namespace {

struct in_simulation {
    ap::testing::simulation sim{1};
    loopback broker{sim};
    client bus{broker};
};

/// A connection whose broker keeps what it delivers, and which does not take everything.
class keeper final : public connection {
public:
    [[nodiscard]] ap::result<void> send(message&& m) noexcept override {
        if (down) return ap::failure{ap::errc::unavailable, ap::executed::no};
        if (m.headers.size() > 1) return ap::failure{ap::errc::out_of_range, ap::executed::no, "the headers are too large"};
        sent.push_back(std::move(m));
        return {};
    }
    [[nodiscard]] ap::result<void> listen(std::string_view, std::string_view, std::shared_ptr<receiver> whom) override {
        to = std::move(whom);
        return {};
    }
    [[nodiscard]] ap::result<void> open(inbox_id, std::shared_ptr<receiver>) override { return {}; }
    void leave(receiver&) noexcept override {}
    void settle(std::uint64_t delivery, settlement how) noexcept override { settled.emplace_back(delivery, how); }
    [[nodiscard]] std::size_t max_body() const noexcept override { return 100; }
    [[nodiscard]] ap::any_executor executor() const override { return home; }

    void deliver(std::uint64_t delivery, message_kind kind = message_kind::ask, bool more = false) {
        message m;
        m.subject = "work";
        m.kind = kind;
        m.inbox = {1, 2};
        m.id = 7;
        m.more = more;
        m.delivery = delivery;
        to->on_message(std::move(m));
    }
    std::vector<message> sent;
    std::vector<std::pair<std::uint64_t, settlement>> settled;
    std::shared_ptr<receiver> to;
    ap::any_executor home;
    bool down = false;
};
struct kept {
    std::shared_ptr<keeper> at = std::make_shared<keeper>();
    ap::testing::simulation sim{1};
    kept() { at->home = ap::any_executor{sim.get_executor()}; }
    [[nodiscard]] std::shared_ptr<antiphon::messaging::connection> connection() const { return at; }
};
using settlements = std::vector<std::pair<std::uint64_t, settlement>>;

}  // namespace

TEST_CASE("responder: the asker's deadline ends the handler, and what it asks in turn") {
    in_simulation w;
    ap::duration seen{};
    auto const inner = w.bus.serve("inner", ap::request{[&](ap::context const& c, int n) {
                                       seen = c.remaining();
                                       return n;
                                   }});
    auto const outer = w.bus.serve("outer", ap::request{[ask = w.bus.request<int(int)>("inner")](int n) -> ap::task<int> {
                                       co_await ap::sleep_for(2s);
                                       auto r = co_await ask(n);
                                       co_return std::move(r);
                                   }});
    CHECK((w.bus.request<int(int)>("outer") | ap::timeout{.limit = 10s}).call(3) == 3);
    CHECK(seen == 8s);
}

TEST_CASE("responder: policies stand around what is served") {
    in_simulation w;
    auto const serving = w.bus.serve("slow", ap::request{[](int n) -> ap::task<int> {
                                                 co_await ap::sleep_for(1h);
                                                 co_return n;
                                             }} | ap::timeout{.limit = 1s});
    ap::failure const why = w.bus.request<int(int)>("slow").call(1).error();
    CHECK(why == ap::errc::deadline_exceeded);
    CHECK(w.sim.now().time_since_epoch() == 1h + 1s);
}

TEST_CASE("responder: cancel_all stops what runs") {
    in_simulation w;
    auto serving = w.bus.serve("slow", ap::request{[](std::stop_token stop, int n) -> ap::task<int> {
                                   co_await ap::sleep_for(1h);
                                   if (stop.stop_requested()) co_await ap::fail_with(ap::errc::cancelled);
                                   co_return n;
                               }});
    auto answer = w.bus.request<int(int)>("slow").submit(1);
    w.sim.advance(1s);
    CHECK(serving.running() == 1);
    serving.cancel_all();
    w.sim.advance(0s);
    CHECK(std::move(answer).get().error() == ap::errc::cancelled);
    CHECK(serving.running() == 0);
}

TEST_CASE("responder: a failure of a publication is counted, and told nobody") {
    in_simulation w;
    auto const serving = w.bus.serve("log", ap::request{[](int) -> ap::result<void> { return ap::errc::data_loss; }});
    CHECK(w.bus.publish("log", 1).has_value());
    w.sim.run();
    CHECK(serving.answered() == 1);
    CHECK(serving.failed() == 1);
}

TEST_CASE("responder: an answer is forgotten when its time is over, and the oldest when there are too many") {
    in_simulation w;
    int ran = 0;
    auto const serving = w.bus.serve("order", ap::request{[&](int) { return ++ran; }}, {.remember = 10s, .remember_most = 2});
    auto const ask = w.bus.request<int(message)>("order");
    auto const keyed = [&](std::string key) {
        message m;
        m.body = "0";
        m.key = std::move(key);
        return ask.call(std::move(m)).value();
    };
    CHECK(keyed("a") == 1);
    CHECK(keyed("a") == 1);
    w.sim.advance(11s);
    CHECK(keyed("a") == 2);
    CHECK(keyed("b") == 3);
    CHECK(keyed("c") == 4);
    CHECK(keyed("a") == 5);
    CHECK(keyed("c") == 4);
}

TEST_CASE("responder: a failure is not remembered") {
    in_simulation w;
    int ran = 0;
    auto const serving = w.bus.serve("order", ap::request{[&](int) -> ap::result<int> {
                                         if (++ran == 1) return ap::errc::unavailable;
                                         return ran;
                                     }},
                                     {.remember = 1h});
    message m;
    m.body = "0";
    m.key = "a";
    auto const ask = w.bus.request<int(message)>("order") | ap::retry{};
    CHECK(ask.call(m) == 2);
    CHECK(ask.call(m) == 2);
}

TEST_CASE("responder: it may be moved, and assigning to it stops what was") {
    in_simulation w;
    ap::request<int()> const one = [] { return 1; };
    ap::request<int()> const two = [] { return 2; };
    responder r = w.bus.serve("n", one);
    r = w.bus.serve("m", two);
    CHECK(w.bus.request<int()>("n").call().error() == ap::errc::unavailable);
    CHECK(w.bus.request<int()>("m").call() == 2);
}

TEST_CASE("responder: an answer that cannot be sent as it is becomes a refusal, and what the broker keeps is settled by that") {
    kept k;
    client const bus{k};
    auto const serving = bus.serve("work", ap::request{[](message const&) {
                                       message m;
                                       m.headers = {{"a", "1"}, {"b", "2"}};
                                       return m;
                                   }});
    k.at->deliver(5);
    k.sim.run();
    REQUIRE(k.at->sent.size() == 1);
    CHECK(k.at->sent[0].kind == message_kind::refusal);
    CHECK(k.at->sent[0].code == ap::errc::out_of_range);
    CHECK(k.at->sent[0].executed == ap::executed::yes);
    CHECK(k.at->sent[0].delivery == 5);
    CHECK(k.at->settled.empty());
}

TEST_CASE("responder: an answer that does not get out is handed back, for who does it again") {
    kept k;
    client const bus{k};
    auto const serving = bus.serve("work", ap::request{[](message const& m) { return m.body; }});
    k.at->down = true;
    k.at->deliver(5);
    k.sim.run();
    CHECK(k.at->settled == settlements{{5, settlement::hand_back}});
}

TEST_CASE("responder: a question that is cancelled while its body is awaited is settled, and one that cannot be invited handed back") {
    kept k;
    client const bus{k};
    auto const serving = bus.serve("work", ap::request{[](message const& m) { return m.body; }});
    k.at->deliver(5, message_kind::ask, true);
    REQUIRE(k.at->sent.size() == 1);
    CHECK(k.at->sent[0].kind == message_kind::invite);
    k.at->deliver(0, message_kind::cancel);
    CHECK(k.at->settled == settlements{{5, settlement::done}});
    k.at->settled.clear();
    k.at->down = true;
    k.at->deliver(6, message_kind::ask, true);
    CHECK(k.at->settled == settlements{{6, settlement::hand_back}});
}
