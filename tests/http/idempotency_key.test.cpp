// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/idempotency_key.hpp>

#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using http::idempotency_key;

namespace {
auto const tells = ap::request{[](idempotency_key key) { return key.text(); }};
}  // namespace

TEST_CASE("idempotency_key: one of the caller's is visible ASCII, and is sent quoted") {
    CHECK(idempotency_key::parse("order-7/b").value().quoted() == "\"order-7/b\"");
    auto const wrong = [](std::string const& text) { return http::fault_of(idempotency_key::parse(text).error()).value(); };
    CHECK(wrong("") == http::located_fault{http::fault::missing, 0});
    CHECK(wrong("a\"b") == http::located_fault{http::fault::unexpected_character, 1});
    CHECK(wrong("a\\b") == http::located_fault{http::fault::unexpected_character, 1});
    CHECK(wrong("a b") == http::located_fault{http::fault::unexpected_character, 1});
    CHECK(wrong("ab\r\n") == http::located_fault{http::fault::control_character, 2});
    CHECK(wrong("\xc3\xa4") == http::located_fault{http::fault::not_ascii, 0});
    CHECK(wrong(std::string(256, 'k')) == http::located_fault{http::fault::too_long, 255});
    CHECK(idempotency_key::parse(std::string(255, 'k')).has_value());
}

TEST_CASE("idempotency_key: new ones are 128 bits and never the same") {
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        CHECK(idempotency_key::make().text().size() == 32);
        seen.insert(idempotency_key::make().text());
    }
    CHECK(seen.size() == 1000);
}

TEST_CASE("idempotency_key: under a simulation the keys replay with the seed") {
    auto const keys = [](std::uint64_t seed) {
        ap::testing::simulation sim{seed};
        auto const asks = tells | http::new_key | ap::starts_on(sim);
        return std::vector<std::string>{asks.call().value(), asks.call().value()};
    };
    CHECK(keys(1) == keys(1));
    CHECK(keys(1) != keys(2));
    CHECK(keys(1)[0] != keys(1)[1]);
}

TEST_CASE("idempotency_key: new_key gives each ask one, for everything inside, and takes the argument away") {
    auto const twice = [](auto inner) {
        return ap::request{[=](idempotency_key key) { return inner.call(key).value() + "|" + inner.call(key).value(); }};
    };
    auto const asks = tells | twice | http::new_key;
    static_assert(std::is_same_v<decltype(asks)::signature, std::string()>);
    std::string const first = asks.call().value(), second = asks.submit().get().value();
    CHECK(first.substr(0, 32) == first.substr(33));
    CHECK(first != second);
}

TEST_CASE("idempotency_key: new_key works on erased requests and composes as a value") {
    ap::request<std::string(idempotency_key)> const erased = tells;
    ap::request<std::string()> const asks = erased | (ap::timeout{} | http::new_key);
    CHECK(asks.call()->size() == 32);
    CHECK(asks.submit().get()->size() == 32);
}

TEST_CASE("idempotency_key: new_key passes failures on, and stop requests inwards") {
    ap::request const fails{[](idempotency_key) -> ap::result<int> { return ap::errc::aborted; }};
    CHECK((fails | http::new_key).call().error() == ap::errc::aborted);
    ap::promise<int> never;
    ap::request const waits{[&](idempotency_key) { return never.get_future(); }};
    auto f = (waits | ap::starts_on(ap::inline_executor{}) | http::new_key).submit();
    CHECK_FALSE(never.stop_requested());
    f.request_stop();
    CHECK(never.stop_requested());
    never.set_value(3);
    CHECK(std::move(f).get() == 3);
}
