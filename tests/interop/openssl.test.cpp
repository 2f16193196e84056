// SPDX-License-Identifier: BSL-1.0
// Webhooks with a real HMAC: the vectors that were published.
#include <antiphon/interop/openssl.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>

#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;

namespace {
constexpr char const* secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr char const* id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr char const* payload = R"({"test": 2432232314})";
constexpr char const* signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
http::date_time const sent{std::chrono::seconds{1614265330}};

http::webhook_signer signer(char const* key = secret) { return http::webhook_signer::make(http::openssl_hmac_sha256, key).value(); }
http::fields headers(std::string_view given = signature) {
    return {{"Webhook-Id", id}, {"Webhook-Timestamp", "1614265330"}, {"Webhook-Signature", given}};
}
std::string hex(std::string_view key, std::string_view data) {
    std::string out;
    for (unsigned char const c : http::openssl_hmac_sha256(key, data)) {
        out += "0123456789abcdef"[c >> 4];
        out += "0123456789abcdef"[c & 15];
    }
    return out;
}
}  // namespace

TEST_CASE("openssl: the HMAC vectors of RFC 4231") {
    CHECK(hex(std::string(20, '\x0b'), "Hi There") == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(hex("Jefe", "what do ya want for nothing?") == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hex(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First") ==
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("openssl: the vector of Standard Webhooks is signed and verified, with the key's prefix and without") {
    for (char const* key : {secret, secret + 6}) {
        CHECK(signer(key).sign(id, sent, payload)->get("webhook-signature") == signature);
        CHECK(signer(key).sign(id, sent, payload)->get("webhook-timestamp") == "1614265330");
        CHECK(signer(key).verify(headers(), payload, sent) == std::string{id});
    }
}

TEST_CASE("openssl: one of several signatures has to fit, of the version that is known") {
    std::string const other = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
    std::string const second = "v2" + std::string{signature}.substr(2);
    CHECK(signer().verify(headers(other + " v2,x " + signature + " " + other), payload, sent).has_value());
    CHECK(signer().verify(headers(other), payload, sent).error() == ap::errc::unauthenticated);
    CHECK(signer().verify(headers(second), payload, sent).error() == ap::errc::unauthenticated);
    CHECK(signer().verify(headers(""), payload, sent).error() == ap::errc::unauthenticated);
    CHECK(signer().verify(headers("v1,"), payload, sent).error() == ap::errc::unauthenticated);
}

TEST_CASE("openssl: a change of any part does not go unnoticed") {
    CHECK(signer().verify(headers(), R"({"test": 2432232315})", sent).error() == ap::errc::unauthenticated);
    http::fields later = headers();
    REQUIRE(later.set("webhook-timestamp", "1614265331").has_value());
    CHECK(signer().verify(later, payload, sent).error() == ap::errc::unauthenticated);
    http::fields renamed = headers();
    REQUIRE(renamed.set("webhook-id", "msg_other").has_value());
    CHECK(signer().verify(renamed, payload, sent).error() == ap::errc::unauthenticated);
    CHECK(signer("whsec_AAAA").verify(headers(), payload, sent).error() == ap::errc::unauthenticated);
}

TEST_CASE("openssl: five minutes before and after are accepted, and not a second more") {
    CHECK(signer().verify(headers(), payload, sent + 5min).has_value());
    CHECK(signer().verify(headers(), payload, sent - 5min).has_value());
    CHECK(signer().verify(headers(), payload, sent + 301s).error() == ap::errc::failed_precondition);
    CHECK(signer().verify(headers(), payload, sent - 301s).error() == ap::errc::failed_precondition);
}

TEST_CASE("openssl: fields that are missing or malformed are told from those that do not fit") {
    for (char const* name : {"webhook-id", "webhook-timestamp", "webhook-signature"}) {
        http::fields less = headers();
        less.erase(name);
        CHECK(signer().verify(less, payload, sent).error() == ap::errc::invalid_argument);
    }
    for (char const* when : {"hello", "", "-1", "16142653300000", "1614265330.0"}) {
        http::fields odd = headers();
        REQUIRE(odd.set("webhook-timestamp", when).has_value());
        CHECK(signer().verify(odd, payload, sent).error() == ap::errc::invalid_argument);
    }
}

TEST_CASE("openssl: while keys are exchanged messages are signed with both, and either side may have either") {
    http::webhook_signer both = signer("whsec_AAAA");
    REQUIRE(both.add(secret).has_value());
    http::fields const fields = both.sign(id, sent, payload).value();
    CHECK(signer().verify(fields, payload, sent).has_value());
    CHECK(signer("AAAA").verify(fields, payload, sent).has_value());
    CHECK(both.verify(headers(), payload, sent).has_value());
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("openssl: a signer without a function is refused") {
    CHECK_THROWS_AS(http::webhook_signer::make(nullptr, secret), std::invalid_argument);
}
#endif
