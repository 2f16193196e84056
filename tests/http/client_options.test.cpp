// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/client_options.hpp>

#include <chrono>
#include <stdexcept>

#include "catch_compat.hpp"

namespace http = antiphon::http;
using namespace std::chrono_literals;

TEST_CASE("client_options: the defaults are sound") {
    http::client_options const o;
    http::detail::check(o);
    CHECK(o.min_active == 64);
    CHECK(o.max_active == 1024);
    CHECK(o.timeout == antiphon::duration::max());
    CHECK(o.max_redirects == 10);
    CHECK_FALSE(o.proxy.has_value());
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("client_options: nonsense is refused by name") {
    auto const told = [](http::client_options const& o) -> std::string {
        try {
            http::detail::check(o);
        } catch (std::invalid_argument const& e) {
            return e.what();
        }
        return "";
    };
    CHECK_THAT(told({.min_active = 0}), ContainsSubstring("client_options.min_active"));
    CHECK_THAT(told({.max_active = 0}), ContainsSubstring("client_options.max_active"));
    CHECK_THAT(told({.timeout = 0s}), ContainsSubstring("client_options.timeout"));
    CHECK_THAT(told({.connect_timeout = -1s}), ContainsSubstring("client_options.connect_timeout"));
    CHECK_THAT(told({.user_agent = "a\nb"}), ContainsSubstring("client_options.user_agent"));
    CHECK_THAT(told({.deadline_field = "a b"}), ContainsSubstring("client_options.deadline_field"));
    CHECK_THAT(told({.stream_window = 0}), ContainsSubstring("client_options.stream_window"));
    CHECK_THAT(told({.max_header = 0}), ContainsSubstring("client_options.max_header"));
}
#endif
