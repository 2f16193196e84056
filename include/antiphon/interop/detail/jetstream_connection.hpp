// SPDX-License-Identifier: BSL-1.0
#pragma once
// A NATS connection that has a stream keep what is asked.

#include <nats/nats.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/timer.hpp"
#include "antiphon/interop/detail/nats_connection.hpp"
#include "antiphon/interop/detail/nats_handles.hpp"
#include "antiphon/interop/detail/nats_message.hpp"
#include "antiphon/interop/detail/sent_time.hpp"
#include "antiphon/interop/jetstream_options.hpp"
#include "antiphon/messaging/message.hpp"
#include "antiphon/messaging/subject.hpp"
#include "antiphon/messaging/transport.hpp"

namespace antiphon::messaging::detail {

/// A stream with the retention of a work queue, and for each group and pattern a durable consumer, which pushes to a queue group: so a
/// responder hears it like any other subject, but is to say `+ACK` when it is settled, `-NAK` to hand it back, and `+WPI` meanwhile.
class jetstream_connection final : public nats_connection, public std::enable_shared_from_this<jetstream_connection>, private timer {
public:
    explicit jetstream_connection(jetstream_options o) : nats_connection{o.nats}, options_{std::move(o)} {
        jsOptions how;
        require_ok(jsOptions_Init(&how));
        how.PublishAsync.ErrHandler = &jetstream_connection::on_not_kept;
        how.PublishAsync.ErrHandlerClosure = this;
        how.PublishAsync.MaxPending = 65'536;
        jsCtx* made = nullptr;
        require_ok(natsConnection_JetStream(&made, raw(), &how));
        js_.reset(made);
        make_stream();
    }
    /// Once, after it was made.
    void begin() {
        parking_lock::scope const hold{held_lock_};
        watch();
    }
    ~jetstream_connection() override { end(); }

    /// Once, before anything is gone that its callbacks look at. Not from a callback.
    void end() noexcept {
        {
            parking_lock::scope const hold{held_lock_};
            if (std::exchange(ended_, true)) return;
        }
        if (time_.disarm(*this)) watching_ = nullptr;
        // What is published and not confirmed has a moment: who closes does not know whether it was kept.
        jsPubOptions patience;
        if (jsPubOptions_Init(&patience) == NATS_OK) {
            patience.MaxWait = 1000;
            static_cast<void>(js_PublishAsyncComplete(js_.get(), &patience));
        }
        close();
        finish_publishing();
        js_.reset();
    }

    [[nodiscard]] result<void> send(message&& m) noexcept override {
        std::uint64_t const settles = m.delivery;
        bool const question = m.kind == message_kind::ask || m.kind == message_kind::publication;
        result<void> const sent = question && is_kept(m.subject) ? keep_at_server(std::move(m)) : nats_connection::send(std::move(m));
        if (settles != 0 && sent) settle(settles, settlement::done);
        return sent;
    }
    [[nodiscard]] result<void> listen(std::string_view pattern, std::string_view group, std::shared_ptr<receiver> to) override {
        if (group.empty() || !is_kept(pattern)) return nats_connection::listen(pattern, group, std::move(to));
        std::string const consumer = name_of(pattern, group), deliver = "_antiphon.work." + options_.stream + '.' + consumer;
        if (result<void> made = make_consumer(std::string{pattern}, std::string{group}, consumer, deliver); !made) return made;
        result<void> heard = subscribe(heard_as::cancel, std::string{nats_wire::cancels} + std::string{pattern}, {}, to);
        if (heard) heard = subscribe(heard_as::kept, deliver, std::string{group}, std::move(to));
        if (heard) flush();
        return heard;
    }
    void settle(std::uint64_t delivery, settlement how) noexcept override {
        std::string told_at;
        {
            parking_lock::scope const hold{held_lock_};
            auto const at = held_.find(delivery);
            if (at == held_.end()) return;
            told_at = std::move(at->second);
            held_.erase(at);
        }
        if (how != settlement::forget) tell(told_at, how == settlement::done ? "+ACK" : "-NAK");
    }

private:
    /// Until `on_not_kept` is nowhere under way: the client's context does not wait for it. Without what nobody has confirmed, which no
    /// answer finds any more then, its count of what is pending is that of the callbacks.
    void finish_publishing() noexcept {
        jsPubOptions patience;
        if (jsPubOptions_Init(&patience) != NATS_OK) return;
        patience.MaxWait = 1;
        if (js_PublishAsyncComplete(js_.get(), &patience) == NATS_OK) return;
        natsMsgList unconfirmed{};
        if (js_PublishAsyncGetPendingList(&unconfirmed, js_.get()) == NATS_OK) natsMsgList_Destroy(&unconfirmed);
        patience.MaxWait = 10'000;
        static_cast<void>(js_PublishAsyncComplete(js_.get(), &patience));
    }
    void make_stream() {
        jsStreamConfig c;
        require_ok(jsStreamConfig_Init(&c));
        std::vector<char const*> subjects;
        for (std::string const& each : options_.subjects)
            subjects.push_back(each.c_str());
        c.Name = options_.stream.c_str();
        c.Subjects = subjects.data();
        c.SubjectsLen = static_cast<int>(subjects.size());
        c.Retention = js_WorkQueuePolicy;
        c.Storage = js_FileStorage;
        c.Replicas = options_.replicas;
        jsErrCode why{};
        jsStreamInfo* made = nullptr;
        natsStatus const s = js_AddStream(&made, js_.get(), &c, nullptr, &why);
        nats_owned<jsStreamInfo> const info{made};
        if (s != NATS_OK) failure_of(s, why).raise();
    }
    [[nodiscard]] result<void> make_consumer(std::string const& pattern, std::string const& group, std::string const& name,
                                             std::string const& deliver) {
        jsConsumerConfig c;
        if (natsStatus const s = jsConsumerConfig_Init(&c); s != NATS_OK) return detail::failure_of(s);
        c.Durable = name.c_str();
        c.DeliverSubject = deliver.c_str();
        c.DeliverGroup = group.c_str();
        c.FilterSubject = pattern.c_str();
        c.AckPolicy = js_AckExplicit;
        c.AckWait = std::chrono::duration_cast<std::chrono::nanoseconds>(options_.redeliver_after).count();
        c.MaxAckPending = static_cast<std::int64_t>(options_.prefetch);
        if (!begin_use()) return failure{errc::unavailable, executed::no, "nats: the connection is closed"};
        jsErrCode why{};
        jsConsumerInfo* made = nullptr;
        natsStatus const s = js_AddConsumer(&made, js_.get(), options_.stream.c_str(), &c, nullptr, &why);
        nats_owned<jsConsumerInfo> const info{made};
        end_use();
        if (s != NATS_OK) return failure_of(s, why);
        return {};
    }
    [[nodiscard]] static failure failure_of(natsStatus s, jsErrCode why) noexcept {
        if (s == NATS_NO_RESPONDERS || why == JSNotEnabledErr || why == JSNotEnabledForAccountErr)
            return {errc::unimplemented, executed::no, "nats: the server keeps no streams: JetStream is not enabled"};
        if (why != jsErrCode{})
            return {errc::failed_precondition, executed::no, "nats: the stream or its consumer is there and is another kind"};
        return detail::failure_of(s);
    }
    /// A consumer's name has no dots.
    [[nodiscard]] static std::string name_of(std::string_view pattern, std::string_view group) {
        std::string name{group};
        name += "__";
        for (char const c : pattern) {
            if (c == '*') {
                name += "ANY";
            } else if (c == '>') {
                name += "REST";
            } else {
                name += c == '.' ? '_' : c;
            }
        }
        return name;
    }
    [[nodiscard]] bool is_kept(std::string_view subject) const noexcept {
        return std::any_of(options_.subjects.begin(), options_.subjects.end(),
                           [&](std::string const& each) { return matches(each, subject); });
    }

    // --- what is kept ---
    [[nodiscard]] result<void> keep_at_server(message&& m) noexcept {
        if (!begin_use()) return failure{errc::unavailable, executed::no, "nats: the connection is closed"};
        struct ending {
            jetstream_connection& of;
            ~ending() { of.end_use(); }
        } const afterwards{*this};
        if (!connected() && !options_.nats.send_after_reconnect)
            return failure{errc::unavailable, executed::no, "nats: there is no connection to a server"};
        ANTIPHON_TRY {
            nats_wire::envelope e = nats_wire::envelope_of(m);
            std::string const asker = std::exchange(e.reply, {});
            nats_owned<natsMsg> out;
            natsStatus s = nats_wire::make(m, e, out);
            if (s == NATS_OK)
                s = natsMsgHeader_Set(out.get(), nats_wire::kept_reply, asker.empty() ? nats_wire::no_reply.data() : asker.c_str());
            if (s == NATS_OK && m.remaining != duration::max())
                s = natsMsgHeader_Set(out.get(), sent_header, std::to_string(nanoseconds_since_1970()).c_str());
            natsMsg* given = out.get();
            if (s == NATS_OK) s = js_PublishMsgAsync(js_.get(), &given, nullptr);
            if (given == nullptr) static_cast<void>(out.release());  // the client's now
            if (s != NATS_OK) return detail::failure_of(s);
            return {};
        }
        ANTIPHON_CATCH_ALL { return failure::current(executed::no); }
    }
    /// On a thread of the client's: the stream has not said that it has it, or has said that it does not take it.
    static void on_not_kept(jsCtx*, jsPubAckErr* what, void* self) noexcept {
        timer_thread::take_after();
        char const* asker = nullptr;
        if (natsMsgHeader_Get(what->Msg, nats_wire::kept_reply, &asker) != NATS_OK || asker == nullptr) return;
        ANTIPHON_TRY {
            message m;
            if (!nats_wire::read_address(asker, m)) return;
            m.kind = message_kind::refusal;
            m.code = errc::unavailable;
            bool const certain = what->ErrCode != jsErrCode{} || what->Err == NATS_NO_RESPONDERS;
            m.executed = certain ? executed::no : executed::maybe;
            m.body = certain ? "nats: the stream did not take it" : "nats: the stream did not say whether it has it";
            static_cast<jetstream_connection*>(self)->answer_here(std::move(m));
        }
        ANTIPHON_CATCH_ALL {
            // Its own limit ends the wait.
        }
    }

    // --- what is delivered ---
    void keep(std::string_view told_at, message& m) override {
        parking_lock::scope const hold{held_lock_};
        m.delivery = ++deliveries_;
        held_.emplace(m.delivery, told_at);
    }
    void tell(std::string const& told_at, char const* what) noexcept {
        if (!begin_use()) return;
        static_cast<void>(natsConnection_PublishString(raw(), told_at.c_str(), what));
        end_use();
    }
    /// Says of all that is held that it is worked on.
    void fire() noexcept override {
        std::shared_ptr<jetstream_connection> alive;
        ANTIPHON_TRY {
            std::vector<std::string> told;
            {
                parking_lock::scope const hold{held_lock_};
                alive = std::move(watching_);
                if (ended_) return;
                watch();  // before what may throw: it is to be said again next time
                for (auto const& [delivery, told_at] : held_)
                    told.push_back(told_at);
            }
            for (std::string const& each : told)
                tell(each, "+WPI");
        }
        ANTIPHON_CATCH_ALL {
            // What is not said in time is delivered again.
        }
    }

    void watch() {
        watching_ = shared_from_this();
        time_.arm(*this, saturating_add(clock::now(), options_.redeliver_after / 3));
    }

    jetstream_options const options_;
    any_executor const time_;
    nats_owned<jsCtx> js_;
    parking_lock held_lock_;
    // Guarded by held_lock_:
    std::unordered_map<std::uint64_t, std::string> held_;  // deliveries, and where the stream is told
    std::uint64_t deliveries_ = 0;
    bool ended_ = false;
    std::shared_ptr<jetstream_connection> watching_;  // while the timer is armed
};

}  // namespace antiphon::messaging::detail
