// SPDX-License-Identifier: BSL-1.0
#include <antiphon/interop/json.hpp>

#include <string>
#include <type_traits>
#include <utility>

#include "antiphon/antiphon.hpp"
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
