// SPDX-License-Identifier: BSL-1.0
#pragma once
// Owners of what librabbitmq hands out, its texts, and its answers as failures.

#include <amqp.h>
#include <amqp_framing.h>

#include <memory>
#include <string_view>
#include <type_traits>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"

namespace antiphon::messaging::detail {

struct amqp_deleter {
    void operator()(amqp_connection_state_t c) const noexcept { amqp_destroy_connection(c); }
};
using amqp_owned = std::unique_ptr<std::remove_pointer_t<amqp_connection_state_t>, amqp_deleter>;

[[nodiscard]] inline amqp_bytes_t as_bytes(std::string_view text) noexcept { return {text.size(), const_cast<char*>(text.data())}; }
[[nodiscard]] inline std::string_view as_text(amqp_bytes_t bytes) noexcept {
    return bytes.len == 0 ? std::string_view{} : std::string_view{static_cast<char const*>(bytes.bytes), bytes.len};
}
[[nodiscard]] inline ::timeval as_timeval(duration d) noexcept {
    auto const us = std::chrono::duration_cast<std::chrono::microseconds>(d).count();
    ::timeval t{};
    t.tv_sec = us / 1'000'000;
    t.tv_usec = us % 1'000'000;
    return t;
}

/// Why the broker or the client refused something, which was not done then.
[[nodiscard]] inline failure failure_of(amqp_rpc_reply_t const& r) noexcept {
    if (r.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) {
        switch (r.library_error) {
            case AMQP_STATUS_NO_MEMORY: return {errc::resource_exhausted, executed::no, "amqp: no memory"};
            case AMQP_STATUS_TIMEOUT: return {errc::unavailable, executed::no, "amqp: the broker does not answer"};
            case AMQP_STATUS_SSL_ERROR:
            case AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED:
            case AMQP_STATUS_SSL_PEER_VERIFY_FAILED:
            case AMQP_STATUS_SSL_CONNECTION_FAILED:
            case AMQP_STATUS_SSL_SET_ENGINE_FAILED: return {errc::unauthenticated, executed::no, "amqp: TLS failed"};
            default: return {errc::unavailable, executed::no, "amqp: there is no connection to a broker"};
        }
    }
    if (r.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION)
        return {errc::unavailable, executed::no, "amqp: the broker has closed the connection"};
    int code = 0;
    if (r.reply.id == AMQP_CHANNEL_CLOSE_METHOD) code = static_cast<amqp_channel_close_t*>(r.reply.decoded)->reply_code;
    if (r.reply.id == AMQP_CONNECTION_CLOSE_METHOD) code = static_cast<amqp_connection_close_t*>(r.reply.decoded)->reply_code;
    switch (code) {
        case AMQP_ACCESS_REFUSED: return {errc::permission_denied, executed::no, "amqp: the broker does not allow it"};
        case AMQP_NOT_ALLOWED: return {errc::permission_denied, executed::no, "amqp: the broker does not let us in there"};
        case AMQP_NOT_FOUND: return {errc::not_found, executed::no, "amqp: there is no such thing at the broker"};
        case AMQP_PRECONDITION_FAILED:
            return {errc::failed_precondition, executed::no, "amqp: the queue or exchange is there and is another kind"};
        case AMQP_RESOURCE_LOCKED: return {errc::failed_precondition, executed::no, "amqp: the queue is another connection's"};
        default: return {errc::unavailable, executed::no, "amqp: the broker has refused"};
    }
}

}  // namespace antiphon::messaging::detail
