// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/progress.hpp>

#include <string>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;

TEST_CASE("progress: the newest report takes the place of those before") {
    http::progress const p = http::progress::watched();
    CHECK_FALSE(p.after(0));
    p.report("one");
    p.report("two");
    auto const news = p.after(0);
    REQUIRE(news);
    CHECK(news->number == 2);
    CHECK(news->text == "two");
    CHECK(p.after(1));
    CHECK_FALSE(p.after(2));
}

TEST_CASE("progress: who watches wakes with the next report, and who missed it at once") {
    http::progress const p = http::progress::watched();
    http::progress const same = p;
    auto first = p.changed(0), second = p.changed(0);
    CHECK_FALSE(first.ready());
    same.report("now");
    CHECK(first.ready());
    CHECK(second.ready());
    CHECK(p.changed(0).ready());
    CHECK_FALSE(p.changed(1).ready());
}

TEST_CASE("progress: the end wakes all, those who come later too") {
    http::progress const p = http::progress::watched();
    auto waits = p.changed(0);
    p.end();
    CHECK(waits.ready());
    CHECK(p.changed(0).ready());
}

TEST_CASE("progress: what is reported after the end is no news: it would keep the answer from who watches") {
    http::progress const p = http::progress::watched();
    p.report("last");
    p.end();
    p.report("late");
    CHECK(p.count() == 1);
    CHECK(p.after(0)->text == "last");
    CHECK_FALSE(p.after(1));
}

TEST_CASE("progress: among watchers that have gone the one that stays is woken") {
    http::progress const p = http::progress::watched();
    auto stays = p.changed(0);
    for (int i = 0; i < 1000; ++i)
        static_cast<void>(p.changed(0));
    CHECK_FALSE(stays.ready());
    p.report("x");
    CHECK(std::move(stays).get() == true);
}

TEST_CASE("progress: where nobody watches reports go nowhere, and nobody waits") {
    http::progress const p;
    p.report("lost");
    p.end();
    CHECK_FALSE(p.after(0));
    CHECK(p.changed(0).ready());
}

TEST_CASE("progress: a watcher may report in its turn") {
    http::progress const p = http::progress::watched();
    auto echoes = p.changed(0).then([p](bool) { p.report("echo"); });
    p.report("call");
    CHECK(echoes.ready());
    CHECK(p.after(1)->text == "echo");
}
