// SPDX-License-Identifier: BSL-1.0
#pragma once
// A message as AMQP has it: a routing key, properties, a table of headers.

#include <amqp.h>
#include <amqp_framing.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "antiphon/core/time.hpp"
#include "antiphon/interop/detail/amqp_handles.hpp"
#include "antiphon/interop/detail/sent_time.hpp"
#include "antiphon/messaging/message.hpp"
#include "antiphon/messaging/wire.hpp"

namespace antiphon::messaging::detail {

inline constexpr std::string_view amqp_cancels = "_antiphon.cancel.";
inline constexpr std::string_view amqp_inboxes = "_antiphon.inbox.";
inline constexpr std::string_view amqp_direct_reply = "amq.rabbitmq.reply-to";

/// A pattern as a topic exchange spells it: `>` is one token or more, which is `*.#`.
[[nodiscard]] inline std::string amqp_pattern(std::string_view pattern) {
    std::string text{pattern};
    if (text == ">" || text.ends_with(".>")) text.replace(text.size() - 1, 1, "*.#");
    return text;
}

/// Headers go in one frame. One that does not fit would be found out when half of the message is written.
[[nodiscard]] inline bool headers_fit(message const& m) noexcept {
    static constexpr std::size_t most = AMQP_DEFAULT_FRAME_SIZE / 2, each_needs = 16;
    std::size_t size = m.key.size();
    for (header const& each : m.headers)
        size += each.name.size() + each.value.size() + each_needs;
    bool names_fit = true;  // a name has a length of one byte
    for (header const& each : m.headers)
        names_fit = names_fit && each.name.size() < 256;
    return names_fit && size <= most;
}

/// Which ask of whom: the correlation id, `INBOX.ID` in hexadecimal digits.
inline void append_address(std::string& text, message const& m) {
    wire::append_hex(text, m.inbox.high);
    wire::append_hex(text, m.inbox.low);
    text += '.';
    wire::append_hex(text, m.id);
}
/// False: it is not one of ours.
[[nodiscard]] inline bool read_address(std::string_view text, message& into) noexcept {
    if (text.size() != 32 + 1 + 16 || text[32] != '.') return false;
    std::optional<inbox_id> const inbox = wire::inbox_from_hex(text.substr(0, 32));
    std::optional<std::uint64_t> const id = wire::from_hex(text.substr(33));
    if (!inbox || !id) return false;
    into.inbox = *inbox;
    into.id = *id;
    return true;
}

/// A message on its way out. Used again and again by one thread, so that its texts keep their memory.
class amqp_outgoing {
public:
    bool to_exchange = true;  ///< else straight to the queue that is named by `key`
    std::string key;
    amqp_basic_properties_t properties{};

    /// `reply_to`: where answers to our own asks go. `durable`: a queue may keep it.
    void write(message const& m, std::string_view reply_to, bool durable) {
        fields_.clear();
        entries_.clear();
        properties = {};
        to_exchange = true;
        bool const answered = address(m, reply_to);
        auto const implied = m.kind == message_kind::ask || m.kind == message_kind::publication || m.kind == message_kind::cancel
                                 ? m.kind
                                 : message_kind::reply;
        wire::write(m, implied, [&](char const* name, std::string value) { fields_.emplace_back(name, std::move(value)); });
        if (durable && m.remaining != duration::max()) fields_.emplace_back(sent_header, std::to_string(nanoseconds_since_1970()));
        for (auto const& [name, value] : fields_)
            add(name, value);
        for (header const& each : m.headers)
            add(each.name, each.value);
        if (answered) set(properties.reply_to, AMQP_BASIC_REPLY_TO_FLAG, reply_to);
        if (!correlation_.empty()) set(properties.correlation_id, AMQP_BASIC_CORRELATION_ID_FLAG, correlation_);
        if (m.kind == message_kind::ask) expire(m.remaining);
        properties.priority = static_cast<std::uint8_t>(static_cast<int>(m.priority) + 2);
        if (m.priority != priority::normal) properties._flags |= AMQP_BASIC_PRIORITY_FLAG;
        properties.delivery_mode = durable ? 2 : 1;
        properties._flags |= AMQP_BASIC_DELIVERY_MODE_FLAG;
        if (entries_.empty()) return;
        properties.headers = {static_cast<int>(entries_.size()), entries_.data()};
        properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    }

private:
    /// Whether it wants an answer.
    bool address(message const& m, std::string_view reply_to) {
        correlation_.clear();
        switch (m.kind) {
            case message_kind::publication: key = m.subject; return false;
            case message_kind::ask:
                key = m.subject;
                append_address(correlation_, m);
                return !reply_to.empty();
            case message_kind::cancel:
                key.assign(amqp_cancels).append(m.subject);
                append_address(correlation_, m);
                return false;
            default: break;
        }
        std::size_t const mark = m.reply_to.find('\n');
        if (m.reply_to.empty()) {
            key.assign(amqp_inboxes).append(wire::to_hex(m.inbox));
        } else {
            to_exchange = false;
            key.assign(m.reply_to, 0, mark);
        }
        if (mark == std::string::npos) {
            append_address(correlation_, m);
        } else {
            correlation_.assign(m.reply_to, mark + 1);  // a stranger's own
        }
        return false;
    }
    void expire(duration remaining) {
        if (remaining == duration::max()) return;
        auto const ms = std::chrono::duration_cast<std::chrono::milliseconds>(remaining).count() + 1;
        if (ms > std::int64_t{0xFFFFFFFF}) return;  // the broker takes no more than 49 days
        expiration_ = std::to_string(ms < 1 ? 1 : ms);
        set(properties.expiration, AMQP_BASIC_EXPIRATION_FLAG, expiration_);
    }
    void set(amqp_bytes_t& field, amqp_flags_t flag, std::string_view value) noexcept {
        field = as_bytes(value);
        properties._flags |= flag;
    }
    void add(std::string_view name, std::string_view value) {
        amqp_table_entry_t e{};
        e.key = as_bytes(name);
        e.value.kind = AMQP_FIELD_KIND_UTF8;
        e.value.value.bytes = as_bytes(value);
        entries_.push_back(e);
    }

    std::string correlation_, expiration_;
    std::vector<std::pair<std::string_view, std::string>> fields_;
    std::vector<amqp_table_entry_t> entries_;
};

/// What was heard by whom decides what it may be.
enum class amqp_heard {
    question,  ///< by a responder
    cancel,    ///< by a responder's connection
    answer     ///< by an inbox
};

/// `subject`: what it is about. What no text is among the headers, and what `headers` does not take, is dropped.
inline void read(amqp_heard as, std::string_view subject, amqp_message_t const& in, message& m) {
    amqp_basic_properties_t const& p = in.properties;
    auto const text_of = [&](amqp_flags_t flag, amqp_bytes_t bytes) {
        return (p._flags & flag) != 0 ? as_text(bytes) : std::string_view{};
    };
    std::string_view const correlation = text_of(AMQP_BASIC_CORRELATION_ID_FLAG, p.correlation_id);
    std::string_view const reply_to = text_of(AMQP_BASIC_REPLY_TO_FLAG, p.reply_to);
    m.subject = subject;
    m.body = as_text(in.body);
    bool const ours = read_address(correlation, m);
    if (as == amqp_heard::question) {
        bool const ask = !reply_to.empty() && reply_to.find('\n') == std::string_view::npos;
        m.kind = ask ? message_kind::ask : message_kind::publication;
        if (ask) m.reply_to = reply_to;
        if (ask && !ours) m.reply_to.append(1, '\n').append(correlation);
    } else if (as == amqp_heard::cancel) {
        m.kind = message_kind::cancel;
    } else {
        m.kind = ours ? message_kind::reply : message_kind::publication;
    }
    message_kind const told_by_address = m.kind;
    std::string_view sent;
    int const count = (p._flags & AMQP_BASIC_HEADERS_FLAG) != 0 ? p.headers.num_entries : 0;
    for (int i = 0; i < count; ++i) {
        amqp_table_entry_t const& e = p.headers.entries[i];
        if (e.value.kind != AMQP_FIELD_KIND_UTF8 && e.value.kind != AMQP_FIELD_KIND_BYTES) continue;
        std::string_view const name = as_text(e.key), value = as_text(e.value.value.bytes);
        if (name == sent_header) {
            sent = value;
        } else if (!wire::read(m, name, value)) {
            static_cast<void>(m.headers.add(name, value));
        }
    }
    if (!sent.empty()) take_off(m, sent);
    bool const answer = m.kind == message_kind::reply || m.kind == message_kind::part || m.kind == message_kind::refusal ||
                        m.kind == message_kind::invite || m.kind == message_kind::piece;
    // A header does not make an answer of a question, nor the other way round.
    if (as != amqp_heard::answer || !answer) m.kind = told_by_address;
}

}  // namespace antiphon::messaging::detail
