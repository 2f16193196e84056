// SPDX-License-Identifier: BSL-1.0
#include "antiphon/messaging/message.hpp"

#include "catch_compat.hpp"

using namespace antiphon::messaging;

TEST_CASE("message: a new one is a publication that waits for nothing") {
    message const m;
    CHECK(m.kind == message_kind::publication);
    CHECK(m.remaining == antiphon::duration::max());
    CHECK(m.inbox == inbox_id{});
    CHECK(m.id == 0);
    CHECK(m.headers.empty());
    CHECK(m.priority == antiphon::priority::normal);
}
