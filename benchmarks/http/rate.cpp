// SPDX-License-Identifier: BSL-1.0
// http_rate WHO URL IN_FLIGHT ACTIVE MILLISECONDS: one peer under one load; prints a line of JSON. `http_rate` names the peers,
// `http_rate versions` their libraries.

#include <boost/version.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "by_antiphon.hpp"
#include "by_beast.hpp"
#include "by_curl.hpp"
#include "by_others.hpp"
#include "load.hpp"

namespace {

struct peer {
    char const* name;
    void (*run)(load const&, meter&);
};
constexpr peer peers[] = {
    {"antiphon", by_antiphon::run},
    {"antiphon, fixed cap", by_antiphon::run_capped},
    {"curl multi_poll, own queue", by_curl::poll},
    {"curl socket_action, own queue", by_curl::epoll},
    {"curl multi_poll", [](load const& l, meter& m) { by_curl::all_poll(l, m); }},
    {"curl socket_action", [](load const& l, meter& m) { by_curl::all_epoll(l, m); }},
    {"Beast", by_beast::run},
#if ANTIPHON_BENCH_HTTPLIB
    {"cpp-httplib, a thread each", by_httplib::run},
#endif
#if ANTIPHON_BENCH_CPR
    {"cpr", by_cpr::run},
#endif
};

void print_versions() {
    std::printf("libcurl %s; Boost %s", curl_version_info(CURLVERSION_NOW)->version, BOOST_LIB_VERSION);
#if ANTIPHON_BENCH_HTTPLIB
    std::printf("; cpp-httplib %s", CPPHTTPLIB_VERSION);
#endif
#if ANTIPHON_BENCH_CPR
    std::printf("; cpr %s", CPR_VERSION);
#endif
    std::printf("\n");
}

}  // namespace

int main(int count, char** words) {
    std::signal(SIGPIPE, SIG_IGN);
    if (count == 2 && std::string_view{words[1]} == "versions") return print_versions(), 0;
    if (count != 6) {
        for (peer const& each : peers)
            std::printf("%s\n", each.name);
        return count == 1 ? 0 : 2;
    }
    load l = parsed(words[2]);
    l.in_flight = static_cast<std::size_t>(std::atoi(words[3]));
    l.active = static_cast<std::size_t>(std::atoi(words[4]));
    l.length = std::chrono::milliseconds{std::atoi(words[5])};
    for (peer const& each : peers)
        if (std::string_view{each.name} == words[1]) {
            meter m{l};
            each.run(l, m);
            m.print(each.name);
            return 0;
        }
    return 2;
}
