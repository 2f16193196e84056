// SPDX-License-Identifier: BSL-1.0
#pragma once
// One standing connection to a broker, from login to loss: what is declared, consumed, published and read.

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "antiphon/core/result.hpp"
#include "antiphon/interop/amqp_options.hpp"
#include "antiphon/interop/detail/amqp_handles.hpp"
#include "antiphon/interop/detail/amqp_message.hpp"

namespace antiphon::messaging::detail {

/// Channels: `publishing` (and the consumer of direct replies, which has to be on the same one), `consuming`, and `declaring`, which the
/// broker closes when it refuses a declaration, and which is opened again then.
/// **Threads**: one.
class amqp_session {
public:
    enum channel : amqp_channel_t {
        publishing = 1,
        consuming = 2,
        declaring = 3
    };

    [[nodiscard]] result<void> connect(std::string const& url, amqp_options const& o) {
        exchange_ = o.exchange;
        next_ = 0;
        channel_lost_ = false;
        connection_.reset(amqp_new_connection());
        if (connection_ == nullptr) return failure{errc::resource_exhausted, executed::no, "amqp: no memory"};
        std::string text = url;  // it is cut into strings
        amqp_connection_info at{};
        amqp_default_connection_info(&at);
        if (amqp_parse_url(text.data(), &at) != AMQP_STATUS_OK)
            return failure{errc::invalid_argument, executed::no, "amqp_options.servers: amqp://USER:PASSWORD@HOST:PORT/VHOST"};
        amqp_socket_t* const socket = o.tls || at.ssl != 0 ? secure_socket(o) : amqp_tcp_socket_new(raw());
        if (socket == nullptr) return failure{errc::invalid_argument, executed::no, "amqp: the TLS files cannot be read"};
        ::timeval const patience = as_timeval(o.connect_timeout);
        if (int const s = amqp_socket_open_noblock(socket, at.host, at.port, &patience); s != AMQP_STATUS_OK)
            return failure_of({AMQP_RESPONSE_LIBRARY_EXCEPTION, {0, nullptr}, s});
        amqp_set_handshake_timeout(raw(), &patience);
        amqp_set_rpc_timeout(raw(), &patience);
        auto const beat = static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(o.heartbeat).count());
        // The client announces other capabilities by itself, but not that it wants to hear of a consumer that lost its queue.
        amqp_table_entry_t notified{as_bytes("consumer_cancel_notify"), {AMQP_FIELD_KIND_BOOLEAN, {}}};
        notified.value.value.boolean = 1;
        amqp_table_entry_t able{as_bytes("capabilities"), {AMQP_FIELD_KIND_TABLE, {}}};
        able.value.value.table = {1, &notified};
        amqp_table_t const properties{1, &able};
        amqp_rpc_reply_t const r = amqp_login_with_properties(raw(), at.vhost, 0, AMQP_DEFAULT_FRAME_SIZE, beat, &properties,
                                                              AMQP_SASL_METHOD_PLAIN, at.user, at.password);
        if (r.reply_type != AMQP_RESPONSE_NORMAL) {
            // A broker that does not know who we are says so, or just hangs up.
            bool const refused = r.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION || r.library_error == AMQP_STATUS_CONNECTION_CLOSED;
            return refused ? failure{errc::unauthenticated, executed::no, "amqp: the broker does not let us in"} : failure_of(r);
        }
        for (channel const each : {publishing, consuming, declaring}) {
            amqp_channel_open(raw(), each);
            if (result<void> opened = answer(); !opened) return opened;
        }
        amqp_exchange_declare(raw(), declaring, as_bytes(exchange_), as_bytes("topic"), 0, 1, 0, 0, amqp_empty_table);
        if (result<void> declared = declaration(); !declared || !o.durable) return declared;
        amqp_confirm_select(raw(), publishing);
        if (result<void> selected = answer(); !selected) return selected;
        amqp_basic_qos(raw(), consuming, 0, o.prefetch, 0);
        return answer();
    }
    /// Says goodbye; the socket stays open until `drop`.
    void leave() noexcept {
        if (connection_ != nullptr) amqp_connection_close(raw(), AMQP_REPLY_SUCCESS);
    }
    void drop() noexcept { connection_.reset(); }
    [[nodiscard]] bool stands() const noexcept { return connection_ != nullptr; }
    /// The broker has closed a channel that others need: to connect again is all that helps.
    [[nodiscard]] bool lost_channel() const noexcept { return channel_lost_; }
    [[nodiscard]] int fd() const noexcept { return amqp_get_sockfd(raw()); }

    /// A queue of this connection's alone, with a name of the broker's choice.
    [[nodiscard]] result<std::string> private_queue() {
        amqp_queue_declare_ok_t const* const made =
            amqp_queue_declare(raw(), declaring, amqp_empty_bytes, 0, 0, 1, 1, amqp_empty_table);
        if (result<void> r = declaration(); !r) return r.error();
        return std::string{as_text(made->queue)};
    }
    /// A queue that others may share; one that is not durable goes with its last consumer.
    [[nodiscard]] result<void> shared_queue(std::string_view name, bool durable) {
        amqp_queue_declare(raw(), declaring, as_bytes(name), 0, durable ? 1 : 0, 0, durable ? 0 : 1, amqp_empty_table);
        return declaration();
    }
    [[nodiscard]] result<void> bind(std::string_view queue, std::string_view pattern) {
        amqp_queue_bind(raw(), declaring, as_bytes(queue), as_bytes(exchange_), as_bytes(pattern), amqp_empty_table);
        return declaration();
    }
    [[nodiscard]] result<void> unbind(std::string_view queue, std::string_view pattern) {
        amqp_queue_unbind(raw(), declaring, as_bytes(queue), as_bytes(exchange_), as_bytes(pattern), amqp_empty_table);
        return declaration();
    }
    /// **Errors**: a refusal costs the channel, and with it the connection.
    [[nodiscard]] result<void> consume(channel on, std::string_view queue, std::string_view tag, bool acknowledged) {
        amqp_basic_consume(raw(), on, as_bytes(queue), as_bytes(tag), 0, acknowledged ? 0 : 1, 0, amqp_empty_table);
        return answer();
    }
    [[nodiscard]] result<void> cancel(std::string_view tag) {
        amqp_basic_cancel(raw(), consuming, as_bytes(tag));
        return answer();
    }

    /// The number by which the broker will confirm it, if it confirms; 0: the connection is lost.
    [[nodiscard]] std::uint64_t publish(amqp_outgoing const& m, std::string_view body, bool mandatory) noexcept {
        int const s = amqp_basic_publish(raw(), publishing, m.to_exchange ? as_bytes(exchange_) : amqp_empty_bytes, as_bytes(m.key),
                                         mandatory ? 1 : 0, 0, &m.properties, as_bytes(body));
        return s == AMQP_STATUS_OK ? ++next_ : 0;
    }
    [[nodiscard]] bool acknowledge(std::uint64_t tag) noexcept { return amqp_basic_ack(raw(), consuming, tag, 0) == AMQP_STATUS_OK; }
    [[nodiscard]] bool hand_back(std::uint64_t tag) noexcept { return amqp_basic_nack(raw(), consuming, tag, 0, 1) == AMQP_STATUS_OK; }

    enum class heard {
        nothing,
        something,
        lost
    };
    /// Reads one thing that is there, and tells `to`: `on_delivery(envelope)`, `on_return(message)`, `on_confirm(number, and_before, taken)`.
    template <class Listener>
    [[nodiscard]] heard read_one(Listener& to) noexcept {
        if (channel_lost_) return heard::lost;
        amqp_maybe_release_buffers(raw());
        amqp_envelope_t envelope;
        ::timeval const now{};
        amqp_rpc_reply_t const r = amqp_consume_message(raw(), &envelope, &now, 0);
        if (r.reply_type == AMQP_RESPONSE_NORMAL) {
            to.on_delivery(envelope);
            amqp_destroy_envelope(&envelope);
            return heard::something;
        }
        if (r.reply_type != AMQP_RESPONSE_LIBRARY_EXCEPTION) return heard::lost;
        if (r.library_error == AMQP_STATUS_TIMEOUT) return heard::nothing;
        if (r.library_error != AMQP_STATUS_UNEXPECTED_STATE) return heard::lost;
        amqp_frame_t frame;
        int const s = amqp_simple_wait_frame_noblock(raw(), &frame, &now);
        if (s == AMQP_STATUS_TIMEOUT) return heard::nothing;
        if (s != AMQP_STATUS_OK) return heard::lost;
        return frame.frame_type == AMQP_FRAME_METHOD ? take(frame.payload.method, frame.channel, to) : heard::something;
    }
    /// Whether something is there that was read from the socket already.
    [[nodiscard]] bool holds_frames() const noexcept { return amqp_frames_enqueued(raw()) != 0 || amqp_data_in_buffer(raw()) != 0; }

private:
    [[nodiscard]] amqp_connection_state_t raw() const noexcept { return connection_.get(); }
    [[nodiscard]] amqp_socket_t* secure_socket(amqp_options const& o) noexcept {
        amqp_socket_t* const socket = amqp_ssl_socket_new(raw());
        if (socket == nullptr) return nullptr;
        amqp_ssl_socket_set_verify_peer(socket, 1);
        amqp_ssl_socket_set_verify_hostname(socket, 1);
        bool const good =
            amqp_ssl_socket_set_cacert(socket, o.ca_file.c_str()) == AMQP_STATUS_OK &&
            (o.key_file.empty() || amqp_ssl_socket_set_key(socket, o.certificate_file.c_str(), o.key_file.c_str()) == AMQP_STATUS_OK);
        return good ? socket : nullptr;
    }
    [[nodiscard]] result<void> answer() noexcept {
        amqp_rpc_reply_t const r = amqp_get_rpc_reply(raw());
        if (r.reply_type == AMQP_RESPONSE_NORMAL) return {};
        channel_lost_ = true;
        return failure_of(r);
    }
    [[nodiscard]] result<void> declaration() noexcept {
        amqp_rpc_reply_t const r = amqp_get_rpc_reply(raw());
        if (r.reply_type == AMQP_RESPONSE_NORMAL) return {};
        failure const why = failure_of(r);
        if (r.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && r.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
            amqp_channel_close_ok_t closed{};
            amqp_send_method(raw(), declaring, AMQP_CHANNEL_CLOSE_OK_METHOD, &closed);
            amqp_channel_open(raw(), declaring);
            static_cast<void>(answer());  // the next one finds out
        }
        return why;
    }
    template <class Listener>
    [[nodiscard]] heard take(amqp_method_t const& method, amqp_channel_t on, Listener& to) noexcept {
        switch (method.id) {
            case AMQP_BASIC_ACK_METHOD: {
                auto const& ack = *static_cast<amqp_basic_ack_t const*>(method.decoded);
                to.on_confirm(ack.delivery_tag, ack.multiple != 0, true);
                return heard::something;
            }
            case AMQP_BASIC_NACK_METHOD: {
                auto const& nack = *static_cast<amqp_basic_nack_t const*>(method.decoded);
                to.on_confirm(nack.delivery_tag, nack.multiple != 0, false);
                return heard::something;
            }
            case AMQP_BASIC_RETURN_METHOD: {
                amqp_message_t returned;
                if (amqp_read_message(raw(), on, &returned, 0).reply_type != AMQP_RESPONSE_NORMAL) return heard::lost;
                to.on_return(returned);
                amqp_destroy_message(&returned);
                return heard::something;
            }
            // A consumer whose queue was deleted, a channel that the broker closes: everything is set up anew, by connecting again.
            case AMQP_BASIC_CANCEL_METHOD:
            case AMQP_CHANNEL_CLOSE_METHOD:
            case AMQP_CONNECTION_CLOSE_METHOD: return heard::lost;
            default: return heard::something;
        }
    }

    amqp_owned connection_;
    std::string exchange_;
    std::uint64_t next_ = 0;
    bool channel_lost_ = false;  ///< the broker has closed one, and whoever consumes there hears nothing any more
};

}  // namespace antiphon::messaging::detail
