// SPDX-License-Identifier: BSL-1.0
#include "antiphon/messaging/stream.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/messaging/client.hpp>
#include <antiphon/messaging/loopback.hpp>
#include <antiphon/testing/simulation.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch_compat.hpp"

namespace ap = antiphon;
namespace ms = antiphon::messaging;
using namespace std::chrono_literals;

namespace {

/// Counts up to what it is asked, one a millisecond.
template <class... More>
auto counting(More... more) {
    return [more...](int n, ms::part_sink<int> sink) -> ap::task<void> {
        for (int i = 0; i < n; ++i) {
            co_await ap::sleep_for(1ms);
            if (ap::result<void> sent = sink.send(i); !sent) co_return;
        }
        (more(), ...);
    };
}
ap::result<std::vector<int>> read_all(ms::parts<int>& numbers) {
    std::vector<int> all;
    for (;;) {
        ap::result<std::optional<int>> part = numbers.next().get();
        if (!part) return part.error();
        if (!*part) return all;
        all.push_back(**part);
    }
}

}  // namespace

TEST_CASE("stream: parts are read in the order in which they were written, and then there is none") {
    ap::testing::simulation sim;
    ms::loopback const broker{sim};
    ms::client const bus{broker};
    auto const serving = bus.serve_stream<int(int)>("count", counting());
    ap::result<ms::parts<int>> opened = bus.stream<int(int)>("count").call(5);
    REQUIRE(opened.has_value());
    CHECK(sim.now().time_since_epoch() >= 1ms);
    ms::parts<int> numbers = *std::move(opened);
    CHECK(read_all(numbers).value() == std::vector<int>{0, 1, 2, 3, 4});
    CHECK(numbers.next().get().value() == std::nullopt);
    CHECK(bus.under_way() == 0);
    CHECK(serving.answered() == 1);
}

TEST_CASE("stream: one without parts ends at once") {
    ap::testing::simulation sim;
    ms::loopback const broker{sim};
    ms::client const bus{broker};
    auto const serving = bus.serve_stream<int()>("none", [](ms::part_sink<int>) {});
    ms::parts<int> numbers = bus.stream<int()>("none").call().value();
    CHECK(numbers.next().get().value() == std::nullopt);
}

TEST_CASE("stream: neither copies nor another order change what is read") {
    ap::testing::simulation sim{7};
    ms::loopback const broker{
        sim, {.latency = [](std::uint64_t bits) { return std::chrono::microseconds{bits % 20'000}; }, .duplicates = 0.5}};
    ms::client const bus{broker};
    auto const serving = bus.serve_stream<int(int)>("count", counting());
    ms::parts<int> numbers = bus.stream<int(int)>("count").call(200).value();
    std::vector<int> const all = read_all(numbers).value();
    REQUIRE(all.size() == 200);
    for (int i = 0; i < 200; ++i)
        CHECK(all[static_cast<std::size_t>(i)] == i);
    CHECK(bus.under_way() == 0);
}

TEST_CASE("stream: a failure comes after the parts that were written before it") {
    ap::testing::simulation sim;
    ms::loopback const broker{sim};
    ms::client const bus{broker};
    auto const serving = bus.serve_stream<int(int)>("fails", [](int n, ms::part_sink<int> sink) -> ap::result<void> {
        for (int i = 0; i < n; ++i)
            static_cast<void>(sink.send(i));
        return ap::failure{ap::errc::resource_exhausted, ap::executed::yes, "no more of them"}.with_retry_after(3s);
    });
    ms::parts<int> numbers = bus.stream<int(int)>("fails").call(2).value();
    CHECK(numbers.next().get().value() == 0);
    CHECK(numbers.next().get().value() == 1);
    ap::failure const why = numbers.next().get().error();
    CHECK(why == ap::errc::resource_exhausted);
    CHECK(why.retry_after() == 3s);
    CHECK(numbers.next().get().error() == ap::errc::resource_exhausted);
    CHECK(bus.stream<int(int)>("fails").call(0).error() == ap::errc::resource_exhausted);
    CHECK(bus.under_way() == 0);
}

TEST_CASE("stream: nobody serving is known at once, and a wrong question does not run") {
    ap::testing::simulation sim;
    ms::loopback const broker{sim};
    ms::client const bus{broker};
    CHECK(bus.stream<int(int)>("nobody").call(1).error() == ap::errc::unavailable);
    int ran = 0;
    auto const serving = bus.serve_stream<int(int)>("count", [&](int, ms::part_sink<int>) { ++ran; });
    ap::failure const why = bus.stream<int(std::string)>("count").call("twelve").error();
    CHECK(why == ap::errc::invalid_argument);
    CHECK(why.executed() == ap::executed::no);
    CHECK(ran == 0);
}

TEST_CASE("stream: whoever stops reading stops the responder") {
    ap::testing::simulation sim;
    ms::loopback const broker{sim, {.latency = [](std::uint64_t) { return 1ms; }}};
    ms::client const bus{broker};
    int ended = 0;
    auto const endless = [&](int, ms::part_sink<int> sink) -> ap::task<void> {
        while (sink.send(1))
            co_await ap::sleep_for(10ms);
        CHECK(sink.stop_requested());
        CHECK(sink.send(1).error() == ap::errc::cancelled);
        ++ended;
    };
    auto const serving = bus.serve_stream<int(int)>("endless", endless);
    auto const ask = bus.stream<int(int)>("endless");
    SECTION("by a word") {
        ms::parts<int> numbers = ask.call(1).value();
        numbers.stop();
        while (numbers.next().get().value_or(std::nullopt)) {
        }
        CHECK(numbers.next().get().error() == ap::errc::cancelled);
    }
    SECTION("by letting it go") { static_cast<void>(ask.call(1).value()); }
    SECTION("before it began") {
        auto opening = ask.submit(1);
        sim.advance(500us);
        opening.request_stop();
        CHECK(std::move(opening).get().error() == ap::errc::cancelled);
    }
    sim.advance(100ms);
    CHECK((ended == 1 || serving.answered() == 0));
    CHECK(serving.running() == 0);
    CHECK(bus.under_way() == 0);
}

TEST_CASE("stream: a reader that is too slow loses it") {
    ap::testing::simulation sim;
    ms::loopback const broker{sim};
    ms::client const bus{broker};
    bool ended = false;
    auto const serving = bus.serve_stream<int(int)>("count", [&](int n, ms::part_sink<int> sink) -> ap::task<void> {
        for (int i = 0; i < n && sink.send(i); ++i)
            co_await ap::sleep_for(1ms);
        ended = true;
    });
    ms::parts<int> numbers = bus.stream<int(int)>("count", {.buffer = 4}).call(1000).value();
    sim.advance(50ms);
    CHECK(ended);
    CHECK(serving.running() == 0);
    for (int i = 0; i < 4; ++i)
        CHECK(numbers.next().get().value() == i);
    CHECK(numbers.next().get().error() == ap::errc::resource_exhausted);
}

TEST_CASE("stream: a silence ends it, however it began") {
    ap::testing::simulation sim;
    ms::loopback broker{sim};
    ms::client const bus{broker, {.timeout = 1s}};
    std::vector<ms::part_sink<int>> sinks;
    std::vector<ap::promise<void>> open;
    auto const serving = bus.serve_stream<int(int)>("hangs", [&](int n, ms::part_sink<int> sink, ap::promise<void> reply) {
        for (int i = 0; i < n; ++i)
            static_cast<void>(sink.send(i));
        sinks.push_back(sink);
        open.push_back(std::move(reply));
    });
    auto const ask = bus.stream<int(int)>("hangs", {.quiet = 10s});
    CHECK(ask.call(0).error() == ap::errc::deadline_exceeded);
    CHECK(sim.now().time_since_epoch() >= 10s);
    ms::parts<int> numbers = ask.call(1).value();
    CHECK(numbers.next().get().value() == 0);
    sim.advance(9s);  // the client's own timeout is for answers, not for streams
    CHECK(sinks.back().send(1).has_value());
    sim.advance(9s);
    CHECK(numbers.next().get().value() == 1);
    CHECK(numbers.next().get().error() == ap::errc::deadline_exceeded);
    CHECK(bus.under_way() == 0);
}

TEST_CASE("stream: a timeout counts until the first part, and a retry opens it again") {
    ap::testing::simulation sim;
    ms::loopback const broker{sim};
    ms::client const bus{broker};
    int tries = 0;
    auto const serving = bus.serve_stream<int(int)>("count", [&](int n, ms::part_sink<int> sink) -> ap::task<void> {
        if (++tries == 1) co_await ap::sleep_for(1h);
        for (int i = 0; i < n; ++i) {
            co_await ap::sleep_for(40ms);
            if (!sink.send(i)) co_return;
        }
    });
    auto const patient = bus.stream<int(int)>("count") | ap::timeout{.limit = 100ms} | ap::retry{.max_attempts = 3};
    ms::parts<int> numbers = patient.call(5).value();
    CHECK(read_all(numbers).value().size() == 5);
    CHECK(tries == 2);
}

TEST_CASE("stream: one reader at a time, and what a reader that left did not take is the next one's") {
    ap::testing::simulation sim;
    ms::loopback const broker{sim};
    ms::client const bus{broker};
    auto const serving = bus.serve_stream<int(int)>("count", counting());
    ms::parts<int> numbers = bus.stream<int(int)>("count").call(3).value();
    CHECK(numbers.next().get().value() == 0);
    {
        auto waiting = numbers.next();
        CHECK(numbers.next().get().error() == ap::errc::failed_precondition);
    }
    CHECK(read_all(numbers).value() == std::vector<int>{1, 2});
}

TEST_CASE("stream: a client that goes ends its streams") {
    ap::testing::simulation sim;
    ms::loopback const broker{sim};
    ms::client const serves{broker};
    auto const serving = serves.serve_stream<int(int)>("count", counting());
    std::optional<ms::client> bus{std::in_place, broker};
    ms::parts<int> numbers = bus->stream<int(int)>("count").call(1'000).value();
    bus.reset();
    while (numbers.next().get().value_or(std::nullopt)) {
    }
    CHECK(numbers.next().get().error() == ap::errc::shut_down);
}

TEST_CASE("stream: a reader that was stopped hears that, and may ask again from there") {
    ap::testing::simulation sim;
    ms::loopback const broker{sim};
    ms::client const bus{broker};
    auto const serving = bus.serve_stream<int(int)>("count", counting());
    ms::parts<int> numbers = bus.stream<int(int)>("count").call(2).value();
    CHECK(numbers.next().get().value() == 0);
    auto stopped = numbers.next();
    stopped.request_stop();
    CHECK(std::move(stopped).get().error() == ap::errc::cancelled);
    CHECK(numbers.next().get().value() == 1);
    CHECK(numbers.next().get().value() == std::nullopt);
}

TEST_CASE("stream: a stopped reader is told by the next one, which it may ask for in turn") {
    ms::loopback const broker;
    ms::client const bus{broker};
    ap::promise<void> end;
    auto finished = std::make_shared<ap::future<void>>(end.get_future());
    auto const serving = bus.serve_stream<int()>("held", [finished](ms::part_sink<int> sink) {
        static_cast<void>(sink.send(1));
        return std::move(*finished);
    });
    ms::parts<int> numbers = bus.stream<int()>("held").call().value();
    CHECK(numbers.next().get().value() == 1);
    std::optional<ap::failure> first, third;
    auto stopped = numbers.next();
    stopped.request_stop();
    std::move(stopped).on_complete([&](ap::result<std::optional<int>> r) {
        first = r.error();
        // Under a lock of the stream's this would never return.
        third = numbers.next().get().error();
    });
    ap::future<std::optional<int>> second = numbers.next();
    REQUIRE(first.has_value());
    CHECK(*first == ap::errc::cancelled);
    CHECK(*third == ap::errc::failed_precondition);
    end.set_value();
    CHECK(std::move(second).get().value() == std::nullopt);
}

TEST_CASE("stream: an answer that is none of a stream is a failure, and nobody waits for more") {
    ap::testing::simulation sim;
    ms::loopback const broker{sim};
    ms::client const bus{broker};
    auto const serving = bus.serve("word", ap::request{[] { return std::string{"hello"}; }});
    auto const opened = bus.stream<int()>("word", {.quiet = ap::duration::max()}).call();
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error() == ap::errc::data_loss);
    CHECK(opened.error().executed() == ap::executed::yes);
    CHECK(bus.under_way() == 0);
}
