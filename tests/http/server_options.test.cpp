// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/server_options.hpp>

#include <chrono>
#include <stdexcept>
#include <string>

#include "catch_compat.hpp"

namespace http = antiphon::http;
using namespace std::chrono_literals;

TEST_CASE("server_options: the defaults are sound, and only this machine can connect") {
    http::server_options const o;
    http::detail::check(o);
    CHECK(o.address == "127.0.0.1");
    CHECK(o.port == 0);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("server_options: nonsense is refused by name") {
    auto const told = [](http::server_options const& o) -> std::string {
        try {
            http::detail::check(o);
        } catch (std::invalid_argument const& e) {
            return e.what();
        }
        return "";
    };
    CHECK_THAT(told({.max_connections = 0}), ContainsSubstring("server_options.max_connections"));
    CHECK_THAT(told({.max_header = 0}), ContainsSubstring("server_options.max_header"));
    CHECK_THAT(told({.idle = 0s}), ContainsSubstring("server_options.idle"));
}
#endif
