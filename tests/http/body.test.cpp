// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/body.hpp>

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "antiphon/antiphon.hpp"
#include "antiphon/http/expect_success.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;

TEST_CASE("body: what is written is read, in order, up to the end") {
    http::body_pipe pipe;
    CHECK(pipe.writer.write("one").get().has_value());
    CHECK(pipe.writer.write("two").get().has_value());
    pipe.writer.end();
    CHECK(pipe.reader.next().get() == std::string{"one"});
    CHECK(pipe.reader.next().get() == std::string{"two"});
    CHECK(pipe.reader.next().get() == std::string{});
    CHECK(pipe.reader.next().get() == std::string{});
    CHECK(pipe.reader.read() == 6);
}

TEST_CASE("body: a read waits for a part, and a write for room") {
    http::body_pipe pipe{4};
    auto first = pipe.reader.next();
    CHECK_FALSE(first.ready());
    CHECK(pipe.writer.write("12345").ready());  // went straight to the reader
    CHECK(std::move(first).get() == std::string{"12345"});
    CHECK(pipe.writer.write("123").ready());
    auto full = pipe.writer.write("45");
    CHECK_FALSE(full.ready());
    CHECK(pipe.reader.next().get() == std::string{"123"});
    CHECK(full.ready());
    CHECK(pipe.writer.taken() == 8);
}

TEST_CASE("body: an empty part is no end") {
    http::body_pipe pipe;
    auto next = pipe.reader.next();
    CHECK(pipe.writer.write("").get().has_value());
    CHECK_FALSE(next.ready());
    pipe.writer.end();
    CHECK(std::move(next).get() == std::string{});
}

TEST_CASE("body: a writer that goes breaks the body off, after what it wrote") {
    http::body_pipe pipe;
    CHECK(pipe.writer.write("x").ready());
    pipe.writer = {};
    CHECK(pipe.reader.next().get() == std::string{"x"});
    CHECK(pipe.reader.next().get().error() == ap::errc::broken_promise);

    http::body_pipe waiting;
    auto next = waiting.reader.next();
    waiting.writer.fail(ap::errc::data_loss);
    CHECK(std::move(next).get().error() == ap::errc::data_loss);
}

TEST_CASE("body: a reader that goes ends the writing") {
    http::body_pipe pipe{1};
    auto full = pipe.writer.write("xx");
    pipe.reader = {};
    CHECK(std::move(full).get().error() == ap::errc::cancelled);
    CHECK(pipe.writer.write("y").get().error() == ap::errc::cancelled);
}

TEST_CASE("body: nothing is written after the end, nothing read without a body, nothing twice at once") {
    http::body_pipe pipe{1};
    auto const read = pipe.reader.next();
    CHECK(pipe.reader.next().get().error() == ap::errc::failed_precondition);
    pipe.writer.end();
    CHECK(pipe.writer.write("x").get().error() == ap::errc::failed_precondition);
    CHECK(http::body_reader{}.next().get().error() == ap::errc::failed_precondition);
    http::body_pipe full{1};
    auto const write = full.writer.write("x");
    CHECK(full.writer.write("y").get().error() == ap::errc::failed_precondition);
}

TEST_CASE("body: a read that is stopped loses nothing") {
    http::body_pipe pipe;
    auto next = pipe.reader.next();
    next.request_stop();
    CHECK(std::move(next).get().error() == ap::errc::cancelled);
    {
        auto const dropped = pipe.reader.next();
    }
    CHECK(pipe.writer.write("x").ready());
    CHECK(pipe.reader.next().get() == std::string{"x"});
}

TEST_CASE("body: a write that is stopped has been written") {
    http::body_pipe pipe{1};
    auto full = pipe.writer.write("x");
    full.request_stop();
    CHECK(std::move(full).get().error() == ap::errc::cancelled);
    CHECK(pipe.reader.next().get() == std::string{"x"});
    CHECK_FALSE(pipe.writer.write("yy").ready());  // it was not refused
}

TEST_CASE("body: two tasks, one of which is slower, move a body through a small pipe") {
    ap::testing::simulation sim{1};
    http::body_pipe pipe{10};
    std::size_t most = 0;
    ap::request writes{[&]() -> ap::task<int> {
        int parts = 0;
        for (; parts < 100; ++parts) {
            if (!co_await pipe.writer.write("12345")) co_return -1;
            most = std::max(most, static_cast<std::size_t>(parts + 1) * 5 - static_cast<std::size_t>(pipe.writer.taken()));
        }
        pipe.writer.end();
        co_return parts;
    }};
    ap::request reads{[&]() -> ap::task<std::size_t> {
        std::size_t bytes = 0;
        for (;;) {
            auto part = co_await pipe.reader.next();
            if (!part || part->empty()) co_return bytes;
            bytes += part->size();
            co_await ap::sleep_for(std::chrono::seconds{1});
        }
    }};
    auto written = (writes | ap::starts_on(sim)).submit();
    auto read = (reads | ap::starts_on(sim)).submit();
    sim.run();
    CHECK(std::move(written).get() == 100);
    CHECK(std::move(read).get() == std::size_t{500});
    CHECK(most <= 15);
}

TEST_CASE("body: a streamed response is a success or a failure by its status, and knows its length") {
    ap::request gives{[] { return http::streamed_response{.status = 503, .headers = {{"Retry-After", "3"}}}; }};
    auto const r = (gives | http::expect_success).call();
    CHECK(r.error() == ap::errc::unavailable);
    CHECK(r.error().retry_after() == ap::duration{std::chrono::seconds{3}});
    CHECK(http::streamed_response{.headers = {{"Content-Length", "1234"}}}.length() == 1234);
    for (char const* wrong : {"", "x", "-1", "99999999999999999999"})
        CHECK_FALSE(http::streamed_response{.headers = {{"Content-Length", wrong}}}.length().has_value());
    CHECK_FALSE(http::streamed_response{}.length().has_value());
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("body: a pipe of no capacity is refused") { CHECK_THROWS_AS(http::body_pipe{0}, std::invalid_argument); }
#endif
