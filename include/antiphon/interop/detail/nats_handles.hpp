// SPDX-License-Identifier: BSL-1.0
#pragma once
// Owners of what the C client hands out, and its statuses as failures.

#include <nats/nats.h>

#include <memory>

#include "antiphon/core/failure.hpp"

namespace antiphon::messaging::detail {

struct nats_deleter {
    void operator()(natsOptions* o) const noexcept { natsOptions_Destroy(o); }
    void operator()(natsConnection* c) const noexcept { natsConnection_Destroy(c); }
    void operator()(natsSubscription* s) const noexcept { natsSubscription_Destroy(s); }
    void operator()(natsMsg* m) const noexcept { natsMsg_Destroy(m); }
    void operator()(jsCtx* c) const noexcept { jsCtx_Destroy(c); }
    void operator()(jsStreamInfo* i) const noexcept { jsStreamInfo_Destroy(i); }
    void operator()(jsConsumerInfo* i) const noexcept { jsConsumerInfo_Destroy(i); }
};
template <class T>
using nats_owned = std::unique_ptr<T, nats_deleter>;

/// Why something could not be handed to the client: then it was not sent.
[[nodiscard]] inline failure failure_of(natsStatus status) noexcept {
    switch (status) {
        case NATS_NO_MEMORY: return {errc::resource_exhausted, executed::no, "nats: no memory"};
        case NATS_INVALID_ARG:
        case NATS_INVALID_SUBJECT: return {errc::invalid_argument, executed::no, "nats: the client refused the message"};
        case NATS_MAX_PAYLOAD: return {errc::out_of_range, executed::no, "nats: the message is larger than the server takes"};
        case NATS_NOT_PERMITTED: return {errc::permission_denied, executed::no, "nats: not permitted"};
        case NATS_CONNECTION_AUTH_FAILED: return {errc::unauthenticated, executed::no, "nats: the server does not let us in"};
        case NATS_SSL_ERROR: return {errc::unauthenticated, executed::no, "nats: TLS failed"};
        case NATS_NO_SERVER: return {errc::unavailable, executed::no, "nats: no server can be reached"};
        case NATS_CONNECTION_CLOSED: return {errc::unavailable, executed::no, "nats: the connection is closed"};
        default: return {errc::unavailable, executed::no, "nats: the client could not send"};
    }
}

}  // namespace antiphon::messaging::detail
