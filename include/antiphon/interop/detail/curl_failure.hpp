// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a transfer that failed means: a code, a sentence, and whether the server may have done its work.

#include <curl/curl.h>

#include "antiphon/core/failure.hpp"

namespace antiphon::http::detail {

/// What is known about a transfer besides curl's own code.
struct transfer_state {
    bool sent = false;      ///< something of the request went out
    bool answered = false;  ///< a final status came
    [[nodiscard]] antiphon::executed executed() const noexcept {
        return answered ? antiphon::executed::yes : sent ? antiphon::executed::maybe : antiphon::executed::no;
    }
};

[[nodiscard]] inline bool reached(CURL* easy, CURLINFO stage) noexcept {
    curl_off_t time = 0;
    return curl_easy_getinfo(easy, stage, &time) == CURLE_OK && time > 0;
}

/// Some versions count the handshake into the time to connect, and have none during it; the connection's own port is known by then.
[[nodiscard]] inline bool connected(CURL* easy) noexcept {
    long port = 0;
    return reached(easy, CURLINFO_CONNECT_TIME_T) || (curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &port) == CURLE_OK && port > 0);
}

[[nodiscard]] inline failure timed_out(CURL* easy, bool secure, transfer_state how) noexcept {
    constexpr errc code = errc::deadline_exceeded;
    if (how.answered) return {code, how.executed(), "timed out while receiving the body"};
    if (how.sent) return {code, how.executed(), "timed out while waiting for the answer"};
    if (!reached(easy, CURLINFO_NAMELOOKUP_TIME_T)) return {code, how.executed(), "timed out while looking up the host's name"};
    if (!connected(easy)) return {code, how.executed(), "timed out while connecting"};
    if (secure && !reached(easy, CURLINFO_APPCONNECT_TIME_T)) return {code, how.executed(), "timed out in the TLS handshake"};
    return {code, how.executed(), "timed out before anything was sent"};
}

/// The failure of `code`, which is not CURLE_OK.
[[nodiscard]] inline failure failure_of(CURLcode code, CURL* easy, bool secure, transfer_state how) noexcept {
    antiphon::executed const done = how.executed();
    switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST: return {errc::unavailable, done, "the host's name is not known"};
        case CURLE_COULDNT_RESOLVE_PROXY: return {errc::unavailable, done, "the proxy's name is not known"};
        case CURLE_COULDNT_CONNECT: return {errc::unavailable, done, "the connection was refused"};
        case CURLE_PROXY: return {errc::unavailable, done, "the proxy refused"};
        case CURLE_OPERATION_TIMEDOUT: return timed_out(easy, secure, how);
        case CURLE_PEER_FAILED_VERIFICATION: return {errc::unauthenticated, done, "the server's certificate is not to be trusted"};
        case CURLE_SSL_CACERT_BADFILE: return {errc::failed_precondition, done, "the file of certificate authorities cannot be read"};
        case CURLE_SSL_CONNECT_ERROR: return {errc::unavailable, done, "the TLS handshake failed"};
        case CURLE_GOT_NOTHING: return {errc::unavailable, done, "the server closed the connection without an answer"};
        case CURLE_RECV_ERROR:
        case CURLE_SEND_ERROR: return {errc::unavailable, done, "the connection was reset"};
        case CURLE_SEND_FAIL_REWIND:
            return {errc::unavailable, done, "the connection was lost, and what was sent may not be sent again"};
        case CURLE_PARTIAL_FILE: return {errc::unavailable, done, "the body was cut off"};
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM: return {errc::unavailable, done, "the HTTP/2 stream failed"};
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_WEIRD_SERVER_REPLY: return {errc::internal, done, "the server does not speak HTTP"};
        case CURLE_BAD_CONTENT_ENCODING: return {errc::data_loss, done, "the body cannot be decompressed"};
        case CURLE_OUT_OF_MEMORY: return {errc::internal, done, "out of memory"};
        default: return {errc::unknown, done, "the transfer failed"};
    }
}

}  // namespace antiphon::http::detail
