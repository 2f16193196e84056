// SPDX-License-Identifier: BSL-1.0
#pragma once
// Who listens to what over one AMQP connection, and how that is set up at the broker.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/interop/detail/amqp_message.hpp"
#include "antiphon/interop/detail/amqp_session.hpp"
#include "antiphon/messaging/message.hpp"
#include "antiphon/messaging/subject.hpp"
#include "antiphon/messaging/transport.hpp"

namespace antiphon::messaging::detail {

/// One `listen` or `open`.
struct amqp_entry {
    std::shared_ptr<receiver> to;
    bool question = false;
    std::string pattern = {};  ///< of a question
    std::string group = {};
    inbox_id inbox = {};  ///< of an answer
    std::uint64_t number = 0;  ///< never used twice: what still comes to a consumer that was cancelled finds nobody
    bool sits_out = false;  ///< the next connection, as it cost the last one

    [[nodiscard]] std::string tag() const { return "q" + std::to_string(number); }
    [[nodiscard]] std::string queue() const { return pattern + ':' + group; }
    [[nodiscard]] std::string inbox_key() const { return std::string{amqp_inboxes} + wire::to_hex(inbox); }
    [[nodiscard]] std::string cancel_key() const { return std::string{amqp_cancels} + amqp_pattern(pattern); }
};

/// What stands at the broker. Cancels, and answers that do not come directly, come to one queue of the connection's own: `inbox_queue`.
/// **Threads**: that of the session.
class amqp_directory {
public:
    static constexpr std::string_view replies = "r", own = "own";

    [[nodiscard]] std::vector<std::shared_ptr<amqp_entry>> const& entries() const noexcept { return entries_; }

    /// After a connection was made: everything once more. A queue that the broker refuses by now (it is another kind, or we may not
    /// consume it) is tried again with a later connection, and keeps nobody else from being served.
    [[nodiscard]] result<void> stand(amqp_session& s, amqp_options const& o) {
        gone_.clear();
        result<std::string> own_queue = s.private_queue();
        if (!own_queue) return own_queue.error();
        inbox_queue_ = *std::move(own_queue);
        if (result<void> r = s.consume(amqp_session::consuming, inbox_queue_, own, false); !r) return r;
        hears_kept_ = false;
        if (o.reply_queue.empty()) {
            if (result<void> r = s.consume(amqp_session::publishing, amqp_direct_reply, replies, false); !r) return r;
        }
        for (auto const& each : entries_) {
            if (each->sits_out) continue;
            result<void> const r = stand(*each, s, o);
            if (r) continue;
            if (!each->question || r.error() == errc::unavailable) return r;  // who asks must not wait in vain
            if (!s.lost_channel()) continue;
            each->sits_out = true;  // whoever consumes hears nothing any more: this connection is no use
            return r;
        }
        for (auto const& each : entries_)
            each->sits_out = false;  // not before: n that are refused are n connections in vain, not 2 to the n
        return {};
    }
    [[nodiscard]] result<void> add(std::shared_ptr<amqp_entry> fresh, amqp_session& s, amqp_options const& o) {
        if (s.stands())
            if (result<void> r = stand(*fresh, s, o); !r) return r;
        entries_.push_back(std::move(fresh));
        return {};
    }
    /// What the broker has sent already still finds it, until `forget`.
    [[nodiscard]] result<void> remove(receiver const& whom, amqp_session& s) {
        result<void> worst;
        for (std::size_t i = 0; i < entries_.size();) {
            if (entries_[i]->to.get() != &whom) {
                ++i;
                continue;
            }
            std::shared_ptr<amqp_entry> const gone = std::move(entries_[i]);
            entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
            if (s.stands())
                if (result<void> r = fall(*gone, s); !r) worst = r;
            gone_.push_back(gone);
        }
        return worst;
    }
    void forget() noexcept { gone_.clear(); }
    void clear() noexcept {
        entries_.clear();
        gone_.clear();
    }

    [[nodiscard]] amqp_entry* by_tag(std::string_view tag) const noexcept {
        std::uint64_t number = 0;
        if (!tag.starts_with('q') || !wire::detail::read_number(tag.substr(1), number)) return nullptr;
        for (auto const* const list : {&entries_, &gone_})
            for (auto const& each : *list)
                if (each->question && each->number == number) return each.get();
        return nullptr;
    }
    [[nodiscard]] amqp_entry* by_inbox(inbox_id const& inbox) const noexcept {
        for (auto const& each : entries_)
            if (!each->question && each->inbox == inbox) return each.get();
        return nullptr;
    }

    // --- what they hear ---
    /// Whether anybody was told. `kept`: the broker has kept it, perhaps for who asked under this name before.
    bool hear_answer(message&& m, bool kept) const {
        if (amqp_entry* const at = by_inbox(m.inbox)) return at->to->on_message(std::move(m)), true;
        bool told = false;
        // Nobody waits, and everybody's hook for late answers is told.
        for (auto const& each : entries_)
            if (kept && !each->question && each->to->asks()) each->to->on_message(message{m}), told = true;
        return told;
    }
    /// What comes to this connection's own queue: cancels, and answers that do not come directly.
    void hear_own(std::string_view key, amqp_message_t const& in) const {
        message m;
        if (key.starts_with(amqp_cancels)) {
            detail::read(amqp_heard::cancel, key.substr(amqp_cancels.size()), in, m);
            for (auto const& each : entries_)
                if (each->question && matches(each->pattern, m.subject)) each->to->on_message(message{m});
        } else if (key.starts_with(amqp_inboxes)) {
            detail::read(amqp_heard::answer, {}, in, m);
            hear_answer(std::move(m), false);
        }
    }
    /// An ask's own inbox hears that there will be no answer.
    void refuse(message&& m, executed how, char const* why) const noexcept {
        if (m.kind != message_kind::ask) return;
        amqp_entry* const asker = by_inbox(m.inbox);
        if (asker == nullptr) return;
        ANTIPHON_TRY {
            m.kind = message_kind::refusal;
            m.code = errc::unavailable;
            m.executed = how;
            m.body = why;
            asker->to->on_message(std::move(m));
        }
        ANTIPHON_CATCH_ALL {
            // Its own limit ends the wait.
        }
    }

private:
    /// Once there is somebody whom kept answers can be told.
    [[nodiscard]] result<void> stand_inbox(amqp_entry const& e, amqp_session& s, amqp_options const& o) {
        if (result<void> r = s.bind(inbox_queue_, e.inbox_key()); !r) return r;
        if (o.reply_queue.empty() || !e.to->asks() || std::exchange(hears_kept_, true)) return {};
        if (result<void> r = s.shared_queue(o.reply_queue, true); !r) return r;
        return s.consume(amqp_session::consuming, o.reply_queue, replies, true);
    }
    [[nodiscard]] result<void> stand(amqp_entry const& e, amqp_session& s, amqp_options const& o) {
        if (!e.question) return stand_inbox(e, s, o);
        std::string queue = e.queue();
        bool const kept = o.durable && !e.group.empty();
        if (e.group.empty()) {
            result<std::string> made = s.private_queue();
            if (!made) return made.error();
            queue = *std::move(made);
        } else if (result<void> r = s.shared_queue(queue, o.durable); !r) {
            return r;
        }
        if (result<void> r = s.bind(queue, amqp_pattern(e.pattern)); !r) return r;
        if (result<void> r = s.bind(inbox_queue_, e.cancel_key()); !r) return r;
        return s.consume(amqp_session::consuming, queue, e.tag(), kept);
    }
    [[nodiscard]] result<void> fall(amqp_entry const& e, amqp_session& s) {
        if (!e.question) {
            bool const asked =
                std::any_of(entries_.begin(), entries_.end(), [](auto const& each) { return !each->question && each->to->asks(); });
            if (!asked && std::exchange(hears_kept_, false))
                if (result<void> r = s.cancel(replies); !r) return r;
            return s.unbind(inbox_queue_, e.inbox_key());
        }
        if (result<void> r = s.cancel(e.tag()); !r) return r;
        bool const shared = std::any_of(entries_.begin(), entries_.end(),
                                        [&](auto const& each) { return each->question && each->pattern == e.pattern; });
        return shared ? result<void>{} : s.unbind(inbox_queue_, e.cancel_key());
    }

    std::vector<std::shared_ptr<amqp_entry>> entries_, gone_;
    std::string inbox_queue_;
    bool hears_kept_ = false;
};

}  // namespace antiphon::messaging::detail
