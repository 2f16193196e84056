// SPDX-License-Identifier: BSL-1.0
#pragma once
// One inbox for all asks of a client: which answer belongs to which.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/default_pool.hpp"
#include "antiphon/execution/timer.hpp"
#include "antiphon/messaging/client_options.hpp"
#include "antiphon/messaging/detail/identity.hpp"
#include "antiphon/messaging/detail/pieces.hpp"
#include "antiphon/messaging/detail/table.hpp"
#include "antiphon/messaging/message.hpp"
#include "antiphon/messaging/transport.hpp"

namespace antiphon::messaging::detail {

/// What a client counts. Everything that is asked is answered, or fails; these are the rest.
struct client_counts {
    std::atomic<std::uint64_t> late{0};       ///< answers that nobody waited for
    std::atomic<std::uint64_t> malformed{0};  ///< messages that are no answers
    std::atomic<std::uint64_t> expired{0};    ///< asks that `client_options::timeout` ended
};

/// An ask as its client sees it.
///
/// `notes_`: `inserted` (others may take it from the table), `sent` (the transport has it), `given_up` (a stop request took it). The
/// one of `sent` and `given_up` that comes second sends the cancel, so that it cannot overtake the ask.
class pending : public table_node {
public:
    /// The answer. It was taken out of the table unless it is one of several.
    virtual void on_answer(message&& m) noexcept = 0;
    /// There will be none. It was taken out.
    virtual void on_lost(failure why) noexcept = 0;
    /// Under the table's lock: whether that answer ends the ask. If not, it is kept alive for `on_answer`.
    [[nodiscard]] virtual bool ends_with(message const&) noexcept { return true; }

    enum : std::uint8_t {
        inserted = 1,
        sent = 2,
        given_up = 4
    };
    /// What was there. **Threads**: any.
    std::uint8_t note(std::uint8_t m) noexcept {
        // seq_cst: against the stop request's own mark on the ask, each side sets one and reads the other
        return notes_.fetch_or(m, std::memory_order_seq_cst);
    }
    [[nodiscard]] std::uint8_t notes() const noexcept { return notes_.load(std::memory_order_seq_cst); }

protected:
    ~pending() = default;

private:
    std::atomic<std::uint8_t> notes_{0};
};

/// **Threads**: any. It runs no code of the user's.
class client_core final : public receiver, public std::enable_shared_from_this<client_core>, private timer {
public:
    client_core(std::shared_ptr<connection> to, client_options options)
        : options_{std::move(options)}, to_{std::move(to)}, executor_{to_->executor()}, ids_{executor_}, pieces_{options_.max_body} {}

    [[nodiscard]] client_options const& options() const noexcept { return options_; }
    [[nodiscard]] any_executor const& executor() const noexcept { return executor_; }
    [[nodiscard]] connection& to() const noexcept { return *to_; }
    [[nodiscard]] std::shared_ptr<connection> const& shared_connection() const noexcept { return to_; }
    [[nodiscard]] client_counts& counts() noexcept { return counts_; }
    [[nodiscard]] std::size_t under_way() noexcept { return table_.size(); }
    [[nodiscard]] inbox_id inbox() const noexcept { return ids_.inbox(); }
    [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_seq_cst); }

    /// Sends `m` and lets `p` wait for the answer. `stopped()` says whether the ask was asked to stop. The answer, or the loss, may
    /// come before this returns; `p`, and with it the subject, is kept alive by the caller. `patience`: how long an answer may take.
    template <class Stopped>
    void ask(pending& p, std::string const& subject, message&& m, Stopped&& stopped, duration patience) noexcept {
        ANTIPHON_TRY {
            m.inbox = ids_.inbox();
            time_point const expires = patience == duration::max() ? time_point::max() : saturating_add(executor_.now(), patience);
            if (patience < m.remaining) m.remaining = patience;
            do {
                m.id = ids_.next();
            } while (!table_.insert(p, m.id, expires));
        }
        ANTIPHON_CATCH_ALL { return p.on_lost(failure::current(executed::no)); }
        p.note(pending::inserted);
        if (patience != duration::max()) watch();
        if (closed() || stopped()) {
            if (table_.take(p))
                p.on_lost(closed() ? failure{errc::shut_down, executed::no, "the client is gone"}
                                   : failure{errc::cancelled, executed::no});
            return;
        }
        result<void> const handed = deliver(std::move(m));
        if (!handed) {
            if (table_.take(p)) p.on_lost(handed.error());
        } else if ((p.note(pending::sent) & pending::given_up) != 0) {
            send_cancel(p.id(), subject);
        }
    }
    /// For a stop request: true when the caller is to decide the ask.
    [[nodiscard]] bool give_up(pending& p, std::string const& subject) noexcept {
        if ((p.notes() & pending::inserted) == 0 || !table_.take(p)) return false;
        forget(p.id());
        if ((p.note(pending::given_up) & pending::sent) != 0) send_cancel(p.id(), subject);
        return true;
    }
    /// Ends an ask that has had enough answers; false: somebody else has.
    [[nodiscard]] bool finish(pending& p) noexcept { return table_.take(p); }

    void close() noexcept {
        closed_.store(true, std::memory_order_seq_cst);
        to_->leave(*this);
        while (pending* const p = table_.take_any())
            p->on_lost(failure{errc::shut_down, executed::maybe, "the client is gone"});
        if (executor_.disarm(*this)) watching_ = nullptr;
    }

    // receiver
    void on_message(message&& m) noexcept override {
        switch (m.kind) {
            case message_kind::reply:
            case message_kind::part:
            case message_kind::refusal: break;
            case message_kind::invite: return upload(std::move(m));
            default: counts_.malformed.fetch_add(1, std::memory_order_relaxed); return;
        }
        if ((m.more || m.sequence != 0) && m.kind == message_kind::reply && !whole(m)) return;
        bool ended = false;
        pending* const p = table_.find(m.id, [&](pending& found) {
            ended = found.ends_with(m);
            return ended;
        });
        if (p == nullptr) return late(std::move(m));
        if (ended) forget(m.id);
        p->on_answer(std::move(m));
    }
    [[nodiscard]] bool asks() const noexcept override { return true; }
    void on_disconnected() noexcept override {
        if (options_.keep_over_reconnect) return;
        while (pending* const p = table_.take_any()) {
            forget(p->id());
            p->on_lost(failure{errc::unavailable, executed::maybe, "the connection was lost before the answer came"});
        }
    }

private:
    void send_cancel(std::uint64_t id, std::string const& subject) noexcept {
        ANTIPHON_TRY {
            message m;
            m.kind = message_kind::cancel;
            m.subject = subject;
            m.inbox = ids_.inbox();
            m.id = id;
            static_cast<void>(to_->send(std::move(m)));
        }
        ANTIPHON_CATCH_ALL {
            // The responder works in vain.
        }
    }
    /// A body that is too large waits here until whoever takes the ask invites it: its pieces must not go to several.
    [[nodiscard]] result<void> deliver(message&& m) noexcept {
        if (m.body.size() <= to_->max_body()) return to_->send(std::move(m));
        ANTIPHON_TRY {
            message head = without_body(m);
            head.more = true;
            static_cast<void>(uploads_.keep(std::move(m)));
            if (!awaits(head.id)) uploads_.forget(head.id);  // as in `whole`
            return to_->send(std::move(head));
        }
        ANTIPHON_CATCH_ALL { return failure::current(executed::no); }
    }
    void upload(message&& invitation) noexcept {
        message body;
        if (!uploads_.take(invitation.id, body)) return late(std::move(invitation));
        body.kind = message_kind::piece;
        body.inbox = invitation.origin;
        body.reply_to = std::move(invitation.reply_to);
        static_cast<void>(send_in_pieces(*to_, std::move(body)));
    }
    /// Whether all pieces of an answer are here; then `m` is the whole.
    [[nodiscard]] bool whole(message& m) noexcept {
        if (!awaits(m.id)) {
            late(std::move(m));
            return false;
        }
        switch (pieces_.add(m)) {
            case assembly::complete: return true;
            case assembly::incomplete:
                if (!awaits(m.id)) pieces_.forget(m.id);  // it ended meanwhile, perhaps before there was anything to forget
                return false;
            case assembly::refused: break;
        }
        if (pending* const p = table_.take(m.id)) {
            forget(m.id);
            p->on_lost(failure{errc::out_of_range, executed::yes, "the answer is too large, or a piece of it is missing"});
        }
        return false;
    }
    [[nodiscard]] bool awaits(std::uint64_t id) noexcept {
        return table_.find(id, [](pending&) { return false; }) != nullptr;
    }
    void forget(std::uint64_t id) noexcept {
        pieces_.forget(id);
        uploads_.forget(id);
    }
    void late(message&& m) noexcept {
        counts_.late.fetch_add(1, std::memory_order_relaxed);
        if (!options_.on_late) return;
        ANTIPHON_TRY {
            any_executor const where = executor_ ? executor_ : any_executor{default_pool().get_executor()};
            where.execute(work{[self = shared_from_this(), m = std::move(m)] { self->options_.on_late(m); }});
        }
        ANTIPHON_CATCH_ALL {
            // It is counted.
        }
    }

    // --- the end of patience: one timer for all, which looks eight times as often as an ask may last ---
    void watch() noexcept {
        if (watched_.load(std::memory_order_relaxed) || watched_.exchange(true, std::memory_order_seq_cst)) return;
        ANTIPHON_TRY {
            watching_ = shared_from_this();
            executor_.arm(*this, saturating_add(executor_.now(), options_.timeout / 8));
        }
        ANTIPHON_CATCH_ALL {
            watching_ = nullptr;
            watched_.store(false, std::memory_order_seq_cst);
        }
    }
    void fire() noexcept override {
        std::shared_ptr<client_core> const alive = std::move(watching_);
        time_point const now = executor_.now();
        while (pending* const p = table_.take_expired(now)) {
            counts_.expired.fetch_add(1, std::memory_order_relaxed);
            forget(p->id());
            p->on_lost(failure{errc::deadline_exceeded, executed::maybe, "no answer came within the client's timeout"});
        }
        // seq_cst: an ask that is inserted from here on finds it unwatched, one inserted before is seen now
        watched_.store(false, std::memory_order_seq_cst);
        if (!closed() && table_.size() != 0) watch();
        if (closed() && executor_.disarm(*this)) watching_ = nullptr;
    }

    client_options const options_;
    std::shared_ptr<connection> const to_;
    any_executor const executor_;
    id_source ids_;
    table<pending> table_;
    assembly pieces_;
    upload_store uploads_;
    client_counts counts_;
    std::atomic<bool> closed_{false};
    std::atomic<bool> watched_{false};
    std::shared_ptr<client_core> watching_;  // while the timer is armed; belongs to whoever set `watched_`, then to `fire`
};

}  // namespace antiphon::messaging::detail
