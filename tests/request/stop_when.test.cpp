// SPDX-License-Identifier: BSL-1.0
#include "antiphon/request/stop_when.hpp"

#include <stop_token>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;

TEST_CASE("stop_when: a token that is stopped already means that the handler does not run") {
    std::stop_source quit;
    quit.request_stop();
    bool ran = false;
    auto r = (ap::request{[&] { ran = true; }} | ap::stop_when(quit.get_token())).call();
    CHECK(r.error() == ap::errc::cancelled);
    CHECK(r.error().executed() == ap::executed::no);
    CHECK_FALSE(ran);
}

TEST_CASE("stop_when: a stop requested while the ask is queued cancels it") {
    std::stop_source quit;
    ap::manual_executor desk;
    bool ran = false;
    auto f = (ap::request{[&] { ran = true; }} | ap::stop_when(quit.get_token()) | ap::starts_on(desk)).submit();
    quit.request_stop();
    CHECK(f.ready());
    desk.run();
    CHECK_FALSE(ran);
    CHECK(std::move(f).get().error() == ap::errc::cancelled);
}

TEST_CASE("stop_when: a stop requested while the handler runs reaches its token") {
    std::stop_source quit;
    auto patient = ap::request{[&](std::stop_token stop) {
                       quit.request_stop();
                       return stop.stop_requested();
                   }} |
                   ap::stop_when(quit.get_token());
    CHECK(patient.call().value());
}

TEST_CASE("stop_when: two tokens both count") {
    std::stop_source a;
    std::stop_source b;
    ap::manual_executor desk;
    auto f = (ap::request{[] {}} | ap::stop_when(a.get_token()) | ap::stop_when(b.get_token()) | ap::starts_on(desk)).submit();
    CHECK_FALSE(f.ready());
    a.request_stop();
    CHECK(f.ready());
}

TEST_CASE("stop_when: after the answer the token is left alone") {
    std::stop_source quit;
    auto f = (ap::request{[] { return 4; }} | ap::stop_when(quit.get_token())).submit();
    CHECK(std::move(f).get().value() == 4);
    quit.request_stop();
}

TEST_CASE("stop_when: a token that can never stop changes nothing") {
    CHECK((ap::request{[] { return 4; }} | ap::stop_when(std::stop_token{})).call().value() == 4);
}

TEST_CASE("stop_when: an ask with a callback can be stopped as well") {
    std::stop_source quit;
    ap::manual_executor desk;
    std::error_code told;
    auto const asks = ap::request{[] {}} | ap::stop_when(quit.get_token()) | ap::starts_on(desk);
    asks.submit([&](ap::result<void> r) { told = r.error().code(); });
    quit.request_stop();
    desk.run();
    CHECK(told == ap::errc::cancelled);
}
