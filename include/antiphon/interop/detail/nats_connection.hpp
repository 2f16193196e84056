// SPDX-License-Identifier: BSL-1.0
#pragma once
// One connection of the C client, as the library's core uses it.

#include <nats/nats.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/state.hpp"
#include "antiphon/interop/detail/nats_handles.hpp"
#include "antiphon/interop/detail/nats_message.hpp"
#include "antiphon/interop/nats_options.hpp"
#include "antiphon/messaging/message.hpp"
#include "antiphon/messaging/transport.hpp"
#include "antiphon/messaging/wire.hpp"

namespace antiphon::messaging::detail {

/// Answers go to `_INBOX.<inbox>.<id>`, which one subscription for `_INBOX.<inbox>.*` hears; a cancel for `subject` to
/// `_antiphon.cancel.<subject>`, which every member of a group hears.
///
/// `senders_` keeps the C connection while somebody sends; `close` waits for them. A subscription that was left is destroyed when its
/// last callback has returned (`ended`), by the next one that is made, or by `close`.
class nats_connection : public connection {
public:
    explicit nats_connection(nats_options const& o) : buffers_{o.send_after_reconnect} { connect(o); }
    ~nats_connection() override { close(); }

    [[nodiscard]] result<void> send(message&& m) noexcept override {
        if (!senders_.enter()) return failure{errc::unavailable, executed::no, "nats: the connection is closed"};
        struct leaving {
            antiphon::detail::gate& gate;
            ~leaving() { gate.leave(); }
        } const afterwards{senders_};
        // relaxed: a message that crosses the loss of the connection may be on either side of it
        if (!buffers_ && !connected_.load(std::memory_order_relaxed))
            return failure{errc::unavailable, executed::no, "nats: there is no connection to a server"};
        ANTIPHON_TRY {
            if (natsStatus const s = publish(m); s != NATS_OK) return failure_of(s);
            return {};
        }
        ANTIPHON_CATCH_ALL { return failure::current(executed::no); }
    }
    [[nodiscard]] result<void> listen(std::string_view pattern, std::string_view group, std::shared_ptr<receiver> to) override {
        std::string const subject{pattern};
        result<void> heard = subscribe(heard_as::question, subject, std::string{group}, to);
        if (heard) heard = subscribe(heard_as::cancel, std::string{nats_wire::cancels} + subject, {}, to);
        if (heard) flush();
        return heard;
    }
    [[nodiscard]] result<void> open(inbox_id inbox, std::shared_ptr<receiver> to) override {
        result<void> heard =
            subscribe(heard_as::answer, std::string{nats_wire::inboxes} + wire::to_hex(inbox) + ".*", {}, std::move(to), inbox);
        if (heard) flush();
        return heard;
    }
    /// What the server has sent already is still heard: a responder hands it back.
    void leave(receiver& whom) noexcept override {
        if (!senders_.enter()) return;
        {
            parking_lock::scope const hold{lock_};
            for (entry& each : entries_) {
                if (each.to.get() != &whom || std::exchange(each.left, true)) continue;
                if (each.as == heard_as::question || each.as == heard_as::kept) {
                    natsSubscription_Drain(each.subscription.get());
                } else {
                    natsSubscription_Unsubscribe(each.subscription.get());
                }
            }
        }
        senders_.leave();
    }
    [[nodiscard]] std::size_t max_body() const noexcept override { return max_body_; }

    /// Ends everything, and waits until no callback runs. Not from a callback.
    void close() noexcept {
        if (closed_.exchange(true, std::memory_order_seq_cst)) return;
        senders_.close();
        std::list<entry> gone;
        {
            parking_lock::scope const hold{lock_};
            gone.splice(gone.end(), entries_);
        }
        for (entry& each : gone)
            if (!each.left) natsSubscription_Unsubscribe(each.subscription.get());
        // What still drains may need a server for it; when the connection is closed it ends all the same.
        time_point const soon = saturating_add(clock::now(), std::chrono::seconds{2});
        bool const drained = wait_for_end(gone, soon);
        if (drained) destroy(gone);
        natsConnection_Close(nc_.get());
        time_point const late = saturating_add(clock::now(), std::chrono::seconds{10});
        if (!drained && wait_for_end(gone, late)) destroy(gone);
        while (reporting_.load(std::memory_order_acquire) == 0)  // pairs with on_closed, the client's last word
            if (!futex_wait_until(reporting_, 0, late)) break;
        nc_.reset();
        for (entry& each : gone)
            if (each.as == heard_as::answer) each.to->on_disconnected();
    }

protected:
    using heard_as = nats_wire::heard_as;

    [[nodiscard]] natsConnection* raw() const noexcept { return nc_.get(); }
    /// For what works with the connection itself. False: it is closed; `end_use` once for each that is true.
    [[nodiscard]] bool begin_use() noexcept { return senders_.enter(); }
    void end_use() noexcept { senders_.leave(); }
    [[nodiscard]] bool connected() const noexcept { return connected_.load(std::memory_order_relaxed); }
    [[nodiscard]] result<void> subscribe(heard_as as, std::string const& subject, std::string const& group,
                                         std::shared_ptr<receiver> to, inbox_id inbox = {}) {
        if (!senders_.enter()) return failure{errc::unavailable, executed::no, "nats: the connection is closed"};
        result<void> const done = subscribe_entered(as, subject, group, std::move(to), inbox);
        senders_.leave();
        return done;
    }
    void flush() noexcept {
        if (!senders_.enter()) return;
        // Until the server knows it. A lost connection is made up for when the next one stands.
        static_cast<void>(natsConnection_FlushTimeout(nc_.get(), 5000));
        senders_.leave();
    }
    static void require_ok(natsStatus s) {
        if (s != NATS_OK) failure_of(s).raise();
    }
    [[nodiscard]] static std::int64_t milliseconds(duration d) noexcept {
        return std::chrono::duration_cast<std::chrono::milliseconds>(d).count() + 1;
    }
    /// For one of this connection's inboxes, without the server.
    void answer_here(message&& m) {
        std::shared_ptr<receiver> to;
        {
            parking_lock::scope const hold{lock_};
            for (entry const& each : entries_)
                if (each.as == heard_as::answer && each.inbox == m.inbox && !each.left) to = each.to;
        }
        if (to != nullptr) to->on_message(std::move(m));
    }
    /// A stream has delivered `m`, and wants to be told at `told_at` what became of it. On a thread of the client's.
    virtual void keep(std::string_view told_at, message& m) { static_cast<void>(told_at), static_cast<void>(m); }

private:
    struct entry;
    [[nodiscard]] natsStatus publish(message const& m) {
        nats_wire::envelope const e = nats_wire::envelope_of(m);
        if (m.headers.empty() && wire::is_plain(m, e.implied)) {
            // Without headers the client needs no message of its own, which it would copy all of this into.
            char const* const subject = e.subject.empty() ? m.subject.c_str() : e.subject.c_str();
            auto const size = static_cast<int>(m.body.size());
            return e.reply.empty() ? natsConnection_Publish(nc_.get(), subject, m.body.data(), size)
                                   : natsConnection_PublishRequest(nc_.get(), subject, e.reply.c_str(), m.body.data(), size);
        }
        nats_owned<natsMsg> out;
        if (natsStatus const s = nats_wire::make(m, e, out); s != NATS_OK) return s;
        return natsConnection_PublishMsg(nc_.get(), out.get());
    }
    [[nodiscard]] static bool wait_for_end(std::list<entry>& all, time_point until) noexcept {
        for (entry& each : all)
            while (each.ended.load(std::memory_order_acquire) == 0)  // pairs with on_end
                if (!futex_wait_until(each.ended, 0, until)) return false;
        return true;
    }
    static void destroy(std::list<entry>& all) noexcept {
        for (entry& each : all)
            each.subscription.reset();
    }

    static constexpr std::size_t room_for_headers = 16 * 1024;
    struct entry {
        nats_connection* of;
        heard_as as;
        std::shared_ptr<receiver> to;
        inbox_id inbox;  // of an answer
        nats_owned<natsSubscription> subscription = {};
        bool left = false;                      // guarded by the connection's lock
        std::atomic<std::uint32_t> ended{0};
        entry(nats_connection* who, heard_as how, std::shared_ptr<receiver> whom, inbox_id where) noexcept
            : of{who}, as{how}, to{std::move(whom)}, inbox{where} {}
    };

    // --- connecting ---
    void connect(nats_options const& o) {
        natsOptions* made = nullptr;
        require_ok(natsOptions_Create(&made));
        nats_owned<natsOptions> const options{made};
        std::vector<char const*> servers;
        for (std::string const& each : o.servers)
            servers.push_back(each.c_str());
        require_ok(natsOptions_SetServers(made, servers.data(), static_cast<int>(servers.size())));
        require_ok(natsOptions_SetName(made, o.name.c_str()));
        require_ok(natsOptions_SetSendAsap(made, o.send_at_once));
        require_ok(natsOptions_SetTimeout(made, milliseconds(o.connect_timeout)));
        require_ok(natsOptions_SetReconnectWait(made, milliseconds(o.reconnect_wait)));
        require_ok(natsOptions_SetMaxReconnect(made, -1));
        require_ok(natsOptions_SetDisconnectedCB(made, &nats_connection::on_disconnected, this));
        require_ok(natsOptions_SetReconnectedCB(made, &nats_connection::on_reconnected, this));
        require_ok(natsOptions_SetClosedCB(made, &nats_connection::on_closed, this));
        if (!o.user.empty()) require_ok(natsOptions_SetUserInfo(made, o.user.c_str(), o.password.c_str()));
        if (!o.token.empty()) require_ok(natsOptions_SetToken(made, o.token.c_str()));
        if (!o.credentials_file.empty()) require_ok(natsOptions_SetUserCredentialsFromFiles(made, o.credentials_file.c_str(), nullptr));
        if (o.tls) require_ok(natsOptions_SetSecure(made, true));
        if (!o.ca_file.empty()) require_ok(natsOptions_LoadCATrustedCertificates(made, o.ca_file.c_str()));
        if (!o.certificate_file.empty())
            require_ok(natsOptions_LoadCertificatesChain(made, o.certificate_file.c_str(), o.key_file.c_str()));
        natsConnection* connected = nullptr;
        require_ok(natsConnection_Connect(&connected, made));
        nc_.reset(connected);
        auto const most = static_cast<std::size_t>(natsConnection_GetMaxPayload(connected));
        max_body_ = most > 2 * room_for_headers ? most - room_for_headers : most / 2;
    }

    // --- listening ---
    [[nodiscard]] result<void> subscribe_entered(heard_as as, std::string const& subject, std::string const& group,
                                                 std::shared_ptr<receiver> to, inbox_id inbox) {
        std::list<entry> gone;  // dies outside the lock
        parking_lock::scope const hold{lock_};
        for (auto at = entries_.begin(); at != entries_.end();) {
            auto const here = at++;
            if (here->left && here->ended.load(std::memory_order_acquire) != 0) gone.splice(gone.end(), entries_, here);
        }
        entry& fresh = entries_.emplace_back(this, as, std::move(to), inbox);
        natsSubscription* made = nullptr;
        natsStatus s = group.empty() ? natsConnection_Subscribe(&made, nc_.get(), subject.c_str(), &nats_connection::on_message, &fresh)
                                     : natsConnection_QueueSubscribe(&made, nc_.get(), subject.c_str(), group.c_str(),
                                                                     &nats_connection::on_message, &fresh);
        if (s != NATS_OK) {
            entries_.pop_back();
            return failure_of(s);
        }
        fresh.subscription.reset(made);
        natsSubscription_SetOnCompleteCB(made, &nats_connection::on_end, &fresh);
        natsSubscription_SetPendingLimits(made, -1, -1);  // what is heard is decided and handed on: nothing waits there for long
        return {};
    }

    // --- what is heard: on the client's threads ---
    static void on_message(natsConnection*, natsSubscription*, natsMsg* arrived, void* closure) noexcept {
        timer_thread::take_after();
        nats_owned<natsMsg> const in{arrived};
        auto& from = *static_cast<entry*>(closure);
        ANTIPHON_TRY {
            message m;
            nats_wire::read(from.as, arrived, m);
            // What no stream has sent there has nobody to tell.
            if (char const* const told_at = natsMsg_GetReply(arrived); from.as == heard_as::kept && told_at != nullptr)
                from.of->keep(told_at, m);
            from.to->on_message(std::move(m));
        }
        ANTIPHON_CATCH_ALL {
            // Without memory for it, it is as lost as by the network.
        }
    }
    static void on_end(void* closure) noexcept {
        auto& ended = static_cast<entry*>(closure)->ended;
        ended.store(1, std::memory_order_release);  // pairs with close and leave; the last touch
        futex_wake_all(ended);
    }

    // --- the connection comes and goes: on a thread of the client's ---
    static void on_disconnected(natsConnection*, void* self) noexcept { static_cast<nats_connection*>(self)->lose(); }
    static void on_reconnected(natsConnection*, void* self) noexcept {
        static_cast<nats_connection*>(self)->connected_.store(true, std::memory_order_relaxed);
    }
    static void on_closed(natsConnection*, void* self) noexcept {
        auto& told = static_cast<nats_connection*>(self)->reporting_;
        told.store(1, std::memory_order_release);
        futex_wake_all(told);
    }
    void lose() noexcept {
        timer_thread::take_after();
        connected_.store(false, std::memory_order_relaxed);
        std::vector<std::shared_ptr<receiver>> told;
        ANTIPHON_TRY {
            parking_lock::scope const hold{lock_};
            for (entry const& each : entries_)
                if (each.as == heard_as::answer && !each.left) told.push_back(each.to);
        }
        ANTIPHON_CATCH_ALL {
            // Their own limits end the waits.
        }
        for (std::shared_ptr<receiver> const& each : told)
            each->on_disconnected();
    }

    bool const buffers_;
    std::size_t max_body_ = 0;
    nats_owned<natsConnection> nc_;
    antiphon::detail::gate senders_;
    std::atomic<bool> connected_{true};
    std::atomic<bool> closed_{false};
    std::atomic<std::uint32_t> reporting_{0};
    parking_lock lock_;
    std::list<entry> entries_;  // guarded by lock_
};

}  // namespace antiphon::messaging::detail
