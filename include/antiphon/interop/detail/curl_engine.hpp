// SPDX-License-Identifier: BSL-1.0
#pragma once
// The I/O thread of a client: its inbox, the queue in front of curl, and the transfers under way.

#include <curl/curl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "antiphon/core/errc.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/fork.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/promise.hpp"
#include "antiphon/http/active_cap.hpp"
#include "antiphon/http/body.hpp"
#include "antiphon/http/body_channel.hpp"
#include "antiphon/http/client_options.hpp"
#include "antiphon/http/message.hpp"
#include "antiphon/interop/detail/curl_failure.hpp"
#include "antiphon/interop/detail/curl_loop.hpp"
#include "antiphon/interop/detail/curl_question.hpp"
#include "antiphon/interop/detail/curl_transfer.hpp"
#include "antiphon/interop/detail/curl_transfer_list.hpp"

namespace antiphon::http::detail {

/// A transfer goes inbox → waiting → active → done, or leaves early; `settle` is the one end of all ways. What other threads have to say
/// about one they note; whoever notes holds the transfer, since `settle` first takes away all from where notes come.
/// Everything below the inbox belongs to the I/O thread alone. That thread completes asks and runs no code of the user's.
class curl_engine final : public counted {
public:
    explicit curl_engine(client_options options) : options_{std::move(options)}, cap_{options_.min_active, options_.max_active} {
        idle_.reserve(most_idle);
        curl_multi_setopt(loop_.multi(), CURLMOPT_MAXCONNECTS, connections());
    }
    ~curl_engine() {
        for (idle_handle const& each : idle_)
            curl_easy_cleanup(each.easy);
    }

    [[nodiscard]] client_options const& options() const noexcept { return options_; }
    [[nodiscard]] bool forked() const noexcept { return fork_generation() != generation_; }

    /// **Threads**: any. Answers through `reply`, sooner or later.
    void ask(context const& how, std::shared_ptr<question const> what, answer_promise reply, std::string key = {},
             body_reader body = {}) {
        if (what->wrong) return refuse(reply, *what->wrong);
        if (forked()) return refuse(reply, {errc::forked, executed::no});
        duration const remaining = how.remaining();
        duration const limit = remaining < options_.timeout ? remaining : options_.timeout;
        auto fresh = std::make_unique<transfer>(*this, std::move(what), std::move(reply), saturating_add(clock::now(), limit),
                                                std::move(key), body.release());
        fresh->on_stop.emplace(how.stop_token(), stop_transfer{this, fresh.get()});
        if (!push(*fresh)) return settle(*fresh.release(), failure{errc::shut_down, executed::no, "the client is gone"});
        static_cast<void>(fresh.release());
    }
    /// **Threads**: any.
    void note(transfer& t, transfer::note what) noexcept {
        if (forked()) return;
        parking_lock::scope hold{lock_};
        if (ended_) return;
        bool const noted = t.notes != 0;
        t.notes = static_cast<unsigned char>(t.notes | what);
        if (noted) return;
        t.next_note = std::exchange(noted_, &t);
        wake(hold);
    }
    /// The I/O thread's: a streamed answer has begun, and no deadline limits the rest.
    void has_begun(transfer& t) noexcept {
        if (t.back != nullptr) until_.remove(t);
    }
    /// No more is taken; what is under way ends as `shut_down`. Does not wait.
    void close() noexcept {
        parking_lock::scope hold{lock_};
        closing_ = true;
        wake(hold);
    }
    /// The I/O thread.
    void run() noexcept {
        timer_thread::take_after();
        while (open_inbox()) {
            expire();
            begin_waiting();
            loop_.advance();  // what has begun is sent before anything is waited for, and while whoever asks need not wake this thread
            bool const ended = collect();
            loop_.work(!ended && fall_asleep() ? std::min(until_.next(), cap_.next()) : time_point::min());
            static_cast<void>(collect());
        }
        end();
    }

private:
    static constexpr std::size_t most_idle = 256, most_looks = 4;
    struct idle_handle {
        CURL* easy;
        std::shared_ptr<question const> prepared;  ///< for this question; null: it was reset
    };

    [[nodiscard]] long connections() const noexcept {
        return static_cast<long>(options_.max_active < 10'000 ? options_.max_active : 10'000);
    }
    [[nodiscard]] bool push(transfer& t) noexcept {
        parking_lock::scope hold{lock_};
        if (ended_) return false;
        inbox_.push(t);
        wake(hold);
        return true;
    }
    void wake(parking_lock::scope& hold) noexcept {
        if (!std::exchange(asleep_, false)) return hold.unlock();
        // Not under the lock, for which the woken thread would have to wait. Its end, and that of all others, may come in between.
        auto const alive = shared_core<curl_engine>::another(*this);
        hold.unlock();
        loop_.wake();
    }
    /// From now on whoever adds something wakes; false: something was added already.
    [[nodiscard]] bool fall_asleep() noexcept {
        parking_lock::scope const hold{lock_};
        asleep_ = inbox_.empty() && noted_ == nullptr && !closing_;
        return asleep_;
    }
    /// Takes what came; false: the client is gone.
    [[nodiscard]] bool open_inbox() noexcept {
        parking_lock::scope hold{lock_};
        asleep_ = false;
        transfer_list fresh = std::exchange(inbox_, {});
        bool const more = !closing_;
        hold.unlock();
        while (transfer* const t = fresh.pop())
            admit(*t);
        read_notes();
        return more;
    }
    /// Those that come meanwhile as well.
    void read_notes() noexcept {
        for (;;) {
            transfer* t = nullptr;
            unsigned what = 0;
            {
                parking_lock::scope const hold{lock_};
                t = noted_;
                if (t == nullptr) return;
                noted_ = t->next_note;
                what = std::exchange(t->notes, static_cast<unsigned char>(0));
            }
            if (t->at == transfer::place::done) {
                delete t;
            } else if ((what & transfer::stop_it) != 0) {
                take_back(*t);
            } else if (t->at == transfer::place::active) {
                go_on_with_body(*t);
            }
        }
    }
    void admit(transfer& t) noexcept {
        if (t.cancelled) return settle(t, failure{errc::cancelled, executed::no});
        t.at = transfer::place::waiting;
        waiting_.push(t);
        if (t.expires != time_point::max()) until_.push(t, t.expires);
    }
    void take_back(transfer& t) noexcept {
        switch (t.at) {
            case transfer::place::inbox: t.cancelled = true; return;
            case transfer::place::waiting: leave_queue(t); return settle(t, failure{errc::cancelled, executed::no});
            case transfer::place::active: return end_early(t, {errc::cancelled, t.state().executed()});
            case transfer::place::done: return;
        }
    }
    void go_on_with_body(transfer& t) noexcept {
        if (t.sink && t.sink->reader_gone()) return end_early(t, {errc::cancelled, executed::yes});
        if (CURLcode const code = curl_easy_pause(t.easy, CURLPAUSE_CONT); code != CURLE_OK) finish(t, code);
    }
    void end_early(transfer& t, failure const& why) noexcept {
        stop(t);
        settle(t, why);
    }
    void leave_queue(transfer& t) noexcept {
        waiting_.remove(t);
        if (t.back != nullptr) until_.remove(t);
    }
    void expire() noexcept {
        while (timer* const due = until_.pop_due(clock::now())) {
            auto& t = static_cast<transfer&>(*due);
            if (t.at == transfer::place::active) {
                end_early(t, timed_out(t.easy, t.secure(), t.state()));
            } else {
                waiting_.remove(t);
                settle(t, failure{errc::deadline_exceeded, executed::no, "timed out while waiting for its turn"});
            }
        }
    }
    void begin_waiting() noexcept {
        if (!waiting_.empty() && active_count_ >= cap_.now()) cap_.press(clock::now());
        while (active_count_ < cap_.now() && !waiting_.empty()) {
            transfer& t = *waiting_.front();
            leave_queue(t);
            begin(t);
        }
        if (waiting_.empty()) cap_.rest();
    }
    void begin(transfer& t) noexcept {
        if (t.expires <= clock::now())
            return settle(t, failure{errc::deadline_exceeded, t.redirects == 0 ? executed::no : executed::maybe});
        ANTIPHON_TRY {
            bool known = false;
            CURL* const easy = take_handle(t, known);
            if (easy == nullptr) return settle(t, failure{errc::internal, executed::no, "out of memory"});
            t.prepare(easy, options_, known);
        }
        ANTIPHON_CATCH_ALL {
            if (t.easy != nullptr) put_back(t);
            return settle(t, failure::current(executed::no));
        }
        if (curl_multi_add_handle(loop_.multi(), t.easy) != CURLM_OK) {
            put_back(t);
            return settle(t, failure{errc::internal, executed::no, "curl takes no more transfers"});
        }
        t.at = transfer::place::active;
        active_.push(t);
        ++active_count_;
        if (t.streams() && t.expires != time_point::max()) until_.push(t, t.expires);
    }
    /// Out of curl, at once.
    void stop(transfer& t, bool finished = false) noexcept {
        curl_multi_remove_handle(loop_.multi(), t.easy);
        active_.remove(t);
        --active_count_;
        if (t.back != nullptr) until_.remove(t);
        put_back(t, finished);
    }
    /// Whether anything has ended.
    [[nodiscard]] bool collect() noexcept {
        int left = 0;
        bool any = false;
        time_point const now = clock::now();
        while (CURLMsg const* const message = curl_multi_info_read(loop_.multi(), &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            cap_.ended(now);
            CURLcode const code = message->data.result;
            void* of = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &of);
            finish(*static_cast<transfer*>(of), code);
            any = true;
        }
        return any;
    }
    void finish(transfer& t, CURLcode code) noexcept {
        ANTIPHON_TRY {
            if (code == CURLE_OK && options_.max_redirects != 0) {
                if (std::shared_ptr<question const> next = t.next_question()) return go_on(t, std::move(next));
            }
            result<response> answer = t.outcome(code);
            stop(t, code == CURLE_OK);
            settle(t, std::move(answer));
        }
        ANTIPHON_CATCH_ALL {
            if (t.easy != nullptr) stop(t);
            settle(t, failure::current(executed::maybe));
        }
    }
    void go_on(transfer& t, std::shared_ptr<question const> next) noexcept {
        stop(t);
        if (next->wrong)
            return settle(t, failure{errc::failed_precondition, executed::yes, "redirected to where this client does not go"});
        if (t.redirects == options_.max_redirects)
            return settle(t, failure{errc::failed_precondition, executed::yes, "too many redirections"});
        ++t.redirects;
        t.let_go_of_bodies();
        t.asked = std::move(next);
        begin(t);
    }
    static void refuse(answer_promise& reply, failure why) noexcept {
        std::visit([&](auto& to) { static_cast<void>(to.set_failure(std::move(why))); }, reply);
    }
    /// The end of every transfer: not in any list any more, without a handle. Continuations of the user's run elsewhere.
    void settle(transfer& t, result<response> answer) noexcept {
        t.at = transfer::place::done;
        t.on_stop.reset();  // waits for a stop request that is under way; none comes afterwards
        t.let_go_of_bodies();  // likewise
        answer_promise reply = std::move(t.reply);
        std::shared_ptr<body_channel> const sink = std::move(t.sink);
        if (t.notes == 0) delete &t;  // else when that is read
        if (sink) return answer ? sink->end() : sink->fail(std::move(answer).error());
        if (auto* const whole = std::get_if<promise<response>>(&reply)) return static_cast<void>(whole->set(std::move(answer)));
        refuse(reply, answer ? failure{errc::internal, executed::yes, "the server does not speak HTTP"} : std::move(answer).error());
    }

    /// One that has just answered the same question if there is any, which is `known` then.
    [[nodiscard]] CURL* take_handle(transfer const& t, bool& known) noexcept {
        if (idle_.empty()) return curl_easy_init();
        auto found = idle_.end() - 1;
        for (std::size_t i = 0; i != most_looks && found->prepared != t.asked && found != idle_.begin(); ++i)
            --found;
        known = found->prepared == t.asked && t.key.empty() && t.source == nullptr && !t.tells_deadline(options_);
        std::swap(*found, idle_.back());
        idle_handle const taken = std::move(idle_.back());
        idle_.pop_back();
        if (!known && taken.prepared != nullptr) curl_easy_reset(taken.easy);
        return taken.easy;
    }
    /// What it still points to of the transfer, it does not look at before it is prepared again.
    void put_back(transfer& t, bool finished = false) noexcept {
        CURL* const easy = std::exchange(t.easy, nullptr);
        if (idle_.size() == most_idle) return curl_easy_cleanup(easy);
        bool const keeps = finished && t.as_asked();
        if (!keeps) curl_easy_reset(easy);
        idle_.push_back({easy, keeps ? t.asked : nullptr});
    }
    void end() noexcept {
        for (;;) {
            while (transfer* const t = waiting_.front()) {
                leave_queue(*t);
                settle(*t, failure{errc::shut_down, executed::no, "the client is gone"});
            }
            while (transfer* const t = active_.front()) {
                end_early(*t, {errc::shut_down, t->state().executed(), "the client is gone"});
            }
            {
                parking_lock::scope const hold{lock_};
                ended_ = inbox_.empty() && noted_ == nullptr;
                if (ended_) return;
            }
            static_cast<void>(open_inbox());
        }
    }

    client_options const options_;
    std::uint32_t const generation_ = fork_generation();
    curl_loop loop_;

    parking_lock lock_;
    // Guarded by lock_:
    transfer_list inbox_;
    transfer* noted_ = nullptr;
    bool asleep_ = false;  ///< the I/O thread sleeps, or is about to, and nobody has woken it
    bool closing_ = false;
    bool ended_ = false;

    // The I/O thread's:
    transfer_list waiting_;
    timer_queue until_;  ///< of those that wait, and of those whose answer is streamed and has not begun
    transfer_list active_;
    std::size_t active_count_ = 0;
    active_cap cap_;
    std::vector<idle_handle> idle_;
};

inline void stop_transfer::operator()() const noexcept { engine->note(*which, transfer::stop_it); }
inline void transfer::tell_engine() noexcept { engine->note(*this, body_has_moved); }
inline void transfer::begin_stream() {
    auto const body = std::make_shared<body_channel>(window);
    streamed_response answer{got.status, got.headers, asked->where.text(), body_reader{body}};
    body->listen(this);
    sink = body;
    engine->has_begun(*this);
    static_cast<void>(std::get<promise<streamed_response>>(reply).set_value(std::move(answer)));
}

}  // namespace antiphon::http::detail
