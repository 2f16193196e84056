// SPDX-License-Identifier: BSL-1.0
#pragma once
// One client and one Node server for all tests of a program.

#include <antiphon/antiphon.hpp>
#include <antiphon/interop/curl.hpp>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "catch_compat.hpp"
#include "support/servers.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;

namespace web_tests {

inline bool node_is_missing() {
    if (!servers::find_program("node").empty()) return false;
    WARN("node is not installed: skipped");
    return true;
}
inline servers::node_server& node() {
    static servers::node_server server;
    return server;
}
inline http::client_options quiet(http::client_options o = {}) {
    o.proxy = "";  // whatever the environment says
    return o;
}
/// Until it is so, or for ten seconds.
template <class F>
bool soon(F f) {
    ap::request const looks{[&]() -> ap::task<bool> {
        for (int i = 0; i < 10'000; ++i) {
            if (f()) co_return true;
            co_await ap::sleep_for(std::chrono::milliseconds{1});
        }
        co_return false;
    }};
    return looks.submit().get().value();
}
inline http::client& web() {
    static http::client client{node().url(), quiet()};
    return client;
}
inline std::string body_of(ap::result<http::response> const& r) {
    INFO((r ? std::string{} : r.error().message()));
    REQUIRE(r.has_value());
    return r->body;
}
/// Asks until the server says so; what it says comes on its own.
inline bool eventually(std::string const& target, std::string const& expected) {
    for (int i = 0; i < 5000; ++i)
        if (body_of(web().get(target).call()) == expected) return true;
    return false;
}
inline bool eventually_starts(std::string const& target, std::string const& expected) {
    for (int i = 0; i < 5000; ++i)
        if (body_of(web().get(target).call()).starts_with(expected)) return true;
    return false;
}
inline std::string unique(std::string const& name) {
    static std::atomic<int> number{0};
    return name + std::to_string(++number);
}
/// How many descriptors this process has open.
inline std::size_t open_descriptors() {
    std::size_t count = 0;
    for (int fd = 0; fd < 4096; ++fd)
        count += ::fcntl(fd, F_GETFD) != -1 ? 1U : 0U;
    return count;
}
/// Begins to connect, and does not wait for it.
class hanging_socket {
public:
    explicit hanging_socket(std::uint16_t port) : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)} {
        ::sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        to.sin_port = htons(port);
        static_cast<void>(::connect(fd_, reinterpret_cast<::sockaddr*>(&to), sizeof to));
    }
    hanging_socket(hanging_socket const&) = delete;
    hanging_socket& operator=(hanging_socket const&) = delete;
    ~hanging_socket() { ::close(fd_); }

private:
    int fd_;
};
inline std::string refusing_url() {
    servers::listener taken;
    return taken.url();
}

}  // namespace web_tests

using namespace web_tests;

#define NEEDS_NODE() \
    if (node_is_missing()) return
