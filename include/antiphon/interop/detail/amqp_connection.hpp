// SPDX-License-Identifier: BSL-1.0
#pragma once
// A connection to RabbitMQ as the library's core uses it: one thread speaks with the broker, the others hand it what is to be said.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/random.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/interop/amqp_options.hpp"
#include "antiphon/interop/detail/amqp_confirms.hpp"
#include "antiphon/interop/detail/amqp_entry.hpp"
#include "antiphon/interop/detail/amqp_message.hpp"
#include "antiphon/interop/detail/amqp_orders.hpp"
#include "antiphon/interop/detail/amqp_session.hpp"
#include "antiphon/messaging/message.hpp"
#include "antiphon/messaging/subject.hpp"
#include "antiphon/messaging/transport.hpp"

namespace antiphon::messaging::detail {

/// Everything below `--- the I/O thread's ---` is touched by that thread alone once it runs, `orders_` by all.
/// One header, though a long one: in which order a single thread speaks, hears and loses its connection is one idea.
///
/// A delivery that is to be settled is known by the number of the connection (of 24 bits) and the broker's tag (of 40).
class amqp_connection final : public connection {
public:
    explicit amqp_connection(amqp_options o)
        : options_{std::move(o)}, orders_{options_.most_unsent, !options_.send_after_reconnect}, chance_{std::random_device{}()} {
        if (result<void> up = go_up(); !up) up.error().raise();
        thread_ = std::thread{[this] { run(); }};
    }
    ~amqp_connection() override { close(); }

    [[nodiscard]] result<void> send(message&& m) noexcept override {
        bool const by_subject = m.kind == message_kind::ask || m.kind == message_kind::publication || m.kind == message_kind::cancel;
        if (by_subject && m.subject.size() > longest_subject)
            return failure{errc::invalid_argument, executed::no, "amqp: the subject is too long"};
        if (!headers_fit(m)) return failure{errc::out_of_range, executed::no, "amqp: the headers do not fit into a frame"};
        return orders_.give({.what = amqp_order::send, .m = std::move(m)});
    }
    [[nodiscard]] result<void> listen(std::string_view pattern, std::string_view group, std::shared_ptr<receiver> to) override {
        if (pattern.size() + group.size() > longest_subject)
            return failure{errc::invalid_argument, executed::no, "amqp: the pattern is too long"};
        return wait_for(std::make_shared<amqp_entry>(
            amqp_entry{.to = std::move(to), .question = true, .pattern = std::string{pattern}, .group = std::string{group}}));
    }
    [[nodiscard]] result<void> open(inbox_id inbox, std::shared_ptr<receiver> to) override {
        return wait_for(std::make_shared<amqp_entry>(amqp_entry{.to = std::move(to), .inbox = inbox}));
    }
    /// What the broker has sent already is still heard: a responder hands it back.
    void leave(receiver& whom) noexcept override { static_cast<void>(orders_.give({.what = amqp_order::leave, .whom = &whom})); }
    void settle(std::uint64_t delivery, settlement how) noexcept override {
        if (how == settlement::forget) return;
        amqp_order o{.what = amqp_order::settle, .how = how};
        o.m.delivery = delivery;
        static_cast<void>(orders_.give(std::move(o)));
    }
    [[nodiscard]] std::size_t max_body() const noexcept override { return options_.max_body; }

    /// Sends what was handed over, ends everything, and waits for the thread.
    void close() noexcept {
        if (!orders_.close()) return;
        time_point const soon = saturating_add(clock::now(), std::chrono::seconds{2});
        while (ended_.load(std::memory_order_acquire) == 0)  // pairs with the end of run
            if (!futex_wait_until(ended_, 0, soon)) break;
        orders_.break_off();
        if (thread_.joinable()) thread_.join();
        tell_lost();
        directory_.clear();
    }

private:
    static constexpr std::size_t longest_subject = 200;  // a routing key has 255 bytes, and some are the library's
    static constexpr unsigned tag_bits = 40;

    [[nodiscard]] result<void> wait_for(std::shared_ptr<amqp_entry> entry) {
        auto const fresh = std::make_shared<amqp_adding>();
        fresh->entry = std::move(entry);
        if (result<void> given = orders_.give({.what = amqp_order::add, .fresh = fresh}); !given) return given;
        return fresh->wait();
    }

    // --- the thread ---
    void run() noexcept {
        timer_thread::take_after();
        while (work()) {
        }
        session_.leave();
        take_down();
        orders_.end(batch_);
        carry_out();
        ended_.store(1, std::memory_order_release);  // pairs with close
        futex_wake_all(ended_);
    }
    /// One round: what is to be said is said, what is there is heard, and if there was nothing it sleeps. False: it is over.
    [[nodiscard]] bool work() noexcept {
        bool const closing = orders_.take(batch_);
        bool busy = !batch_.empty();
        carry_out();
        if (!session_.stands()) return !closing && (wait_or_reconnect(), true);
        bool const silent = listen_briefly(busy);
        if (closing && clock::now() >= give_up_at()) return false;
        if (!silent || busy) return true;
        if (closing && unconfirmed_.empty()) return false;
        sleep(closing ? duration{std::chrono::milliseconds{50}} : options_.heartbeat / 2);
        return true;
    }
    /// When a connection that is to end does so, whatever still comes.
    [[nodiscard]] time_point give_up_at() noexcept {
        if (goodbye_ == time_point{}) goodbye_ = saturating_add(clock::now(), std::chrono::seconds{1});
        return goodbye_;
    }
    void sleep(duration at_most) noexcept {
        at_most = std::min<duration>(at_most, std::chrono::hours{1});  // poll counts in an int
        orders_.sleep(static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(at_most).count()) + 1);
    }
    void carry_out() noexcept {
        for (std::size_t i = 0; i < batch_.size(); ++i) {
            if (carry_out(batch_[i])) continue;
            lose(i);
            static_cast<void>(carry_out(batch_[i]));  // as one does without a connection
        }
        batch_.clear();
    }
    /// False: the connection is lost, and it has not been done.
    [[nodiscard]] bool carry_out(amqp_order& o) noexcept {
        ANTIPHON_TRY {
            switch (o.what) {
                case amqp_order::send: return session_.stands() ? publish(o.m) : (keep_or_refuse(o.m), true);
                case amqp_order::settle: return settle_now(o.m.delivery, o.how);
                case amqp_order::add: return add(*o.fresh);
                case amqp_order::leave: return directory_.remove(*o.whom, session_).has_value();
                case amqp_order::none: break;
            }
        }
        ANTIPHON_CATCH_ALL {
            if (o.what == amqp_order::send) directory_.refuse(std::move(o.m), executed::no, "amqp: no memory");
            if (o.what == amqp_order::add) o.fresh->finish(failure::current(executed::no));
        }
        return true;
    }
    [[nodiscard]] bool add(amqp_adding& fresh) {
        fresh.entry->number = ++entry_numbers_;
        result<void> const r = directory_.add(fresh.entry, session_, options_);
        if (!r && r.error() == errc::unavailable) return false;
        fresh.finish(r);
        return true;
    }

    // --- what is sent ---
    [[nodiscard]] bool publish(message& m) {
        bool const ask = m.kind == message_kind::ask;
        outgoing_.write(m, ask ? reply_to() : std::string_view{}, options_.durable);
        std::uint64_t const number = session_.publish(outgoing_, m.body, ask);
        if (number == 0) return false;
        if (!options_.durable) return m.delivery == 0 || settle_now(m.delivery, settlement::done);
        if (m.kind != message_kind::publication) m.body = {};  // it is not sent again
        unconfirmed_.add(number, std::move(m));
        return true;
    }
    void keep_or_refuse(message& m) {
        if (!options_.send_after_reconnect)
            return directory_.refuse(std::move(m), executed::no, "amqp: the connection was lost before it was sent");
        kept_.push_back(std::move(m));
        orders_.kept(kept_.size());
    }
    [[nodiscard]] std::string_view reply_to() const noexcept {
        return options_.reply_queue.empty() ? amqp_direct_reply : std::string_view{options_.reply_queue};
    }
    /// What an earlier connection delivered the broker has taken back with it.
    [[nodiscard]] bool settle_now(std::uint64_t delivery, settlement how) noexcept {
        std::uint64_t const tag = delivery & ((std::uint64_t{1} << tag_bits) - 1);
        if (!session_.stands() || delivery >> tag_bits != connection_number_) return true;
        return how == settlement::done ? session_.acknowledge(tag) : session_.hand_back(tag);
    }

    // --- what is heard: called by the session ---
    friend amqp_session;
    /// Whether there is nothing more. Not for long: others want to say something.
    [[nodiscard]] bool listen_briefly(bool& busy) noexcept {
        for (int i = 0; i < 64; ++i) {
            switch (session_.read_one(*this)) {
                case amqp_session::heard::something: busy = true; break;
                case amqp_session::heard::lost: return lose(0), carry_out(), busy = true, false;
                case amqp_session::heard::nothing:
                    if (!session_.holds_frames()) directory_.forget();
                    return true;
            }
        }
        return false;
    }
    void on_delivery(amqp_envelope_t const& e) noexcept {
        std::string_view const tag = as_text(e.consumer_tag), key = as_text(e.routing_key);
        bool unsettled = false;  // the broker holds it until it is told
        ANTIPHON_TRY {
            message m;
            if (tag == amqp_directory::replies) {
                unsettled = !options_.reply_queue.empty();
                read(amqp_heard::answer, {}, e.message, m);
                bool const told = directory_.hear_answer(std::move(m), !options_.reply_queue.empty());
                if (!options_.reply_queue.empty())
                    static_cast<void>(told ? session_.acknowledge(e.delivery_tag) : session_.hand_back(e.delivery_tag));
            } else if (tag == amqp_directory::own) {
                directory_.hear_own(key, e.message);
            } else if (amqp_entry const* const at = directory_.by_tag(tag)) {
                unsettled = options_.durable && !at->group.empty();
                read(amqp_heard::question, e.exchange.len == 0 ? std::string_view{at->pattern} : key, e.message, m);
                if (unsettled) m.delivery = connection_number_ << tag_bits | e.delivery_tag;
                at->to->on_message(std::move(m));
            }
        }
        ANTIPHON_CATCH_ALL {
            // Without memory for it, it is as lost as by the network, or goes back to the broker that keeps it. What throws comes before
            // it is settled.
            if (unsettled) static_cast<void>(session_.hand_back(e.delivery_tag));
        }
    }
    /// The broker knows nobody who wants it.
    void on_return(amqp_message_t const& in) noexcept {
        message m;
        if ((in.properties._flags & AMQP_BASIC_CORRELATION_ID_FLAG) == 0 || !read_address(as_text(in.properties.correlation_id), m))
            return;
        m.kind = message_kind::ask;
        directory_.refuse(std::move(m), executed::no, "nobody serves this subject");
    }
    void on_confirm(std::uint64_t number, bool and_before, bool taken) noexcept {
        unconfirmed_.confirm(number, and_before, [&](message&& m) {
            if (m.delivery != 0) static_cast<void>(settle_now(m.delivery, taken ? settlement::done : settlement::hand_back));
            if (!taken) directory_.refuse(std::move(m), executed::no, "amqp: the broker could not take it");
        });
    }

    // --- the connection comes and goes ---
    [[nodiscard]] result<void> go_up() noexcept {
        result<void> up;
        ANTIPHON_TRY {
            for (std::string const& each : options_.servers) {
                up = session_.connect(each, options_);
                if (up) up = directory_.stand(session_, options_);
                if (up) break;
                session_.drop();
            }
        }
        ANTIPHON_CATCH_ALL { up = failure::current(executed::no); }
        if (!up) return session_.drop(), up;
        connection_number_ = (connection_number_ + 1) & 0xFFFFFF;
        orders_.connected(session_.fd());
        return up;
    }
    void wait_or_reconnect() noexcept {
        duration const left = saturating_sub(next_attempt_, clock::now());
        if (left > duration::zero()) return sleep(left);
        if (go_up()) {
            wait_ = options_.reconnect_wait;
            std::deque<message> const kept = std::exchange(kept_, {});
            orders_.kept(0);
            ANTIPHON_TRY {
                for (message const& each : kept)
                    batch_.push_back({.what = amqp_order::send, .m = each});
            }
            ANTIPHON_CATCH_ALL {
                // What is not sent is as lost as by the network.
            }
            return carry_out();
        }
        // Half of it by chance: those who were cut off together do not come back together.
        duration const half = wait_ / 2;
        duration const pause = half + duration{static_cast<duration::rep>(chance_() % static_cast<std::uint64_t>(half.count() + 1))};
        next_attempt_ = saturating_add(clock::now(), pause);
        wait_ = wait_ < options_.reconnect_most / 2 ? wait_ * 2 : duration{options_.reconnect_most};
    }
    void take_down() noexcept {
        orders_.connected(-1);  // before the descriptor is another's
        session_.drop();
    }
    /// From the order `at` of the batch on, nothing was done: what was not sent is refused before what may have been sent is given up.
    void lose(std::size_t at) noexcept {
        take_down();
        wait_ = options_.reconnect_wait;
        next_attempt_ = clock::now();
        std::deque<amqp_confirms::sent> unsure = unconfirmed_.take_all();
        ANTIPHON_TRY {
            for (amqp_confirms::sent& each : unsure) {
                if (each.m.kind == message_kind::publication) {
                    kept_.push_back(std::move(each.m));  // nobody else would send it again
                } else {
                    directory_.refuse(std::move(each.m), executed::maybe, "amqp: the connection was lost before the broker had it");
                }
            }
            orders_.kept(kept_.size());
            static_cast<void>(orders_.take(batch_));
            for (; at < batch_.size(); ++at) {
                if (batch_[at].what != amqp_order::send) continue;
                batch_[at].what = amqp_order::none;
                keep_or_refuse(batch_[at].m);
            }
        }
        ANTIPHON_CATCH_ALL {
            // What is not sent again is as lost as by the network.
        }
        tell_lost();
    }
    void tell_lost() noexcept {
        for (auto const& each : directory_.entries())
            if (!each->question) each->to->on_disconnected();
    }

    amqp_options const options_;
    amqp_orders orders_;
    std::atomic<std::uint32_t> ended_{0};

    // --- the I/O thread's ---
    amqp_session session_;
    amqp_directory directory_;
    amqp_outgoing outgoing_;
    std::vector<amqp_order> batch_;
    amqp_confirms unconfirmed_;
    std::uint64_t connection_number_ = 0, entry_numbers_ = 0;
    std::deque<message> kept_;  // for the next connection
    duration wait_ = options_.reconnect_wait;
    time_point next_attempt_{};
    time_point goodbye_{};
    random_source chance_;

    std::thread thread_;
};

}  // namespace antiphon::messaging::detail
