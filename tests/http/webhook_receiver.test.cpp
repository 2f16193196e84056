// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/webhook_receiver.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "antiphon/antiphon.hpp"
#include "antiphon/http/respond_async.hpp"
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
constexpr char const* payload = "{}";
http::date_time const sent{std::chrono::seconds{1614265330}};
http::fields headers() { return signer().sign("msg_1", sent, payload).value(); }
}  // namespace

TEST_CASE("webhook_receiver: a receiver answers the ask that waits at the URL, once") {
    http::webhook_receiver const receiver{"http://me/hooks", signer()};
    http::expected_callback expected = receiver.expect();
    CHECK(expected.url.starts_with("http://me/hooks/"));
    CHECK(expected.url.size() == 16 + 32);
    http::request_message m{.method = "POST", .target = expected.url.substr(9), .headers = headers(), .body = payload};
    CHECK(receiver.accept(m, sent + 1h).status == 401);
    CHECK_FALSE(expected.answer.ready());
    CHECK(receiver.accept(m, sent).status == 200);
    CHECK(std::move(expected.answer).get()->body == payload);
    CHECK(receiver.accept(m, sent).status == 200);  // the id is known
    http::fields const again = signer().sign("msg_2", sent, payload).value();
    m.headers = again;
    CHECK(receiver.accept(m, sent).status == 410);  // another message to an ask that is answered
    CHECK(receiver.waiting() == 0);
}

TEST_CASE("webhook_receiver: a receiver refuses what is not for it, and tells who calls for an ask that has gone") {
    http::webhook_receiver const receiver{"http://me/hooks/", signer()};
    http::request_message const get{.target = "/hooks/x", .headers = headers(), .body = payload};
    CHECK(receiver.accept(get, sent).status == 405);
    CHECK(receiver.accept({.method = "POST", .target = "/hooks/x", .headers = headers(), .body = payload}, sent).status == 404);
    CHECK(receiver.accept({.method = "POST", .target = "/hooks/x", .body = payload}, sent).status == 400);
    std::string const url = receiver.expect().url;  // and drops the answer
    CHECK(receiver.accept({.method = "POST", .target = url, .headers = headers(), .body = payload}, sent).status == 410);
}

TEST_CASE("webhook_receiver: a receiver does not keep asks that have gone for ever") {
    http::webhook_receiver const receiver{"http://me/", signer()};
    http::expected_callback const kept = receiver.expect();
    for (int i = 0; i < 1000; ++i)
        static_cast<void>(receiver.expect());
    CHECK(receiver.waiting() < 40);
}

TEST_CASE("webhook_receiver: the callback of a hybrid ask is its answer") {
    ap::testing::simulation sim{1};
    http::webhook_receiver const receiver{"http://me/", signer()};
    ap::testing::mock<http::response(http::request_message)> server;
    std::string url;
    server.answers([&](http::request_message const& m) {
        url = m.headers.get("Callback-Url").value();
        return http::response{.status = 202, .headers = {{"Location", "http://h/t"}, {"Retry-After", "3600"}}};
    });
    auto f = (ap::request{server} | http::respond_async{.callback = receiver} | ap::starts_on(sim))
                 .submit(http::request_message{.method = "POST"});
    sim.advance(1s);
    CHECK(receiver.accept({.method = "POST", .target = url, .headers = headers(), .body = payload}, sent).status == 200);
    sim.run();
    REQUIRE(f.ready());
    CHECK(std::move(f).get()->body == payload);
    CHECK(server.count() == 1);
}

TEST_CASE("webhook_receiver: it remembers as many ids as it was told, the newest ones") {
    http::webhook_receiver const receiver{"http://me/", signer(), 1};
    std::string first, second;
    for (char const* id : {"a", "b"}) {
        http::expected_callback expected = receiver.expect();
        http::request_message const m{
            .method = "POST", .target = expected.url, .headers = signer().sign(id, sent, payload).value(), .body = payload};
        CHECK(receiver.accept(m, sent).status == 200);
        CHECK(std::move(expected.answer).get().has_value());
        (first.empty() ? first : second) = expected.url;
    }
    auto const again = [&](std::string const& url, char const* id) {
        return receiver
            .accept({.method = "POST", .target = url, .headers = signer().sign(id, sent, payload).value(), .body = payload}, sent)
            .status;
    };
    CHECK(again(second, "b") == 200);
    CHECK(again(second, "c") == 410);
    CHECK(again(first, "c") == 404);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("webhook_receiver: one without a memory is refused") {
    CHECK_THROWS_AS(http::webhook_receiver("http://me/", signer(), 0), std::invalid_argument);
}
#endif
