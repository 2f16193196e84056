// SPDX-License-Identifier: BSL-1.0
#pragma once
// The answering end of a connection: a request that strangers may ask.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/request/future.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/messaging/codec.hpp"
#include "antiphon/messaging/detail/served.hpp"
#include "antiphon/messaging/serve_options.hpp"
#include "antiphon/messaging/subject.hpp"
#include "antiphon/messaging/transport.hpp"

namespace antiphon::messaging {

/// Answers with a request what comes to a pattern, for as long as it lives. The handler's context has the asker's deadline and priority;
/// what has expired on the way is answered without running; a cancel is a stop request. A handler of one `message` gets it undecoded, one
/// that returns a `message` sets headers. Everything that belongs around a service goes around its request: `concurrency_limit`,
/// `load_shed`, `rate_limit`, `observe`.
/// **Threads**: `stop`, `drain` and the counts from any thread. The handler runs on its request's executor, else on the default pool.
/// **Errors**: a failure goes back to who asked, with its code, text, `executed()` and `retry_after()`; that of a publication is counted.
/// **Cost**: an allocation an ask besides the handler's own.
class responder {
public:
    responder(responder&&) noexcept = default;
    responder& operator=(responder&& other) noexcept {
        if (this != &other) {
            stop();
            core_ = std::move(other.core_);
        }
        return *this;
    }
    /// Takes nothing more; what runs goes on, and is answered. Does not wait: see `drain`.
    ~responder() { stop(); }

    /// Takes nothing more. What runs goes on.
    void stop() noexcept {
        if (core_ != nullptr) core_->stop();
    }
    /// The same; ready when everything that was taken is answered.
    [[nodiscard]] future<void> drain() const { return core_->drain(); }
    /// Asks what runs to stop, too.
    void cancel_all() noexcept { core_->cancel_all(); }

    [[nodiscard]] std::size_t running() const noexcept { return core_->running(); }
    /// How many were taken and are answered; failures among them; answered by memory; refused because nobody waits any more.
    [[nodiscard]] std::uint64_t answered() const noexcept { return core_->answered(); }
    [[nodiscard]] std::uint64_t failed() const noexcept { return core_->failed(); }
    [[nodiscard]] std::uint64_t repeated() const noexcept { return core_->repeated(); }
    [[nodiscard]] std::uint64_t expired() const noexcept { return core_->expired(); }
    /// Messages that are neither asks nor publications, and bodies that the codec does not understand.
    [[nodiscard]] std::uint64_t malformed() const noexcept { return core_->malformed(); }

private:
    friend class client;
    explicit responder(std::shared_ptr<detail::served_core> core) noexcept : core_{std::move(core)} {}

    template <class Signature, class Repeat, class Handler, class Codec>
    [[nodiscard]] static responder make(std::shared_ptr<connection> to, std::string_view pattern,
                                        antiphon::request<Signature, Repeat, Handler> served, serve_options options, Codec codec) {
        antiphon::detail::require(is_pattern(pattern),
                                  "client::serve: pattern: tokens with dots between them, `*` for any one, `>` at the end");
        detail::check(options);
        auto core = std::make_shared<detail::served<Signature, Codec>>(to, std::move(options), std::move(served), std::move(codec));
        if (result<void> listening = core->listen(pattern); !listening) listening.error().raise();
        return responder{std::move(core)};
    }

    std::shared_ptr<detail::served_core> core_;
};

static_assert(std::is_nothrow_move_constructible_v<responder> && !std::is_copy_constructible_v<responder>);

}  // namespace antiphon::messaging
