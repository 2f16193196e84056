// SPDX-License-Identifier: BSL-1.0
// The hybrid over a real network: Prefer, 202, tickets that are looked at, followed, given back and resumed.
#include <antiphon/antiphon.hpp>
#include <antiphon/http/respond_async.hpp>
#include <antiphon/interop/curl.hpp>

#include <chrono>
#include <string>
#include <type_traits>
#include <utility>

#include "catch_compat.hpp"
#include "support/web.hpp"

using namespace std::chrono_literals;

TEST_CASE("curl hybrid: a server that knows nothing of it simply answers") {
    NEEDS_NODE();
    CHECK(body_of((web().post("/echo", "q") | http::respond_async{}).call()).find("Prefer: respond-async, wait=2\n") !=
          std::string::npos);
}

TEST_CASE("curl hybrid: a ticket is redeemed, by every verb") {
    NEEDS_NODE();
    auto const report = web().post("/job/plain/3", "q") | http::respond_async{};
    static_assert(std::is_same_v<decltype(report)::repeat_type, ap::repeat::unsafe>);
    CHECK_THAT(body_of(report.call()), ContainsSubstring("result of"));
    CHECK_THAT(body_of(report.submit().get()), ContainsSubstring("result of"));
    CHECK_THAT(body_of(report.call_for(1h).get()), ContainsSubstring("result of"));
    ap::request awaits{[&]() -> ap::task<std::string> { co_return (co_await report()).value().body; }};
    CHECK_THAT(awaits.call().value(), ContainsSubstring("result of"));
}

TEST_CASE("curl hybrid: a ticket that points on is followed, an expired one is an answer") {
    NEEDS_NODE();
    CHECK_THAT(body_of((web().post("/job/other/2", "q") | http::respond_async{}).call()), ContainsSubstring("result of"));
    CHECK((web().post("/job/gone/2", "q") | http::respond_async{}).call()->status == 410);
    CHECK((web().post("/job/nowhere/2", "q") | http::respond_async{}).call()->status == 202);
}

TEST_CASE("curl hybrid: whole messages and keyed ones have tickets as well") {
    NEEDS_NODE();
    auto const any = web().send() | ap::retry{} | http::respond_async{};
    CHECK_THAT(body_of(any.call(http::request_message{.method = "POST", .target = "/job/plain/2"})), ContainsSubstring("result of"));
    auto const keyed = web().post("/job/plain/2", "q", http::keyed) | http::respond_async{} | http::new_key;
    CHECK_THAT(body_of(keyed.call()), ContainsSubstring("result of"));
    CHECK_THAT(body_of((web().get("/job/plain/2") | http::respond_async{}).call()), ContainsSubstring("result of"));
}

TEST_CASE("curl hybrid: a bad target is told as ever") {
    auto const r = (web().get("/a b") | http::respond_async{}).call();
    CHECK(http::fault_of(r.error()).has_value());
    CHECK(r.error().executed() == ap::executed::no);
}

TEST_CASE("curl hybrid: who stops waiting gives the ticket back") {
    NEEDS_NODE();
    ap::promise<http::ticket> told;
    auto ticket = told.get_future();
    auto const note = [&](http::ticket const& t) { told.set_value(t); };
    auto f = (web().post("/job/slow/9", "q") | http::respond_async{.on_ticket = note}).submit();
    std::string const url = std::move(ticket).get().value().url;
    std::string const id = url.substr(url.rfind('/') + 1);
    // The first look is made at once, the next one is an hour away.
    CHECK(body_of(web().get("/jobstate/" + id).call()) == "open");
    f.request_stop();
    CHECK(std::move(f).get().error() == ap::errc::cancelled);
    CHECK(eventually("/jobstate/" + id, "cancelled"));
}

TEST_CASE("curl hybrid: a ticket that was written down is resumed with another client") {
    NEEDS_NODE();
    std::string file;
    {
        http::client const first{node().url(), quiet()};
        auto const answer = first.post("/job/plain/2", "q", {{"Prefer", "respond-async"}}).call();
        file = http::ticket::in(*answer, "")->value().text();
    }
    http::client const second{{}, quiet()};
    CHECK_THAT(body_of((second.send() | http::resume{}).call(http::ticket::parse(file).value())), ContainsSubstring("result of"));
}
