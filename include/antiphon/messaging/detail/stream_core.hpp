// SPDX-License-Identifier: BSL-1.0
#pragma once
// The asking end of a stream: parts come in, are put in order, and wait for their reader.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/default_pool.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/timer.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/promise.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/request/starts_on.hpp"
#include "antiphon/messaging/codec.hpp"
#include "antiphon/messaging/detail/client_core.hpp"
#include "antiphon/messaging/detail/remote_ask.hpp"
#include "antiphon/messaging/remote_error.hpp"
#include "antiphon/messaging/stream_options.hpp"
#include "antiphon/messaging/wire.hpp"

namespace antiphon::messaging {

template <class T>
class parts;

namespace detail {

/// What a reader needs of a stream, whatever its codec.
template <class T>
class part_source {
public:
    [[nodiscard]] virtual future<std::optional<T>> next() = 0;
    virtual void stop() noexcept = 0;
    virtual void retain() noexcept = 0;
    virtual void release() noexcept = 0;

protected:
    ~part_source() = default;
};

/// In the client's table from when it is asked until its end, its failure, or a stop. Each of these holds a reference: the table, an
/// answer that was found there and is on its way to `on_answer`, the armed timer, the reader. A part is numbered, and the end says how
/// many there were: so neither a copy nor another order changes what is read.
template <class T, class Codec>
class stream_core final : public part_source<T>, public pending, private timer {
public:
    stream_core(std::shared_ptr<target<Codec> const> to, stream_options options, promise<parts<T>> opened)
        : to_{std::move(to)}, options_{options}, opened_{std::move(opened)} {}

    /// Once, by who has made it. `token`: that of the ask, which counts until the stream is open.
    void begin(message&& m, std::stop_token token) {
        retain();  // the table's
        watch(core().executor().now());
        core().ask(*this, to_->subject, std::move(m), [&] { return token.stop_requested(); }, duration::max());
        ANTIPHON_TRY { on_stop_.emplace(std::move(token), stopping{this}); }
        ANTIPHON_CATCH_ALL { stop(); }
        release();  // the maker's
    }

    // part_source
    [[nodiscard]] future<std::optional<T>> next() override {
        if (any_executor const& own = core().executor()) {
            // A wait for it is to drive the clock that it lives by.
            retain();
            std::shared_ptr<stream_core> const me{this, releasing{}};
            return (request{[me](promise<std::optional<T>> later) { me->read(std::move(later)); }} | starts_on(own)).submit();
        }
        promise<std::optional<T>> later;
        future<std::optional<T>> answer = later.get_future();
        read(std::move(later));
        return answer;
    }
    void stop() noexcept override {
        if (core().give_up(*this, to_->subject)) on_lost({errc::cancelled, executed::maybe});
    }
    void retain() noexcept override { references_.fetch_add(1, std::memory_order_relaxed); }  // by somebody who has one
    void release() noexcept override {
        // acq_rel: the last one sees what the others did
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

    // pending
    [[nodiscard]] bool ends_with(message const& m) noexcept override {
        if (m.kind == message_kind::refusal) return true;
        retain();
        return false;
    }
    void on_answer(message&& m) noexcept override {
        if (m.kind == message_kind::refusal) return on_lost(read_refusal(std::move(m)));
        bool whole = false, late = false, wrong = false;
        ANTIPHON_TRY {
            parking_lock::scope const hold{lock_};
            heard_ = core().executor().now();
            if (m.kind == message_kind::reply) {
                std::uint64_t count = 0;
                wrong = !wire::detail::read_number(m.body, count) || count < next_ + waiting_.size();
                if (!wrong) total_ = count;
            } else if (m.sequence >= next_) {
                std::uint64_t const number = m.sequence;
                late = waiting_.size() >= options_.buffer && !waiting_.contains(number);
                if (!late) waiting_.try_emplace(number, std::move(m));
            }
            whole = !wrong && next_ + waiting_.size() == total_;
        }
        ANTIPHON_CATCH_ALL { late = true; }
        if (late) {
            if (core().give_up(*this, to_->subject))
                on_lost({errc::resource_exhausted, executed::maybe, "the stream's reader is slower than its responder"});
        } else if (wrong) {
            if (core().finish(*this)) on_lost({errc::data_loss, executed::yes, "the answer does not say how many parts there were"});
        } else if (whole && core().finish(*this)) {
            end();
            release();  // the table's
        }
        open();
        serve_reader();
        release();
    }
    void on_lost(failure why) noexcept override {
        {
            parking_lock::scope const hold{lock_};
            failed_ = std::move(why);
        }
        end();
        open();
        serve_reader();
        release();  // the table's
    }

private:
    struct stopping {
        stream_core* what;
        void operator()() const noexcept {
            if (!what->open_.load(std::memory_order_acquire)) what->stop();  // afterwards its owner says when
        }
    };
    ~stream_core() = default;

    void read(promise<std::optional<T>> later) {
        std::optional<promise<std::optional<T>>> left;
        std::optional<message> ready;
        std::optional<failure> why;
        bool waits = false;
        {
            parking_lock::scope const hold{lock_};
            if (reader_.has_value() && reader_->stop_requested()) {
                left.emplace(*std::move(reader_));  // told outside the lock
                reader_.reset();
            }
            if (reader_.has_value()) {
                why = failure{errc::failed_precondition, executed::no, "parts::next: one at a time"};
            } else if (waiting_.contains(next_)) {
                ready.emplace(take());
            } else if (!over()) {
                reader_.emplace(std::move(later));
                waits = true;
            } else {
                why = failed_;
            }
        }
        if (left) left->set_failure({errc::cancelled, executed::maybe});
        if (waits) return;
        if (why) {
            later.set_failure(*std::move(why));
        } else {
            later.set(ready ? decode(*std::move(ready)) : result<std::optional<T>>{std::nullopt});
        }
    }
    [[nodiscard]] client_core& core() const noexcept { return *to_->core; }

    // Under the lock:
    [[nodiscard]] bool over() const noexcept { return failed_.has_value() || next_ == total_; }
    [[nodiscard]] message take() {
        auto const at = waiting_.find(next_);
        message m = std::move(at->second);
        waiting_.erase(at);
        ++next_;
        return m;
    }

    [[nodiscard]] result<std::optional<T>> decode(message&& m) const noexcept {
        ANTIPHON_TRY {
            result<T> part = decode_from<T>(to_->codec, std::move(m));
            if (!part) return std::move(part).error().with_executed(executed::yes);
            return std::optional<T>{*std::move(part)};
        }
        ANTIPHON_CATCH_ALL { return failure::current(executed::yes); }
    }
    /// The ask is answered when there is something to read, if only that there is nothing.
    void open() noexcept {
        if (open_.exchange(true, std::memory_order_acq_rel)) return;
        std::optional<failure> why;
        {
            parking_lock::scope const hold{lock_};
            if (failed_ && waiting_.empty()) why = failed_;
        }
        if (why) {
            opened_.set_failure(*std::move(why));
        } else {
            retain();
            opened_.set_value(parts<T>{*this});
        }
    }
    /// Elsewhere: decoding, and what the reader does with it, are the user's code.
    void serve_reader() noexcept {
        {
            parking_lock::scope const hold{lock_};
            if (!reader_ || (!waiting_.contains(next_) && !over())) return;
        }
        retain();
        serving turn{this};
        ANTIPHON_TRY {
            any_executor const& own = core().executor();
            any_executor const where = own ? own : any_executor{default_pool().get_executor()};
            where.execute(work{[turn = std::move(turn)]() mutable { std::exchange(turn.of, nullptr)->serve(); }});
        }
        ANTIPHON_CATCH_ALL {
            // Where the turn went, the reader was turned away.
        }
    }
    /// The executor takes no more: what has come can still be read by the next one.
    void turn_away() noexcept {
        std::optional<promise<std::optional<T>>> reader;
        {
            parking_lock::scope const hold{lock_};
            if (!reader_) return;
            reader.emplace(*std::move(reader_));
            reader_.reset();
        }
        reader->set_failure({errc::shut_down, executed::maybe, "parts::next: the executor takes no more work"});
    }
    void serve() noexcept {
        std::optional<promise<std::optional<T>>> reader;
        std::optional<message> ready;
        std::optional<failure> why;
        {
            parking_lock::scope const hold{lock_};
            if (!reader_ || (!waiting_.contains(next_) && !over())) return;
            reader.emplace(*std::move(reader_));
            reader_.reset();
            if (reader->stop_requested()) {  // it waits no more: the part is the next one's
                why = failure{errc::cancelled, executed::maybe};
            } else if (waiting_.contains(next_)) {
                ready.emplace(take());
            } else {
                why = failed_;
            }
        }
        if (why) {
            reader->set_failure(*std::move(why));
        } else {
            reader->set(ready ? decode(*std::move(ready)) : result<std::optional<T>>{std::nullopt});
        }
    }
    struct releasing {
        void operator()(stream_core* s) const noexcept { s->release(); }
    };
    /// A turn of the reader's: one that does not come is a failure, for nobody else might wake it.
    struct serving {
        std::unique_ptr<stream_core, releasing> of;
        explicit serving(stream_core* core) noexcept : of{core} {}
        serving(serving&&) noexcept = default;
        serving& operator=(serving&&) = delete;
        ~serving() {
            if (of != nullptr) of->turn_away();
        }
    };

    // --- silence ---
    void watch(time_point now) noexcept {
        if (options_.quiet == duration::max()) return;
        heard_ = now;
        retain();
        ANTIPHON_TRY { core().executor().arm(*this, saturating_add(now, options_.quiet)); }
        ANTIPHON_CATCH_ALL { release(); }
    }
    void fire() noexcept override {
        std::unique_ptr<stream_core, releasing> timers_reference{this};
        time_point const now = core().executor().now();
        bool silent = false;
        {
            parking_lock::scope const hold{lock_};
            if (ended_) return;
            time_point const end = saturating_add(heard_, options_.quiet);
            silent = end <= now;
            ANTIPHON_TRY {
                if (!silent) {
                    core().executor().arm(*this, end);
                    static_cast<void>(timers_reference.release());
                }
            }
            ANTIPHON_CATCH_ALL {
                // A silence of it will not be noticed.
            }
        }
        if (silent && core().give_up(*this, to_->subject))
            on_lost({errc::deadline_exceeded, executed::maybe, "the stream has been silent for too long"});
    }
    void end() noexcept {
        bool disarmed = false;
        {
            parking_lock::scope const hold{lock_};
            if (std::exchange(ended_, true)) return;
            disarmed = core().executor().disarm(*this);
        }
        if (disarmed) release();
    }

    std::atomic<std::uint32_t> references_{1};
    std::shared_ptr<target<Codec> const> const to_;
    stream_options const options_;
    std::atomic<bool> open_{false};
    promise<parts<T>> opened_;
    parking_lock lock_;
    // Guarded by lock_:
    std::map<std::uint64_t, message> waiting_;
    std::uint64_t next_ = 0, total_ = static_cast<std::uint64_t>(-1);
    std::optional<failure> failed_;
    std::optional<promise<std::optional<T>>> reader_;
    time_point heard_{};
    bool ended_ = false;
    // Last: the first to go, while everything that a stop request looks at is there.
    std::optional<std::stop_callback<stopping>> on_stop_;
};

}  // namespace detail

}  // namespace antiphon::messaging
