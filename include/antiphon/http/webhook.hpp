// SPDX-License-Identifier: BSL-1.0
#pragma once
// Callbacks that prove who sent them: signing, verifying, and delivering until they have arrived.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/request/sleep.hpp"
#include "antiphon/request/task.hpp"
#include "antiphon/policy/timeout.hpp"
#include "antiphon/http/base64.hpp"
#include "antiphon/http/date.hpp"
#include "antiphon/http/fields.hpp"
#include "antiphon/http/idempotency_key.hpp"
#include "antiphon/http/message.hpp"

namespace antiphon::http {

/// HMAC with SHA-256; `interop/openssl.hpp` has one.
using hmac_sha256 = std::array<unsigned char, 32> (*)(std::string_view key, std::string_view data);

/// Keys, the newest first, and what is signed with them. **Threads**: a value. **Source**: Standard Webhooks 1.0.0, "Signature scheme".
class webhook_signer {
public:
    static constexpr std::string_view id_field = "webhook-id";
    static constexpr std::string_view timestamp_field = "webhook-timestamp";
    static constexpr std::string_view signature_field = "webhook-signature";
    static constexpr std::chrono::minutes tolerance{5};

    /// `secret` is a key in base64, "whsec_" before it or not. **Errors**: a fault and its position; an empty key is `fault::missing`.
    [[nodiscard]] static result<webhook_signer> make(hmac_sha256 mac, std::string_view secret) {
        webhook_signer made{mac};
        result<void> const added = made.add(secret);
        return added ? result<webhook_signer>{std::move(made)} : added.error();
    }
    /// A key to which the other side has not moved yet, or moves next: every message is signed with all, and one of them has to fit.
    result<void> add(std::string_view secret) {
        static constexpr std::string_view prefix = "whsec_";
        std::size_t const skipped = secret.starts_with(prefix) ? prefix.size() : 0;
        result<std::string> key = base64_decoded(secret.substr(skipped));
        if (!key) return at_fault(fault_of(key.error())->what, fault_of(key.error())->position + skipped);
        if (key->empty()) return at_fault(fault::missing, skipped);
        keys_.push_back(*std::move(key));
        return {};
    }

    /// The three fields of a message. `id` is the same for every delivery of it; `now` is the calendar's.
    /// **Errors**: an id that is empty, or has a dot, a blank or a control character in it, is a fault.
    [[nodiscard]] result<fields> sign(std::string_view id, date_time now, std::string_view body) const {
        if (id.empty()) return at_fault(fault::missing, 0);
        for (std::size_t i = 0; i < id.size(); ++i)
            if (is_control(id[i]) || is_blank(id[i]) || id[i] == '.') return at_fault(fault::unexpected_character, i);
        std::string const when = std::to_string(now.time_since_epoch().count());
        std::string signatures;
        for (std::string const& key : keys_)
            signatures.append(signatures.empty() ? "" : " ").append("v1,").append(signature(key, id, when, body));
        return fields{{id_field, id}, {timestamp_field, when}, {signature_field, signatures}};
    }
    /// The id of a message that one of the keys has signed, not more than `tolerance` before or after `now`.
    /// **Errors**: `invalid_argument` where a field is missing or malformed, `failed_precondition` for another time, `unauthenticated`
    /// for a signature that does not fit. **Cost**: compares in a time that does not depend on where signatures differ.
    [[nodiscard]] result<std::string> verify(fields const& headers, std::string_view body, date_time now) const {
        auto const id = headers.get(id_field), when = headers.get(timestamp_field), given = headers.get(signature_field);
        if (!id || id->empty() || !when || !given)
            return failure{errc::invalid_argument, executed::no, "a field of the webhook's signature is missing"};
        std::optional<std::int64_t> const seconds = number(*when);
        if (!seconds) return failure{errc::invalid_argument, executed::no, "the webhook's time is not a number"};
        date_time const sent{std::chrono::seconds{*seconds}};
        if (sent < now - tolerance || sent > now + tolerance)
            return failure{errc::failed_precondition, executed::no, "the webhook was signed at another time"};
        bool fits = false;
        for (std::string const& key : keys_) {
            std::string const expected = signature(key, *id, *when, body);
            for (std::string_view rest = *given; !rest.empty();) {
                std::size_t const end = rest.find(' ');
                std::string_view const each = rest.substr(0, end);
                rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
                if (each.starts_with("v1,")) fits = same(each.substr(3), expected) || fits;
            }
        }
        if (!fits) return failure{errc::unauthenticated, executed::no, "the webhook's signature does not fit"};
        return std::string{*id};
    }

private:
    explicit webhook_signer(hmac_sha256 mac) : mac_{mac} {
        antiphon::detail::require(mac != nullptr, "webhook_signer: the function must not be null");
    }
    [[nodiscard]] std::string signature(std::string const& key, std::string_view id, std::string_view when,
                                        std::string_view body) const {
        std::string text;
        text.reserve(id.size() + when.size() + body.size() + 2);
        auto const code = mac_(key, text.append(id).append(".").append(when).append(".").append(body));
        return base64_encoded({reinterpret_cast<char const*>(code.data()), code.size()});
    }
    [[nodiscard]] static bool same(std::string_view a, std::string_view b) noexcept {
        if (a.size() != b.size()) return false;
        unsigned different = 0;
        for (std::size_t i = 0; i < a.size(); ++i)
            different |= static_cast<unsigned>(a[i] ^ b[i]);
        return different == 0;
    }
    [[nodiscard]] static std::optional<std::int64_t> number(std::string_view text) noexcept {
        std::int64_t value = 0;
        if (text.empty() || text.size() > 12) return std::nullopt;
        for (char const c : text) {
            if (!is_digit(c)) return std::nullopt;
            value = value * 10 + (c - '0');
        }
        return value;
    }

    hmac_sha256 mac_;
    std::vector<std::string> keys_;
};

/// One callback. Without an id of its own it gets one when it is delivered.
struct webhook {
    std::string url = {};
    std::string body = {};
    std::string id = {};
    std::string content_type = "application/json";
};

/// The pauses after each attempt that failed. **Source**: Standard Webhooks 1.0.0, "Deliverability".
[[nodiscard]] inline std::vector<duration> standard_webhook_schedule() {
    using namespace std::chrono_literals;
    return {5s, 5min, 30min, 2h, 5h, 10h, 14h, 20h, 24h};
}

/// `web.send() | http::deliver_webhooks{signer}`: a request `response(webhook)`, answered when the callback has arrived: 2xx, and
/// nothing else. What fails is sent again by the schedule, or when Retry-After says so; it is signed anew each time, with the
/// same id.
/// **Errors**: 410 ends it, the endpoint is no more: `not_found`, with a negative `retry_after()`. After the last attempt its failure,
/// `attempts()` set; `deadline_exceeded` as soon as the next attempt would come too late.
/// **Time**: the executor's clock for pauses; signatures carry the calendar's time, moved on by it.
struct deliver_webhooks {
    webhook_signer signer;
    std::vector<duration> schedule = standard_webhook_schedule();
    /// Of each attempt.
    any_duration timeout = std::chrono::seconds{20};

    using antiphon_policy = void;

    template <class Repeat, class Handler>
    [[nodiscard]] auto operator()(request<response(request_message), Repeat, Handler> transport) const {
        antiphon::detail::require(timeout > duration::zero(), "deliver_webhooks.timeout: must be positive");
        for (duration const each : schedule)
            antiphon::detail::require(each >= duration::zero(), "deliver_webhooks.schedule: must not be negative");
        auto how = std::make_shared<plan const>(plan{transport | antiphon::timeout{.limit = timeout}, signer, schedule});
        return idempotent(antiphon::detail::in_place_of(
            transport, [how = std::move(how)](context const& ask, webhook what) { return deliver(how, ask, std::move(what)); }));
    }

private:
    struct plan {
        request<response(request_message), repeat::unsafe> send;
        webhook_signer signer;
        std::vector<duration> schedule;
    };
    [[nodiscard]] static failure verdict(result<response> const& answer) {
        if (!answer) return answer.error();
        if (answer->status == 410)
            return failure{errc::not_found, executed::yes, "the endpoint is gone"}.with_retry_after(std::chrono::seconds{-1});
        return answer->as_failure();
    }
    static task<response> deliver(std::shared_ptr<plan const> how, context const& ask, webhook what) {
        if (what.id.empty()) what.id = "msg_" + idempotency_key::make(ask.executor()).text();
        date_time const calendar = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
        time_point const start = ask.now();
        for (std::size_t attempt = 0;; ++attempt) {
            date_time const now = calendar + std::chrono::duration_cast<std::chrono::seconds>(ask.now() - start);
            result<fields> headers = how->signer.sign(what.id, now, what.body);
            if (!headers) co_return headers.error();
            static_cast<void>(headers->add("Content-Type", what.content_type));
            request_message message{.method = "POST", .target = what.url, .headers = *std::move(headers), .body = what.body};
            result<response> answer = co_await how->send(std::move(message));
            if (answer && answer->ok()) co_return std::move(answer);
            failure why = verdict(answer).with_attempts(static_cast<unsigned>(attempt + 1));
            if (ask.stop_requested()) co_return failure{errc::cancelled, executed::maybe};
            if (attempt == how->schedule.size() || (answer && answer->status == 410)) co_return why;
            duration const pause = why.retry_after().value_or(how->schedule[attempt]);
            if (ask.remaining() <= pause)
                co_return failure{errc::deadline_exceeded, executed::maybe, "the next delivery would come after the deadline"};
            co_await sleep_for(pause);
            if (ask.stop_requested()) co_return failure{errc::cancelled, executed::maybe};
        }
    }
};

}  // namespace antiphon::http
