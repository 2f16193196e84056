// SPDX-License-Identifier: BSL-1.0
#pragma once
// What travels between a client and those who answer it.

#include <cstdint>
#include <string>
#include <system_error>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/priority.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/messaging/headers.hpp"

namespace antiphon::messaging {

/// Where answers go: the inbox of a connection. Nobody can guess one.
struct inbox_id {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    [[nodiscard]] bool operator==(inbox_id const&) const = default;
};

/// What a message is for.
enum class message_kind : std::uint8_t {
    publication,  ///< told, and not answered
    ask,          ///< to be answered to `inbox` and `id`, or to `reply_to`
    reply,        ///< the answer
    part,         ///< one of several answers; more follow
    refusal,      ///< there is no answer: `code`, `executed`, `retry_after`, and a text as the body
    cancel,       ///< nobody waits for the answer any more
    invite,       ///< to who asked with a large body: send it to `origin`, in pieces
    piece,        ///< of such a body
};

/// A message: what its sender wrote, and what the library adds for both ends to understand each other. A transport carries all of it.
struct message {
    std::string subject = {};
    std::string body = {};
    messaging::headers headers = {};

    // The library's:
    message_kind kind = message_kind::publication;
    antiphon::executed executed = antiphon::executed::maybe;  ///< of a refusal
    antiphon::priority priority = antiphon::priority::normal;
    bool thrown = false;                            ///< of a refusal: the handler threw
    bool more = false;                              ///< the body goes on in the next message of the same id
    std::uint32_t sequence = 0;                     ///< the place of a piece, or of a part, from 0
    inbox_id inbox = {};                            ///< of an ask: where the answer goes; of an answer: where it goes to
    inbox_id origin = {};                           ///< of an invitation: the inbox of who invites
    std::uint64_t id = 0;                           ///< the correlation id
    duration remaining = duration::max();  ///< of an ask: how long somebody waits. A length, so that no two clocks need agree
    std::error_code code = {};  ///< of a refusal
    duration retry_after = duration::min();  ///< of a refusal; `min()`: none
    std::string key = {};  ///< of an ask: by which it is known to be the same ask again
    std::string reply_to = {};  ///< where a stranger wants the answer; in the transport's own terms
    /// Of an ask or a publication that the broker keeps until it is settled, and of the answer that settles it: by which the transport
    /// that delivered it knows it. It does not travel. 0: there is nothing to settle.
    std::uint64_t delivery = 0;
};

}  // namespace antiphon::messaging
