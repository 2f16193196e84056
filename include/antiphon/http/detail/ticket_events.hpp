// SPDX-License-Identifier: BSL-1.0
#pragma once
// A ticket that is watched: its progress, and its answer, as events.

#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/future.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/request/shared_future.hpp"
#include "antiphon/request/sleep.hpp"
#include "antiphon/request/starts_on.hpp"
#include "antiphon/request/task.hpp"
#include "antiphon/request/when_first.hpp"
#include "antiphon/http/body.hpp"
#include "antiphon/http/characters.hpp"
#include "antiphon/http/codec.hpp"
#include "antiphon/http/message.hpp"
#include "antiphon/http/progress.hpp"
#include "antiphon/http/reply.hpp"
#include "antiphon/http/server_event.hpp"

namespace antiphon::http::detail {

/// An ask that may outlive the wait of its client.
struct held_ask {
    shared_future<response> answer = {};
    std::stop_source stop = {};
    progress told = {};
    std::optional<time_point> until = {};  ///< once it is finished
    bool deleted = false;
};

/// What a result, or a failure, is to a client.
[[nodiscard]] inline response as_response(result<response> const& r) { return r ? *r : response_of(r.error()); }

/// True after so long, on the ask's executor.
[[nodiscard]] inline future<bool> nap(context const& ask, duration length) {
    request naps{[](duration how_long) -> task<bool> {
        co_await sleep_for(how_long);
        co_return false;
    }};
    return ask.executor() ? (std::move(naps) | starts_on(any_executor{ask.executor()})).submit(length) : std::move(naps).submit(length);
}

/// Whether one of the types in Accept is an event stream, by its name. **Source**: RFC 9110, 12.5.1.
[[nodiscard]] inline bool wants_events(fields const& headers) {
    std::string const accepted = headers.joined("Accept");
    for (std::string_view rest = accepted; !rest.empty();) {
        std::size_t const end = rest.find(',');
        std::string_view const each = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        if (equal_without_case(trimmed(each.substr(0, each.find(';'))), "text/event-stream")) return true;
    }
    return false;
}

/// The id of a ticket's last event: who has heard it is answered with 204, the end of an event stream.
inline constexpr std::string_view last_event_id = "end";

[[nodiscard]] inline std::string answer_event(response const& r) {
    return server_event{"answer", std::to_string(r.status) + "\n" + r.body, std::string{last_event_id}}.text();
}

/// Writes what is news until the answer is, or nobody reads any more. Comments keep the connection, and find out whether there is one.
inline task<void> tell_events(std::shared_ptr<held_ask> held, context const& ask, body_writer to, std::uint64_t seen, duration pause) {
    for (;;) {
        bool const over = held->answer.ready();  // before the look: what was reported before the answer is told before it
        std::string next;
        if (std::optional<progress::news> news = held->told.after(seen)) {
            seen = news->number;
            next = server_event{"progress", std::move(news->text), std::to_string(seen)}.text();
        } else if (over) {
            break;
        } else {
            result<bool> const woken = co_await when_first(held->told.changed(seen), nap(ask, pause));
            if (ask.stop_requested()) co_return;
            if (woken && *woken) continue;
            next = ":\n\n";
        }
        result<void> const written = co_await to.write(std::move(next));
        if (!written) co_return;
    }
    result<void> const written = co_await to.write(answer_event(as_response(held->answer.get())));
    if (written) to.end();
}

/// A reply whose body are the events after `heard`, the id of the last one that the client knows.
[[nodiscard]] inline reply events_of(std::shared_ptr<held_ask> held, context const& ask, std::string_view heard, duration pause) {
    if (heard == last_event_id) return response{.status = 204};
    // An id that is not one of ours (somebody else's number, a text) is nothing heard.
    std::uint64_t seen = 0;
    auto const [end, error] = std::from_chars(heard.data(), heard.data() + heard.size(), seen);
    if (error != std::errc{} || end != heard.data() + heard.size() || seen > held->told.count()) seen = 0;
    body_pipe pipe{std::size_t{64} << 10};
    streamed_response made{.status = 200,
                           .headers = {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}},
                           .body = std::move(pipe.reader)};
    request tells{[held = std::move(held), seen, pause](context const& own, body_writer to) {
        return tell_events(held, own, std::move(to), seen, pause);
    }};
    // It outlives this ask: nothing of it is inherited.
    antiphon::detail::ambient_context const nothing_inherited{nullptr};
    (ask.executor() ? (std::move(tells) | starts_on(any_executor{ask.executor()})).submit(std::move(pipe.writer))
                    : std::move(tells).submit(std::move(pipe.writer)))
        .detach();
    return made;
}

}  // namespace antiphon::http::detail
