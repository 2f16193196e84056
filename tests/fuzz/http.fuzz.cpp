// SPDX-License-Identifier: BSL-1.0
// Bytes from anywhere into what takes more than one value of the wire: event streams cut anywhere, lines of fields, ticket files, signatures,
// responses with a ticket, whole messages to a service. It answers or refuses, and what it accepts it reads again the same.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/http/base64.hpp"
#include "antiphon/http/fields.hpp"
#include "antiphon/http/method.hpp"
#include "antiphon/http/server_event.hpp"
#include "antiphon/http/service.hpp"
#include "antiphon/http/ticket.hpp"
#include "antiphon/http/webhook.hpp"
#include "antiphon/http/webhook_receiver.hpp"
#include "antiphon/testing/simulation.hpp"
#if __has_include(<nlohmann/json.hpp>)
#include "antiphon/interop/json.hpp"
#endif

namespace ap = antiphon;
namespace http = antiphon::http;

namespace {

void must(bool holds) {
    if (!holds) std::abort();
}
/// The text up to the next zero byte, which goes with it.
std::string_view part_of(std::string_view& text) {
    std::size_t const end = text.find('\0');
    std::string_view const part = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    return part;
}

struct heard {
    std::vector<http::server_event> events;
    std::string last_id;
    std::optional<ap::duration> retry;
    bool failed = false;
    bool operator==(heard const&) const = default;
};
heard hear(std::string_view text, std::size_t step) {
    http::event_parser parser{64};
    heard all;
    for (std::size_t at = 0; at < text.size() && !all.failed; at += step)
        all.failed = !parser.feed(text.substr(at, step));
    while (std::optional<http::server_event> event = parser.next())
        all.events.push_back(*std::move(event));
    all.last_id = parser.last_event_id();
    all.retry = parser.retry();
    return all;
}
/// However it is cut, the events are the same; and an event that is printed is heard as it was.
void read_events(std::string_view text) {
    heard const bytewise = hear(text, 1), whole = hear(text, std::max<std::size_t>(text.size(), 1));
    must(bytewise == whole);
    for (http::server_event const& each : whole.events) {
        http::event_parser again;
        must(again.feed(each.text()).has_value());
        must(again.next() == each);
    }
}
void read_fields(std::string_view text) {
    http::fields lines;
    std::size_t added = 0;
    while (!text.empty()) {
        std::size_t const end = text.find('\n');
        if (lines.add_line(text.substr(0, end == std::string_view::npos ? end : end + 1))) ++added;
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    must(lines.size() == added);
    http::fields again;
    for (http::field const each : lines) {
        must(again.add(each.name, each.value).has_value());
        must(each.value.find_first_of("\r\n") == std::string_view::npos && lines.contains(each.name));
        must(lines.joined(each.name).size() >= each.value.size());
    }
    must(std::equal(lines.begin(), lines.end(), again.begin(), again.end()));
}
void read_ticket(std::string_view text) {
    ap::result<http::ticket> const t = http::ticket::parse(text);
    if (!t) return;
    ap::result<http::ticket> const again = http::ticket::parse(t->text());
    must(again.has_value() && *again == *t);
}
/// A ticket out of a response whose fields come from anywhere.
void read_response(std::string_view text) {
    http::response r{.status = 202};
    for (char const* name : {"Location", "Retry-After", "Preference-Applied", "Date"})
        static_cast<void>(r.headers.add(name, part_of(text)));
    r.url = std::string{part_of(text)};
    static_cast<void>(r.as_failure());
    std::optional<ap::result<http::ticket>> const t = http::ticket::in(r, text);
    if (!t || !*t) return;
    ap::result<http::ticket> const again = http::ticket::parse((*t)->text());
    must(again.has_value() && *again == **t);
}
/// No hash: what is tried here is what stands around it.
std::array<unsigned char, 32> sum(std::string_view key, std::string_view data) {
    std::array<unsigned char, 32> out{};
    std::size_t at = 0;
    for (std::string_view const part : {key, data})
        for (char const c : part)
            out[at % out.size()] = static_cast<unsigned char>(out[at % out.size()] * 31 + static_cast<unsigned char>(c)), ++at;
    return out;
}
void read_signature(std::string_view text) {
    ap::result<http::webhook_signer> signer = http::webhook_signer::make(&sum, part_of(text));
    if (!signer) signer = http::webhook_signer::make(&sum, "whsec_a2V5");
    must(signer.has_value());
    http::date_time const now{std::chrono::hours{400'000}};
    std::string_view const id = part_of(text), when = part_of(text), signature = part_of(text);
    http::request_message message{.method = "POST", .target = std::string{part_of(text)}, .body = std::string{text}};
    if (ap::result<http::fields> const sent = signer->sign(id, now, message.body)) {
        ap::result<std::string> const verified = signer->verify(*sent, message.body, now);
        must(verified.has_value() && *verified == id);
    }
    static_cast<void>(message.headers.add(http::webhook_signer::id_field, id));
    static_cast<void>(message.headers.add(http::webhook_signer::timestamp_field, when));
    static_cast<void>(message.headers.add(http::webhook_signer::signature_field, signature));
    static_cast<void>(signer->verify(message.headers, message.body, now));
    http::webhook_receiver const receiver{"http://here.example/callbacks/", *signer};
    int const status = receiver.accept(message, now).status;
    must(status >= 200 && status < 500);
}
void read_base64(std::string_view text) {
    ap::result<std::string> const bytes = http::base64_decoded(text);
    if (bytes) must(http::base64_encoded(*bytes) == text);
    ap::result<std::string> const back = http::base64_decoded(http::base64_encoded(text));
    must(back.has_value() && *back == text);
}
void read_message(std::string_view text) {
    ap::testing::simulation sim{1};
    http::service site{{.retry_after = std::chrono::seconds{0}}};
    site.route("POST", "/echo", ap::request{[](std::string body) { return body; }});
    site.route("GET", "/below/", ap::request{[](http::request_message m) { return http::response{.status = 200, .body = m.target}; }});
    site.route("POST", "/slow", ap::request{[](std::string body) -> ap::task<std::string> {
                   co_await ap::sleep_for(std::chrono::seconds{1});
                   co_return body;
               }});
    ap::result<http::method> const verb = http::method::parse(part_of(text));
    http::request_message message{.method = verb ? *verb : http::method{"POST"}, .target = std::string{part_of(text)}};
    for (char const* name : {"Prefer", "Request-Timeout-Ms", "Accept", "Last-Event-ID"})
        if (std::string_view const value = part_of(text); !value.empty()) static_cast<void>(message.headers.add(name, value));
    message.body = std::string{text};
    ap::future<http::response> asked = (site.handler() | ap::starts_on(sim)).submit(std::move(message));
    sim.run();
    must(asked.ready());
    ap::result<http::response> const answer = std::move(asked).get();
    must(answer.has_value() && answer->status >= 200 && answer->status <= 599);
}
#if __has_include(<nlohmann/json.hpp>)
void read_json(std::string_view text) {
    http::json_codec const codec;
    http::request_message const message{.method = "POST", .target = "/", .body = std::string{text}};
    if (auto const numbers = codec.decode<std::vector<int>>(message)) must(codec.encode(std::get<0>(*numbers)).status == 200);
    static_cast<void>(codec.decode<std::string, double>(message));
}
#endif

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size == 0) return 0;
    std::string_view const text{reinterpret_cast<char const*>(data + 1), size - 1};
    switch (data[0] % 8) {
        case 0: read_events(text); break;
        case 1: read_fields(text); break;
        case 2: read_ticket(text); break;
        case 3: read_response(text); break;
        case 4: read_signature(text); break;
        case 5: read_base64(text); break;
        case 6: read_message(text); break;
        case 7:
#if __has_include(<nlohmann/json.hpp>)
            read_json(text);
#endif
            break;
    }
    return 0;
}
