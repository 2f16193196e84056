// SPDX-License-Identifier: BSL-1.0
// Messages from anybody, into everything that hears them: headers, subjects, refusals, pieces, a client's inbox and a responder. Nothing
// breaks, what is accepted is read again the same, and an ask that is under way meanwhile has its own answer, once.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/messaging/client.hpp"
#include "antiphon/messaging/loopback.hpp"
#include "antiphon/messaging/remote_error.hpp"
#include "antiphon/messaging/wire.hpp"
#include "antiphon/testing/simulation.hpp"

namespace ap = antiphon;
namespace ms = antiphon::messaging;

namespace {

void must(bool holds) {
    if (!holds) std::abort();
}

/// Takes the input apart.
class bytes_of {
public:
    bytes_of(std::uint8_t const* data, std::size_t size) : text_{reinterpret_cast<char const*>(data), size} {}
    [[nodiscard]] bool empty() const { return text_.empty(); }
    [[nodiscard]] std::uint8_t byte() {
        if (text_.empty()) return 0;
        auto const b = static_cast<std::uint8_t>(text_.front());
        text_.remove_prefix(1);
        return b;
    }
    /// Up to 255 bytes.
    [[nodiscard]] std::string_view text() {
        std::size_t const wanted = byte(), size = wanted < text_.size() ? wanted : text_.size();
        std::string_view const t = text_.substr(0, size);
        text_.remove_prefix(size);
        return t;
    }

private:
    std::string_view text_;
};

constexpr std::string_view names[] = {"Antiphon-Kind",   "Antiphon-Timeout",  "Antiphon-Priority",   "Antiphon-More",
                                      "Antiphon-Origin", "Antiphon-Sequence", "Antiphon-Key",        "Antiphon-Code",
                                      "Antiphon-Thrown", "Antiphon-Executed", "Antiphon-Retry-After"};

ms::message message_from(bytes_of& in) {
    ms::message m;
    for (unsigned count = in.byte() % 8u; count > 0; --count) {
        std::uint8_t const which = in.byte();
        std::string_view const name = which < std::size(names) ? names[which] : in.text(), value = in.text();
        if (ms::wire::read(m, name, value)) {
            must(name.starts_with("Antiphon-"));
        } else {
            bool const added = m.headers.add(name, value).has_value();
            must(!added || m.headers.get(name).has_value());
        }
    }
    m.body = in.text();
    must(static_cast<int>(m.priority) >= -2 && static_cast<int>(m.priority) <= 2);
    return m;
}

/// What is written is read as the same.
void write_and_read(ms::message const& m) {
    ms::message again;
    again.kind = ms::message_kind::reply;
    ms::wire::write(m, ms::message_kind::reply,
                    [&](char const* name, std::string const& value) { must(ms::wire::read(again, name, value)); });
    must(again.kind == m.kind && again.remaining == m.remaining && again.priority == m.priority && again.more == m.more);
    must(again.sequence == m.sequence && again.origin == m.origin && again.key == m.key);
    if (m.kind != ms::message_kind::refusal) return;
    must(again.executed == m.executed && again.thrown == m.thrown && again.retry_after == m.retry_after);
}
void read_as_refusal(ms::message m) {
    bool const told = !m.body.empty();
    std::string const text = m.body;
    ap::failure const why = ms::detail::read_refusal(std::move(m));
    must(!told || text.find('\0') != text.npos || why.message() == text);
    static_cast<void>(why.retry_after());
}
void match(std::string_view pattern, std::string_view subject) {
    bool const both = ms::is_pattern(pattern) && ms::is_subject(subject);
    if (both && !ms::has_wildcard(pattern)) must(ms::matches(pattern, subject) == (pattern == subject));
    if (both && ms::is_subject(pattern)) must(ms::matches(">", pattern));
}

/// A client with an ask under way and a responder, and whatever the input sends them.
void send_to_both(bytes_of& in) {
    ap::testing::simulation sim{1};
    ms::loopback const broker{sim, {.max_body = 64}};
    ms::client const bus{broker, {.timeout = std::chrono::hours{1}, .max_body = 4096}};
    std::vector<ap::promise<std::string>> parked_asks;  // the first one's is ours
    auto const parked = bus.serve("parked", ap::request{[&](ap::promise<std::string> p) { parked_asks.push_back(std::move(p)); }});
    std::size_t longest = 0;
    auto const serving = bus.serve("any.>", ap::request{[&](std::string s) {
                                       if (longest < s.size()) longest = s.size();
                                       return s;
                                   }},
                                   {.remember = std::chrono::minutes{1}, .remember_most = 4, .max_body = 512});
    int answers = 0;
    std::optional<ap::result<std::string>> answer;
    bus.request<std::string()>("parked").submit([&](ap::result<std::string> r) {
        ++answers;
        answer.emplace(std::move(r));
    });
    sim.run_until(sim.now());
    must(parked_asks.size() == 1);
    auto const enemy = broker.connection();
    for (int i = 0; i < 32 && !in.empty(); ++i) {
        ms::message m = message_from(in);
        std::uint8_t const how = in.byte();
        m.subject = (how & 1) != 0 ? "any.thing" : "parked";
        m.id = how >> 4;  // never the ask's own
        if ((how & 2) != 0) m.inbox = bus.inbox();
        if ((how & 4) != 0) sim.advance(std::chrono::seconds{1});
        static_cast<void>(enemy->send(std::move(m)));
    }
    sim.advance(std::chrono::seconds{1});
    must(answers == 0 && longest <= 512);
    parked_asks.front().set_value("its own");
    sim.advance(std::chrono::seconds{1});
    must(answers == 1 && answer.has_value() && *answer == "its own");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    bytes_of in{data, size};
    switch (in.byte() % 4) {
        case 0: write_and_read(message_from(in)); break;
        case 1: read_as_refusal(message_from(in)); break;
        case 2: {
            std::string_view const pattern = in.text();
            match(pattern, in.text());
            break;
        }
        case 3: send_to_both(in); break;
    }
    return 0;
}
