// SPDX-License-Identifier: BSL-1.0
#pragma once
// NATS as a transport: the same requests, answered by any machine that is connected.

#include <memory>
#include <type_traits>
#include <utility>

#include "antiphon/interop/detail/nats_connection.hpp"
#include "antiphon/interop/nats_options.hpp"
#include "antiphon/messaging/transport.hpp"

namespace antiphon::messaging {

/// A connection to a NATS server or a cluster (`transport`), by the C client. Groups are queue groups; where nobody listens the server says
/// so, and the ask is unavailable at once; a lost connection decides what is under way and is made again by itself. Messages of one
/// connection to one subject stay in order; they come at most once. A stranger's request is served, and a stranger answers ours: what both
/// need beyond subject, reply and body are headers, which most messages do without.
/// **Threads**: everything, the destructor apart, from any thread. The C client's threads run no code of the user's.
/// **Errors**: the constructor throws `std::invalid_argument` for nonsensical options, `request_error` where no server can be reached
/// (`unavailable`) or none lets us in (`unauthenticated`).
/// **Cost**: two threads, and one for each subscription: one a client, three a responder.
class nats {
public:
    explicit nats(nats_options options = {}) : connection_{make(options)} {}
    nats(nats const&) = delete;
    nats& operator=(nats const&) = delete;
    /// Closes the connection, and waits until no callback runs. What clients have under way is unavailable. Not from a callback.
    ~nats() { connection_->close(); }

    [[nodiscard]] std::shared_ptr<messaging::connection> connection() const noexcept { return connection_; }

private:
    [[nodiscard]] static std::shared_ptr<detail::nats_connection> make(nats_options const& options) {
        detail::check(options);
        return std::make_shared<detail::nats_connection>(options);
    }

    std::shared_ptr<detail::nats_connection> connection_;
};

static_assert(transport<nats> && !std::is_copy_constructible_v<nats>);

}  // namespace antiphon::messaging
