// SPDX-License-Identifier: BSL-1.0
#pragma once
// Requests behind routes, asked by messages: the server's side of the hybrid, over any transport.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/ready_future.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/request/shared_future.hpp"
#include "antiphon/request/starts_on.hpp"
#include "antiphon/request/stop_when.hpp"
#include "antiphon/request/task.hpp"
#include "antiphon/request/when_first.hpp"
#include "antiphon/policy/timeout.hpp"
#include "antiphon/http/codec.hpp"
#include "antiphon/http/detail/ticket_events.hpp"
#include "antiphon/http/idempotency_key.hpp"
#include "antiphon/http/message.hpp"
#include "antiphon/http/prefer.hpp"
#include "antiphon/http/progress.hpp"
#include "antiphon/http/reply.hpp"
#include "antiphon/http/retry_after.hpp"
#include "antiphon/http/url.hpp"
#include "antiphon/http/webhook.hpp"

namespace antiphon::http {

/// What a service may be told. **Errors**: nonsense is refused by its constructor (`std::invalid_argument`).
struct service_options {
    /// Below it are the status resources of tickets.
    std::string tickets = "/tickets/";
    /// How long a finished answer can be had.
    any_duration keep_results = std::chrono::minutes{5};
    /// Of asks under way and answers kept; beyond them the oldest answers go, and where there is none, asks that would need a ticket are
    /// refused with 503.
    std::size_t max_tickets = 10'000;
    /// The longest wait that a client is granted.
    any_duration max_wait = std::chrono::seconds{60};
    /// What a client is told to wait between looks.
    any_duration retry_after = std::chrono::seconds{1};
    /// Where a ticket is watched and there is no news, a comment goes out so often: it keeps the connection, and tells when it is lost.
    any_duration keep_alive = std::chrono::seconds{15};
    /// The field in which a client tells how many milliseconds it has left; empty: none.
    std::string deadline_field = "Request-Timeout-Ms";
    /// Delivers the answer of a ticket to the URL in `callback_field`. Whoever sets it decides which URLs may be called.
    std::optional<request<response(webhook)>> callbacks = {};
    std::string callback_field = "Callback-Url";
};

/// `site.route("POST", "/sum", sum, http::json_codec{});` then `site.handler()` is a request of messages, for a server, or for a client in the
/// same process. Without a preference an ask waits for its answer. With `Prefer: respond-async, wait=N` it is answered in time, or with 202
/// and a ticket: GET looks at it (and `Prefer: wait=N` holds the look), DELETE stops the ask, an answer is kept for a while.
/// An ask that is stopped before it has a ticket (its client has gone) stops what it asked.
/// GET of a ticket with `Accept: text/event-stream` watches it: each report of a handler that takes a `progress` is an event of type
/// `progress`, the last event is of type `answer`, its data the status in the first line and the body in those below.
/// **Threads**: any; copies share their routes and tickets. Add routes before serving. Holding a wait costs a timer, no thread.
/// **Errors**: as statuses: 404 and 405 for routes, 404 for unknown tickets, 410 for deleted ones, `status_of` for failures.
/// **Time**: the executor's clock. **Source**: RFC 7240; WHATWG HTML, 9.2.
class service {
public:
    explicit service(service_options options = {}) : core_{std::make_shared<core>(std::move(options))} {
        using antiphon::detail::require;
        service_options const& o = core_->options;
        require(o.tickets.starts_with('/') && o.tickets.ends_with('/'), "service_options.tickets: must begin and end with a slash");
        require(o.keep_results >= duration::zero(), "service_options.keep_results: must not be negative");
        require(o.max_tickets != 0, "service_options.max_tickets: must not be zero");
        require(o.max_wait >= duration::zero(), "service_options.max_wait: must not be negative");
        require(o.retry_after >= duration::zero(), "service_options.retry_after: must not be negative");
        require(o.keep_alive > duration::zero(), "service_options.keep_alive: must be positive");
    }

    /// A request that answers messages itself. A path that ends in a slash stands for all below it; the longest one counts.
    template <class Repeat, class Handler>
    service& route(method verb, std::string path, request<response(request_message), Repeat, Handler> handler) {
        return add(verb, std::move(path), transport{std::move(handler)});
    }
    template <class Repeat, class Handler>
    service& route(method verb, std::string path, request<response(progress, request_message), Repeat, Handler> handler) {
        return add(verb, std::move(path), telling{std::move(handler)});
    }
    /// One whose body is written while it is sent. It has no tickets, and the client's deadline is that of its beginning.
    template <class Repeat, class Handler>
    service& route(method verb, std::string path, request<streamed_response(request_message), Repeat, Handler> handler) {
        return add(verb, std::move(path), streaming{std::move(handler)});
    }
    /// Any request, its arguments out of the message, its answer into the response. A first argument `progress` is the route's to give.
    template <class R, class... P, class Repeat, class Handler, class Codec = text_codec>
        requires(!std::is_same_v<R(P...), response(request_message)> && !std::is_same_v<R(P...), streamed_response(request_message)>)
    service& route(method verb, std::string path, request<R(P...), Repeat, Handler> what, Codec codec = {}) {
        return route(verb, std::move(path),
                     antiphon::request{[what = std::move(what), codec = std::move(codec)](request_message message) -> future<response> {
                         return coded<R, P...>(message, codec, [&](auto&... each) { return what.submit(std::move(each)...); });
                     }});
    }
    template <class R, class... P, class Repeat, class Handler, class Codec = text_codec>
        requires(!std::is_same_v<R(P...), response(request_message)>)
    service& route(method verb, std::string path, request<R(progress, P...), Repeat, Handler> what, Codec codec = {}) {
        return route(verb, std::move(path),
                     antiphon::request{[what = std::move(what), codec = std::move(codec)](progress told,
                                                                                          request_message message) -> future<response> {
                         return coded<R, P...>(message, codec,
                                               [&](auto&... each) { return what.submit(std::move(told), std::move(each)...); });
                     }});
    }

    /// `response(request_message)`: for a transport of whole messages. It does not let tickets be watched, and gathers what is streamed.
    [[nodiscard]] auto handler() const {
        return antiphon::request{
            [held = core_](context const& ask, request_message message) { return answer<response>(held, ask, std::move(message)); }};
    }
    /// `reply(request_message)`: what a server asks.
    [[nodiscard]] auto replies() const {
        return antiphon::request{
            [held = core_](context const& ask, request_message message) { return answer<reply>(held, ask, std::move(message)); }};
    }
    /// Tickets under way and kept.
    [[nodiscard]] std::size_t tickets() const noexcept {
        parking_lock::scope const hold{core_->lock};
        return core_->entries.size();
    }

private:
    using transport = request<response(request_message), repeat::unsafe>;
    using telling = request<response(progress, request_message), repeat::unsafe>;
    using streaming = request<streamed_response(request_message), repeat::unsafe>;
    using entry = detail::held_ask;
    struct core {
        explicit core(service_options o) : options{std::move(o)} {}
        struct place {
            method verb;
            std::string path;
            std::variant<transport, telling, streaming> ask;
        };
        service_options const options;
        std::vector<place> routes;  ///< not changed any more once it serves
        parking_lock lock;
        // Guarded by lock:
        std::unordered_map<std::string, std::shared_ptr<entry>> entries;
        std::deque<std::pair<time_point, std::string>> finished;  ///< the oldest first
    };
    using core_ptr = std::shared_ptr<core>;

    [[nodiscard]] static response said(int status, fields headers = {}) {
        static_cast<void>(headers.add("Content-Type", "text/plain; charset=utf-8"));
        return {.status = status, .headers = std::move(headers), .body = std::string{status_text(status).c_str()} + "\n"};
    }
    [[nodiscard]] static std::string seconds_of(duration d) {
        auto const whole = std::chrono::duration_cast<std::chrono::seconds>(d);
        return std::to_string(whole.count() + (whole < d ? 1 : 0));
    }
    [[nodiscard]] static std::string path_of(std::string_view target) {
        if (result<url> const parsed = url::parse(target); parsed && parsed->absolute()) return parsed->request_target();
        return std::string{target};
    }
    template <class Ask>
    service& add(method verb, std::string path, Ask ask) {
        antiphon::detail::require(path.starts_with('/'), "service.route: the path must begin with a slash");
        core_->routes.push_back({verb, std::move(path), std::move(ask)});
        return *this;
    }
    template <class R, class... P, class Codec, class Submit>
    [[nodiscard]] static future<response> coded(request_message const& message, Codec const& codec, Submit&& submit) {
        result<std::tuple<std::decay_t<P>...>> given = codec.template decode<std::decay_t<P>...>(message);
        if (!given) return make_failed<response>(given.error());
        auto asked = std::apply(submit, *given);
        if constexpr (std::is_void_v<R>) {
            return std::move(asked).then([codec] { return codec.encode(); });
        } else {
            return std::move(asked).then([codec](R answer) { return codec.encode(std::move(answer)); });
        }
    }
    /// What is asked for messages; who watches, watches `told`.
    [[nodiscard]] static transport bound(typename core::place const& found, progress told) {
        if (auto const* const plain = std::get_if<transport>(&found.ask)) return *plain;
        return transport{[ask = std::get<telling>(found.ask), told = std::move(told)](request_message message) {
            return ask.submit(told, std::move(message));
        }};
    }
    static task<response> gathered(streamed_response from) {
        response whole{.status = from.status, .headers = std::move(from.headers), .url = std::move(from.url)};
        while (from.body) {
            result<std::string> const part = co_await from.body.next();
            if (!part) co_return part.error();
            if (part->empty()) break;
            whole.body += *part;
        }
        co_return whole;
    }

    template <class Answer>
    static task<Answer> answer(core_ptr me, context const& ask, request_message message) {
        std::string target = path_of(message.target);
        std::string const path = target.substr(0, target.find('?'));
        if (path.starts_with(me->options.tickets)) {
            result<Answer> looked = co_await look<Answer>(me, ask, message, path.substr(me->options.tickets.size()));
            co_return std::move(looked);
        }
        std::string allowed;
        typename core::place const* const found = find(*me, message.method, path, allowed);
        if (found == nullptr) co_return Answer{allowed.empty() ? said(404) : said(405, {{"Allow", allowed}})};
        duration limit = duration::max();
        if (auto const left = me->options.deadline_field.empty() ? std::nullopt : message.headers.get(me->options.deadline_field)) {
            result<duration> const milliseconds = parse_seconds(*left);
            if (!milliseconds) co_return Answer{said(400)};
            limit = *milliseconds / 1000;
            if (limit <= duration::zero()) co_return Answer{said(504)};
        }
        if (auto const* const streams = std::get_if<streaming>(&found->ask)) {
            result<streamed_response> begun = co_await (*streams | timeout{.limit = limit})(std::move(message));
            if (!begun) co_return Answer{response_of(begun.error())};
            if constexpr (std::is_same_v<Answer, reply>) {
                co_return reply{*std::move(begun)};
            } else {
                result<response> whole = co_await gathered(*std::move(begun));
                co_return std::move(whole);
            }
        }
        result<preferences> const wishes = preferences::parse(message.headers.joined("Prefer"));
        if (!wishes || !wishes->respond_async()) {
            result<response> const got = co_await (bound(*found, {}) | timeout{.limit = limit})(std::move(message));
            co_return Answer{detail::as_response(got)};
        }
        duration const wait = std::min<duration>(wishes->wait().value_or(duration::zero()), me->options.max_wait);
        result<response> hybrid = co_await begin(me, ask, *found, std::move(message), limit, wait);
        if (!hybrid) co_return std::move(hybrid).error();
        co_return Answer{*std::move(hybrid)};
    }
    [[nodiscard]] static typename core::place const* find(core const& me, method verb, std::string_view path, std::string& allowed) {
        typename core::place const* best = nullptr;
        for (auto const& each : me.routes) {
            if (each.path.ends_with('/') ? !path.starts_with(each.path) : path != each.path) continue;
            if (verb == each.verb || (verb == method{"HEAD"} && each.verb == method{"GET"})) {
                if (best == nullptr || each.path.size() > best->path.size()) best = &each;
            } else if (allowed.find(each.verb.name()) == std::string::npos) {
                allowed.append(allowed.empty() ? "" : ", ").append(each.verb.name());
            }
        }
        return best;
    }

    /// Until the answer is there, `wait` is over, or nobody waits any more.
    static task<void> hold(shared_future<response> answer, context const& ask, duration wait) {
        if (answer.ready() || wait <= duration::zero()) co_return;
        future<bool> ready = answer.then([](response const&) { return true; });
        static_cast<void>(co_await when_first(std::move(ready), detail::nap(ask, wait)));
    }

    static task<response> begin(core_ptr me, context const& ask, typename core::place const& found, request_message message,
                                duration limit, duration wait) {
        auto held = std::make_shared<entry>();
        std::optional<std::string> callback;
        if (me->options.callbacks)
            if (auto const field = message.headers.get(me->options.callback_field)) callback = std::string{*field};
        held->told = progress::watched();
        auto asks = bound(found, held->told) | timeout{.limit = limit} | stop_when(held->stop.get_token());
        {
            // It outlives this ask, and must not keep it alive: its deadline is its own.
            antiphon::detail::ambient_context const nothing_inherited{nullptr};
            future<response> asked = ask.executor()
                                         ? (std::move(asks) | starts_on(any_executor{ask.executor()})).submit(std::move(message))
                                         : std::move(asks).submit(std::move(message));
            held->answer = std::move(asked).share();
        }
        static_cast<void>(co_await hold(held->answer, ask, wait));
        if (held->answer.ready()) co_return detail::as_response(held->answer.get());
        if (ask.stop_requested()) {
            held->stop.request_stop();
            co_return failure{errc::cancelled, executed::maybe};
        }
        std::string const id = idempotency_key::make(ask.executor()).text();
        if (!keep(*me, id, held, ask.now())) {
            held->stop.request_stop();
            co_return said(503, {{"Retry-After", seconds_of(me->options.retry_after)}});
        }
        settle_later(me, id, held, any_executor{ask.executor()}, std::move(callback));
        co_return said(202, {{"Location", me->options.tickets + id},
                             {"Retry-After", seconds_of(me->options.retry_after)},
                             {"Preference-Applied", "respond-async, " + print_prefer_wait(wait)}});
    }
    /// False: there is no room.
    [[nodiscard]] static bool keep(core& me, std::string const& id, std::shared_ptr<entry> fresh, time_point now) {
        std::vector<std::shared_ptr<entry>> gone;  // dropped outside the lock
        parking_lock::scope hold{me.lock};
        forget_old(me, now, gone);
        if (me.entries.size() >= me.options.max_tickets && !me.finished.empty()) forget_first(me, gone);
        bool const room = me.entries.size() < me.options.max_tickets;
        if (room) me.entries.emplace(id, std::move(fresh));
        hold.unlock();
        return room;
    }
    static void forget_first(core& me, std::vector<std::shared_ptr<entry>>& gone) {
        if (auto const at = me.entries.find(me.finished.front().second); at != me.entries.end()) {
            gone.push_back(std::move(at->second));
            me.entries.erase(at);
        }
        me.finished.pop_front();
    }
    static void forget_old(core& me, time_point now, std::vector<std::shared_ptr<entry>>& gone) {
        while (!me.finished.empty() && me.finished.front().first <= now)
            forget_first(me, gone);
    }
    /// From the moment it is finished the answer is kept for so long.
    static void settle_later(core_ptr me, std::string id, std::shared_ptr<entry> held, any_executor where,
                             std::optional<std::string> callback) {
        held->answer.to_future().on_complete([me, id, held, where, callback](result<response> r) {
            {
                parking_lock::scope const hold{me->lock};
                held->until = saturating_add(where.now(), me->options.keep_results);
                me->finished.emplace_back(*held->until, id);
            }
            held->told.end();
            if (callback && me->options.callbacks)
                me->options.callbacks->submit(webhook{.url = *callback, .body = detail::as_response(r).body}).detach();
        });
    }

    template <class Answer>
    static task<Answer> look(core_ptr me, context const& ask, request_message const& message, std::string id) {
        std::shared_ptr<entry> held;
        std::vector<std::shared_ptr<entry>> gone;
        bool deleted = false;
        bool const deletes = message.method == http::method{"DELETE"};
        {
            parking_lock::scope const hold{me->lock};
            forget_old(*me, ask.now(), gone);
            if (auto const at = me->entries.find(id); at != me->entries.end()) held = at->second;
            if (held) deleted = std::exchange(held->deleted, held->deleted || deletes);
        }
        if (!held) co_return Answer{said(404)};
        if (deleted) co_return Answer{said(410)};
        if (deletes) {
            held->stop.request_stop();
            co_return Answer{response{.status = 204}};
        }
        if (message.method != http::method{"GET"} && message.method != http::method{"HEAD"})
            co_return Answer{said(405, {{"Allow", "GET, HEAD, DELETE"}})};
        if constexpr (std::is_same_v<Answer, reply>) {
            if (message.method == http::method{"GET"} && detail::wants_events(message.headers))
                co_return detail::events_of(held, ask, message.headers.get("Last-Event-ID").value_or(std::string_view{}),
                                            me->options.keep_alive);
        }
        result<preferences> const wishes = preferences::parse(message.headers.joined("Prefer"));
        duration const wait =
            std::min<duration>(wishes ? wishes->wait().value_or(duration::zero()) : duration::zero(), me->options.max_wait);
        static_cast<void>(co_await hold(held->answer, ask, wait));
        if (held->answer.ready()) co_return Answer{detail::as_response(held->answer.get())};
        fields headers{{"Retry-After", seconds_of(me->options.retry_after)}};
        if (wait > duration::zero()) {
            headers.erase("Retry-After");
            static_cast<void>(headers.add("Preference-Applied", print_prefer_wait(wait)));
        }
        co_return Answer{said(202, std::move(headers))};
    }

    core_ptr core_;
};

}  // namespace antiphon::http
