// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/reply.hpp>

#include <utility>

#include "antiphon/antiphon.hpp"
#include "catch_compat.hpp"

namespace http = antiphon::http;

TEST_CASE("reply: a response is a whole one") {
    http::reply const r = http::response{.status = 201, .headers = {{"X-A", "b"}}, .body = "text"};
    CHECK(r.whole.status == 201);
    CHECK(r.whole.body == "text");
    CHECK_FALSE(r.stream);
}

TEST_CASE("reply: a streamed response keeps its head and its reader") {
    http::body_pipe pipe;
    http::reply r = http::streamed_response{.status = 200, .headers = {{"X-A", "b"}}, .body = std::move(pipe.reader)};
    CHECK(r.whole.headers.get("X-A") == "b");
    REQUIRE(r.stream);
    CHECK(pipe.writer.write("part").ready());
    CHECK(r.stream.next().get() == "part");
    r.stream = {};
    CHECK_FALSE(pipe.writer.write("more").get().has_value());
}
