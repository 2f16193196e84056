// SPDX-License-Identifier: BSL-1.0
#pragma once
// Listens to a server's events, and connects again where the stream breaks off.

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/future.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/request/sleep.hpp"
#include "antiphon/request/task.hpp"
#include "antiphon/policy/failure_predicate.hpp"
#include "antiphon/http/body.hpp"
#include "antiphon/http/characters.hpp"
#include "antiphon/http/message.hpp"
#include "antiphon/http/server_event.hpp"

namespace antiphon::http {

/// How an `event_source` listens.
struct event_options {
    /// Connect again when the stream ends or breaks off; 204 is the server's word that it is over.
    bool reconnect = true;
    /// The pause before that, until the server names another.
    duration retry = std::chrono::seconds{3};
    /// Attempts in a row that may fail.
    unsigned max_failures = 5;
    /// Longer events are a failure.
    std::size_t max_event = std::size_t{1} << 20;
    /// Where an earlier listener stopped.
    std::string last_event_id = {};
};

/// `http::event_source feed{web.stream(), {.target = "/progress"}}; while (auto e = feed.next().get().value()) …`
/// **Threads**: one `next` at a time. **Errors**: `next` fails with what the transport fails with, once reconnecting does not help;
/// `failed_precondition` where the server answers with something that is no event stream; `out_of_range` for events that are too long;
/// `cancelled` when it is stopped, after which it may be called again, and nothing is lost.
/// **Source**: WHATWG HTML, 9.2.
class event_source {
public:
    using transport = request<streamed_response(request_message), repeat::unsafe>;

    event_source(transport connect, request_message message, event_options options = {})
        : core_{std::make_shared<core>(std::move(connect), std::move(message), std::move(options))} {}

    /// The next event; none when the stream is over.
    [[nodiscard]] future<std::optional<server_event>> next() {
        auto asks = antiphon::detail::in_place_of(core_->connect, [held = core_](context const& ask) { return next_of(held, ask); });
        return std::move(asks).submit();
    }
    /// For a later listener, of another process perhaps.
    [[nodiscard]] std::string const& last_event_id() const noexcept { return core_->parser.last_event_id(); }

private:
    struct core {
        core(transport c, request_message m, event_options o)
            : connect{std::move(c)}, message{std::move(m)}, options{std::move(o)}, parser{options.max_event} {
            antiphon::detail::require(options.retry >= duration::zero(), "event_options.retry: must not be negative");
            if (!message.headers.contains("Accept")) static_cast<void>(message.headers.add("Accept", "text/event-stream"));
        }
        transport connect;
        request_message message;
        event_options options;
        event_parser parser;
        body_reader body;
        unsigned failures = 0;
        duration pause = duration::zero();
        bool over = false;
    };

    [[nodiscard]] static bool is_event_stream(streamed_response const& r) {
        std::string_view const type = r.headers.get("Content-Type").value_or(std::string_view{});
        return equal_without_case(trimmed(type.substr(0, type.find(';'))), "text/event-stream");
    }
    /// The stream has broken off, or did not begin: whether that was it.
    [[nodiscard]] static bool gives_up(core& me, std::optional<duration> told) {
        me.body = {};
        if (!me.options.reconnect || ++me.failures > me.options.max_failures) return true;
        me.pause = told.value_or(me.parser.retry().value_or(me.options.retry));
        return false;
    }
    [[nodiscard]] static request_message next_message(core const& me) {
        request_message message = me.message;
        std::string const& id = me.parser.last_event_id().empty() ? me.options.last_event_id : me.parser.last_event_id();
        if (!id.empty()) static_cast<void>(message.headers.set("Last-Event-ID", id));
        return message;
    }
    /// Where there is none: nothing, or why there will be none.
    static task<void> connect(std::shared_ptr<core> me, context const& ask) {
        if (me->pause > duration::zero()) co_await sleep_for(me->pause);
        if (ask.stop_requested()) co_await fail_with({errc::cancelled, executed::no});
        result<streamed_response> answer = co_await me->connect(next_message(*me));
        if (!answer) {
            if (ask.stop_requested() || !is_transient(answer.error()) || gives_up(*me, answer.error().retry_after()))
                co_await fail_with(std::move(answer).error());
        } else if (answer->status == 204) {
            me->over = true;
        } else if (answer->status == 429 || answer->status == 502 || answer->status == 503 || answer->status == 504) {
            failure const why = answer->as_failure();
            if (gives_up(*me, why.retry_after())) co_await fail_with(why);
        } else if (answer->status != 200) {
            co_await fail_with(answer->as_failure());
        } else if (!is_event_stream(*answer)) {
            co_await fail_with({errc::failed_precondition, executed::yes, "the answer is no event stream"});
        } else {
            me->parser.restart();
            me->body = std::move(answer->body);
        }
    }
    static task<std::optional<server_event>> next_of(std::shared_ptr<core> me, context const& ask) {
        for (;;) {
            if (std::optional<server_event> event = me->parser.next()) {
                me->failures = 0;
                co_return std::move(event);
            }
            if (me->over) co_return std::optional<server_event>{};
            if (!me->body) {
                result<void> const connected = co_await connect(me, ask);
                if (!connected) co_return connected.error();
                continue;
            }
            result<std::string> part = co_await me->body.next();
            if (!part && ask.stop_requested()) co_return std::move(part).error();
            if (part && !part->empty()) {
                if (me->parser.feed(*part)) continue;
                me->body = {};
                me->over = true;
                co_return failure{errc::out_of_range, executed::yes, "an event is longer than the options allow"};
            }
            if (gives_up(*me, std::nullopt)) {
                me->over = true;
                if (!part) co_return std::move(part).error();
            }
        }
    }

    std::shared_ptr<core> core_;
};

}  // namespace antiphon::http
