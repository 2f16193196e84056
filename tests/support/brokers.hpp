// SPDX-License-Identifier: BSL-1.0
#pragma once
// What tests against brokers serve, and what the other end says in another language.

#include <antiphon/messaging/client.hpp>
#include <antiphon/request/promise.hpp>
#include <antiphon/request/request.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/node_packages.hpp"
#include "support/servers.hpp"

namespace brokers {

namespace ap = antiphon;

inline ap::request<int(int)> twice() {
    return ap::request{[](int n) { return 2 * n; }};
}

/// A handler that says that it was asked, and answers when it is told to.
struct holding {
    ap::promise<int> reply = {};
    ap::promise<void> arrived = {};
    ap::future<void> has_arrived = arrived.get_future();
    ap::request<int(int)> request() {
        return ap::request{[this](int, ap::promise<int> p) {
            reply = std::move(p);
            arrived.set_value();
        }};
    }
};

/// The script of the same name beside the tests asks, is refused, finds nobody (which it calls `nobody`), and serves in turn.
inline void meets_node(ap::messaging::client const& bus, std::string const& script, std::string const& url, char const* nobody) {
    using namespace std::chrono_literals;
    auto const serving = bus.serve("cpp.twice", twice());
    auto const failing = bus.serve("cpp.fails", ap::request{[](int) -> ap::result<int> {
                                       return ap::failure{ap::errc::not_found, ap::executed::no, "no such order"};
                                   }});
    servers::process node{{servers::find_program("node"), ANTIPHON_TESTS_FOLDER "/interop/" + script, url}, {servers::node_path()}};
    CHECK(node.line() == "42");
    CHECK(node.line() == "refusal antiphon 5 no: no such order");
    CHECK(node.line() == nobody);
    auto const shout = bus.request<ap::messaging::message(std::string)>("node.shout");
    ap::messaging::message const loud = shout.call("hello").value();
    CHECK(loud.body == "hello!");
    CHECK(loud.headers.get("Seen-Tenant") == "blue");
    ap::failure const refused = shout.call("fail").error();
    CHECK(refused == ap::errc::resource_exhausted);
    CHECK(refused.executed() == ap::executed::no);
    CHECK(refused.retry_after() == 3s);
    CHECK(refused.message() == "not so loud");
}

}  // namespace brokers
