// SPDX-License-Identifier: BSL-1.0
#pragma once
// A message as NATS has it: a subject, a reply subject, headers.

#include <nats/nats.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "antiphon/interop/detail/nats_handles.hpp"
#include "antiphon/interop/detail/sent_time.hpp"
#include "antiphon/messaging/message.hpp"
#include "antiphon/messaging/wire.hpp"

/// Answers go to `_INBOX.<inbox>.<id>`; a cancel for `subject` goes to `_antiphon.cancel.<subject>`.
namespace antiphon::messaging::detail::nats_wire {

inline constexpr std::string_view inboxes = "_INBOX.";
inline constexpr std::string_view cancels = "_antiphon.cancel.";
/// Names the header whose value is empty: the client loses one without a value.
inline constexpr char const* no_value = "Antiphon-Empty";

/// Of what a stream keeps: where the asker wants the answer, since the reply subject is where the stream wants to be told.
inline constexpr char const* kept_reply = "Antiphon-Reply";
inline constexpr std::string_view no_reply = "-";

enum class heard_as {
    question,
    kept,  ///< a question that a stream delivers
    cancel,
    answer
};

[[nodiscard]] inline std::string address(message const& m) {
    std::string text;
    text.reserve(inboxes.size() + 32 + 1 + 16);
    text = inboxes;
    wire::append_hex(text, m.inbox.high);
    wire::append_hex(text, m.inbox.low);
    text += '.';
    wire::append_hex(text, m.id);
    return text;
}
/// False: it is not one of ours.
[[nodiscard]] inline bool read_address(std::string_view text, message& into) noexcept {
    if (text.size() != inboxes.size() + 32 + 1 + 16 || !text.starts_with(inboxes) || text[inboxes.size() + 32] != '.') return false;
    std::optional<inbox_id> const inbox = wire::inbox_from_hex(text.substr(inboxes.size(), 32));
    std::optional<std::uint64_t> const id = wire::from_hex(text.substr(inboxes.size() + 33));
    if (!inbox || !id) return false;
    into.inbox = *inbox;
    into.id = *id;
    return true;
}

/// Where it goes, where its answer goes, and the kind that it is taken for without being told.
struct envelope {
    std::string subject, reply;  ///< empty: that of the message; none
    message_kind implied = message_kind::reply;
};
[[nodiscard]] inline envelope envelope_of(message const& m) {
    envelope e;
    auto& [subject, reply, implied] = e;
    switch (m.kind) {
        case message_kind::ask: reply = address(m); [[fallthrough]];
        case message_kind::publication:
            implied = m.kind;  // by whether there is somebody to answer
            break;
        case message_kind::cancel:
            subject.append(cancels).append(m.subject);
            reply = address(m);
            implied = m.kind;
            break;
        default: subject = m.reply_to.empty() ? address(m) : m.reply_to; break;
    }
    return e;
}
[[nodiscard]] inline natsStatus make(message const& m, envelope const& e, nats_owned<natsMsg>& out) {
    natsMsg* made = nullptr;
    natsStatus s = natsMsg_Create(&made, e.subject.empty() ? m.subject.c_str() : e.subject.c_str(),
                                  e.reply.empty() ? nullptr : e.reply.c_str(), m.body.data(), static_cast<int>(m.body.size()));
    out.reset(made);
    if (s != NATS_OK) return s;
    wire::write(m, e.implied, [&](char const* name, std::string const& value) {
        if (s == NATS_OK) s = natsMsgHeader_Add(made, name, value.c_str());
    });
    for (header const& each : m.headers) {
        // The client loses a header without a value: it goes as one that says so.
        bool const empty = each.value.empty();
        if (s == NATS_OK) s = natsMsgHeader_Add(made, empty ? no_value : each.name.c_str(), (empty ? each.name : each.value).c_str());
    }
    return s;
}

/// What is not a header that `headers` takes is dropped.
inline void take_header(message& m, std::string_view name, char const* value) {
    if (name == no_value) {
        static_cast<void>(m.headers.add(value, ""));
    } else if (!wire::read(m, name, value)) {
        static_cast<void>(m.headers.add(name, value));
    }
}
inline void read_headers(natsMsg* in, message& m) {
    char const** keys = nullptr;
    int count = 0;
    if (natsMsgHeader_Keys(in, &keys, &count) != NATS_OK) return;
    std::unique_ptr<char const*, void (*)(void*)> const owned_keys{keys, &std::free};
    for (int i = 0; i < count; ++i) {
        char const** values = nullptr;
        int several = 0;
        if (natsMsgHeader_Values(in, keys[i], &values, &several) != NATS_OK) continue;
        std::unique_ptr<char const*, void (*)(void*)> const owned_values{values, &std::free};
        for (int v = 0; v < several; ++v)
            take_header(m, keys[i], values[v]);
    }
}
inline void read(heard_as as, natsMsg* in, message& m) {
    char const* reply = natsMsg_GetReply(in);
    m.subject = natsMsg_GetSubject(in);
    m.body.assign(natsMsg_GetData(in), static_cast<std::size_t>(natsMsg_GetDataLength(in)));
    switch (as) {
        case heard_as::question:
            // What goes to a stream is heard by plain listeners as well.
            if (char const* asker = nullptr; natsMsgHeader_Get(in, kept_reply, &asker) == NATS_OK && asker != nullptr) {
                bool const nobody = std::string_view{asker} == no_reply;
                reply = nobody ? nullptr : asker;
            }
            m.kind = reply != nullptr && *reply != 0 ? message_kind::ask : message_kind::publication;
            if (m.kind == message_kind::ask && !read_address(reply, m)) m.reply_to = reply;
            break;
        case heard_as::kept: {
            char const* asker = nullptr;
            bool const told = natsMsgHeader_Get(in, kept_reply, &asker) == NATS_OK && asker != nullptr;
            bool const ask = told && *asker != 0 && std::string_view{asker} != no_reply;
            m.kind = ask ? message_kind::ask : message_kind::publication;
            if (ask && !read_address(asker, m)) m.reply_to = asker;
            read_headers(in, m);
            m.kind = ask ? message_kind::ask : message_kind::publication;
            char const* sent = nullptr;
            if (natsMsgHeader_Get(in, sent_header, &sent) == NATS_OK && sent != nullptr) take_off(m, sent);
            return;
        }
        case heard_as::cancel:
            m.kind = message_kind::cancel;
            if (reply != nullptr) static_cast<void>(read_address(reply, m));
            break;
        case heard_as::answer:
            m.kind = read_address(m.subject, m) ? message_kind::reply : message_kind::publication;
            if (!natsMsg_IsNoResponders(in)) break;
            m.kind = message_kind::refusal;
            m.code = errc::unavailable;
            m.executed = executed::no;
            m.body = "nobody serves this subject";
            return;
    }
    message_kind const told_by_address = m.kind;
    read_headers(in, m);
    bool const answer = m.kind == message_kind::reply || m.kind == message_kind::part || m.kind == message_kind::refusal ||
                        m.kind == message_kind::invite || m.kind == message_kind::piece;
    // A header does not make an answer of a question, nor the other way round.
    if (as != heard_as::answer || !answer) m.kind = told_by_address;
}

}  // namespace antiphon::messaging::detail::nats_wire
