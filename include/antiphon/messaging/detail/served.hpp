// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a responder does with what arrives: decoded, run, answered.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/default_executor.hpp"
#include "antiphon/execution/default_pool.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/promise.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/policy/deadline.hpp"
#include "antiphon/policy/schedule.hpp"
#include "antiphon/messaging/codec.hpp"
#include "antiphon/messaging/detail/identity.hpp"
#include "antiphon/messaging/detail/memory.hpp"
#include "antiphon/messaging/detail/pieces.hpp"
#include "antiphon/messaging/detail/table.hpp"
#include "antiphon/messaging/message.hpp"
#include "antiphon/messaging/remote_error.hpp"
#include "antiphon/messaging/serve_options.hpp"
#include "antiphon/messaging/transport.hpp"

namespace antiphon::messaging::detail {

/// An ask that a responder has begun.
class begun : public table_node {
public:
    /// Under the table's lock. The ask, with a reference.
    [[nodiscard]] virtual antiphon::detail::state_base& hold() noexcept = 0;
    [[nodiscard]] inbox_id const& inbox() const noexcept { return inbox_; }

protected:
    explicit begun(inbox_id const& from) noexcept : inbox_{from} {}
    ~begun() = default;

private:
    inbox_id inbox_;
};

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
        return m;
    }
    /// Ends what was accepted: `m` is made of `answer_to`; a publication's goes nowhere.
    void answer(message&& m, bool worth_keeping) noexcept {
        bool const refused = m.kind == message_kind::refusal;
        count(answered_);
        if (refused) count(failed_);
        ANTIPHON_TRY {
            std::string const key = std::exchange(m.key, {});
            if (!key.empty() && memory_.enabled()) {
                for (message const& other : memory_.settle(memory_key(m.subject, key), m, worth_keeping, executor_.now()))
                    reply(addressed(m, other));
            }
            reply(std::move(m));
        }
        ANTIPHON_CATCH_ALL {
            // Without memory for it there is no answer; the asker's own limit ends the wait.
        }
        leave_busy();
    }
    void refuse(message&& head, failure const& why) noexcept {
        ANTIPHON_TRY {
            bool const told = head.kind != message_kind::publication;
            write_refusal(head, why);
            silence(head, told);
            answer(std::move(head), false);
        }
        ANTIPHON_CATCH_ALL { leave_busy(); }
    }
    void count_malformed() noexcept { count(malformed_); }
    /// The same ask came twice, and runs.
    void forget_duplicate() noexcept {
        count(repeated_);
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
        ANTIPHON_CATCH_ALL { leave_busy(); }
    }
    void cancel(message const& m) noexcept {
        uploads_.forget(m.id);
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
        message invitation = answer_to(head);
        invitation.kind = message_kind::invite;
        invitation.origin = ids_.inbox();
        uploads_.keep(std::move(head));
        static_cast<void>(to_->send(std::move(invitation)));
        leave_busy();
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

    // --- answers ---
    [[nodiscard]] static message addressed(message const& answer, message const& to) {
        message m = answer;
        m.inbox = to.inbox;
        m.id = to.id;
        m.reply_to = to.reply_to;
        return m;
    }
    void reply(message&& m) noexcept {
        if (m.kind == message_kind::publication) return;
        if (m.inbox == inbox_id{} && m.reply_to.empty()) return;
        static_cast<void>(send_in_pieces(*to_, std::move(m)));
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
    std::atomic<std::uint64_t> answered_{0}, failed_{0}, repeated_{0}, expired_{0}, malformed_{0};
    // seq_cst against each other: who stops sees who is busy, or who is busy sees that it stops
    std::atomic<std::size_t> busy_{0};
    std::atomic<bool> stopped_{false};
    parking_lock lock_;
    std::vector<promise<void>> drains_;  // guarded by lock_
};

/// One ask at its responder: it consumes the answer of the handler's ask and sends it back.
template <class R, class Codec>
class served_ask final : public begun, private antiphon::detail::consumer, private work_item {
    using state = antiphon::detail::state<R>;
    using delivery = antiphon::detail::delivery;

public:
    served_ask(std::shared_ptr<served_core> of, Codec const& codec, message&& head, antiphon::detail::state_ptr<state> ask)
        : begun{head.inbox}, of_{std::move(of)}, codec_{codec}, head_{std::move(head)}, ask_{std::move(ask)} {}

    /// False: the same ask runs already; this one never does.
    [[nodiscard]] static bool begin(std::unique_ptr<served_ask> fresh) noexcept {
        fresh->ask_->retain();
        antiphon::detail::state_ptr<> const alive{fresh->ask_.get()};
        bool inserted = false;
        ANTIPHON_TRY { inserted = fresh->of_->under_way().insert(*fresh, fresh->head_.id); }
        ANTIPHON_CATCH_ALL {
            // Without memory for it, it runs, and cannot be cancelled.
            inserted = true;
        }
        if (!inserted) {
            alive->request_stop();
            alive->begin();
            return false;
        }
        served_ask& me = *fresh.release();
        if (me.ask_->attach(me)) {
            alive->begin();
        } else {
            me.finish(me.ask_->get());  // decided where it was made
        }
        return true;
    }
    [[nodiscard]] antiphon::detail::state_base& hold() noexcept override {
        ask_->retain();
        return *ask_;
    }

private:
    void on_ready(antiphon::detail::state_base& source, delivery how) noexcept override {
        // At the end of a step the place is right. Inside somebody's call only what is quick may happen.
        if (how == delivery::tail || (how == delivery::nested && quick_codec<Codec>)) return finish(ask_->get());
        any_executor const& home = source.executor();
        any_executor const where = home && how != delivery::dropped ? home : any_executor{default_pool().get_executor()};
        work job{static_cast<work_item&>(*this)};
        ANTIPHON_TRY { where.execute(std::move(job)); }
        ANTIPHON_CATCH_ALL {
            // It was rejected on the way out.
        }
    }
    void run() noexcept override { finish(ask_->get()); }
    void reject(errc why, rejection) noexcept override { finish(failure{why, executed::yes}); }

    void finish(result<R>&& answer) noexcept {
        if (id() != 0) static_cast<void>(of_->under_way().take(*this));
        std::unique_ptr<served_ask> const gone{this};
        std::shared_ptr<served_core> const of = of_;
        message m = std::move(head_);
        if (!answer) return of->refuse(std::move(m), answer.error());
        ANTIPHON_TRY {
            std::string key = std::exchange(m.key, {});
            if constexpr (!std::is_void_v<R>) {
                if (result<void> encoded = encode_into(codec_, m, *std::move(answer)); !encoded)
                    return restore(of, m, key, encoded.error());
            }
            m.key = std::move(key);
            of->answer(std::move(m), true);
        }
        ANTIPHON_CATCH_ALL { of->refuse(std::move(m), failure::current()); }
    }
    void finish(result<R>& answer) noexcept { finish(std::move(answer)); }
    static void restore(std::shared_ptr<served_core> const& of, message& m, std::string& key, failure const& why) noexcept {
        m.key = std::move(key);
        of->refuse(std::move(m), failure{why}.with_executed(executed::yes));
    }

    std::shared_ptr<served_core> const of_;
    ANTIPHON_NO_UNIQUE_ADDRESS Codec const codec_;
    message head_;
    antiphon::detail::state_ptr<state> ask_;
};

template <class Signature, class Codec>
class served;
template <class R, class... P, class Codec>
class served<R(P...), Codec> final : public served_core {
    static_assert(sizeof...(P) <= 1, "antiphon: a message carries one argument or none: put several into a struct");
    using erased_request = antiphon::request<R(P...), repeat::unsafe>;

public:
    template <class Request>
    served(std::shared_ptr<connection> to, serve_options options, Request what, Codec codec)
        : served_core{std::move(to), std::move(options)}, what_{std::move(what)}, codec_{std::move(codec)} {}

private:
    /// Decoding in the right place, where that is not here. Whatever becomes of it, the ask is answered.
    class decoding final : public work_item {
    public:
        decoding(std::shared_ptr<served_core> of, message&& m) : of_{std::move(of)}, message_{std::move(m)} {}
        void run() noexcept override {
            std::unique_ptr<decoding> const gone{this};
            static_cast<served&>(*of_).start(std::move(message_));
        }
        void reject(errc, rejection) noexcept override {
            std::unique_ptr<decoding> const gone{this};
            of_->refuse(answer_to(message_), failure{errc::unavailable, executed::no, "the responder's executor takes no more work"});
        }

    private:
        std::shared_ptr<served_core> of_;
        message message_;
    };

    void take(message&& m) noexcept override {
        if constexpr (quick_codec<Codec>) {
            start(std::move(m));
        } else {
            ANTIPHON_TRY {
                auto job = std::make_unique<decoding>(shared_from_this(), std::move(m));
                place().execute(work{*job.release()});
            }
            ANTIPHON_CATCH_ALL {
                // It was rejected on the way out, or there is no memory for it.
            }
        }
    }
    [[nodiscard]] any_executor place() const {
        auto const& handler = antiphon::detail::request_access::handler(what_);
        if (handler.executor() != nullptr) return *handler.executor();
        return executor() ? executor() : antiphon::default_executor();
    }
    void start(message&& m) noexcept {
        message head;
        ANTIPHON_TRY {
            head = answer_to(m);
            begin(head, std::move(m));
        }
        ANTIPHON_CATCH_ALL { refuse(std::move(head), failure::current(executed::no)); }
    }
    void begin(message& head, message&& m) {
        duration const remaining = m.remaining;
        priority const urgency = m.priority;
        if constexpr (sizeof...(P) == 0) {
            ask(head, remaining, urgency);
        } else {
            using argument = std::remove_cvref_t<std::tuple_element_t<0, std::tuple<P...>>>;
            result<argument> decoded = decode_from<argument>(codec_, std::move(m));
            if (!decoded) {
                count_malformed();
                return refuse(std::move(head), failure{decoded.error()}.with_executed(executed::no));
            }
            ask(head, remaining, urgency, *std::move(decoded));
        }
    }
    template <class... A>
    void ask(message& head, duration remaining, priority urgency, A&&... args) {
        any_executor where = place();
        // Even what says that it may run anywhere does not run on a transport's thread.
        if (where.runs_in_place() && timer_thread::is_current()) where = default_pool().get_executor();
        if (remaining == duration::max() && urgency == priority::normal)
            return ask_by(what_, head, std::move(where), std::forward<A>(args)...);
        time_point const until = saturating_add(where.now(), remaining);
        ask_by(what_ | deadline{until} | urgency, head, std::move(where), std::forward<A>(args)...);
    }
    template <class Request, class... A>
    void ask_by(Request const& by, message& head, any_executor where, A&&... args) {
        auto const& handler = antiphon::detail::request_access::handler(by);
        using layer = std::remove_cvref_t<decltype(handler.layer())>;
        // Nothing is inherited from whatever runs in this thread: the asker may be anywhere.
        auto state = layer::make(handler.layer(), std::move(where), nullptr, std::forward<A>(args)...);
        auto fresh = std::make_unique<served_ask<R, Codec>>(shared_from_this(), codec_, std::move(head), std::move(state));
        if (!served_ask<R, Codec>::begin(std::move(fresh))) forget_duplicate();
    }

    erased_request const what_;
    ANTIPHON_NO_UNIQUE_ADDRESS Codec const codec_;
};

}  // namespace antiphon::messaging::detail
