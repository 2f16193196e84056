// SPDX-License-Identifier: BSL-1.0
#include "antiphon/interop/json_codec.hpp"

#include <antiphon/messaging/client.hpp>
#include <antiphon/messaging/loopback.hpp>

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "catch_compat.hpp"

namespace ap = antiphon;
namespace ms = antiphon::messaging;

namespace {

struct order {
    std::string item;
    int quantity = 0;
};
void to_json(nlohmann::json& j, order const& o) { j = {{"item", o.item}, {"quantity", o.quantity}}; }
void from_json(nlohmann::json const& j, order& o) {
    j.at("item").get_to(o.item);
    j.at("quantity").get_to(o.quantity);
}

}  // namespace

TEST_CASE("json_codec: values of any JSON type are asked and answered") {
    ms::loopback const broker;
    ms::client const bus{broker};
    auto const serving = bus.serve("totals", ap::request{[](std::vector<order> const& all) {
                                       std::map<std::string, int> sums;
                                       for (order const& each : all)
                                           sums[each.item] += each.quantity;
                                       return sums;
                                   }},
                                   {}, ms::json_codec{});
    auto const totals = bus.request<std::map<std::string, int>(std::vector<order>), ap::repeat::safe, ms::json_codec>("totals");
    std::map<std::string, int> const expected{{"tea", 5}, {"milk", 1}};
    CHECK(totals.call(std::vector<order>{{"tea", 2}, {"milk", 1}, {"tea", 3}}).value() == expected);
    auto const raw = bus.request<nlohmann::json(nlohmann::json), ap::repeat::safe, ms::json_codec>("totals");
    CHECK(raw.call(nlohmann::json::array()).value() == nlohmann::json::object());
}

#if ANTIPHON_EXCEPTIONS  // without them nlohmann-json ends the program where a value is of another type
TEST_CASE("json_codec: what is not JSON, or not that type's, is an invalid argument and does not run") {
    ms::loopback const broker;
    ms::client const bus{broker};
    std::atomic<int> ran{0};
    auto const serving = bus.serve("order", ap::request{[&](order const& o) {
                                       ++ran;
                                       return o.quantity;
                                   }},
                                   {}, ms::json_codec{});
    auto const text = bus.request<std::string(std::string)>("order");
    for (char const* each : {"", "{", "[]", "{\"item\":\"tea\"}", "{\"item\":1,\"quantity\":1}", "nonsense"}) {
        INFO(each);
        ap::failure const why = text.call(each).error();
        CHECK(why == ap::errc::invalid_argument);
        CHECK(why.executed() == ap::executed::no);
    }
    CHECK(text.call(std::string(100'000, '[')).error() == ap::errc::out_of_range);
    CHECK(ran == 0);
    CHECK(text.call(R"({"item":"tea","quantity":4})").value() == "4");
}

TEST_CASE("json_codec: an answer that is not what was asked for was executed") {
    ms::loopback const broker;
    ms::client const bus{broker};
    auto const serving = bus.serve("number", ap::request{[] { return 7; }}, {}, ms::json_codec{});
    ap::failure const why = bus.request<std::string(), ap::repeat::safe, ms::json_codec>("number").call().error();
    CHECK(why == ap::errc::invalid_argument);
    CHECK(why.executed() == ap::executed::yes);
}

TEST_CASE("json_codec: text that is no UTF-8 cannot be written") {
    ms::json_codec const c;
    CHECK(c.encode(std::string{"\xFF"}).error() == ap::errc::invalid_argument);
    CHECK(c.decode(ms::type<std::string>{}, *c.encode(std::string{"h\xC3\xA9"})).value() == "h\xC3\xA9");
}
#endif
