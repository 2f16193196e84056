// SPDX-License-Identifier: BSL-1.0
#pragma once
// The hybrid from the client's side, over any transport of messages: one coroutine asks, another redeems the ticket.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/future.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/request/sleep.hpp"
#include "antiphon/request/starts_on.hpp"
#include "antiphon/request/task.hpp"
#include "antiphon/request/when_first.hpp"
#include "antiphon/policy/backoff.hpp"
#include "antiphon/policy/failure_predicate.hpp"
#include "antiphon/policy/timeout.hpp"
#include "antiphon/http/message.hpp"
#include "antiphon/http/prefer.hpp"
#include "antiphon/http/ticket.hpp"
#include "antiphon/http/url.hpp"

namespace antiphon::http {

/// A callback that is expected: where the server is to call, and the answer that it then brings.
struct expected_callback {
    std::string url;
    future<response> answer;
};

}  // namespace antiphon::http

namespace antiphon::http::detail {

using message_transport = request<response(request_message), repeat::unsafe>;

/// What all asks through one policy have in common. Immutable.
struct polling {
    message_transport send;
    duration wait;
    backoff pauses;
    unsigned max_failures;
    bool delete_on_cancel;
    std::function<void(ticket const&)> on_ticket;
    std::function<expected_callback()> callback;
    std::string callback_field;
    fields headers;  ///< of every poll of a resumed ticket
};

inline constexpr duration delete_limit = std::chrono::seconds{10};
inline constexpr unsigned most_hops = 10;

/// Nobody wants the answer any more. Whoever asked has stopped, so this ask must not inherit its stop or its deadline.
inline void give_back(polling const& with, ticket const& held, fields const& headers) noexcept {
    if (!with.delete_on_cancel) return;
    ANTIPHON_TRY {
        antiphon::detail::ambient_context const nothing_inherited{nullptr};
        (with.send | timeout{.limit = delete_limit})
            .submit(request_message{.method = "DELETE", .target = held.url, .headers = headers})
            .detach();
    }
    ANTIPHON_CATCH_ALL {
        // then the server finds out by itself
    }
}

/// Statuses of a status resource that say nothing about the answer, but that it cannot be had now.
[[nodiscard]] inline bool is_passing(int status) noexcept {
    return status == 408 || status == 425 || status == 429 || status == 502 || status == 503 || status == 504;
}
[[nodiscard]] inline bool is_redirection(response const& r) noexcept {
    bool const moved = r.status == 301 || r.status == 302 || r.status == 303 || r.status == 307 || r.status == 308;
    return moved && r.headers.contains("Location");
}

/// When to look again.
class poll_pace {
public:
    poll_pace(polling const& with, context const& ask) noexcept : with_{&with}, ask_{&ask} {}
    [[nodiscard]] duration after(std::optional<duration> told) noexcept {
        if (told) {
            looks_ = 0;
            return *told;
        }
        ++looks_;
        return previous_ = with_->pauses.delay(looks_, previous_, with_->pauses.random() ? ask_->random() : 0);
    }

private:
    polling const* with_;
    context const* ask_;
    std::uint64_t looks_ = 0;
    duration previous_{};
};

inline failure too_late() noexcept {
    return {errc::deadline_exceeded, executed::maybe, "the next look at the ticket would come after the deadline"};
}

/// Looks at the ticket until it is the answer. `decided`: somebody else has brought it, so that a stop gives nothing back.
inline task<response> redeem(std::shared_ptr<polling const> with, context const& ask, ticket held, fields headers,
                             std::optional<duration> told, std::shared_ptr<std::atomic<bool> const> decided) {
    poll_pace pace{*with, ask};
    duration pause = pace.after(told);
    std::string where = held.url;
    unsigned hops = 0, failed = 0;
    fields sent = headers;
    for (;;) {
        if (pause > duration::zero()) {
            if (ask.remaining() <= pause) {
                give_back(*with, held, headers);
                co_return too_late();
            }
            co_await sleep_for(pause);
        }
        // acquire pairs with the callback's release
        if (ask.stop_requested() && !decided->load(std::memory_order_acquire)) give_back(*with, held, headers);
        if (ask.stop_requested()) co_return failure{errc::cancelled, executed::maybe};
        request_message look{.target = where, .headers = sent};
        duration const hold = !held.waits ? duration::zero() : ask.remaining() < with->wait ? ask.remaining() : with->wait;
        if (hold > duration::zero()) static_cast<void>(look.headers.add("Prefer", print_prefer_wait(hold)));
        time_point const asked = ask.now();
        result<response> seen = co_await with->send(std::move(look));
        if (!seen) {
            if (ask.stop_requested()) {
                pause = duration::zero();
                continue;
            }
            if (!is_transient(seen.error()) || ++failed > with->max_failures) co_return std::move(seen);
            pause = pace.after(seen.error().retry_after());
            continue;
        }
        if (is_redirection(*seen)) {
            if (++hops > most_hops) co_return failure{errc::failed_precondition, executed::yes, "too many redirections"};
            result<url> const from = url::parse(seen->url.empty() ? where : seen->url);
            result<url> next = url::parse(*seen->headers.get("Location"));
            if (from && next && from->absolute()) next = from->resolve(*next);
            if (!next) co_return std::move(seen);
            if (from && next->absolute() && !from->same_origin(*next)) erase_credentials(sent);
            where = next->text();
            pause = duration::zero();
            continue;
        }
        if (is_passing(seen->status)) {
            if (++failed > with->max_failures) co_return std::move(seen);
            pause = pace.after(seen->retry_after());
            continue;
        }
        if (seen->status != 202) co_return std::move(seen);
        failed = hops = 0;
        where = held.url;
        sent = headers;
        // A server that held the look for long enough has made the pause already.
        bool const held_back = hold > duration::zero() && saturating_sub(ask.now(), asked) >= hold / 2;
        told = seen->retry_after();
        pause = held_back && !told ? duration::zero() : pace.after(told);
    }
}

/// Tells the user of the ticket. The failure, where that throws.
[[nodiscard]] inline std::optional<failure> announce(polling const& with, ticket const& held) noexcept {
    ANTIPHON_TRY {
        if (with.on_ticket) with.on_ticket(held);
        return std::nullopt;
    }
    ANTIPHON_CATCH_ALL { return failure::current(executed::maybe); }
}

/// The fields of the polls: those of the message, without what belongs to its body or to the ask itself.
[[nodiscard]] inline fields poll_fields(request_message const& message, ticket const& held) {
    fields kept = message.headers;
    erase_content_fields(kept);
    for (char const* name : {"Prefer", "Idempotency-Key", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"})
        kept.erase(name);
    result<url> const from = url::parse(message.target), to = url::parse(held.url);
    if (from && to && from->absolute() && to->absolute() && !from->same_origin(*to)) erase_credentials(kept);
    return kept;
}

/// A callback that fails is none: then only the looks decide.
inline task<response> callback_or_never(future<response> called, std::shared_ptr<std::atomic<bool>> decided) {
    result<response> answer = co_await std::move(called);
    if (answer) {
        // Before the race hears of it, so that the looks' stop finds it said.
        decided->store(true, std::memory_order_release);  // pairs with redeem's acquire
        co_return std::move(answer);
    }
    co_await sleep_for(duration::max());  // until the race is over
    co_return std::move(answer);
}

/// The looks and the callback: the first one wins, and the other is dropped. The looks know of the deadline and of stop requests.
inline future<response> race(std::shared_ptr<polling const> with, context const& ask, ticket held, fields headers,
                             std::optional<duration> told, future<response> called) {
    auto decided = std::make_shared<std::atomic<bool>>(false);
    request looks{[=](context const& inner) { return redeem(with, inner, held, headers, told, decided); }};
    request hears{[decided](future<response> from) { return callback_or_never(std::move(from), decided); }};
    if (!ask.executor()) return when_first(std::move(looks).submit(), std::move(hears).submit(std::move(called)));
    starts_on const here{any_executor{ask.executor()}};
    return when_first((std::move(looks) | here).submit(), (std::move(hears) | here).submit(std::move(called)));
}

/// Asks, and stays with the question until it is answered.
inline task<response> ask_hybrid(std::shared_ptr<polling const> with, context const& ask, result<request_message> what) {
    if (!what) co_return what.error();
    request_message message = *std::move(what);
    duration const remaining = ask.remaining();
    static_cast<void>(message.headers.add("Prefer", print_prefer_async(remaining < with->wait ? remaining : with->wait)));
    std::optional<expected_callback> expected;
    if (with->callback) {
        expected.emplace(with->callback());
        if (result<void> const added = message.headers.set(with->callback_field, expected->url); !added) co_return added.error();
    }
    result<response> first = co_await with->send(message);
    if (!first) co_return std::move(first);
    std::optional<result<ticket>> const found = ticket::in(*first, message.target);
    if (!found) co_return std::move(first);
    if (!*found) co_return failure{found->error()}.with_executed(executed::maybe);
    ticket const held = **found;
    if (!first->url.empty()) message.target = first->url;  // whole, whatever it was resolved against
    fields const headers = poll_fields(message, held);
    if (std::optional<failure> const wrong = announce(*with, held)) {
        give_back(*with, held, headers);
        co_return *wrong;
    }
    std::optional<duration> const told = first->retry_after();
    if (expected) co_return co_await race(with, ask, held, headers, told, std::move(expected->answer));
    auto const nobody_else = std::make_shared<std::atomic<bool>>(false);
    co_return co_await redeem(with, ask, held, headers, told, nobody_else);
}

}  // namespace antiphon::http::detail
