// SPDX-License-Identifier: BSL-1.0
#include "antiphon/messaging/serve_options.hpp"

#include "antiphon/messaging/client.hpp"
#include "antiphon/messaging/loopback.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace antiphon::messaging;
using namespace std::chrono_literals;

TEST_CASE("serve_options: work is shared, and nothing is remembered, unless one says so") {
    CHECK_FALSE(serve_options{}.group.empty());
    CHECK(serve_options{}.remember == 0s);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("serve_options: nonsense is refused by name") {
    client const bus{loopback{}};
    ap::request<int(int)> const same = [](int n) { return n; };
    CHECK_THROWS_WITH(bus.serve("a", same, {.remember = -1s}), ContainsSubstring("serve_options.remember"));
    CHECK_THROWS_WITH(bus.serve("a", same, {.remember_most = 0}), ContainsSubstring("serve_options.remember_most"));
    CHECK_THROWS_WITH(bus.serve("a", same, {.max_body = 0}), ContainsSubstring("serve_options.max_body"));
    CHECK_THROWS_WITH(bus.serve("a..b", same), ContainsSubstring("pattern"));
}
#endif
