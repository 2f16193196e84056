// SPDX-License-Identifier: BSL-1.0
#include "antiphon/messaging/wire.hpp"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace antiphon::messaging;
using namespace std::chrono_literals;

namespace {

std::vector<std::pair<std::string, std::string>> written(message const& m, message_kind implied = message_kind::reply) {
    std::vector<std::pair<std::string, std::string>> all;
    wire::write(m, implied, [&](std::string name, std::string value) { all.emplace_back(std::move(name), std::move(value)); });
    return all;
}
message read_back(message const& m) {
    message back;
    back.kind = message_kind::reply;
    for (auto const& [name, value] : written(m))
        REQUIRE(wire::read(back, name, value));
    return back;
}

}  // namespace

TEST_CASE("wire: a plain message needs no header") {
    message m;
    m.kind = message_kind::reply;
    m.body = "body";
    CHECK(written(m).empty());
    m.kind = message_kind::ask;
    CHECK(written(m, message_kind::ask).empty());
}

TEST_CASE("wire: everything that a message says is read back") {
    message m;
    m.kind = message_kind::refusal;
    m.executed = ap::executed::no;
    m.thrown = true;
    m.code = std::make_error_code(std::errc::no_space_on_device);
    m.retry_after = -1ns;
    m.remaining = 5s;
    m.priority = ap::priority::idle;
    m.more = true;
    m.sequence = 4'000'000'000;
    m.origin = {0x0123456789abcdef, 0xfedcba9876543210};
    m.key = "order 17";
    message const b = read_back(m);
    CHECK(b.kind == m.kind);
    CHECK(b.executed == m.executed);
    CHECK(b.thrown);
    CHECK(b.code == m.code);
    CHECK(b.retry_after == m.retry_after);
    CHECK(b.remaining == m.remaining);
    CHECK(b.priority == m.priority);
    CHECK(b.more);
    CHECK(b.sequence == m.sequence);
    CHECK(b.origin == m.origin);
    CHECK(b.key == m.key);
}

TEST_CASE("wire: a code of a category that nobody knows there is unknown") {
    struct : std::error_category {
        [[nodiscard]] char const* name() const noexcept override { return "machine"; }
        [[nodiscard]] std::string message(int) const override { return "jammed"; }
    } const machine;
    message m;
    m.kind = message_kind::refusal;
    m.code = {7, machine};
    CHECK(read_back(m).code == ap::errc::unknown);
}

TEST_CASE("wire: nonsense is refused and changes nothing") {
    for (auto const& [name, value] : std::vector<std::pair<std::string, std::string>>{{"Antiphon-Kind", "gift"},
                                                                                      {"Antiphon-Executed", ""},
                                                                                      {"Antiphon-Code", "antiphon"},
                                                                                      {"Antiphon-Code", "antiphon x"},
                                                                                      {"Antiphon-Sequence", "-1"},
                                                                                      {"Antiphon-Timeout", "1s"},
                                                                                      {"Antiphon-Timeout", "99999999999999999999"},
                                                                                      {"Antiphon-Retry-After", " 1"},
                                                                                      {"Antiphon-Priority", "3"},
                                                                                      {"Antiphon-Origin", "12"},
                                                                                      {"Antiphon-Origin", std::string(32, 'g')},
                                                                                      {"Antiphon-New", "1"},
                                                                                      {"Tenant", "blue"}}) {
        message m;
        INFO(name << ": " << value);
        CHECK_FALSE(wire::read(m, name, value));
        CHECK(m.kind == message_kind::publication);
        CHECK(m.remaining == ap::duration::max());
        CHECK(m.priority == ap::priority::normal);
        CHECK(m.origin == inbox_id{});
    }
}

TEST_CASE("wire: names of inboxes and ids are hexadecimal, and nothing else is one") {
    CHECK(wire::to_hex(std::uint64_t{0xABC}) == "0000000000000abc");
    CHECK(wire::from_hex(wire::to_hex(std::numeric_limits<std::uint64_t>::max())) == std::numeric_limits<std::uint64_t>::max());
    for (char const* bad : {"", "abc", "-000000000000001", "000000000000000g", "00000000000000000", " 00000000000000a"})
        CHECK_FALSE(wire::from_hex(bad).has_value());
    inbox_id const i{1, 2};
    CHECK(wire::inbox_from_hex(wire::to_hex(i)) == i);
}
