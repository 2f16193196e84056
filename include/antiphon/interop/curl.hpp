// SPDX-License-Identifier: BSL-1.0
#pragma once
// HTTP by libcurl: what a client asks over the network is a request like any other.

#include <curl/curl.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/promise.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/http/body.hpp"
#include "antiphon/http/client_options.hpp"
#include "antiphon/http/event_source.hpp"
#include "antiphon/http/expect_success.hpp"
#include "antiphon/http/idempotency_key.hpp"
#include "antiphon/http/message.hpp"
#include "antiphon/http/url.hpp"
#include "antiphon/interop/detail/curl_engine.hpp"

#if ANTIPHON_HAS_FORK
#include <pthread.h>

#include <csignal>
#endif

namespace antiphon::http {

namespace detail {

using engine_ref = shared_core<curl_engine>;

[[nodiscard]] inline request<response(request_message), repeat::unsafe> transport_of(engine_ref const& engine);

/// The handlers of a client's requests. What they hold outlives the client.
class exchange {
public:
    exchange(engine_ref engine, std::shared_ptr<question const> what) noexcept : engine_{std::move(engine)}, what_{std::move(what)} {}
    void operator()(context const& how, promise<response> reply) const { engine_->ask(how, what_, std::move(reply)); }
    // For policies that make several messages of one ask.
    [[nodiscard]] auto transport() const { return transport_of(engine_); }
    [[nodiscard]] result<request_message> message() const { return message_of(*what_); }

private:
    engine_ref engine_;
    std::shared_ptr<question const> what_;
};
class keyed_exchange {
public:
    keyed_exchange(engine_ref engine, std::shared_ptr<question const> what) noexcept
        : engine_{std::move(engine)}, what_{std::move(what)} {}
    void operator()(context const& how, idempotency_key key, promise<response> reply) const {
        engine_->ask(how, what_, std::move(reply), key.quoted());
    }
    [[nodiscard]] auto transport() const { return transport_of(engine_); }
    [[nodiscard]] result<request_message> message(idempotency_key key) const {
        result<request_message> made = message_of(*what_);
        if (made) static_cast<void>(made->headers.set(idempotency_key::field_name, key.quoted()));
        return made;
    }

private:
    engine_ref engine_;
    std::shared_ptr<question const> what_;
};
class message_exchange {
public:
    message_exchange(engine_ref engine, std::shared_ptr<url const> base) noexcept
        : engine_{std::move(engine)}, base_{std::move(base)} {}
    void operator()(context const& how, request_message message, promise<response> reply) const {
        engine_->ask(how, make_question(*base_, engine_->options(), std::move(message)), std::move(reply));
    }

private:
    engine_ref engine_;
    std::shared_ptr<url const> base_;
};
class target_exchange {
public:
    target_exchange(engine_ref engine, std::shared_ptr<url const> base) noexcept : engine_{std::move(engine)}, base_{std::move(base)} {}
    void operator()(context const& how, std::string target, promise<response> reply) const {
        engine_->ask(how, make_question(*base_, engine_->options(), {.target = std::move(target)}), std::move(reply));
    }

private:
    engine_ref engine_;
    std::shared_ptr<url const> base_;
};

class stream_exchange {
public:
    stream_exchange(engine_ref engine, std::shared_ptr<question const> what) noexcept
        : engine_{std::move(engine)}, what_{std::move(what)} {}
    void operator()(context const& how, promise<streamed_response> reply) const { engine_->ask(how, what_, std::move(reply)); }

private:
    engine_ref engine_;
    std::shared_ptr<question const> what_;
};
class message_stream {
public:
    message_stream(engine_ref engine, std::shared_ptr<url const> base) noexcept : engine_{std::move(engine)}, base_{std::move(base)} {}
    void operator()(context const& how, request_message message, promise<streamed_response> reply) const {
        engine_->ask(how, make_question(*base_, engine_->options(), std::move(message)), std::move(reply));
    }

private:
    engine_ref engine_;
    std::shared_ptr<url const> base_;
};
class upload_exchange {
public:
    upload_exchange(engine_ref engine, std::shared_ptr<url const> base) noexcept : engine_{std::move(engine)}, base_{std::move(base)} {}
    void operator()(context const& how, request_message message, body_reader body, promise<response> reply) const {
        std::shared_ptr<question const> what = make_question(*base_, engine_->options(), std::move(message));
        engine_->ask(how, std::move(what), std::move(reply), {}, std::move(body));
    }

private:
    engine_ref engine_;
    std::shared_ptr<url const> base_;
};

template <class Repeat, class F>
[[nodiscard]] auto make_request(F handler) {
    using access = antiphon::detail::request_access;
    return access::make<Repeat>(access::handler(antiphon::request{std::move(handler)}));
}

[[nodiscard]] inline request<response(request_message), repeat::unsafe> transport_of(engine_ref const& engine) {
    return make_request<repeat::unsafe>(message_exchange{engine, std::make_shared<url const>()});
}

template <class Repeat, class Exchange>
using request_by = decltype(make_request<Repeat>(std::declval<Exchange>()));

/// A thread that no signal of the program's comes to: a broken pipe is an error code there.
template <class F>
[[nodiscard]] std::thread start_quietly(F&& body) {
#if ANTIPHON_HAS_FORK
    ::sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    struct restore {
        ::sigset_t const* to;
        ~restore() { ::pthread_sigmask(SIG_SETMASK, to, nullptr); }
    } const afterwards{&before};
#endif
    return std::thread{std::forward<F>(body)};
}

}  // namespace detail

/// The types of a client's requests.
using safe_request = detail::request_by<repeat::safe, detail::exchange>;
using unsafe_request = detail::request_by<repeat::unsafe, detail::exchange>;
using keyed_request = detail::request_by<repeat::safe, detail::keyed_exchange>;
using target_request = detail::request_by<repeat::safe, detail::target_exchange>;
using message_request = detail::request_by<repeat::unsafe, detail::message_exchange>;
using stream_request = detail::request_by<repeat::safe, detail::stream_exchange>;
using message_stream_request = detail::request_by<repeat::unsafe, detail::message_stream>;
using upload_request = detail::request_by<repeat::unsafe, detail::upload_exchange>;

/// Makes requests out of URLs; they share its I/O thread, its connections and its queue. A response of any status is a value
/// (see `expect_success`).
/// **Threads**: everything here, the destructor apart, from any thread. The I/O thread runs no continuation of the user's; policies
/// act in it, as in any thread where an answer arrives.
/// **Errors**: the constructor throws `std::invalid_argument` for nonsensical options, `request_error` for a base that is no URL,
/// `std::system_error` when the thread cannot be started. An ask fails with `unavailable` (no such host, refused, reset, TLS),
/// `unauthenticated` (a certificate not to be trusted), `deadline_exceeded`, `cancelled`, `out_of_range` (larger than the options
/// allow), `failed_precondition` (redirections), `internal` (not HTTP), `shut_down` (the client is gone), `forked`, or a fault of the
/// URL or the fields. `executed()` is `no` where nothing was sent, `maybe` where no answer came, `yes` where a status did.
/// **Cost**: one lock and at most one wake-up an ask, besides curl's work; a few allocations.
/// **Time**: the deadline of the ask's context, and `client_options::timeout`, limit the whole, waiting and redirections included.
class client {
public:
    /// Targets are resolved against `base`; without one they have to be whole URLs.
    explicit client(std::string_view base, client_options options = {})
        : base_{std::make_shared<url const>(parsed(base))}, engine_{make_engine(std::move(options))} {
        thread_ = detail::start_quietly([engine = engine_] { engine->run(); });
    }
    client() : client{std::string_view{}} {}
    client(client const&) = delete;
    client& operator=(client const&) = delete;
    /// What is under way fails as `shut_down`, as does what its requests are asked afterwards. Waits for the I/O thread.
    ~client() {
        bool const here = !engine_->forked();  // else the thread stayed in the parent
        if (here) engine_->close();
        if (here && thread_.get_id() != std::this_thread::get_id()) {
            thread_.join();
        } else {
            thread_.detach();
        }
    }

    [[nodiscard]] url const& base() const noexcept { return *base_; }

    [[nodiscard]] safe_request get(std::string_view target, fields headers = {}) const {
        return repeatable("GET", target, {}, std::move(headers));
    }
    [[nodiscard]] safe_request head(std::string_view target, fields headers = {}) const {
        return repeatable("HEAD", target, {}, std::move(headers));
    }
    [[nodiscard]] safe_request options(std::string_view target, fields headers = {}) const {
        return repeatable("OPTIONS", target, {}, std::move(headers));
    }
    [[nodiscard]] safe_request put(std::string_view target, std::string body, fields headers = {}) const {
        return repeatable("PUT", target, std::move(body), std::move(headers));
    }
    [[nodiscard]] safe_request delete_(std::string_view target, fields headers = {}) const {
        return repeatable("DELETE", target, {}, std::move(headers));
    }
    [[nodiscard]] unsafe_request post(std::string_view target, std::string body, fields headers = {}) const {
        return unrepeatable("POST", target, std::move(body), std::move(headers));
    }
    [[nodiscard]] unsafe_request patch(std::string_view target, std::string body, fields headers = {}) const {
        return unrepeatable("PATCH", target, std::move(body), std::move(headers));
    }

    /// With a key that the caller knows it may be repeated.
    [[nodiscard]] safe_request post(std::string_view target, std::string body, idempotency_key const& key, fields headers = {}) const {
        return repeatable("POST", target, std::move(body), with_key(std::move(headers), key));
    }
    [[nodiscard]] safe_request patch(std::string_view target, std::string body, idempotency_key const& key, fields headers = {}) const {
        return repeatable("PATCH", target, std::move(body), with_key(std::move(headers), key));
    }
    /// `response(idempotency_key)`: the key of each ask is its argument; see `new_key`.
    [[nodiscard]] keyed_request post(std::string_view target, std::string body, keyed_t, fields headers = {}) const {
        return detail::make_request<repeat::safe>(
            detail::keyed_exchange{engine_, made("POST", target, std::move(body), std::move(headers))});
    }
    [[nodiscard]] keyed_request patch(std::string_view target, std::string body, keyed_t, fields headers = {}) const {
        return detail::make_request<repeat::safe>(
            detail::keyed_exchange{engine_, made("PATCH", target, std::move(body), std::move(headers))});
    }

    /// `response(std::string)`: GET of the target that is its argument.
    [[nodiscard]] target_request get() const { return detail::make_request<repeat::safe>(detail::target_exchange{engine_, base_}); }
    /// `response(request_message)`, of any method, so that nobody knows whether it may be repeated but who asks.
    [[nodiscard]] message_request send() const {
        return detail::make_request<repeat::unsafe>(detail::message_exchange{engine_, base_});
    }

    /// GET, answered as soon as the body begins: that is read part by part, and a server that is quicker waits. The limits of time
    /// hold until then. A body that is not read to its end occupies one of `max_active` until its reader is dropped.
    [[nodiscard]] stream_request stream(std::string_view target, fields headers = {}) const {
        return detail::make_request<repeat::safe>(detail::stream_exchange{engine_, made("GET", target, {}, std::move(headers))});
    }
    /// `streamed_response(request_message)`: the same of any message.
    [[nodiscard]] message_stream_request stream() const {
        return detail::make_request<repeat::unsafe>(detail::message_stream{engine_, base_});
    }
    /// The events that a server sends at a URL.
    [[nodiscard]] event_source events(std::string_view target, event_options options = {}, fields headers = {}) const {
        return {stream(), {.target = std::string{target}, .headers = std::move(headers)}, std::move(options)};
    }
    /// `response(request_message, body_reader)`: the body goes out while it is being written, in chunks; the message's own is not
    /// sent. A redirection that would need it again is an answer.
    [[nodiscard]] upload_request upload() const {
        return detail::make_request<repeat::unsafe>(detail::upload_exchange{engine_, base_});
    }

private:
    [[nodiscard]] static url parsed(std::string_view text) {
        result<url> base = url::parse(text);
        if (!base) base.error().raise();
        return *std::move(base);
    }
    [[nodiscard]] static detail::engine_ref make_engine(client_options options) {
        static CURLcode const ready = curl_global_init(CURL_GLOBAL_DEFAULT);  // once a process, and never undone
        if (ready != CURLE_OK) detail::poll_loop::throw_no_memory();
        detail::check(options);
        return detail::engine_ref{new detail::curl_engine{std::move(options)}};
    }
    [[nodiscard]] static fields with_key(fields headers, idempotency_key const& key) {
        static_cast<void>(headers.set(idempotency_key::field_name, key.quoted()));
        return headers;
    }
    [[nodiscard]] std::shared_ptr<detail::question const> made(method verb, std::string_view target, std::string body,
                                                               fields headers) const {
        return detail::make_question(
            *base_, engine_->options(),
            {.method = verb, .target = std::string{target}, .headers = std::move(headers), .body = std::move(body)});
    }
    [[nodiscard]] safe_request repeatable(method verb, std::string_view target, std::string body, fields headers) const {
        return detail::make_request<repeat::safe>(detail::exchange{engine_, made(verb, target, std::move(body), std::move(headers))});
    }
    [[nodiscard]] unsafe_request unrepeatable(method verb, std::string_view target, std::string body, fields headers) const {
        return detail::make_request<repeat::unsafe>(detail::exchange{engine_, made(verb, target, std::move(body), std::move(headers))});
    }

    std::shared_ptr<url const> base_;
    detail::engine_ref engine_;
    std::thread thread_;
};

static_assert(!std::is_copy_constructible_v<client>);

}  // namespace antiphon::http
