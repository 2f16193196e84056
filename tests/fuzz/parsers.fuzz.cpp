// SPDX-License-Identifier: BSL-1.0
// Bytes from anywhere into everything that reads text of the wire: it answers or refuses, and what it accepts it reads again the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "antiphon/http/date.hpp"
#include "antiphon/http/fields.hpp"
#include "antiphon/http/idempotency_key.hpp"
#include "antiphon/http/prefer.hpp"
#include "antiphon/http/retry_after.hpp"
#include "antiphon/http/url.hpp"

namespace http = antiphon::http;

namespace {

void must(bool holds) {
    if (!holds) std::abort();
}

void read_url(std::string_view text) {
    auto const u = http::url::parse(text);
    if (!u) return;
    auto const again = http::url::parse(u->text());
    must(again.has_value() && *again == *u);
    must(u->normalized().normalized() == u->normalized());
    if (auto const resolved = u->resolve("../a?b"); resolved) must(http::url::parse(resolved->text()).has_value());
    static_cast<void>(u->request_target());
}
void read_escapes(std::string_view text) {
    auto const decoded = http::percent_decoded(http::percent_encoded(text));
    must(decoded.has_value() && *decoded == text);
    static_cast<void>(http::percent_decoded(text));
}
void read_date(std::string_view text) {
    http::date_time const now{};
    auto const when = http::parse_date(text, now);
    if (!when) return;
    auto const again = http::parse_date(http::print_date(*when), now);
    must(again.has_value() && *again == *when);
}
void read_retry_after(std::string_view text) {
    auto const after = http::parse_retry_after(text, http::date_time{});
    if (after) must(*after >= antiphon::duration::zero());
}
void read_preferences(std::string_view text) {
    auto const p = http::preferences::parse(text);
    if (!p) return;
    static_cast<void>(p->respond_async());
    if (auto const wait = p->wait()) must(*wait >= antiphon::duration::zero());
}
void read_key(std::string_view text) {
    auto const key = http::idempotency_key::parse(text);
    if (!key) return;
    must(key->text() == text && key->quoted().size() == text.size() + 2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size == 0) return 0;
    std::string_view const text{reinterpret_cast<char const*>(data + 1), size - 1};
    switch (data[0] % 6) {
        case 0: read_url(text); break;
        case 1: read_escapes(text); break;
        case 2: read_date(text); break;
        case 3: read_retry_after(text); break;
        case 4: read_preferences(text); break;
        case 5: read_key(text); break;
    }
    return 0;
}
