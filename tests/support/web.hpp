// SPDX-License-Identifier: BSL-1.0
#pragma once
// One client and one Node server for all tests of a program.

#include <antiphon/interop/curl.hpp>

#include <atomic>
#include <string>
#include <utility>

#include "catch_compat.hpp"
#include "support/servers.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;

namespace web_tests {

inline bool node_is_missing() {
    if (!servers::find_program("node").empty()) return false;
    WARN("node is not installed: skipped");
    return true;
}
inline servers::node_server& node() {
    static servers::node_server server;
    return server;
}
inline http::client_options quiet(http::client_options o = {}) {
    o.proxy = "";  // whatever the environment says
    return o;
}
inline http::client& web() {
    static http::client client{node().url(), quiet()};
    return client;
}
inline std::string body_of(ap::result<http::response> const& r) {
    INFO((r ? std::string{} : r.error().message()));
    REQUIRE(r.has_value());
    return r->body;
}
/// Asks until the server says so; what it says comes on its own.
inline bool eventually(std::string const& target, std::string const& expected) {
    for (int i = 0; i < 5000; ++i)
        if (body_of(web().get(target).call()) == expected) return true;
    return false;
}
inline bool eventually_starts(std::string const& target, std::string const& expected) {
    for (int i = 0; i < 5000; ++i)
        if (body_of(web().get(target).call()).starts_with(expected)) return true;
    return false;
}
inline std::string unique(std::string const& name) {
    static std::atomic<int> number{0};
    return name + std::to_string(++number);
}
inline std::string refusing_url() {
    servers::listener taken;
    return taken.url();
}

}  // namespace web_tests

using namespace web_tests;

#define NEEDS_NODE() \
    if (node_is_missing()) return
