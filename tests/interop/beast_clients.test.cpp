// SPDX-License-Identifier: BSL-1.0
// The server by Beast with the clients of others: curl's command line, Node's fetch, wrk.
#include <antiphon/antiphon.hpp>
#include <antiphon/interop/beast.hpp>

#include <atomic>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/servers.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;

namespace {

bool is_missing(std::string const& program) {
    if (!servers::find_program(program).empty()) return false;
    WARN(program + " is not installed: skipped");
    return true;
}
/// curl, quietly and through no proxy; what it printed, where it ended with `code`.
std::string curl(std::vector<std::string> arguments, int code = 0) {
    std::vector<std::string> command{servers::find_program("curl"), "--noproxy", "*", "-sS", "--no-progress-meter", "--max-time", "60"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    auto const ended = servers::run_and_read(std::move(command));
    CHECK(ended.code == code);
    return ended.printed;
}
http::service site(std::atomic<int>& stopped) {
    http::service made{{.retry_after = 0s}};
    made.route("GET", "/hello", ap::request{[] { return std::string{"hello"}; }});
    made.route("POST", "/echo", ap::request{[](std::string body) { return body; }});
    made.route("PUT", "/echo", ap::request{[](std::string body) { return body; }});
    made.route("POST", "/count", ap::request{[](http::progress told, std::string up_to) -> ap::task<std::string> {
                   for (int i = 1; i <= std::stoi(up_to); ++i) {
                       told.report(std::to_string(i));
                       co_await ap::sleep_for(1ms);
                   }
                   co_return "counted";
               }});
    made.route("POST", "/hold", ap::request{[&stopped](ap::context const& ask, std::string) -> ap::task<std::string> {
                   while (!ask.stop_requested())
                       co_await ap::sleep_for(1ms);
                   ++stopped;
                   co_return "";
               }});
    return made;
}

}  // namespace

TEST_CASE("beast: curl's command line is a client, by every version and verb") {
    if (is_missing("curl")) return;
    std::atomic<int> stopped{0};
    http::server const server{site(stopped)};
    CHECK(curl({server.url("/hello")}) == "hello");
    CHECK(curl({"--http1.0", server.url("/hello")}) == "hello");
    CHECK(curl({"--http2", server.url("/hello")}) == "hello");  // an upgrade that is not taken
    CHECK(curl({"-d", "some text", server.url("/echo")}) == "some text");
    CHECK(curl({"-I", "-o", "/dev/null", "-w", "%{http_code}", server.url("/hello")}) == "200");
    CHECK(curl({"-f", "-o", "/dev/null", "-w", "%{http_code}", server.url("/nothing")}, 22).starts_with("404"));
    CHECK(curl({"-X", "DELETE", "-w", "%{http_code}", "-o", "/dev/null", server.url("/echo")}) == "405");
}

TEST_CASE("beast: curl's command line sends in chunks, waits for leave to send, and sends many at once") {
    if (is_missing("curl")) return;
    std::atomic<int> stopped{0};
    http::server const server{site(stopped)};
    servers::temporary_folder const folder;
    folder.write("body", std::string(300'000, 'b'));
    std::string const file = folder / "body";
    CHECK(curl({"-T", file, "-H", "Transfer-Encoding: chunked", server.url("/echo")}).size() == 300'000);
    // Without the leave it would wait for ever, and not get its answer.
    CHECK(curl({"-d", "asked", "-H", "Expect: 100-continue", "--expect100-timeout", "100", server.url("/echo")}) == "asked");
    std::string const all =
        curl({"-Z", "--parallel-max", "20", "-w", "%{http_code}\n", "-o", "/dev/null", server.url("/hello?[1-200]")});
    std::size_t good = 0;
    for (std::size_t at = all.find("200\n"); at != std::string::npos; at = all.find("200\n", at + 1))
        ++good;
    CHECK(good == 200);
}

TEST_CASE("beast: curl's command line takes a ticket, watches it, and redeems it") {
    if (is_missing("curl")) return;
    std::atomic<int> stopped{0};
    http::server const server{site(stopped)};
    std::string const head = curl({"-D", "-", "-o", "/dev/null", "-d", "5", "-H", "Prefer: respond-async", server.url("/count")});
    CHECK(head.starts_with("HTTP/1.1 202"));
    std::size_t const at = head.find("/tickets/");
    REQUIRE(at != std::string::npos);
    std::string const ticket = server.url(head.substr(at, head.find('\r', at) - at));
    std::string const events = curl({"-N", "-H", "Accept: text/event-stream", ticket});
    CHECK(events.ends_with("id: end\nevent: answer\ndata: 200\ndata: counted\n\n"));
    CHECK(events.find("event: progress\ndata: 5\n") != std::string::npos);
    CHECK(curl({ticket}) == "counted");
    CHECK(curl({"-X", "DELETE", "-o", "/dev/null", "-w", "%{http_code}", ticket}) == "204");
    CHECK(curl({"-o", "/dev/null", "-w", "%{http_code}", ticket}) == "410");
}

TEST_CASE("beast: Node's fetch is a client: bodies, many at once, an abort, events") {
    if (is_missing("node")) return;
    static constexpr char script[] = R"(
const base = process.argv[1];
const must = (holds, what) => { if (!holds) { console.log(what); process.exit(1); } };
(async () => {
  if (typeof fetch !== 'function') { console.log('no fetch'); return; }
  let r = await fetch(base + 'hello');
  must(r.status === 200 && await r.text() === 'hello', 'get');
  r = await fetch(base + 'echo', {method: 'POST', body: 'ä'.repeat(100000)});
  must(await r.text() === 'ä'.repeat(100000), 'post');
  r = await fetch(base + 'hello', {method: 'HEAD'});
  must(r.status === 200 && await r.text() === '', 'head');
  must((await fetch(base + 'nothing')).status === 404, 'status');
  const many = await Promise.all(Array.from({length: 200}, (_, i) =>
    fetch(base + 'echo', {method: 'POST', body: String(i)}).then(x => x.text())));
  must(many.every((text, i) => text === String(i)), 'many');
  const abort = new AbortController();
  const held = fetch(base + 'hold', {method: 'POST', body: '', signal: abort.signal});
  setTimeout(() => abort.abort(), 50);
  must(await held.then(() => false, e => e.name === 'AbortError'), 'abort');
  r = await fetch(base + 'count', {method: 'POST', body: '5', headers: {Prefer: 'respond-async'}});
  must(r.status === 202, 'ticket');
  r = await fetch(new URL(r.headers.get('location'), base), {headers: {Accept: 'text/event-stream'}});
  must(r.headers.get('content-type') === 'text/event-stream', 'events');
  let text = '';
  for await (const part of r.body.pipeThrough(new TextDecoderStream())) text += part;
  must(text.endsWith('event: answer\ndata: 200\ndata: counted\n\n') && text.includes('data: 5\n'), 'answer: ' + text);
  console.log('good');
})().catch(e => { console.log(e); process.exit(1); });
)";
    std::atomic<int> stopped{0};
    http::server const server{site(stopped)};
    auto const ended = servers::run_and_read({servers::find_program("node"), "-e", script, server.url()});
    if (ended.printed == "no fetch\n") {
        WARN("this Node has no fetch: skipped");
        return;
    }
    CHECK(ended.printed == "good\n");
    CHECK(ended.code == 0);
    while (stopped == 0)  // the client that aborted has gone
        static_cast<void>(ap::request{[]() -> ap::task<void> { co_await ap::sleep_for(1ms); }}.submit().get());
}

TEST_CASE("beast: under wrk every answer is one, and no connection breaks") {
    if (is_missing("wrk")) return;
    std::atomic<int> stopped{0};
    http::server const server{site(stopped)};
    for (char const* connections : {"1", "64"}) {
        auto const ended =
            servers::run_and_read({servers::find_program("wrk"), "-t1", std::string{"-c"} + connections, "-d1s", server.url("/hello")});
        INFO(ended.printed);
        CHECK(ended.code == 0);
        CHECK(ended.printed.find("requests in") != std::string::npos);
        CHECK(ended.printed.find(" 0 requests in") == std::string::npos);
        CHECK(ended.printed.find("Non-2xx") == std::string::npos);
        CHECK(ended.printed.find("Socket errors") == std::string::npos);
    }
}
