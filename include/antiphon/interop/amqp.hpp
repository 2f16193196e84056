// SPDX-License-Identifier: BSL-1.0
#pragma once
// RabbitMQ as a transport: the same requests, answered by any machine that is connected, or kept until one is.

#include <memory>
#include <type_traits>
#include <utility>

#include "antiphon/interop/amqp_options.hpp"
#include "antiphon/interop/detail/amqp_connection.hpp"
#include "antiphon/messaging/transport.hpp"

namespace antiphon::messaging {

/// A connection to RabbitMQ (`transport`), by librabbitmq. Subjects are routing keys of a topic exchange, a group is a queue `PATTERN:GROUP`
/// that its members consume from, and answers come back by direct reply-to; where no queue takes an ask it is unavailable at once. A lost
/// connection decides what is under way, and is made again by itself. Messages of one connection to one subject stay in order. A
/// stranger's message with `reply_to` is served, and a stranger that answers to `reply_to` with the `correlation_id` answers ours.
///
/// They come at most once; with `amqp_options::durable` at least once: queues are durable, messages persistent and confirmed, an ask is
/// acknowledged when the broker has the answer, and comes again, to whoever serves the queue, when its worker or the broker died before.
/// The broker drops an ask when its time is over.
/// **Threads**: everything, the destructor apart, from any thread. It has one of its own, which runs no code of the user's.
/// **Errors**: the constructor throws `std::invalid_argument` for nonsensical options, `request_error` where no broker can be reached
/// (`unavailable`) or none lets us in (`unauthenticated`, `permission_denied`). To serve a queue that is there and is not as durable is
/// `failed_precondition`.
/// **Cost**: a thread, and three channels; an eventfd write a message where the thread sleeps.
class amqp {
public:
    explicit amqp(amqp_options options = {}) : connection_{make(std::move(options))} {}
    amqp(amqp const&) = delete;
    amqp& operator=(amqp const&) = delete;
    /// Sends what was handed over and closes the connection. What clients have under way is unavailable.
    ~amqp() { connection_->close(); }

    [[nodiscard]] std::shared_ptr<messaging::connection> connection() const noexcept { return connection_; }

private:
    [[nodiscard]] static std::shared_ptr<detail::amqp_connection> make(amqp_options options) {
        detail::check(options);
        return std::make_shared<detail::amqp_connection>(std::move(options));
    }

    std::shared_ptr<detail::amqp_connection> connection_;
};

static_assert(transport<amqp> && !std::is_copy_constructible_v<amqp>);

}  // namespace antiphon::messaging
