// SPDX-License-Identifier: BSL-1.0
#pragma once
// The hybrid on the wire: an answer in time, or a ticket, which is then redeemed; and tickets of another process.

#include <atomic>
#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/policy/backoff.hpp"
#include "antiphon/http/detail/polling.hpp"
#include "antiphon/http/fields.hpp"
#include "antiphon/http/message.hpp"
#include "antiphon/http/ticket.hpp"

namespace antiphon::http {

namespace detail {

/// The handlers of a client's requests: each knows its message, and the transport for it.
template <class F, class... P>
concept knows_message = requires(F const& f, P... args) {
    { f.transport() } -> std::convertible_to<message_transport>;
    { f.message(std::move(args)...) } -> std::same_as<result<request_message>>;
};

}  // namespace detail

/// `web.post("/reports", question) | http::respond_async{.wait = 2s}`: the server may answer in time, or give a ticket (202 and a
/// Location), which is looked at until it is the answer; who asks sees one ask with one answer. It stands right after a client's
/// request, or after any request `response(request_message)`: retries, limits and mocks of such a transport stand to its left and
/// then act on each message.
///
/// A server that ignores the preference simply answers. A pause between looks is what Retry-After says, in either form, else a
/// back-off; where the server granted `wait`, looks ask it to hold them. Redirections of the ticket (303) are followed. A look that fails in passing
/// (no connection, 429, 502, 503, 504) is repeated, up to `max_failures` in a row. Any other status is the answer.
/// When the ask is stopped, or runs out of time, the ticket is deleted.
/// **Threads**: `on_ticket` and `callback` are called on the request's executor, and may be called for several asks at once.
/// **Errors**: `deadline_exceeded` as soon as the next look would come too late; `cancelled`; what the transport fails with; what
/// `on_ticket` throws (the ticket is deleted then). Negative times are refused with `std::invalid_argument`.
/// **Time**: the executor's clock; the ask's deadline limits everything together. **Source**: RFC 7240, 4.1 and 4.3.
struct respond_async {
    /// How long the server may hold back its answer before it gives a ticket.
    any_duration wait = std::chrono::seconds{2};
    /// Pauses between looks, where the server does not say.
    antiphon::backoff backoff = {.initial = std::chrono::milliseconds{250}, .jitter = jitter::equal};
    /// Looks in a row that may fail in passing.
    unsigned max_failures = 5;
    /// Whether a ticket that nobody waits for any more is given back with DELETE.
    bool delete_on_cancel = true;
    /// Told the ticket as soon as there is one: to be written down.
    std::function<void(ticket const&)> on_ticket = {};
    /// A webhook receiver's: where the server may call, too. The answer is whichever comes first.
    std::function<expected_callback()> callback = {};
    /// The field in which the callback's URL goes out.
    std::string callback_field = "Callback-Url";

    using antiphon_policy = void;

    template <class Repeat, class Handler>
    [[nodiscard]] auto operator()(request<response(request_message), Repeat, Handler> transport) const {
        auto with = made(detail::message_transport{transport});
        return antiphon::detail::in_place_of(transport, [with = std::move(with)](context const& ask, request_message message) {
            return detail::ask_hybrid(with, ask, std::move(message));
        });
    }
    template <class... P, class Repeat, class F, antiphon::detail::lead Lead, bool WithPromise>
        requires(detail::knows_message<F, P...>)
    [[nodiscard]] auto operator()(
        request<response(P...), Repeat, antiphon::detail::leaf<F, response(P...), Lead, WithPromise>> r) const {
        F known = antiphon::detail::request_access::handler(request{r}).callable();
        auto with = made(known.transport());
        return antiphon::detail::in_place_of(r, [with = std::move(with), known = std::move(known)](context const& ask, P... args) {
            return detail::ask_hybrid(with, ask, known.message(std::move(args)...));
        });
    }

private:
    [[nodiscard]] std::shared_ptr<detail::polling const> made(detail::message_transport transport) const {
        using antiphon::detail::require;
        require(wait >= duration::zero(), "respond_async.wait: must not be negative");
        require(!callback || check_field_name(callback_field).has_value(), "respond_async.callback_field: must be a token");
        backoff.check();
        return std::make_shared<detail::polling const>(detail::polling{
            std::move(transport), wait, backoff, max_failures, delete_on_cancel, on_ticket, callback, callback_field, {}});
    }
};

/// `web.send() | http::resume{}`: a request `response(ticket)`, which redeems tickets of this process or another.
/// **Errors**, **Time**: as `respond_async`.
struct resume {
    /// How long a server that holds looks is asked to hold one.
    any_duration wait = std::chrono::seconds{2};
    antiphon::backoff backoff = {.initial = std::chrono::milliseconds{250}, .jitter = jitter::equal};
    unsigned max_failures = 5;
    bool delete_on_cancel = true;
    /// Of each message; a ticket does not keep credentials.
    fields headers = {};

    using antiphon_policy = void;

    template <class Repeat, class Handler>
    [[nodiscard]] auto operator()(request<response(request_message), Repeat, Handler> transport) const {
        antiphon::detail::require(wait >= duration::zero(), "resume.wait: must not be negative");
        backoff.check();
        auto with = std::make_shared<detail::polling const>(
            detail::polling{detail::message_transport{transport}, wait, backoff, max_failures, delete_on_cancel, {}, {}, {}, headers});
        return idempotent(antiphon::detail::in_place_of(transport, [with = std::move(with)](context const& ask, ticket held) {
            duration const pause = held.pause();
            return detail::redeem(with, ask, std::move(held), with->headers, pause, std::make_shared<std::atomic<bool>>(false));
        }));
    }
};

}  // namespace antiphon::http
