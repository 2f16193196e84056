// SPDX-License-Identifier: BSL-1.0
#include "antiphon/messaging/subject.hpp"

#include "catch_compat.hpp"

using namespace antiphon::messaging;

TEST_CASE("subject: tokens of visible characters with one dot between two") {
    for (char const* good : {"a", "orders.price", "a.b-c_d.E9", "\xC3\xA9.b"})
        CHECK(is_subject(good));
    for (char const* bad : {"", ".", "a.", ".a", "a..b", "a b", "a\tb", "a.*", ">", "a.b\n"})
        CHECK_FALSE(is_subject(bad));
}

TEST_CASE("subject: a pattern may have stars as tokens and end in more") {
    for (char const* good : {"a", "*", ">", "a.*", "*.b", "a.*.c", "a.>"})
        CHECK(is_pattern(good));
    for (char const* bad : {"", "a.", ">.a", "a.>.b", "a*", "a..b", "a.b>"})
        CHECK_FALSE(is_pattern(bad));
}

TEST_CASE("subject: a star is one token, and more is one or more") {
    CHECK(matches("a.b", "a.b"));
    CHECK_FALSE(matches("a.b", "a.c"));
    CHECK_FALSE(matches("a.b", "a"));
    CHECK_FALSE(matches("a", "a.b"));
    CHECK(matches("*.b", "x.b"));
    CHECK_FALSE(matches("*", "x.b"));
    CHECK(matches(">", "x.y.z"));
    CHECK(matches("a.>", "a.b"));
    CHECK_FALSE(matches("a.>", "a"));
    CHECK(matches("a.*.>", "a.b.c.d"));
}

TEST_CASE("subject: only whole tokens are wildcards") {
    for (char const* wild : {"*", ">", "a.*", "*.a", "a.*.b", "a.>"})
        CHECK(has_wildcard(wild));
    for (char const* plain : {"a", "a.b", "a.b.c"})
        CHECK_FALSE(has_wildcard(plain));
}
