// SPDX-License-Identifier: BSL-1.0
// A client of report_service that may be killed while it waits: its ticket is in a file, with which it goes on later.
//   report_client ask URL FILE       asks, writes the ticket to the file, waits for the report
//   report_client resume FILE        redeems the ticket in the file
//   report_client watch FILE         prints how far it is, until it is there
//   report_client demo SERVICE       starts that service and a client, kills the client, watches its ticket and resumes it
#include <antiphon/antiphon.hpp>
#include <antiphon/http/respond_async.hpp>
#include <antiphon/interop/curl.hpp>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;

namespace {

int print(ap::result<http::response> const& report) {
    if (!report || !report->ok()) {
        std::fprintf(stderr, "no report: %s\n", report ? report->body.c_str() : report.error().message().c_str());
        return 1;
    }
    std::printf("%s\n", report->body.c_str());
    return 0;
}

/// As a whole or not at all: whoever reads it never finds half a ticket.
void write_down(http::ticket const& told, std::string const& file) {
    std::ofstream{file + ".new"} << told.text();
    std::rename((file + ".new").c_str(), file.c_str());
}

int ask(std::string const& url, std::string const& file) {
    http::client const web{url, {.proxy = ""}};
    auto const report = web.post("/reports", "whales") |
                        http::respond_async{.wait = 0s, .on_ticket = [&](http::ticket const& told) { write_down(told, file); }} |
                        ap::timeout{.limit = 30s};
    return print(report.call());
}

ap::result<http::ticket> ticket_in(std::string const& file) {
    std::ifstream in{file};
    ap::result<http::ticket> held = http::ticket::parse(std::string{std::istreambuf_iterator<char>{in}, {}});
    if (!held) std::fprintf(stderr, "%s holds no ticket: %s\n", file.c_str(), held.error().message().c_str());
    return held;
}

int watch(std::string const& file) {
    ap::result<http::ticket> const held = ticket_in(file);
    if (!held) return 1;
    http::client const web{{}, {.proxy = ""}};
    http::event_source feed = web.events(held->url);
    for (;;) {
        auto const event = feed.next().get();
        if (!event) std::fprintf(stderr, "lost: %s\n", event.error().message().c_str());
        if (!event || !*event) return 1;
        if ((*event)->type == "answer") return 0;  // its data: the status, and the report
        std::printf("%s\n", (*event)->data.c_str());
        std::fflush(stdout);
    }
}

int resume(std::string const& file) {
    ap::result<http::ticket> const held = ticket_in(file);
    if (!held) return 1;
    http::client const web{{}, {.proxy = ""}};
    return print((web.send() | http::resume{} | ap::timeout{.limit = 30s}).call(*held));
}

/// A child process, its standard input and output pipes of ours.
struct child {
    ::pid_t pid = -1;
    int to = -1, from = -1;
};
child start(std::vector<std::string> command) {
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) std::abort();
    ::posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    std::vector<char*> arguments;
    for (std::string& each : command)
        arguments.push_back(each.data());
    arguments.push_back(nullptr);
    child made;
    if (::posix_spawn(&made.pid, arguments[0], &actions, nullptr, arguments.data(), ::environ) != 0) std::abort();
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    made.to = in[1];
    made.from = out[0];
    return made;
}
int end(child& c, int signal) {
    if (signal != 0) ::kill(c.pid, signal);
    ::close(c.to);
    int status = 0;
    ::waitpid(c.pid, &status, 0);
    ::close(c.from);
    return status;
}

int demo(std::string const& self, std::string const& service) {
    child serves = start({service});
    std::string url;
    for (char c = 0; ::read(serves.from, &c, 1) == 1 && c != '\n';)
        url += c;
    char folder[] = "/tmp/antiphon-report-XXXXXX";
    if (::mkdtemp(folder) == nullptr) return 1;
    std::string const file = std::string{folder} + "/ticket";

    child asks = start({self, "ask", url, file});
    ap::request const written{[&]() -> ap::task<bool> {
        for (int i = 0; i < 10'000; ++i) {
            if (std::ifstream{file}.good()) co_return true;
            co_await ap::sleep_for(1ms);
        }
        co_return false;
    }};
    bool const told = written.submit().get().value_or(false);
    end(asks, SIGKILL);
    std::printf("the first client %s a ticket, and was killed\n", told ? "wrote down" : "never got");
    std::fflush(stdout);

    int const status = watch(file) == 0 ? resume(file) : 1;
    std::remove(file.c_str());
    ::rmdir(folder);
    return end(serves, 0) == 0 && told ? status : 1;
}

}  // namespace

int main(int count, char** words) {
    std::string_view const verb = count > 1 ? words[1] : "";
    if (verb == "ask" && count == 4) return ask(words[2], words[3]);
    if (verb == "watch" && count == 3) return watch(words[2]);
    if (verb == "resume" && count == 3) return resume(words[2]);
    if (verb == "demo" && count == 3) return demo(words[0], words[2]);
    std::fputs("report_client ask URL FILE | watch FILE | resume FILE | demo SERVICE\n", stderr);
    return 2;
}
