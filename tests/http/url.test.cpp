// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/url.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "catch_compat.hpp"

namespace http = antiphon::http;
using http::fault;
using http::url;

namespace {

url parsed(std::string_view text) {
    auto u = url::parse(text);
    INFO("url " << text << (u ? std::string{} : ": " + u.error().message()));
    REQUIRE(u.has_value());
    return *std::move(u);
}
http::located_fault wrong(std::string_view text) {
    auto const u = url::parse(text);
    INFO("url " << text);
    REQUIRE_FALSE(u.has_value());
    return http::fault_of(u.error()).value();
}
std::string resolved(std::string_view base, std::string_view reference) {
    auto const u = parsed(base).resolve(reference);
    return u ? u->text() : u.error().message();
}

}  // namespace

TEST_CASE("url: a full one has all its parts") {
    url const u = parsed("https://me:secret@example.org:8443/a/b;c?x=1&y=2#top");
    CHECK(u.absolute());
    CHECK(u.scheme() == "https");
    CHECK(u.user_info() == "me:secret");
    CHECK(u.host() == "example.org");
    CHECK(u.port() == 8443);
    CHECK(u.path() == "/a/b;c");
    CHECK(u.query() == "x=1&y=2");
    CHECK(u.fragment() == "top");
    CHECK(u.request_target() == "/a/b;c?x=1&y=2");
    CHECK(u.text() == "https://me:secret@example.org:8443/a/b;c?x=1&y=2#top");
}

TEST_CASE("url: the examples of RFC 3986 1.1.2 parse") {
    CHECK(parsed("ftp://ftp.is.co.za/rfc/rfc1808.txt").host() == "ftp.is.co.za");
    CHECK(parsed("ldap://[2001:db8::7]/c=GB?objectClass?one").host() == "[2001:db8::7]");
    CHECK(parsed("ldap://[2001:db8::7]/c=GB?objectClass?one").query() == "objectClass?one");
    CHECK(parsed("mailto:John.Doe@example.com").path() == "John.Doe@example.com");
    CHECK(parsed("news:comp.infosystems.www.servers.unix").scheme() == "news");
    CHECK(parsed("tel:+1-816-555-1212").path() == "+1-816-555-1212");
    CHECK(parsed("telnet://192.0.2.16:80/").port() == 80);
    CHECK(parsed("urn:oasis:names:specification:docbook:dtd:xml:4.1.2").path() == "oasis:names:specification:docbook:dtd:xml:4.1.2");
}

TEST_CASE("url: what is empty differs from what is absent") {
    CHECK_FALSE(parsed("http://h/").query().has_value());
    CHECK(parsed("http://h/?").query() == "");
    CHECK_FALSE(parsed("http://h/?").fragment().has_value());
    CHECK(parsed("http://h/#").fragment() == "");
    CHECK_FALSE(parsed("http://h/").user_info().has_value());
    CHECK(parsed("http://@h/").user_info() == "");
    CHECK_FALSE(parsed("http://h:/").port().has_value());
    CHECK_FALSE(parsed("x").has_authority());
    CHECK(parsed("file:///etc").has_authority());
    CHECK(parsed("file:///etc").host().empty());
    CHECK(parsed("").path().empty());
}

TEST_CASE("url: a question mark and a slash may stand in a query, a question mark in a fragment") {
    CHECK(parsed("http://h?a/b?c").query() == "a/b?c");
    CHECK(parsed("http://h#a/b?c").fragment() == "a/b?c");
    CHECK(parsed("http://h?x#y?z").query() == "x");
}

TEST_CASE("url: a request target has a path, and neither authority nor fragment") {
    CHECK(parsed("http://h").request_target() == "/");
    CHECK(parsed("http://h?q").request_target() == "/?q");
    CHECK(parsed("http://h/p#f").request_target() == "/p");
}

TEST_CASE("url: http and https know their ports") {
    CHECK(parsed("HTTP://h").effective_port() == 80);
    CHECK(parsed("https://h").effective_port() == 443);
    CHECK(parsed("https://h:1").effective_port() == 1);
    CHECK_FALSE(parsed("ftp://h").effective_port().has_value());
}

TEST_CASE("url: control characters are refused where they stand") {
    CHECK(wrong("http://h/\r\nX: y") == http::located_fault{fault::control_character, 9});
    CHECK(wrong(std::string_view{"http://h/\0", 10}) == http::located_fault{fault::control_character, 9});
    CHECK(wrong("\thttp://h/") == http::located_fault{fault::control_character, 0});
    CHECK(wrong("http://h/\x7f") == http::located_fault{fault::control_character, 9});
}

TEST_CASE("url: what is not ASCII and what needs an escape is refused where it stands") {
    CHECK(wrong("http://h/\xc3\xa4") == http::located_fault{fault::not_ascii, 9});
    CHECK(wrong("http://h/a b") == http::located_fault{fault::unexpected_character, 10});
    CHECK(wrong("http://h/<") == http::located_fault{fault::unexpected_character, 9});
    CHECK(wrong("http://h/?a[b") == http::located_fault{fault::unexpected_character, 11});
    CHECK(wrong("http://h/#a#") == http::located_fault{fault::unexpected_character, 11});
    CHECK(wrong("http://h\\x/") == http::located_fault{fault::unexpected_character, 8});
    CHECK(wrong("http://a b@h/") == http::located_fault{fault::unexpected_character, 8});
}

TEST_CASE("url: an escape has two hexadecimal digits") {
    CHECK(parsed("http://h/%41%fF").path() == "/%41%fF");
    CHECK(wrong("http://h/%") == http::located_fault{fault::bad_escape, 9});
    CHECK(wrong("http://h/%4") == http::located_fault{fault::bad_escape, 9});
    CHECK(wrong("http://h/%4?41") == http::located_fault{fault::bad_escape, 9});
    CHECK(wrong("http://h/%g0") == http::located_fault{fault::bad_escape, 9});
    CHECK(wrong("http://%zz/") == http::located_fault{fault::bad_escape, 7});
}

TEST_CASE("url: a scheme begins with a letter") {
    CHECK(parsed("a+b-c.9:x").scheme() == "a+b-c.9");
    CHECK(wrong("9p://h") == http::located_fault{fault::bad_scheme, 0});
    CHECK(wrong("://h") == http::located_fault{fault::bad_scheme, 0});
    CHECK(wrong("ht_tp://h") == http::located_fault{fault::bad_scheme, 2});
}

TEST_CASE("url: a port is a number up to 65535") {
    CHECK(parsed("http://h:65535/").port() == 65535);
    CHECK(parsed("http://h:00080/").port() == 80);
    CHECK(wrong("http://h:65536/") == http::located_fault{fault::bad_port, 9});
    CHECK(wrong("http://h:99999999999999999999/") == http::located_fault{fault::bad_port, 9});
    CHECK(wrong("http://h:8x/") == http::located_fault{fault::bad_port, 10});
    CHECK(wrong("http://h:-1/") == http::located_fault{fault::bad_port, 9});
    CHECK(wrong("http://h:1:2/") == http::located_fault{fault::bad_port, 10});
}

TEST_CASE("url: http and https need a host") {
    CHECK(wrong("http:///x") == http::located_fault{fault::bad_host, 7});
    CHECK(wrong("https://:80/") == http::located_fault{fault::bad_host, 8});
    CHECK(wrong("http://me@/") == http::located_fault{fault::bad_host, 10});
}

TEST_CASE("url: IPv6 addresses are checked") {
    for (char const* good : {"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1::8", "2001:db8::7", "::ffff:192.0.2.1", "1:2:3:4:5:6:192.0.2.1",
                             "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "fe80::ABCD", "v1.x:y", "vFF.a"})
        CHECK(parsed(std::string{"http://["} + good + "]:1/").host() == std::string{"["} + good + "]");
    for (char const* bad : {"",        ":",       ":::",         "1",           "1:2:3:4:5:6:7",  "1:2:3:4:5:6:7:8:9",
                            "1::2::3", "12345::", "g::",         "1:",          ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8::",
                            "1.2.3.4", "::1.2.3", "::1.2.3.256", "::1.2.3.4.5", "::01.2.3.4",     "::1.2.3.4:5",
                            "v1",      "v.x",     "v1.",         "vg.x",        "::1%25eth0"})
        CHECK(wrong(std::string{"http://["} + bad + "]/").what == fault::bad_address);
    CHECK(wrong("http://[::1/").what == fault::bad_address);
    CHECK(wrong("http://[::1]x/") == http::located_fault{fault::bad_host, 12});
}

TEST_CASE("url: one that is far too long is refused") {
    CHECK(wrong(std::string(url::longest + 1, 'a')).what == fault::too_long);
    CHECK(parsed(std::string(url::longest, 'a')).path().size() == url::longest);
}

TEST_CASE("url: the normal examples of RFC 3986 5.4.1 resolve") {
    std::pair<char const*, char const*> const table[] = {
        {"g:h", "g:h"},
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q#s"},
        {"g#s", "http://a/b/c/g#s"},
        {"g?y#s", "http://a/b/c/g?y#s"},
        {";x", "http://a/b/c/;x"},
        {"g;x", "http://a/b/c/g;x"},
        {"g;x?y#s", "http://a/b/c/g;x?y#s"},
        {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../", "http://a/"},
        {"../../g", "http://a/g"},
    };
    for (auto const& [reference, expected] : table)
        CHECK(resolved("http://a/b/c/d;p?q", reference) == expected);
}

TEST_CASE("url: the abnormal examples of RFC 3986 5.4.2 resolve") {
    std::pair<char const*, char const*> const table[] = {
        {"../../../g", "http://a/g"},
        {"../../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {".g", "http://a/b/c/.g"},
        {"g..", "http://a/b/c/g.."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"./g/.", "http://a/b/c/g/"},
        {"g/./h", "http://a/b/c/g/h"},
        {"g/../h", "http://a/b/c/h"},
        {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g?y/./x", "http://a/b/c/g?y/./x"},
        {"g?y/../x", "http://a/b/c/g?y/../x"},
        {"g#s/./x", "http://a/b/c/g#s/./x"},
        {"g#s/../x", "http://a/b/c/g#s/../x"},
        {"http:g", "http:g"},
    };
    for (auto const& [reference, expected] : table)
        CHECK(resolved("http://a/b/c/d;p?q", reference) == expected);
}

TEST_CASE("url: resolving keeps user, port and an empty path whole") {
    CHECK(resolved("http://me@h:1", "g") == "http://me@h:1/g");
    CHECK(resolved("http://h", "/users/42") == "http://h/users/42");
    CHECK(resolved("http://h/v1/", "users/42") == "http://h/v1/users/42");
    CHECK(resolved("http://h/x?q", "#f") == "http://h/x?q#f");
    CHECK(resolved("http://h", "//other:2/x") == "http://other:2/x");
}

TEST_CASE("url: a path that would read as an authority is kept apart") {
    CHECK(resolved("a:/b", "/..//c") == "a:/.//c");
    CHECK(parsed(resolved("a:/b", "/..//c")).host().empty());
}

TEST_CASE("url: only an absolute one is a base") { CHECK(resolved("/a/b", "c") == "something is missing, at 0"); }

TEST_CASE("url: a bad reference does not resolve, and says where it is wrong") {
    auto const u = parsed("http://h").resolve("/a\nb");
    REQUIRE_FALSE(u.has_value());
    CHECK(http::fault_of(u.error()) == http::located_fault{fault::control_character, 2});
}

TEST_CASE("url: equivalent ones are normalized to one") {
    CHECK(parsed("HTTP://User@EXAMPLE.com:80/%7euser/./a/../b%2f?q%3d#F").normalized().text() ==
          "http://User@example.com/~user/b%2F?q%3D#F");
    CHECK(parsed("https://h:443").normalized().text() == "https://h/");
    CHECK(parsed("https://h:80").normalized().text() == "https://h:80/");
    CHECK(parsed("http://h:").normalized().text() == "http://h/");
    CHECK(parsed("../A?b").normalized().text() == "../A?b");
    CHECK(parsed("http://%41.B/").normalized().text() == "http://a.b/");
}

TEST_CASE("url: normalizing twice is normalizing once") {
    for (char const* text : {"HTTP://h/%7e/../x", "x:/..//y", "mailto:A@b", "//H/%41", "?%7e", "http://h/%25%41"}) {
        url const once = parsed(text).normalized();
        CHECK(once.normalized() == once);
    }
}

TEST_CASE("url: an origin is scheme, host and port") {
    CHECK(parsed("http://h/a").same_origin(parsed("HTTP://H:80/b")));
    CHECK_FALSE(parsed("http://h").same_origin(parsed("https://h")));
    CHECK_FALSE(parsed("http://h").same_origin(parsed("http://h:81")));
    CHECK_FALSE(parsed("http://h").same_origin(parsed("http://g")));
}
