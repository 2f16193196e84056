// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/body_channel.hpp>

#include <cstddef>
#include <memory>
#include <string>

#include "antiphon/http/body.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;

namespace {
/// Counts how often it was told.
struct listener final : http::body_listener {
    void body_moved() noexcept override { ++told; }
    int told = 0;
};
std::shared_ptr<http::body_channel> channel(std::size_t capacity) { return std::make_shared<http::body_channel>(capacity); }
}  // namespace

TEST_CASE("body_channel: a transport that found it full is told when half of it is gone") {
    auto const c = channel(4);
    listener l;
    c->listen(&l);
    http::body_reader reader{c};
    using verdict = http::body_channel::verdict;
    CHECK(c->offer("12") == verdict::taken);
    CHECK(c->offer("34") == verdict::taken);
    CHECK(c->offer("5") == verdict::full);
    CHECK(l.told == 0);
    CHECK(reader.next().get() == std::string{"12"});
    CHECK(l.told == 1);
    CHECK(c->offer("5") == verdict::taken);
    reader = {};
    CHECK(l.told == 2);
    CHECK(c->offer("6") == verdict::gone);
    CHECK(c->reader_gone());
    c->listen(nullptr);
}

TEST_CASE("body_channel: a transport that found it empty is told of more, and of the end") {
    auto const c = channel(100);
    listener l;
    c->listen(&l);
    http::body_writer writer{c};
    char to[4];
    CHECK(c->take(to, 4) == 0);
    CHECK(writer.write("12345").ready());
    CHECK(l.told == 1);
    CHECK(writer.write("6").ready());
    CHECK(l.told == 1);  // it has not looked yet
    CHECK(c->take(to, 4) == 4);
    CHECK(std::string(to, 4) == "1234");
    CHECK(c->take(to, 4) == 2);
    CHECK(std::string(to, 2) == "56");
    CHECK(c->take(to, 4) == 0);
    CHECK_FALSE(c->ended());
    writer.end();
    CHECK(l.told == 2);
    CHECK(c->ended());
    c->listen(nullptr);
}

TEST_CASE("body_channel: a transport that has been taken away is told nothing more") {
    auto const c = channel(1);
    {
        listener l;
        c->listen(&l);
        c->listen(nullptr);
    }
    CHECK(c->offer("x") == http::body_channel::verdict::taken);
    CHECK(c->offer("y") == http::body_channel::verdict::full);
    {
        http::body_reader const reader{c};
    }
    CHECK(c->written() == 1);
}

TEST_CASE("body_channel: why it broke is known to a transport, and only the first end counts") {
    auto const c = channel(1);
    CHECK_FALSE(c->broken().has_value());
    c->fail(ap::errc::data_loss);
    c->end();
    CHECK(c->broken() == ap::failure{ap::errc::data_loss});
    CHECK_FALSE(c->ended());
}
