// SPDX-License-Identifier: BSL-1.0
#pragma once
// Everything about a responder but the types of what it serves: what is taken, answered by memory, handed back, counted.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/request/promise.hpp"
#include "antiphon/messaging/detail/begun.hpp"
#include "antiphon/messaging/detail/identity.hpp"
#include "antiphon/messaging/detail/memory.hpp"
#include "antiphon/messaging/detail/pieces.hpp"
#include "antiphon/messaging/detail/table.hpp"
#include "antiphon/messaging/message.hpp"
#include "antiphon/messaging/remote_error.hpp"
#include "antiphon/messaging/serve_options.hpp"
#include "antiphon/messaging/transport.hpp"

namespace antiphon::messaging::detail {

/// Everything about a responder but the types of what it serves. What is accepted counts as busy until it is answered.
class served_core : public receiver, public std::enable_shared_from_this<served_core> {
public:
    served_core(std::shared_ptr<connection> to, serve_options options)
        : options_{std::move(options)},
          to_{std::move(to)},
          executor_{to_->executor()},
          ids_{executor_},
          memory_{options_.remember, options_.remember_most},
          pieces_{options_.max_body, most_uploads},
          uploads_{most_uploads} {}

    [[nodiscard]] result<void> listen(std::string_view pattern) {
        if (to_->max_body() != static_cast<std::size_t>(-1)) {
            if (result<void> opened = to_->open(ids_.inbox(), shared_from_this()); !opened) return opened;
        }
        return to_->listen(pattern, options_.group, shared_from_this());
    }
    void stop() noexcept {
        // In this order: who is refused because of `stopped_` and asks again does not come here again.
        to_->leave(*this);
        stopped_.store(true, std::memory_order_seq_cst);
    }
    [[nodiscard]] future<void> drain() {
        stop();
        promise<void> drained;
        future<void> answer = drained.get_future();
        {
            parking_lock::scope const hold{lock_};
            drains_.push_back(std::move(drained));
        }
        if (busy_.load(std::memory_order_seq_cst) == 0) tell_drained();
        return answer;
    }
    void cancel_all() {
        std::vector<antiphon::detail::state_ptr<>> asks;
        table_.visit([&](begun& each) { asks.emplace_back(&each.hold()); });
        for (auto const& each : asks)
            each->request_stop();
    }

    [[nodiscard]] std::size_t running() const noexcept { return busy_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t answered() const noexcept { return answered_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t failed() const noexcept { return failed_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t repeated() const noexcept { return repeated_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t expired() const noexcept { return expired_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t malformed() const noexcept { return malformed_.load(std::memory_order_relaxed); }

    void on_message(message&& m) noexcept final {
        switch (m.kind) {
            case message_kind::ask:
            case message_kind::publication: return accept(std::move(m));
            case message_kind::cancel: return cancel(m);
            case message_kind::piece: return gather(std::move(m));
            default: return count(malformed_);
        }
    }

    // --- for the asks ---
    [[nodiscard]] table<begun>& under_way() noexcept { return table_; }
    [[nodiscard]] any_executor const& executor() const noexcept { return executor_; }

    /// The head of an answer to `asked`.
    [[nodiscard]] static message answer_to(message const& asked) {
        message m;
        m.subject = asked.subject;
        m.kind = asked.kind == message_kind::publication ? message_kind::publication : message_kind::reply;
        m.inbox = asked.inbox;
        m.id = asked.id;
        m.key = asked.key;
        m.reply_to = asked.reply_to;
        m.delivery = asked.delivery;
        return m;
    }
    /// Ends what was accepted: `m` is made of `answer_to`; a publication's goes nowhere.
    void answer(message&& m, bool worth_keeping) noexcept {
        bool const refused = m.kind == message_kind::refusal;
        std::uint64_t const delivery = m.delivery;
        count(answered_);
        if (refused) count(failed_);
        ANTIPHON_TRY {
            std::string const key = std::exchange(m.key, {});
            if (!key.empty() && memory_.enabled()) {
                for (message const& other : memory_.settle(memory_key(m.subject, key), m, worth_keeping, executor_.now()))
                    reply(addressed(m, other));
            }
            // Who has come back to a queue of answers knows by it what each is about.
            if (m.delivery != 0) m.key = key;
            reply(std::move(m));
        }
        ANTIPHON_CATCH_ALL {
            // Without memory for it there is no answer, and nothing has settled it: somebody else's turn, or the asker's own limit.
            if (delivery != 0) to_->settle(delivery, settlement::hand_back);
        }
        leave_busy();
    }
    void refuse(message&& head, failure const& why) noexcept {
        // What a durable broker keeps is somebody else's as soon as this responder does not begin it any more.
        if (head.delivery != 0 && why.executed() == executed::no && stopped_.load(std::memory_order_seq_cst)) {
            to_->settle(head.delivery, settlement::hand_back);
            return forget_key(head), leave_busy();
        }
        ANTIPHON_TRY {
            bool const told = head.kind != message_kind::publication;
            write_refusal(head, why);
            silence(head, told);
            answer(std::move(head), false);
        }
        ANTIPHON_CATCH_ALL {
            if (head.delivery != 0) to_->settle(head.delivery, settlement::hand_back);
            leave_busy();
        }
    }
    void count_malformed() noexcept { count(malformed_); }
    /// The same ask came twice, and runs.
    void forget_duplicate(std::uint64_t id, std::uint64_t delivery) noexcept {
        count(repeated_);
        if (delivery != 0) {
            std::uint64_t before = delivery;
            bool const runs = table_.find(id, [&](begun& found) {
                before = found.adopt(delivery);
                return false;
            }) != nullptr;
            to_->settle(before, runs ? settlement::forget : settlement::done);
        }
        leave_busy();
    }

protected:
    ~served_core() override = default;
    /// Decodes and runs it; ends in `answer` or `refuse`, now or later.
    virtual void take(message&& m) noexcept = 0;

    /// A refused publication is told nobody.
    static void silence(message& m, bool told) noexcept {
        if (!told) m.inbox = {}, m.id = 0, m.reply_to.clear();
    }

private:
    static constexpr std::size_t most_uploads = 256;

    [[nodiscard]] static std::string memory_key(std::string const& subject, std::string const& key) { return subject + '\n' + key; }
    /// To one whose key was not looked at.
    [[nodiscard]] static message stranger(message const& asked) {
        message m = answer_to(asked);
        m.key.clear();
        return m;
    }
    static void count(std::atomic<std::uint64_t>& c) noexcept { c.fetch_add(1, std::memory_order_relaxed); }

    void accept(message&& m) noexcept {
        std::uint64_t const delivery = m.delivery;
        busy_.fetch_add(1, std::memory_order_seq_cst);
        ANTIPHON_TRY {
            if (stopped_.load(std::memory_order_seq_cst))
                return refuse(stranger(m), failure{errc::unavailable, executed::no, "this responder is going"});
            if (m.remaining <= duration::zero()) {
                count(expired_);
                return refuse(stranger(m), failure{errc::deadline_exceeded, executed::no});
            }
            if (m.more) return invite(std::move(m));
            if (m.id == 0) m.id = ids_.next();  // a stranger's, or a publication
            if (!m.key.empty() && memory_.enabled()) {
                message known;
                message const head = answer_to(m);
                switch (memory_.admit(memory_key(m.subject, m.key), head, executor_.now(), known)) {
                    case answer_memory::fresh: break;
                    case answer_memory::known: reply(addressed(known, head)); [[fallthrough]];
                    case answer_memory::waiting: count(repeated_); return leave_busy();
                }
            }
            take(std::move(m));
        }
        ANTIPHON_CATCH_ALL {
            if (delivery != 0) to_->settle(delivery, settlement::hand_back);
            leave_busy();
        }
    }
    void cancel(message const& m) noexcept {
        message head;
        if (uploads_.take(m.id, head) && head.delivery != 0) to_->settle(head.delivery, settlement::done);
        pieces_.forget(m.id);
        antiphon::detail::state_ptr<> ask;
        static_cast<void>(table_.find(m.id, [&](begun& found) {
            if (found.inbox() == m.inbox) ask = antiphon::detail::state_ptr<>{&found.hold()};
            return false;
        }));
        if (ask) ask->request_stop();
    }

    // --- questions in pieces ---
    void invite(message&& head) {
        duration const remaining = head.remaining;
        message invitation = answer_to(head);
        invitation.kind = message_kind::invite;
        invitation.origin = ids_.inbox();
        invitation.delivery = 0;  // the answer settles it
        time_point const now = executor_.now();
        while (std::optional<message> late = uploads_.take_expired(now)) {
            count(expired_);
            turn_away(*late, failure{errc::deadline_exceeded, executed::no});
        }
        std::uint64_t const id = invitation.id;
        if (std::optional<message> gone = uploads_.keep(std::move(head), saturating_add(now, remaining))) {
            if (gone->id != id) {
                turn_away(*gone, failure{errc::overloaded, executed::no, "too many large questions at once"});
            } else if (gone->delivery != 0) {
                to_->settle(gone->delivery, settlement::forget);  // it was delivered again
            }
        }
        message kept;
        if (!to_->send(std::move(invitation)) && uploads_.take(id, kept) && kept.delivery != 0)
            to_->settle(kept.delivery, settlement::hand_back);
        leave_busy();
    }
    void turn_away(message const& head, failure const& why) {
        message to = stranger(head);
        busy_.fetch_add(1, std::memory_order_seq_cst);
        refuse(std::move(to), why);
    }
    void gather(message&& m) noexcept {
        switch (pieces_.add(m)) {
            case assembly::incomplete: return;
            case assembly::complete: break;
            case assembly::refused: {
                message head;
                if (!uploads_.take(m.id, head)) return;
                busy_.fetch_add(1, std::memory_order_seq_cst);
                return refuse(stranger(head),
                              failure{errc::out_of_range, executed::no, "the question is too large, or a piece of it is missing"});
            }
        }
        message head;
        if (!uploads_.take(m.id, head)) return count(malformed_);
        head.body = std::move(m.body);
        head.more = false;
        accept(std::move(head));
    }

    /// It is not answered here: those that came again meanwhile neither.
    void forget_key(message const& head) noexcept {
        if (head.key.empty() || !memory_.enabled()) return;
        ANTIPHON_TRY {
            for (message const& other : memory_.settle(memory_key(head.subject, head.key), head, false, executor_.now()))
                if (other.delivery != 0) to_->settle(other.delivery, settlement::hand_back);
        }
        ANTIPHON_CATCH_ALL {
            // Without memory for it they stay this connection's, until it ends.
        }
    }

    // --- answers ---
    [[nodiscard]] static message addressed(message const& answer, message const& to) {
        message m = answer;
        m.inbox = to.inbox;
        m.id = to.id;
        m.reply_to = to.reply_to;
        m.delivery = to.delivery;
        if (m.delivery != 0) m.key = to.key;
        return m;
    }
    void reply(message&& m) noexcept {
        bool const awaited = m.kind != message_kind::publication && (!(m.inbox == inbox_id{}) || !m.reply_to.empty());
        if (!awaited) {
            if (m.delivery != 0) to_->settle(m.delivery, settlement::done);
            return;
        }
        std::uint64_t const delivery = m.delivery;
        ANTIPHON_TRY {
            bool const refused = m.kind == message_kind::refusal;
            message head = refused ? message{} : head_of(m);
            result<void> sent = send_in_pieces(*to_, std::move(m));
            if (sent) return;
            if (!refused && never_fits(sent.error())) {
                write_refusal(head, failure{std::move(sent).error()}.with_executed(executed::yes));
                if (to_->send(std::move(head))) return;
            }
        }
        ANTIPHON_CATCH_ALL {
            // It was not sent.
        }
        // The broker has not been told either: what it keeps is done again.
        if (delivery != 0) to_->settle(delivery, settlement::hand_back);
    }
    /// What a refusal in the place of an answer needs of it.
    [[nodiscard]] static message head_of(message const& answer) {
        message m;
        m.inbox = answer.inbox;
        m.id = answer.id;
        m.reply_to = answer.reply_to;
        m.delivery = answer.delivery;
        m.key = answer.delivery != 0 ? answer.key : std::string{};
        return m;
    }
    [[nodiscard]] static bool never_fits(failure const& why) noexcept {
        return why == errc::out_of_range || why == errc::invalid_argument;
    }
    void leave_busy() noexcept {
        if (busy_.fetch_sub(1, std::memory_order_seq_cst) == 1 && stopped_.load(std::memory_order_seq_cst)) tell_drained();
    }
    void tell_drained() noexcept {
        std::vector<promise<void>> told;
        {
            parking_lock::scope const hold{lock_};
            told.swap(drains_);
        }
        for (promise<void>& each : told)
            each.set_value();
    }

    serve_options const options_;
    std::shared_ptr<connection> const to_;
    any_executor const executor_;
    id_source ids_;
    answer_memory memory_;
    assembly pieces_;
    upload_store uploads_;
    table<begun> table_;
    // relaxed: only the numbers count
    std::atomic<std::uint64_t> answered_{0}, failed_{0}, repeated_{0}, expired_{0}, malformed_{0};
    // seq_cst against each other: who stops sees who is busy, or who is busy sees that it stops
    std::atomic<std::size_t> busy_{0};
    std::atomic<bool> stopped_{false};
    parking_lock lock_;
    std::vector<promise<void>> drains_;  // guarded by lock_
};

}  // namespace antiphon::messaging::detail
