// SPDX-License-Identifier: BSL-1.0
#pragma once
// The asking end of a connection: what others answer is a request like any other.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/request/starts_on.hpp"
#include "antiphon/messaging/client_options.hpp"
#include "antiphon/messaging/codec.hpp"
#include "antiphon/messaging/detail/gathering_ask.hpp"
#include "antiphon/messaging/detail/remote_ask.hpp"
#include "antiphon/messaging/gather_options.hpp"
#include "antiphon/messaging/responder.hpp"
#include "antiphon/messaging/stream.hpp"
#include "antiphon/messaging/stream_options.hpp"
#include "antiphon/messaging/subject.hpp"
#include "antiphon/messaging/transport.hpp"

namespace antiphon::messaging {

/// The type of a client's request.
template <class Signature, class Repeat = repeat::safe, class Codec = text>
using remote_request = antiphon::request<Signature, Repeat, detail::remote<Signature, Codec>>;

/// Makes requests out of subjects; they share its inbox. Whoever serves the subject answers: in this process, or on any of fifty machines.
/// **Threads**: everything here, the destructor apart, from any thread. An ask is encoded and sent by the thread that asks. A codec that
/// is not quick decodes on the request's executor; continuations run there as well.
/// **Errors**: the constructor throws `std::invalid_argument` for nonsensical options, `request_error` where no inbox can be opened;
/// `request` throws `std::invalid_argument` for what is no subject. An ask fails as its responder's handler does (`executed()` and
/// `retry_after()` included), or with `unavailable`: `executed::no` where nobody listens and the broker can tell, or nothing is
/// connected, `maybe` where the connection was lost; `cancelled`, `deadline_exceeded`, `shut_down` (the client is gone), and what the
/// codec says.
/// **Cost**: one allocation an ask, arguments, answer and table entry together, besides what the codec and the transport take.
/// **Time**: the deadline of the ask's context goes out as the time that is left; the clock is the connection's.
class client {
public:
    template <transport Transport>
    explicit client(Transport const& to, client_options options = {}) : core_{make(to.connection(), std::move(options))} {}
    client(client const&) = delete;
    client& operator=(client const&) = delete;
    /// What is under way fails as `shut_down`, as does what its requests are asked afterwards.
    ~client() { core_->close(); }

    /// `Reply(Query)`, or `Reply()`. With `repeat::unsafe`, policies repeat only what certainly was not done.
    template <class Signature, class Repeat = repeat::safe, class Codec = text>
    [[nodiscard]] remote_request<Signature, Repeat, Codec> request(std::string_view subject, Codec codec = {}) const {
        antiphon::detail::require(is_subject(subject), "client::request: subject: tokens with dots between them, without wildcards");
        using handler = detail::remote<Signature, Codec>;
        return antiphon::detail::request_access::make<Repeat>(handler{
            std::make_shared<detail::target<Codec> const>(detail::target<Codec>{core_, std::string{subject}, std::move(codec)})});
    }
    /// `std::vector<result<Reply>>(Query)`: the answers of all who serve the subject without a group, until there are enough. Each has to fit
    /// into one message. **Errors**: nobody listening is `unavailable`; a responder's failure is one of the results.
    template <class Signature, class Repeat = repeat::safe, class Codec = text>
    [[nodiscard]] auto request_many(std::string_view subject, gather_options enough, Codec codec = {}) const {
        antiphon::detail::require(is_subject(subject),
                                  "client::request_many: subject: tokens with dots between them, without wildcards");
        detail::check(enough);
        if (core_->options().timeout < enough.limit) enough.limit = core_->options().timeout;
        antiphon::detail::require(enough.count != 0 || enough.quiet != duration::max() || enough.limit != duration::max(),
                                  "gather_options.limit: something has to end it");
        using handler = detail::remote_many<Signature, Codec>;
        return antiphon::detail::request_access::make<Repeat>(
            handler{std::make_shared<detail::target<Codec> const>(detail::target<Codec>{core_, std::string{subject}, std::move(codec)}),
                    enough});
    }
    /// `parts<Reply>(Query)`: an answer in parts, from who serves the subject with `serve_stream`. The ask is answered when the first part is
    /// there. **Time**: deadlines and timeouts count until then; afterwards `stream_options::quiet` does, and those of each `next`.
    template <class Signature, class Repeat = repeat::safe, class Codec = text>
    [[nodiscard]] auto stream(std::string_view subject, stream_options options = {}, Codec codec = {}) const {
        antiphon::detail::require(is_subject(subject), "client::stream: subject: tokens with dots between them, without wildcards");
        detail::check(options);
        using handler = detail::opening<Signature, Codec>;
        using opens = antiphon::request<typename handler::signature, Repeat>;
        auto to = std::make_shared<detail::target<Codec> const>(detail::target<Codec>{core_, std::string{subject}, std::move(codec)});
        opens made{handler{std::move(to), options}};
        if (any_executor const& own = core_->executor()) return opens{std::move(made) | starts_on(own)};
        return made;
    }
    /// Tells whoever listens, and waits for nobody. **Errors**: what the codec and the transport say at once; nobody listening is none.
    template <class T, class Codec = text>
    result<void> publish(std::string_view subject, T&& value, Codec const& codec = {}) const {
        antiphon::detail::require(is_subject(subject), "client::publish: subject: tokens with dots between them, without wildcards");
        message m;
        m.subject = std::string{subject};
        m.headers = core_->options().headers;
        if (result<void> encoded = detail::encode_into(codec, m, std::forward<T>(value)); !encoded) return encoded;
        if (m.body.size() > core_->to().max_body())
            return failure{errc::out_of_range, executed::no, "a publication has to fit into one message"};
        return core_->to().send(std::move(m));
    }
    /// Answers what comes to `pattern` with `served`, until the responder is gone. See `responder`.
    template <class Request, class Codec = text>
    [[nodiscard]] responder serve(std::string_view pattern, Request served, serve_options options = {}, Codec codec = {}) const {
        return responder::make(core_->shared_connection(), pattern, std::move(served), std::move(options), std::move(codec));
    }

    /// Answers `stream<Part(Query)>` with what `written`, a `request<void(Query, part_sink<Part, Codec>)>` or what one is made of, sends to
    /// its sink; the stream ends when that is answered, and fails when that does.
    template <class Signature, class Codec = text>
    [[nodiscard]] responder serve_stream(std::string_view pattern, typename detail::streaming<Signature, Codec>::writer written,
                                         serve_options options = {}, Codec codec = {}) const {
        any_executor const own = core_->executor();
        auto const answer = [&](auto what) {
            return serve(
                pattern,
                antiphon::request{detail::streaming<Signature, Codec>{core_->shared_connection(), std::move(what), std::move(codec)}},
                std::move(options));
        };
        if (own) return answer(typename detail::streaming<Signature, Codec>::writer{std::move(written) | starts_on(own)});
        return answer(std::move(written));
    }

    /// Asks that wait for their answer.
    [[nodiscard]] std::size_t under_way() const noexcept { return core_->under_way(); }
    /// Answers that nobody waited for.
    [[nodiscard]] std::uint64_t late() const noexcept { return core_->counts().late.load(std::memory_order_relaxed); }
    /// Messages to the inbox that were no answers.
    [[nodiscard]] std::uint64_t malformed() const noexcept { return core_->counts().malformed.load(std::memory_order_relaxed); }
    /// Where answers come to.
    [[nodiscard]] inbox_id inbox() const noexcept { return core_->inbox(); }

private:
    [[nodiscard]] static std::shared_ptr<detail::client_core> make(std::shared_ptr<connection> to, client_options options) {
        detail::check(options);
        auto core = std::make_shared<detail::client_core>(std::move(to), std::move(options));
        if (result<void> opened = core->to().open(core->inbox(), core); !opened) opened.error().raise();
        return core;
    }

    std::shared_ptr<detail::client_core> core_;
};

static_assert(!std::is_copy_constructible_v<client>);

}  // namespace antiphon::messaging
