// SPDX-License-Identifier: BSL-1.0
// A service whose reports take longer than a client should have to hold a connection: it answers in time, or gives a ticket.
//   report_service    prints its URL, and serves until its standard input ends.
#include <antiphon/antiphon.hpp>
#include <antiphon/interop/beast.hpp>

#include <chrono>
#include <cstdio>
#include <string>

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;

int main() {
    ap::request report{[](http::progress told, std::string subject) -> ap::task<std::string> {
        for (int percent = 0; percent < 100; percent += 20) {
            told.report(std::to_string(percent) + " %");
            co_await ap::sleep_for(100ms);  // the work
        }
        co_return "report on " + subject;
    }};

    http::service site{{.keep_results = 1min}};
    site.route("POST", "/reports", report);
    http::server server{site};

    std::printf("%s\n", server.url().c_str());
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    server.shut_down(5s);
}
