// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/webhook.hpp>

#include <array>
#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/mock.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;

namespace {

/// No cryptography: the vectors that need it are tests of interop/openssl.hpp.
std::array<unsigned char, 32> sum(std::string_view key, std::string_view data) {
    std::array<unsigned char, 32> out{};
    std::size_t i = 0;
    std::string const all = std::string{key}.append(data);
    for (char const c : all) {
        out[i % 32] = static_cast<unsigned char>(out[i % 32] * 31 + static_cast<unsigned char>(c));
        ++i;
    }
    return out;
}
http::webhook_signer signer() { return http::webhook_signer::make(sum, "c2VjcmV0").value(); }

/// Deliveries in virtual time.
struct endpoint {
    ap::testing::simulation sim{1};
    ap::time_point start = sim.now();
    ap::testing::mock<http::response(http::request_message)> server;
    std::vector<ap::duration> times;

    ap::result<http::response> deliver(http::webhook what = {.url = "http://h/hook", .body = "{}"},
                                       ap::duration limit = ap::duration::max()) {
        ap::request transport{[this, inner = ap::request{server}](http::request_message m) -> ap::task<http::response> {
            times.push_back(sim.now() - start);
            co_return co_await inner(std::move(m));
        }};
        auto f = (transport | http::deliver_webhooks{.signer = signer()} | ap::timeout{.limit = limit} | ap::starts_on(sim))
                     .submit(std::move(what));
        sim.run();
        REQUIRE(f.ready());
        return std::move(f).get();
    }
    http::request_message sent(std::size_t i) { return std::get<0>(server.calls().at(i)); }
};

}  // namespace

TEST_CASE("webhook: keys are base64, and say where they are not") {
    auto const wrong = [](char const* secret) { return http::fault_of(http::webhook_signer::make(sum, secret).error()).value(); };
    CHECK(wrong("whsec_") == http::located_fault{http::fault::missing, 6});
    CHECK(wrong("") == http::located_fault{http::fault::missing, 0});
    CHECK(wrong("whsec_ab!=") == http::located_fault{http::fault::unexpected_character, 8});
}

TEST_CASE("webhook: an id that would blur what is signed is refused") {
    http::date_time const now{};
    for (char const* id : {"", "a.b", "a b", "a\n"})
        CHECK(http::fault_of(signer().sign(id, now, "x").error()).has_value());
    CHECK(signer().sign("msg_1", now, "x").has_value());
}

TEST_CASE("webhook: a delivery is signed, and arrives with any status of the class 2") {
    endpoint e;
    e.server.returns(http::response{.status = 204});
    CHECK(e.deliver({.url = "http://h/hook", .body = "body", .id = "msg_1"})->status == 204);
    http::request_message const m = e.sent(0);
    CHECK(m.method == http::method{"POST"});
    CHECK(m.target == "http://h/hook");
    CHECK(m.headers.get("Content-Type") == "application/json");
    auto const now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
    CHECK(signer().verify(m.headers, m.body, now) == std::string{"msg_1"});
}

TEST_CASE("webhook: what fails is sent again by the schedule, with the same id, and signed anew") {
    endpoint e;
    e.server.returns(http::response{.status = 500});
    e.server.returns(http::response{.status = 302, .headers = {{"Location", "/x"}}});
    e.server.fails(ap::errc::unavailable);
    e.server.returns(http::response{.status = 200});
    CHECK(e.deliver().has_value());
    CHECK(e.times == std::vector<ap::duration>{0s, 5s, 5min + 5s, 35min + 5s});
    CHECK(e.sent(0).headers.get("webhook-id") == e.sent(3).headers.get("webhook-id"));
    CHECK(e.sent(0).headers.get("webhook-id")->size() == 36);
    long const first = std::stol(std::string{*e.sent(0).headers.get("webhook-timestamp")});
    CHECK(std::stol(std::string{*e.sent(3).headers.get("webhook-timestamp")}) == first + 35 * 60 + 5);
    CHECK(e.sent(0).headers.get("webhook-signature") != e.sent(3).headers.get("webhook-signature"));
}

TEST_CASE("webhook: an endpoint that is gone is not called again") {
    endpoint e;
    e.server.returns(http::response{.status = 410});
    auto const r = e.deliver();
    CHECK(r.error() == ap::errc::not_found);
    CHECK(r.error().retry_after() < ap::duration{0s});
    CHECK(e.server.count() == 1);
}

TEST_CASE("webhook: Retry-After takes the place of the schedule's pause") {
    endpoint e;
    e.server.returns(http::response{.status = 503, .headers = {{"Retry-After", "60"}}});
    e.server.returns(http::response{.status = 200});
    CHECK(e.deliver().has_value());
    CHECK(e.times == std::vector<ap::duration>{0s, 60s});
}

TEST_CASE("webhook: after the last attempt its failure is told, and how many there were") {
    endpoint e;
    e.server.returns(http::response{.status = 503}).forever();
    auto const r = e.deliver();
    CHECK(r.error() == ap::errc::unavailable);
    CHECK(r.error().attempts() == 10);
    CHECK(e.times.back() == 75h + 35min + 5s);
}

TEST_CASE("webhook: an endpoint that does not answer is given up on, and called again") {
    endpoint e;
    e.server.returns(http::response{.status = 200}).after(1h);
    e.server.returns(http::response{.status = 200});
    CHECK(e.deliver().has_value());
    CHECK(e.times == std::vector<ap::duration>{0s, 25s});
}

TEST_CASE("webhook: a deadline ends it as soon as the next attempt would be too late") {
    endpoint e;
    e.server.returns(http::response{.status = 503}).forever();
    CHECK(e.deliver({.url = "http://h/"}, 1min).error() == ap::errc::deadline_exceeded);
    CHECK(e.server.count() == 2);
    CHECK(e.sim.now() - e.start < 1min);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("webhook: nonsense is refused") {
    ap::request<http::response(http::request_message)> const r = [](http::request_message const&) { return http::response{}; };
    CHECK_THROWS_AS((r | http::deliver_webhooks{.signer = signer(), .schedule = {-1s}}), std::invalid_argument);
    CHECK_THROWS_AS((r | http::deliver_webhooks{.signer = signer(), .timeout = 0s}), std::invalid_argument);
}
#endif
