// SPDX-License-Identifier: BSL-1.0
// The client against nginx: TLS with an authority of the test's own, HTTP/2, a server that is killed.
#include <antiphon/antiphon.hpp>
#include <antiphon/interop/curl.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/servers.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;

namespace {

bool missing() {
    for (char const* program : {"nginx", "openssl"}) {
        if (!servers::find_program(program).empty()) continue;
        WARN(program << " is not installed: skipped");
        return true;
    }
    return false;
}
servers::authority& ca() {
    static servers::authority made;
    REQUIRE(made.good());
    return made;
}
servers::nginx_server& nginx() {
    static servers::nginx_server server{ca()};
    return server;
}
std::string body_of(ap::result<http::response> const& r) {
    INFO((r ? std::string{} : r.error().message()));
    REQUIRE(r.has_value());
    return r->body;
}
http::client_options trusting(http::client_options o = {}) {
    o.proxy = "";
    o.ca_file = ca().certificate("ca");
    return o;
}

}  // namespace

#define NEEDS_NGINX() \
    if (missing()) return

TEST_CASE("curl with TLS: a server whose certificate is trusted answers, by HTTP/2") {
    NEEDS_NGINX();
    http::client const web{nginx().secure_url(), trusting()};
    CHECK(body_of(web.get("/").call()) == "hello HTTP/2.0");
    http::client const by_address{nginx().secure_url("/", "127.0.0.1"), trusting()};
    CHECK(body_of(by_address.get("/").call()) == "hello HTTP/2.0");
}

TEST_CASE("curl with TLS: HTTP/2 may be switched off, and is not spoken without TLS") {
    NEEDS_NGINX();
    http::client const one{nginx().secure_url(), trusting({.http2 = false})};
    CHECK(body_of(one.get("/").call()) == "hello HTTP/1.1");
    http::client const plain{nginx().url(), trusting()};
    CHECK(body_of(plain.get("/").call()) == "hello HTTP/1.1");
}

TEST_CASE("curl with TLS: a certificate that nobody vouches for is refused before anything is sent") {
    NEEDS_NGINX();
    http::client_options unaware;
    unaware.proxy = "";
    http::client const web{nginx().secure_url(), unaware};
    auto const r = web.post("/", "secret").call();
    CHECK(r.error() == ap::errc::unauthenticated);
    CHECK(r.error().executed() == ap::executed::no);
}

TEST_CASE("curl with TLS: a certificate for another name is refused") {
    NEEDS_NGINX();
    http::client const web{nginx().secure_url("/", "localhost.localdomain"), trusting()};
    auto const r = web.get("/").call();
    // A system whose resolver does not know that name cannot even get to the certificate.
    CHECK((r.error() == ap::errc::unauthenticated || r.error().message() == "the host's name is not known"));
    CHECK(r.error().executed() == ap::executed::no);
}

TEST_CASE("curl with TLS: a file of authorities that is not there is the caller's mistake") {
    NEEDS_NGINX();
    auto options = trusting();
    options.ca_file = "/nonexistent/ca.pem";
    http::client const web{nginx().secure_url(), options};
    CHECK(web.get("/").call().error() == ap::errc::failed_precondition);
}

TEST_CASE("curl with TLS: a server that does not speak it fails in the handshake") {
    NEEDS_NGINX();
    std::string url = nginx().url();
    http::client const web{url.replace(0, 4, "https"), trusting()};
    auto const r = web.get("/").call();
    CHECK(r.error() == ap::errc::unavailable);
    CHECK(r.error().executed() == ap::executed::no);
    CHECK(r.error().message() == "the TLS handshake failed");
}

TEST_CASE("curl with TLS: hundreds at once share connections by HTTP/2") {
    NEEDS_NGINX();
    http::client const web{nginx().secure_url(), trusting()};
    std::vector<ap::future<http::response>> asked;
    for (int i = 0; i < 300; ++i)
        asked.push_back(web.get("/").submit());
    for (auto& each : asked)
        CHECK(body_of(std::move(each).get()) == "hello HTTP/2.0");
}

TEST_CASE("curl: nginx killed under load decides every ask") {
    NEEDS_NGINX();
    servers::nginx_server own{ca()};
    http::client const web{own.url(), trusting()};
    REQUIRE(web.get("/").call()->status == 200);
    std::vector<ap::future<http::response>> asked;
    for (int i = 0; i < 2000; ++i) {
        asked.push_back(web.get("/").submit());
        if (i == 1000) own.kill();
    }
    int answered = 0, failed = 0;
    for (auto& each : asked) {
        auto const r = std::move(each).get();
        answered += r && r->status == 200 ? 1 : 0;
        failed += !r && r.error() == ap::errc::unavailable ? 1 : 0;
    }
    CHECK(answered + failed == 2000);
    CHECK(failed > 0);
}
