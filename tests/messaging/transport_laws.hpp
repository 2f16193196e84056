// SPDX-License-Identifier: BSL-1.0
#pragma once
// What holds over every transport. The including file defines `messaging_laws::worlds()`, over all of which every law is tried.

#include <antiphon/antiphon.hpp>
#include <antiphon/messaging/client.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "catch_compat.hpp"

namespace messaging_laws {

namespace ap = antiphon;
namespace ms = antiphon::messaging;
using namespace std::chrono_literals;

/// Something with a connection.
struct any_transport {
    std::shared_ptr<ms::connection> to;
    [[nodiscard]] std::shared_ptr<ms::connection> const& connection() const { return to; }
};
/// A broker, and what a test has to know about it.
struct world {
    std::string name;
    std::function<std::shared_ptr<ms::connection>()> connect;  ///< a new connection
    std::string prefix = "test";                                ///< nobody else's subjects
    bool ordered = true;                                        ///< messages of one sender stay in order, and come once
    bool durable = false;                                       ///< what nobody serves any more waits
    bool kept = false;                                          ///< so does what nobody has served yet
    std::size_t large = 100'000;                                ///< a body that has to be cut, if any has to be
    std::function<void()> settle = [] {};                       ///< until the broker knows who listens

    [[nodiscard]] any_transport transport() const { return {connect()}; }
    [[nodiscard]] std::string subject(std::string const& what) const { return prefix + "." + what; }
};
[[nodiscard]] std::vector<world> worlds();

/// A handler that answers when the test says so, and says when it was asked and when it was asked to stop.
class parked {
public:
    [[nodiscard]] ap::request<int(int)> request() {
        return ap::request{[this](std::stop_token stop, int n, ap::promise<int> reply) {
            on_stop_.emplace(std::move(stop), told{this});
            reply_ = std::move(reply);
            arrived_.set_value(n);
        }};
    }
    [[nodiscard]] ap::result<int> wait_for_ask() { return std::move(has_arrived_).get(); }
    [[nodiscard]] bool wait_for_stop() { return std::move(has_stopped_).get().has_value(); }
    void answer(int n) { reply_.set_value(n); }
    ~parked() { on_stop_.reset(); }

private:
    struct told {
        parked* who;
        void operator()() const {
            who->stopped_.set_value();
            who->reply_.set_failure(ap::errc::cancelled);
        }
    };
    ap::promise<int> arrived_;
    ap::future<int> has_arrived_ = arrived_.get_future();
    ap::promise<void> stopped_;
    ap::future<void> has_stopped_ = stopped_.get_future();
    ap::promise<int> reply_;
    std::optional<std::stop_callback<told>> on_stop_;
};

/// Polls what becomes true on its own: only for counts that a thread of the transport's raises after what the test waits for.
template <class Done>
[[nodiscard]] bool eventually(Done done) {
    ap::time_point const end = ap::clock::now() + 20s;
    while (!done()) {
        if (ap::clock::now() > end) return false;
        std::this_thread::yield();
    }
    return true;
}

inline ap::request<int(int)> twice() {
    return ap::request{[](int n) { return 2 * n; }};
}

/// A codec of a user's, which is not used on a transport's thread.
struct shout {
    struct word {
        std::string text;
    };
    [[nodiscard]] std::string encode(word const& w) const { return w.text + "!"; }
    [[nodiscard]] ap::result<word> decode(ms::type<word>, std::string_view body) const {
        if (ap::timer_thread::is_current()) return ap::failure{ap::errc::internal, "decoded on a thread that must not block"};
        if (!body.ends_with('!')) return ap::failure{ap::errc::invalid_argument, "it does not shout"};
        return word{std::string{body.substr(0, body.size() - 1)}};
    }
};

}  // namespace messaging_laws

using namespace messaging_laws;

// --- one ask, one outcome -------------------------------------------------------------------------------------------------

TEST_CASE("transport: an ask is answered, however it is asked") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    auto const serving = bus.serve(over.subject("twice"), twice());
    auto const ask = bus.request<int(int)>(over.subject("twice"));
    CHECK(ask.call(21).value() == 42);
    CHECK(ask.submit(4).get().value() == 8);
    CHECK(ask.call_for(1h, 5).get().value() == 10);
    ap::promise<int> told;
    auto heard = told.get_future();
    ask.submit(6, [&](ap::result<int> r) { told.set(std::move(r)); });
    CHECK(std::move(heard).get().value() == 12);
    ap::request const awaits{[&]() -> ap::task<int> {
        ap::result<int> r = co_await ask(7);
        co_return std::move(r);
    }};
    CHECK(awaits.call().value() == 14);
    ap::request<long(int)> const erased = ask | ap::retry{} | ap::timeout{.limit = 1h};
    CHECK(erased.call(8).value() == 16);
    CHECK(bus.under_way() == 0);
}

TEST_CASE("transport: requests without arguments and without answers are served") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    std::atomic<int> calls{0};
    auto const counting = bus.serve(over.subject("count"), ap::request{[&] { ++calls; }});
    auto const naming = bus.serve(over.subject("name"), ap::request{[]() -> std::string { return "antiphon"; }});
    CHECK(bus.request<void()>(over.subject("count")).call().has_value());
    CHECK((calls == 1 || !over.ordered));
    CHECK(bus.request<std::string()>(over.subject("name")).call().value() == "antiphon");
}

TEST_CASE("transport: every ask of many threads has its own answer") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    auto const serving = bus.serve(over.subject("twice"), twice());
    auto const ask = bus.request<int(int)>(over.subject("twice"));
    std::atomic<int> right{0}, wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            std::vector<ap::future<int>> answers;
            for (int i = 0; i < 250; ++i)
                answers.push_back(ask.submit(1000 * t + i));
            for (int i = 0; i < 250; ++i)
                ++(std::move(answers[static_cast<std::size_t>(i)]).get() == 2 * (1000 * t + i) ? right : wrong);
        });
    for (std::thread& each : threads)
        each.join();
    CHECK(right == 1000);
    CHECK(wrong == 0);
    CHECK(bus.under_way() == 0);
}

TEST_CASE("transport: a failure arrives as it was: code, text, executed and retry_after") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    auto const serving =
        bus.serve(over.subject("fails"), ap::request{[](int n) -> ap::result<int> {
                      if (n == 1) return ap::failure{ap::errc::not_found, ap::executed::no, "no such order"}.with_retry_after(3s);
                      if (n == 2) return std::error_code{std::make_error_code(std::errc::no_space_on_device)};
                      return ap::failure{ap::errc::aborted};
                  }});
    auto const ask = bus.request<int(int)>(over.subject("fails"));
    ap::failure const first = ask.call(1).error();
    CHECK(first == ap::errc::not_found);
    CHECK(first.executed() == ap::executed::no);
    CHECK(first.retry_after() == 3s);
    CHECK(ask.call(2).error().code() == std::errc::no_space_on_device);
    ap::failure const third = ask.call(3).error();
    CHECK(third == ap::errc::aborted);
    CHECK(third.executed() == ap::executed::maybe);
    CHECK_FALSE(third.retry_after().has_value());
#if ANTIPHON_EXCEPTIONS
    CHECK(first.message() == "no such order");
    CHECK(first.exception() == nullptr);
    CHECK_THROWS_AS(ask.call(1).value(), ap::request_error);
#endif
    CHECK(eventually([&] { return serving.failed() >= 3; }));
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("transport: what a handler throws is a failure there and here") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    auto const serving = bus.serve(over.subject("throws"), ap::request{[](int) -> int { throw std::runtime_error{"out of stock"}; }});
    ap::failure const why = bus.request<int(int)>(over.subject("throws")).call(1).error();
    CHECK(why == ap::errc::unknown);
    CHECK(why.message() == "out of stock");
    CHECK(why.exception() != nullptr);
    CHECK_THROWS_AS(bus.request<int(int)>(over.subject("throws")).call(1).value(), ms::remote_error);
    CHECK(why.executed() == ap::executed::yes);
}
#endif

TEST_CASE("transport: where nobody serves, an ask is unavailable at once and was not executed") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    if (over.kept) return;
    ms::client bus{over.transport()};
    auto const r = bus.request<int(int)>(over.subject("nobody")).call(1);
    CHECK(r.error() == ap::errc::unavailable);
    CHECK(r.error().executed() == ap::executed::no);
    CHECK(bus.under_way() == 0);
}

TEST_CASE("transport: a responder that has gone serves no more") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    if (over.durable) return;
    ms::client bus{over.transport()};
    auto const ask = bus.request<int(int)>(over.subject("twice"));
    {
        auto const serving = bus.serve(over.subject("twice"), twice());
        CHECK(ask.call(1).value() == 2);
    }
    CHECK(ask.call(1).error().executed() == ap::executed::no);
}

// --- time and cancellation -------------------------------------------------------------------------------------------------

TEST_CASE("transport: an answer that does not come in time is given up, and its responder is told") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    parked slow;
    auto const serving = bus.serve(over.subject("slow"), slow.request());
    auto const r = (bus.request<int(int)>(over.subject("slow")) | ap::timeout{.limit = 100ms}).call(1);
    CHECK(r.error() == ap::errc::deadline_exceeded);
    CHECK(r.error().executed() == ap::executed::maybe);
    CHECK(slow.wait_for_stop());
    CHECK(bus.under_way() == 0);
}

TEST_CASE("transport: a stop request reaches the handler on the other side") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    parked slow;
    auto const serving = bus.serve(over.subject("slow"), slow.request());
    auto answer = bus.request<int(int)>(over.subject("slow")).submit(7);
    CHECK(slow.wait_for_ask().value() == 7);
    answer.request_stop();
    CHECK(std::move(answer).get().error() == ap::errc::cancelled);
    CHECK(slow.wait_for_stop());
}

TEST_CASE("transport: to drop a future is to stop the handler on the other side") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    parked slow;
    auto const serving = bus.serve(over.subject("slow"), slow.request());
    {
        auto answer = bus.request<int(int)>(over.subject("slow")).submit(7);
        CHECK(slow.wait_for_ask().has_value());
    }
    CHECK(slow.wait_for_stop());
}

TEST_CASE("transport: a handler knows how long somebody waits, and how urgent it is") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    std::atomic<bool> limited{false}, unlimited{false};
    std::atomic<int> urgency{0};
    auto const serving = bus.serve(over.subject("time"), ap::request{[&](ap::context const& c, int n) {
                                       if (n == 1) limited = c.remaining() > 0s && c.remaining() <= 1h;
                                       if (n == 2) unlimited = c.remaining() == ap::duration::max();
                                       urgency = static_cast<int>(c.priority());
                                       return n;
                                   }});
    ms::client patient{over.transport(), {.timeout = ap::duration::max()}};
    auto const ask = patient.request<int(int)>(over.subject("time"));
    CHECK((ask | ap::timeout{.limit = 1h} | ap::priority::high).call(1).has_value());
    CHECK(limited);
    CHECK(urgency == 1);
    CHECK(ask.call(2).has_value());
    CHECK(unlimited);
    CHECK((urgency == 0 || !over.ordered));
}

TEST_CASE("transport: an ask whose time is over is not sent") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    std::atomic<int> ran{0};
    auto const serving = bus.serve(over.subject("late"), ap::request{[&](int n) { return ran += n; }});
    auto const r = (bus.request<int(int)>(over.subject("late")) | ap::deadline{ap::clock::now() - 1s}).call(1);
    CHECK(r.error() == ap::errc::deadline_exceeded);
    CHECK(r.error().executed() == ap::executed::no);
    CHECK(ran == 0);
}

TEST_CASE("transport: an ask that expired on its way is answered without running") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    std::atomic<int> ran{0};
    auto const serving = bus.serve(over.subject("late"), ap::request{[&](int n) { return ran += n; }});
    ms::message m;
    m.kind = ms::message_kind::ask;
    m.subject = over.subject("late");
    m.body = "1";
    m.id = 1;
    m.inbox = bus.inbox();
    m.remaining = 0s;
    auto const connection = over.transport().connection();
    CHECK(connection->send(std::move(m)).has_value());
    CHECK(eventually([&] { return serving.expired() >= 1; }));
    CHECK(ran == 0);
}

TEST_CASE("transport: a lost answer ends with the client's own limit") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport(), {.timeout = 80ms}};
    parked slow;
    auto const serving = bus.serve(over.subject("slow"), slow.request());
    auto const r = bus.request<int(int)>(over.subject("slow")).call(1);
    CHECK(r.error() == ap::errc::deadline_exceeded);
    CHECK(slow.wait_for_stop());  // it knew the limit
}

// --- many who listen --------------------------------------------------------------------------------------------------------

TEST_CASE("transport: the members of a group share the work") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()}, here{over.transport()}, there{over.transport()};
    auto const a = here.serve(over.subject("shared"), twice());
    auto const b = there.serve(over.subject("shared"), twice());
    auto const ask = bus.request<int(int)>(over.subject("shared"));
    std::vector<ap::future<int>> answers;
    for (int i = 0; i < 200; ++i)
        answers.push_back(ask.submit(i));
    for (int i = 0; i < 200; ++i)
        REQUIRE(std::move(answers[static_cast<std::size_t>(i)]).get().value() == 2 * i);
    CHECK(eventually([&] { return a.answered() + b.answered() + a.repeated() + b.repeated() >= 200; }));
    CHECK(a.answered() > 20);
    CHECK(b.answered() > 20);
}

TEST_CASE("transport: where everybody answers, the first one counts and the others are late") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    std::atomic<int> hooked{0};
    ms::client bus{over.transport(), {.on_late = [&](ms::message const& m) { hooked += m.body == "1" || m.body == "2" ? 1 : 100; }}};
    auto const a = bus.serve(over.subject("all"), ap::request{[] { return 1; }}, {.group = ""});
    auto const b = bus.serve(over.subject("all"), ap::request{[] { return 2; }}, {.group = ""});
    int const first = bus.request<int()>(over.subject("all")).call().value();
    CHECK((first == 1 || first == 2));
    CHECK(eventually([&] { return bus.late() >= 1 && hooked >= 1; }));
    CHECK(hooked < 100);
}

TEST_CASE("transport: a pattern serves every subject that matches, and its handler sees which") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    auto const serving = bus.serve(over.subject("echo") + ".*", ap::request{[](ms::message m) {
                                       m.body = m.subject.substr(m.subject.rfind('.') + 1) + ":" + m.body;
                                       return m;
                                   }});
    CHECK(bus.request<std::string(std::string)>(over.subject("echo") + ".one").call("x").value() == "one:x");
    CHECK(bus.request<std::string(std::string)>(over.subject("echo") + ".two").call("y").value() == "two:y");
    if (over.kept) return;
    CHECK(bus.request<std::string(std::string)>(over.subject("echo") + ".a.b").call("z").error().executed() == ap::executed::no);
}

TEST_CASE("transport: publications of one sender arrive once and in order") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    if (!over.ordered) return;
    ms::client bus{over.transport()};
    ap::thread_pool pool{{.threads = 2}};
    ap::strand one_by_one{pool};
    std::vector<int> seen;
    ap::promise<void> all;
    auto done = all.get_future();
    auto const serving = bus.serve(over.subject("ticks"), ap::request{[&](int n) {
                                                              seen.push_back(n);
                                                              if (n == 499) all.set_value();
                                                          }} | ap::starts_on(one_by_one));
    over.settle();
    for (int i = 0; i < 500; ++i)
        REQUIRE(bus.publish(over.subject("ticks"), i).has_value());
    REQUIRE(std::move(done).get().has_value());
    REQUIRE(seen.size() == 500);
    CHECK(std::is_sorted(seen.begin(), seen.end()));
    CHECK(bus.publish(over.subject("unheard"), 1).has_value());
}

// --- bodies and headers -------------------------------------------------------------------------------------------------------

TEST_CASE("transport: headers and any bytes travel both ways") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport(), {.headers = {{"Tenant", "blue"}}}};
    auto const serving = bus.serve(over.subject("mirror"), ap::request{[](ms::message m) {
                                       ms::message back;
                                       back.body = std::move(m.body);
                                       for (ms::header const& each : m.headers)
                                           static_cast<void>(back.headers.add("Seen-" + each.name, each.value));
                                       return back;
                                   }});
    ms::message m;
    m.body = std::string{"a\0b\r\n\xFF", 6};
    REQUIRE(m.headers.add("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").has_value());
    REQUIRE(m.headers.add("Empty", "").has_value());
    auto const r = bus.request<ms::message(ms::message)>(over.subject("mirror")).call(m);
    REQUIRE(r.has_value());
    CHECK(r->body == m.body);
    CHECK(r->headers.get("seen-tenant") == "blue");
    CHECK(r->headers.get("Seen-Traceparent") == m.headers.get("traceparent"));
    CHECK(r->headers.get("Seen-Empty") == "");
}

TEST_CASE("transport: metadata goes along, and with what the handler asks in turn") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    auto const far =
        bus.serve(over.subject("far"),
                  ap::request{[](ap::context const& c, int) { return std::string{c.metadata().find("tenant").value_or("nobody")}; }});
    auto const onward = bus.request<std::string(int)>(over.subject("far"));
    auto const near = bus.serve(over.subject("near"), ap::request{[&](int n) { return onward.submit(n); }});
    auto const ask = bus.request<std::string(int)>(over.subject("near"));
    CHECK((ask | ap::with_metadata{"Tenant", "blue"}).call(1).value() == "blue");
    CHECK(ask.call(1).value() == "nobody");
}

TEST_CASE("transport: bodies larger than it takes arrive whole, both ways, at one member of the group") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    auto const reversed = [](std::string s) {
        std::reverse(s.begin(), s.end());
        return s;
    };
    auto const a = bus.serve(over.subject("large"), ap::request{reversed});
    auto const b = bus.serve(over.subject("large"), ap::request{reversed});
    std::string sent;
    for (std::size_t i = 0; i < over.large; ++i)
        sent += static_cast<char>('a' + i % 26);
    auto const ask = bus.request<std::string(std::string)>(over.subject("large"));
    for (int i = 0; i < 3; ++i) {
        auto const r = ask.call(sent);
        INFO((r ? std::string{} : r.error().message()));
        REQUIRE(r.has_value());
        CHECK(*r == reversed(sent));
    }
}

TEST_CASE("transport: a body larger than the other side allows is out of range") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    if (over.large <= over.transport().connection()->max_body()) return;  // only bodies in pieces are counted
    ms::client small{over.transport(), {.max_body = over.large / 2}}, bus{over.transport()};
    auto const serving =
        bus.serve(over.subject("large"), ap::request{[&](int n) { return std::string(static_cast<std::size_t>(n), 'x'); }});
    auto const strict = bus.serve(over.subject("strict"), ap::request{[](std::string s) { return static_cast<int>(s.size()); }},
                                  {.max_body = over.large / 2});
    auto const r = small.request<std::string(int)>(over.subject("large")).call(static_cast<int>(over.large));
    CHECK(r.error() == ap::errc::out_of_range);
    auto const s = bus.request<int(std::string)>(over.subject("strict")).call(std::string(over.large, 'x'));
    CHECK(s.error() == ap::errc::out_of_range);
    CHECK(s.error().executed() == ap::executed::no);
}

TEST_CASE("transport: a body that the codec does not understand is an invalid argument, and nothing runs") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    std::atomic<int> ran{0};
    auto const serving = bus.serve(over.subject("number"), ap::request{[&](int n) { return ran += n; }});
    auto const r = bus.request<int(std::string)>(over.subject("number")).call("twelve");
    CHECK(r.error() == ap::errc::invalid_argument);
    CHECK(r.error().executed() == ap::executed::no);
    CHECK(ran == 0);
    CHECK(serving.malformed() >= 1);
    auto const words = bus.serve(over.subject("words"), ap::request{[]() -> std::string { return "many"; }});
    ap::failure const why = bus.request<int()>(over.subject("words")).call().error();
    CHECK(why == ap::errc::invalid_argument);
    CHECK(why.executed() == ap::executed::yes);  // what cannot be read was done all the same
}

TEST_CASE("transport: a user's codec is used on the executors of the requests") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    auto const serving =
        bus.serve(over.subject("loud"), ap::request{[](shout::word w) { return shout::word{w.text + " indeed"}; }}, {}, shout{});
    auto const ask = bus.request<shout::word(shout::word), ap::repeat::safe, shout>(over.subject("loud"));
    CHECK(ask.call(shout::word{"hello"}).value().text == "hello indeed");
    CHECK(ask.submit(shout::word{"hello"}).get().value().text == "hello indeed");
    CHECK((ask | ap::timeout{.limit = 1h} | ap::retry{}).call(shout::word{"well"}).value().text == "well indeed");
    auto const quiet = bus.request<std::string(std::string)>(over.subject("loud"));
    CHECK(quiet.call("hush").error() == ap::errc::invalid_argument);
}

// --- answers in parts ------------------------------------------------------------------------------------------------------

TEST_CASE("transport: a stream's parts arrive in order and once, and its end after them") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    auto const serving = bus.serve_stream<int(int)>(over.subject("count"), [](int n, ms::part_sink<int> sink) {
        for (int i = 0; i < n; ++i)
            if (!sink.send(i)) return;
    });
    auto opened = bus.stream<int(int)>(over.subject("count")).call(300);
    REQUIRE(opened.has_value());
    ms::parts<int> numbers = *std::move(opened);
    for (int i = 0; i < 300; ++i)
        REQUIRE(numbers.next().get().value() == i);
    CHECK(numbers.next().get().value() == std::nullopt);
    CHECK(eventually([&] { return bus.under_way() == 0; }));
}

TEST_CASE("transport: who stops reading a stream stops who writes it") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    ap::promise<void> stopped;
    auto has_stopped = stopped.get_future();
    auto const serving = bus.serve_stream<int(int)>(over.subject("endless"), [&](int, ms::part_sink<int> sink) -> ap::task<void> {
        while (sink.send(1))
            co_await ap::sleep_for(1ms);
        stopped.set_value();
    });
    {
        auto opened = bus.stream<int(int)>(over.subject("endless")).call(1);
        REQUIRE(opened.has_value());
    }
    CHECK(std::move(has_stopped).get().has_value());
    CHECK(bus.under_way() == 0);
}

// --- the same ask again ----------------------------------------------------------------------------------------------------

TEST_CASE("transport: an ask with a key that came already is answered by memory") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    std::atomic<int> ran{0};
    auto const serving = bus.serve(over.subject("order"), ap::request{[&](int) { return ++ran; }}, {.remember = 1h});
    ms::message m;
    m.body = "1";
    m.key = "order-17";
    auto const ask = bus.request<int(ms::message), ap::repeat::unsafe>(over.subject("order"));
    CHECK(ask.call(m).value() == 1);
    CHECK(ask.call(m).value() == 1);
    m.key = "order-18";
    CHECK(ask.call(m).value() == 2);
    CHECK(ran == 2);
    CHECK(serving.repeated() >= 1);
}

TEST_CASE("transport: asks with one key at once run once, and all are answered") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    parked slow;
    auto const serving = bus.serve(over.subject("order"), slow.request(), {.remember = 1h});
    ms::message m;
    m.body = "5";
    m.key = "order-17";
    auto const ask = bus.request<int(ms::message)>(over.subject("order"));
    auto first = ask.submit(m);
    CHECK(slow.wait_for_ask().value() == 5);
    auto second = ask.submit(m);
    CHECK(eventually([&] { return serving.repeated() >= 1; }));
    slow.answer(6);
    CHECK(std::move(first).get().value() == 6);
    CHECK(std::move(second).get().value() == 6);
}

// --- strangers and enemies ------------------------------------------------------------------------------------------------

TEST_CASE("transport: a forged or repeated answer changes nothing and is counted") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    parked slow;
    auto const serving = bus.serve(over.subject("slow"), slow.request());
    auto answer = bus.request<int(int)>(over.subject("slow")).submit(1);
    CHECK(slow.wait_for_ask().has_value());
    auto const enemy = over.transport().connection();
    for (std::uint64_t id = 0; id < 20; ++id) {
        ms::message forged;
        forged.kind = ms::message_kind::reply;
        forged.inbox = bus.inbox();
        forged.id = id;
        forged.body = "666";
        CHECK(enemy->send(std::move(forged)).has_value());
    }
    CHECK(eventually([&] { return bus.late() >= 20; }));
    slow.answer(2);
    CHECK(std::move(answer).get().value() == 2);
}

TEST_CASE("transport: messages of the wrong kind are counted and dropped") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    auto const serving = bus.serve(over.subject("twice"), twice());
    auto const enemy = over.transport().connection();
    ms::message piece;
    piece.kind = ms::message_kind::piece;
    piece.inbox = bus.inbox();
    piece.id = 3;
    piece.more = true;
    CHECK(enemy->send(std::move(piece)).has_value());
    CHECK(eventually([&] { return bus.malformed() >= 1; }));
    ms::message nobody;  // a cancel of something that nobody has asked
    nobody.kind = ms::message_kind::cancel;
    nobody.subject = over.subject("twice");
    nobody.id = 99;
    CHECK(enemy->send(std::move(nobody)).has_value());
    CHECK(bus.request<int(int)>(over.subject("twice")).call(4).value() == 8);
}

TEST_CASE("transport: the cancel of a stranger stops nobody's ask") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    std::atomic<std::uint64_t> id{0};
    ap::promise<void> arrived;
    auto has_arrived = arrived.get_future();
    ap::promise<int> reply;
    auto const serving = bus.serve(over.subject("slow"), ap::request{[&](ms::message m, ap::promise<int> p) {
                                       id = m.id;
                                       reply = std::move(p);
                                       arrived.set_value();
                                   }});
    auto answer = bus.request<int(int)>(over.subject("slow")).submit(1);
    REQUIRE(std::move(has_arrived).get().has_value());
    auto const enemy = over.transport().connection();
    ms::message m;
    m.kind = ms::message_kind::cancel;
    m.subject = over.subject("slow");
    m.id = id;
    m.inbox = {1, 2};
    CHECK(enemy->send(std::move(m)).has_value());
    ms::client other{over.transport()};  // what it asks afterwards comes afterwards
    CHECK_FALSE(reply.stop_requested());
    reply.set_value(11);
    CHECK(std::move(answer).get().value() == 11);
}

// --- the end -----------------------------------------------------------------------------------------------------------------

TEST_CASE("transport: a draining responder answers what it has and takes nothing more") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    if (over.durable) return;
    ms::client bus{over.transport()};
    parked slow;
    auto const serving = bus.serve(over.subject("slow"), slow.request());
    auto const ask = bus.request<int(int)>(over.subject("slow"));
    auto answer = ask.submit(1);
    CHECK(slow.wait_for_ask().has_value());
    auto drained = serving.drain();
    CHECK_FALSE(drained.ready());
    CHECK(ask.call(2).error().executed() == ap::executed::no);
    slow.answer(5);
    CHECK(std::move(drained).get().has_value());
    CHECK(std::move(answer).get().value() == 5);
    CHECK(serving.running() == 0);
}

TEST_CASE("transport: what a client has not got when it goes is shut down") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    parked slow;
    auto const serving = bus.serve(over.subject("slow"), slow.request());
    std::optional<ms::client> leaving{std::in_place, over.transport()};
    auto const ask = leaving->request<int(int)>(over.subject("slow"));
    auto answer = ask.submit(1);
    CHECK(slow.wait_for_ask().has_value());
    leaving.reset();
    CHECK(std::move(answer).get().error() == ap::errc::shut_down);
    CHECK(ask.call(1).error() == ap::errc::shut_down);
    slow.answer(1);
}

TEST_CASE("transport: a stopped group member hands its work to the others") {
    world const over = GENERATE(from_range(worlds()));
    INFO(over.name);
    ms::client bus{over.transport()};
    auto const staying = bus.serve(over.subject("shared"), twice());
    std::optional<ms::responder> going{bus.serve(over.subject("shared"), twice())};
    auto const ask = bus.request<int(int)>(over.subject("shared")) | ap::retry{.max_attempts = 5, .backoff = {.initial = 1ms}};
    std::vector<ap::future<int>> answers;
    for (int i = 0; i < 300; ++i) {
        answers.push_back(ask.submit(i));
        if (i == 150) going.reset();
    }
    for (int i = 0; i < 300; ++i) {
        auto const r = std::move(answers[static_cast<std::size_t>(i)]).get();
        INFO(i << ": " << (r ? std::string{} : r.error().message()));
        REQUIRE(r == 2 * i);
    }
}
