// SPDX-License-Identifier: BSL-1.0
#pragma once
// NATS that keeps what is asked until it is answered: JetStream as a work queue.

#include <memory>
#include <type_traits>
#include <utility>

#include "antiphon/interop/detail/jetstream_connection.hpp"
#include "antiphon/interop/jetstream_options.hpp"
#include "antiphon/messaging/transport.hpp"

namespace antiphon::messaging {

/// A connection as `nats` makes it (`transport`), by which asks and publications of some subjects go into a stream. Such an ask waits where
/// nobody serves, is settled when its answer was sent, and is delivered again where its worker died; so it is done at least once:
/// `serve_options::remember` and a key make that once for the caller. Its answer comes straight to who asked, and is lost with that. A
/// draining responder hands back what it has not begun. Messages of one connection come in order until one comes again.
/// **Threads**: as `nats`. **Errors**: as `nats`; the constructor throws `request_error` where the server keeps no streams
/// (`unimplemented`), or has a stream of that name that is another kind (`failed_precondition`). An ask that the stream does not take is
/// `unavailable`.
/// **Cost**: as `nats`; a look-up and a message more an ask.
class jetstream {
public:
    explicit jetstream(jetstream_options options) : connection_{make(std::move(options))} {}
    jetstream(jetstream const&) = delete;
    jetstream& operator=(jetstream const&) = delete;
    /// As that of `nats`.
    ~jetstream() { connection_->end(); }

    [[nodiscard]] std::shared_ptr<messaging::connection> connection() const noexcept { return connection_; }

private:
    [[nodiscard]] static std::shared_ptr<detail::jetstream_connection> make(jetstream_options options) {
        detail::check(options);
        auto made = std::make_shared<detail::jetstream_connection>(std::move(options));
        made->begin();
        return made;
    }

    std::shared_ptr<detail::jetstream_connection> connection_;
};

static_assert(transport<jetstream> && !std::is_copy_constructible_v<jetstream>);

}  // namespace antiphon::messaging
