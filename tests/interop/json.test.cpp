// SPDX-License-Identifier: BSL-1.0
#include <antiphon/interop/json.hpp>

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/http/service.hpp"
#include "antiphon/testing/mock.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;

namespace {
struct user {
    std::string name;
    int age = 0;
};
void from_json(http::json const& j, user& u) {
    j.at("name").get_to(u.name);
    j.at("age").get_to(u.age);
}
auto gives(int status, std::string body) {
    return ap::request{[=](std::string const&) { return http::response{.status = status, .body = body}; }};
}
}  // namespace

TEST_CASE("json: a message has its body as text, and says what it is") {
    auto const m = http::json_message("POST", "/users", {{"name", "Ada"}, {"age", 36}});
    CHECK(m.body == R"({"age":36,"name":"Ada"})");
    CHECK(m.headers.get("Content-Type") == "application/json");
    CHECK(m.headers.get("Accept") == "application/json");
    CHECK(http::json_message("PATCH", "/", {}, {{"content-type", "application/merge-patch+json"}}).headers.count("Content-Type") == 1);
}

TEST_CASE("json: a response is read as the type that is asked for") {
    CHECK((gives(200, R"({"name":"Ada","age":36})") | http::as_json<user>).call("/")->age == 36);
    CHECK((gives(200, "[1,2]") | http::as_json<std::vector<int>>).submit("/").get() == std::vector<int>{1, 2});
    CHECK((gives(200, "7") | http::as_json<>).call("/").value() == 7);
    ap::request<http::response(), ap::repeat::unsafe> const post = [] { return http::response{.status = 200, .body = "1"}; };
    static_assert(std::is_same_v<decltype(post | http::as_json<int>)::repeat_type, ap::repeat::unsafe>);
    CHECK((post | http::as_json<int>).call() == 1);
}

TEST_CASE("json: what is not JSON, not that type, or not 2xx is a failure") {
    CHECK((gives(200, "{") | http::as_json<>).call("/").error() == ap::errc::data_loss);
    CHECK((gives(503, "7") | http::as_json<int>).call("/").error() == ap::errc::unavailable);
#if ANTIPHON_EXCEPTIONS
    CHECK((gives(200, R"({"name":1})") | http::as_json<user>).call("/").error() == ap::errc::data_loss);
#endif
}

TEST_CASE("json: hostile nesting is refused") {
    CHECK(http::parse_json(std::string(100, '[') + std::string(100, ']')).has_value());
    CHECK(http::parse_json(std::string(100'000, '[')).error() == ap::errc::out_of_range);
}

TEST_CASE("json: a service's routes take their arguments from JSON, and answer in it") {
    http::service site;
    site.route("POST", "/sum", ap::request{[](int a, int b) { return a + b; }}, http::json_codec{});
    site.route("POST", "/total", ap::request{[](std::vector<int> all) { return all.size(); }}, http::json_codec{});
    site.route("POST", "/older", ap::request{[](user u) { return http::json{{"name", u.name}, {"age", u.age + 1}}; }},
               http::json_codec{});
    site.route("GET", "/bytes", ap::request{[] { return std::string{"\xff"}; }}, http::json_codec{});
    site.route("PUT", "/nothing", ap::request{[] {}}, http::json_codec{});
    site.route("POST", "/told", ap::request{[](http::progress told, int n) { return told.report("x"), n; }}, http::json_codec{});
    auto const asks = [&](http::method verb, std::string target, std::string body) {
        return site.handler().call(http::request_message{.method = verb, .target = std::move(target), .body = std::move(body)}).value();
    };
    auto const sum = asks("POST", "/sum", "[1, 2]");
    CHECK(sum.body == "3");
    CHECK(sum.headers.get("Content-Type") == "application/json");
    CHECK(asks("POST", "/total", "[1, 2, 3]").body == "3");
    CHECK(asks("POST", "/older", R"({"name":"Ada","age":36})").body == R"({"age":37,"name":"Ada"})");
    CHECK(asks("GET", "/bytes", "").body == "\"\xef\xbf\xbd\"");
    CHECK(asks("PUT", "/nothing", "").status == 204);
    CHECK(asks("POST", "/told", "7").body == "7");
    for (char const* wrong : {"", "{", "3", "[1]", "[1,2,3]"})
        CHECK(asks("POST", "/sum", wrong).status == 400);
#if ANTIPHON_EXCEPTIONS
    CHECK(asks("POST", "/sum", R"(["1", 2])").status == 400);
#endif
}
