// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/server_event.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;
using event = http::server_event;

namespace {
std::vector<event> drained(http::event_parser& parser) {
    std::vector<event> out;
    while (auto e = parser.next())
        out.push_back(*e);
    return out;
}
std::vector<event> events_of(std::string_view text) {
    http::event_parser parser;
    CHECK(parser.feed(text).has_value());
    return drained(parser);
}
}  // namespace

TEST_CASE("server_event: the examples of the standard") {
    CHECK(events_of("data: YHOO\ndata: +2\ndata: 10\n\n") == std::vector<event>{{.data = "YHOO\n+2\n10"}});
    CHECK(events_of(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n") ==
          std::vector<event>{{.data = "first event", .id = "1"}, {.data = "second event"}, {.data = " third event"}});
    CHECK(events_of("data\n\ndata\ndata\n\ndata:") == std::vector<event>{{.data = ""}, {.data = "\n"}});
    CHECK(events_of("data:test\n\ndata: test\n\n") == std::vector<event>{{.data = "test"}, {.data = "test"}});
}

TEST_CASE("server_event: lines end in any of three ways, wherever the parts are cut") {
    std::string const text =
        "\xef\xbb\xbf"
        "event: a\rdata: 1\r\ndata: 2\n\r\nid: 7\r\rdata: 3\r\n\r\ndata: 4\n\n";
    std::vector<event> const expected{{"a", "1\n2", ""}, {"message", "3", "7"}, {"message", "4", "7"}};
    CHECK(events_of(text) == expected);
    for (std::size_t size = 1; size < text.size(); ++size) {
        http::event_parser parser;
        for (std::size_t at = 0; at < text.size(); at += size)
            REQUIRE(parser.feed(std::string_view{text}.substr(at, size)).has_value());
        INFO(size);
        CHECK(drained(parser) == expected);
    }
}

TEST_CASE("server_event: an event without data is none, but its id counts") {
    http::event_parser parser;
    CHECK(parser.feed("event: x\nid: 5\n\n").has_value());
    CHECK_FALSE(parser.next().has_value());
    CHECK(parser.last_event_id() == "5");
    CHECK(parser.feed("data: y\n\n").has_value());
    CHECK(parser.next() == event{.data = "y", .id = "5"});
}

TEST_CASE("server_event: comments, unknown names, ids with a zero byte and pauses that are no numbers are read over") {
    http::event_parser parser;
    CHECK(parser.feed(std::string_view{"retry: 1x\nretry:\n: c\nother: z\nid: a\0b\ndata: y\n\n", 47}).has_value());
    CHECK(parser.next() == event{.data = "y"});
    CHECK_FALSE(parser.retry().has_value());
    CHECK(parser.feed("retry: 1500\n").has_value());
    CHECK(parser.retry() == ap::duration{1500ms});
}

TEST_CASE("server_event: only one byte order mark is left out, and half of one is text") {
    CHECK(events_of("\xef\xbb\xbf\xef\xbb\xbf"
                    "data: x\n\n")
              .empty());
    CHECK(events_of("\xef\xbb"
                    "data: x\n\ndata: y\n\n") == std::vector<event>{{.data = "y"}});
}

TEST_CASE("server_event: an event that is not complete is forgotten when a new stream begins, the last id is not") {
    http::event_parser parser;
    CHECK(parser.feed("id: 1\ndata: a\n\nid: 2\nevent: x\ndata: half\nda").has_value());
    CHECK(parser.next() == event{.data = "a", .id = "1"});
    parser.restart();
    CHECK(parser
              .feed("\xef\xbb\xbf"
                    "data: b\n\n")
              .has_value());
    CHECK(parser.next() == event{.data = "b", .id = "1"});
}

TEST_CASE("server_event: lines and events that never end are refused") {
    http::event_parser line{100};
    CHECK(line.feed(std::string(100, 'x')).has_value());
    CHECK(http::fault_of(line.feed("x").error())->what == http::fault::too_long);
    CHECK_FALSE(line.feed("\n").has_value());
    http::event_parser data{100};
    ap::result<void> fed;
    int lines = 0;
    for (; fed && lines < 1000; ++lines)
        fed = data.feed("data: 12345678\n");
    CHECK_FALSE(fed.has_value());
    CHECK(lines < 15);
}

TEST_CASE("server_event: what is written is read again") {
    for (event const& each : {event{.data = ""}, event{"t", "a\nb\n", "9"}, event{.data = " x"}, event{.data = "a\rb\r\nc"}}) {
        std::vector<event> const read = events_of(each.text());
        REQUIRE(read.size() == 1);
        CHECK(read[0].type == each.type);
        CHECK(read[0].id == each.id);
        if (each.data.find('\r') == std::string::npos) CHECK(read[0].data == each.data);
    }
    CHECK(events_of(event{.data = "a\rb\r\nc"}.text())[0].data == "a\nb\nc");
    CHECK(events_of(event{.type = "x\ndata: y", .data = "z", .id = "1\r2"}.text()) == std::vector<event>{{"xdata: y", "z", "12"}});
}

TEST_CASE("server_event: any bytes are taken, and the parts they come in make no difference") {
    std::uint64_t random = 88172645463325252;
    auto const next = [&] {
        random ^= random << 13;
        random ^= random >> 7;
        return random ^= random << 17;
    };
    static constexpr std::string_view alphabet[] = {"data",         ":", " ", "\n",  "\r", "id", "event", "retry",
                                                    "\xef\xbb\xbf", "x", "1", "\n\n"};
    for (int round = 0; round < 2000; ++round) {
        std::string text;
        for (std::uint64_t n = next() % 40; n > 0; --n)
            text += alphabet[next() % std::size(alphabet)];
        http::event_parser cut;
        for (std::size_t at = 0; at < text.size();) {
            std::size_t const size = 1 + next() % 5;
            REQUIRE(cut.feed(std::string_view{text}.substr(at, size)).has_value());
            at += size;
        }
        INFO(text);
        REQUIRE(drained(cut) == events_of(text));
    }
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("server_event: a parser that takes nothing is refused") { CHECK_THROWS_AS(http::event_parser{0}, std::invalid_argument); }
#endif
