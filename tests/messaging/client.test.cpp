// SPDX-License-Identifier: BSL-1.0
#include "antiphon/messaging/client.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/testing/simulation.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "antiphon/messaging/detail/identity.hpp"
#include "antiphon/messaging/detail/table.hpp"
#include "antiphon/messaging/loopback.hpp"
#include "catch_compat.hpp"
#include "support/allocations.hpp"

namespace ap = antiphon;
using namespace antiphon::messaging;
using namespace std::chrono_literals;

namespace {

/// A connection whose traffic the test sees and makes.
class wire final : public connection {
public:
    [[nodiscard]] ap::result<void> send(message&& m) noexcept override {
        if (refuses) return ap::failure{ap::errc::unavailable, ap::executed::no};
        sent.push_back(std::move(m));
        return {};
    }
    [[nodiscard]] ap::result<void> listen(std::string_view, std::string_view, std::shared_ptr<receiver>) override { return {}; }
    [[nodiscard]] ap::result<void> open(inbox_id, std::shared_ptr<receiver> to) override {
        inbox = std::move(to);
        return {};
    }
    void leave(receiver&) noexcept override { inbox = nullptr; }
    [[nodiscard]] ap::any_executor executor() const override { return home; }

    void answer(std::size_t i, std::string body, message_kind kind = message_kind::reply) {
        message m;
        m.kind = kind;
        m.id = sent.at(i).id;
        m.inbox = sent.at(i).inbox;
        m.body = std::move(body);
        inbox->on_message(std::move(m));
    }
    std::vector<message> sent;
    std::shared_ptr<receiver> inbox;
    ap::any_executor home;
    bool refuses = false;
};
struct line {
    std::shared_ptr<wire> to = std::make_shared<wire>();
    [[nodiscard]] std::shared_ptr<antiphon::messaging::connection> connection() const { return to; }
};

}  // namespace

TEST_CASE("client: ids are neither in sequence nor the same twice, and inboxes differ") {
    line l;
    client const a{l}, b{line{}};
    CHECK_FALSE(a.inbox() == b.inbox());
    auto const ask = a.request<int()>("x");
    std::vector<ap::future<int>> waiting;
    for (int i = 0; i < 100; ++i)
        waiting.push_back(ask.submit());
    for (std::size_t i = 1; i < 100; ++i) {
        CHECK(l.to->sent[i].id != l.to->sent[i - 1].id + 1);
        for (std::size_t j = 0; j < i; ++j)
            REQUIRE(l.to->sent[i].id != l.to->sent[j].id);
    }
}

TEST_CASE("client: under a simulation its ids replay") {
    auto const first_id = [] {
        ap::testing::simulation sim{5};
        line l;
        l.to->home = sim.get_executor();
        client const bus{l};
        auto const waiting = bus.request<int()>("x").submit();
        return l.to->sent[0].id;
    };
    CHECK(first_id() == first_id());
}

TEST_CASE("client: an argument is converted to its parameter before it is encoded") {
    line l;
    client const bus{l};
    auto const a = bus.request<void(double)>("x").submit(7);
    auto const b = bus.request<void(bool)>("x").submit(&l);
    auto const c = bus.request<void(std::string const&)>("x").submit("text");
    CHECK(l.to->sent[0].body == "7");
    CHECK(l.to->sent[1].body == "true");
    CHECK(l.to->sent[2].body == "text");
}

TEST_CASE("client: a second answer is late, and shown to the hook") {
    ap::testing::simulation sim;
    line l;
    l.to->home = sim.get_executor();
    std::vector<std::string> shown;
    client const bus{l, {.on_late = [&](message const& m) { shown.push_back(m.body); }}};
    auto answer = bus.request<int()>("x").submit();
    l.to->answer(0, "1");
    l.to->answer(0, "2");
    sim.run();
    CHECK(std::move(answer).get() == 1);
    CHECK(bus.late() == 1);
    CHECK(shown == std::vector<std::string>{"2"});
}

TEST_CASE("client: a stop request sends one cancel, after the ask, and ends it") {
    line l;
    client const bus{l};
    auto answer = bus.request<int()>("x").submit();
    answer.request_stop();
    answer.request_stop();
    CHECK(std::move(answer).get().error() == ap::errc::cancelled);
    REQUIRE(l.to->sent.size() == 2);
    CHECK(l.to->sent[1].kind == message_kind::cancel);
    CHECK(l.to->sent[1].id == l.to->sent[0].id);
    CHECK(l.to->sent[1].subject == "x");
}

TEST_CASE("client: an ask that was answered is not cancelled afterwards") {
    line l;
    client const bus{l};
    auto answer = bus.request<int()>("x").submit();
    l.to->answer(0, "1");
    answer.request_stop();
    CHECK(std::move(answer).get() == 1);
    CHECK(l.to->sent.size() == 1);
}

TEST_CASE("client: an ask that the transport does not take was not executed, and leaves nothing behind") {
    line l;
    l.to->refuses = true;
    client const bus{l};
    CHECK(bus.request<int()>("x").call().error().executed() == ap::executed::no);
    CHECK(bus.under_way() == 0);
}

TEST_CASE("client: without an answer an ask ends with the client's timeout, give or take an eighth") {
    ap::testing::simulation sim;
    line l;
    l.to->home = sim.get_executor();
    client const bus{l, {.timeout = 8s}};
    auto answer = bus.request<int()>("x").submit();
    CHECK(l.to->sent[0].remaining == 8s);
    sim.advance(7s);
    CHECK_FALSE(answer.ready());
    sim.advance(2s);
    CHECK(answer.ready());
    ap::failure const why = std::move(answer).get().error();
    CHECK(why == ap::errc::deadline_exceeded);
    CHECK(why.executed() == ap::executed::maybe);
    CHECK(sim.idle());
}

TEST_CASE("client: a lost connection decides what is under way, unless it is kept") {
    line l, m;
    client const bus{l}, patient{m, {.keep_over_reconnect = true}};
    auto lost = bus.request<int()>("x").submit();
    auto kept = patient.request<int()>("x").submit();
    l.to->inbox->on_disconnected();
    m.to->inbox->on_disconnected();
    ap::failure const why = std::move(lost).get().error();
    CHECK(why == ap::errc::unavailable);
    CHECK(why.executed() == ap::executed::maybe);
    CHECK_FALSE(kept.ready());
    m.to->answer(0, "4");
    CHECK(std::move(kept).get() == 4);
}

TEST_CASE("client: attempts of a retry are asks of their own, and its observer hears of them") {
    line l;
    l.to->refuses = true;
    client const bus{l};
    auto const r = (bus.request<int()>("x") | ap::retry{.max_attempts = 3, .backoff = {.initial = 0s, .max = 0s}}).call();
    CHECK(r.error().attempts() == 3);
}

TEST_CASE("client: an answer of parts to one who wanted a whole is refused") {
    line l;
    client const bus{l};
    auto answer = bus.request<int()>("x").submit();
    l.to->answer(0, "1", message_kind::part);
    CHECK(std::move(answer).get().error() == ap::errc::internal);
}

TEST_CASE("client: a request outlives its client, and a client that goes decides what it has") {
    line l;
    std::optional<client> bus{std::in_place, l};
    auto const ask = bus->request<int()>("x");
    auto answer = ask.submit();
    bus.reset();
    CHECK(std::move(answer).get().error() == ap::errc::shut_down);
    CHECK(ask.call().error() == ap::errc::shut_down);
    CHECK(ask.call().error().executed() == ap::executed::no);
}

TEST_CASE("client: an ask takes one allocation, and its answer none") {
    line l;
    l.to->sent.reserve(100);
    client const bus{l};
    auto const ask = bus.request<int(int)>("x");
    {
        auto warm = ask.submit(1);  // the table's first buckets, the timer
        l.to->answer(0, "1");
    }
    std::size_t fewest = 2;  // of twenty asks in sixteen shards, some are not the first of theirs
    for (std::size_t i = 1; i < 20; ++i) {
        ap::future<int> answer;
        std::size_t const asking = test::allocations_of([&] { answer = ask.submit(2); });
        CHECK(asking <= 2);  // and, now and then, the table's buckets
        message m;
        m.kind = message_kind::reply;
        m.id = l.to->sent[i].id;
        m.body = "3";
        CHECK(test::allocations_of([&] { l.to->inbox->on_message(std::move(m)); }) == 0);
        CHECK(std::move(answer).get() == 3);
        fewest = asking < fewest ? asking : fewest;
    }
    CHECK(fewest == 1);
}

TEST_CASE("client: the table finds a node by its id, once, and knows the oldest") {
    struct node : detail::table_node {};
    detail::table<node> t;
    detail::id_source ids{{}};
    std::vector<node> nodes(5000);
    std::vector<std::uint64_t> names;
    for (node& each : nodes) {
        names.push_back(ids.next());
        REQUIRE(t.insert(each, names.back(), ap::time_point{} + 1s));
    }
    node twin;
    CHECK_FALSE(t.insert(twin, names[7]));
    CHECK(t.size() == 5000);
    for (std::size_t i = 0; i < 2500; ++i)
        REQUIRE(t.take(names[i]) == &nodes[i]);
    CHECK(t.take(names[0]) == nullptr);
    CHECK_FALSE(t.take(nodes[0]));
    CHECK(t.take(nodes[2500]));
    CHECK(t.take_expired(ap::time_point{}) == nullptr);
    std::size_t rest = 0;
    while (t.take_expired(ap::time_point{} + 1s) != nullptr)
        ++rest;
    CHECK(rest == 2499);
    CHECK(t.take_any() == nullptr);
}

TEST_CASE("client: what never expires is not in the way of what does") {
    struct node : detail::table_node {};
    detail::table<node> t;
    node endless, first, second, last;
    for (node* const each : {&endless, &last})
        REQUIRE(t.insert(*each, each == &endless ? 16 : 64));
    REQUIRE(t.insert(first, 32, ap::time_point{} + 1s));  // of the same shard
    REQUIRE(t.insert(second, 48, ap::time_point{} + 2s));
    CHECK(t.take_expired(ap::time_point{} + 1s) == &first);
    CHECK(t.take_expired(ap::time_point{} + 1s) == nullptr);
    CHECK(t.take_expired(ap::time_point{} + 1h) == &second);
    CHECK(t.take_expired(ap::time_point{} + 1h) == nullptr);
    std::size_t seen = 0;
    t.visit([&](node&) { ++seen; });
    CHECK(seen == 2);
    CHECK(t.take_any() == &endless);
    CHECK(t.take_any() == &last);
    CHECK(t.take_any() == nullptr);
}

TEST_CASE("client: a key that could end a header's line is not sent") {
    line l;
    client const a{l};
    message m;
    m.key = "k\r\nX: 1";
    CHECK(a.request<std::string(message)>("x").call(m).error() == ap::errc::invalid_argument);
    CHECK(l.to->sent.empty());
}
