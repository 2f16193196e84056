// SPDX-License-Identifier: BSL-1.0
#pragma once
// What the two ends of a body have in common: the parts in between, who waits, and the transport that is to be told.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "antiphon/core/result.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/request/future.hpp"
#include "antiphon/request/ready_future.hpp"
#include "antiphon/request/state.hpp"

namespace antiphon::http {

/// A transport at one end of a body. It is called under the body's lock, and only takes note.
class body_listener {
public:
    /// There is room again, or something to send, or the other side has gone.
    virtual void body_moved() noexcept = 0;

protected:
    ~body_listener() = default;
};

/// What both ends have in common. For those who write transports; users have `body_reader` and `body_writer`.
/// **Threads**: any; one reader and one writer at a time. A wait is completed by whoever ends it, outside the lock.
class body_channel final : public std::enable_shared_from_this<body_channel> {
    template <class T>
    class wait;

public:
    explicit body_channel(std::size_t capacity) noexcept : capacity_{capacity} {}

    // --- the reading side ---
    [[nodiscard]] future<std::string> next();
    /// Copies up to `size` bytes; 0: there is nothing yet, or the end (`ended`), or it broke (`broken`). The listener is told of more.
    [[nodiscard]] std::size_t take(char* to, std::size_t size) noexcept {
        wait<void>* writer = nullptr;
        std::size_t done = 0;
        {
            parking_lock::scope const hold{lock_};
            while (done != size && !parts_.empty()) {
                std::string& part = parts_.front();
                std::size_t const more = part.size() - front_ < size - done ? part.size() - front_ : size - done;
                std::memcpy(to + done, part.data() + front_, more);
                done += more;
                front_ += more;
                if (front_ == part.size()) pop_front();
            }
            moved_out(done);
            if (done == 0) wanted_ = true;
            writer = roomy_writer();
        }
        admit(writer);
        return done;
    }
    void leave_reading() noexcept {
        wait<void>* writer = nullptr;
        std::deque<std::string> unread;
        {
            parking_lock::scope const hold{lock_};
            reader_gone_ = true;
            unread.swap(parts_);
            held_ = 0;
            writer = std::exchange(writing_, nullptr);
            tell();
        }
        refuse(writer);
    }

    // --- the writing side ---
    [[nodiscard]] future<void> write(std::string part);
    enum class verdict {
        taken,
        full,
        gone
    };
    /// For a listener that can wait. **Errors**: throws `std::bad_alloc`.
    [[nodiscard]] verdict offer(std::string_view bytes);
    void end() noexcept { close(std::nullopt); }
    void fail(failure why) noexcept { close(std::move(why)); }

    // --- what both may ask ---
    [[nodiscard]] bool ended() const noexcept {
        parking_lock::scope const hold{lock_};
        return ended_ && parts_.empty();
    }
    [[nodiscard]] std::optional<failure> broken() const noexcept {
        parking_lock::scope const hold{lock_};
        return broken_;
    }
    [[nodiscard]] bool reader_gone() const noexcept {
        parking_lock::scope const hold{lock_};
        return reader_gone_;
    }
    [[nodiscard]] std::uint64_t written() const noexcept {
        parking_lock::scope const hold{lock_};
        return written_;
    }
    [[nodiscard]] std::uint64_t read() const noexcept {
        parking_lock::scope const hold{lock_};
        return read_;
    }
    /// One at a time. Once it has been taken away it is not called any more.
    void listen(body_listener* who) noexcept {
        parking_lock::scope const hold{lock_};
        listener_ = who;
    }

private:
    /// Somebody who waits. Exactly one of `body_channel` and a stop request that finds it there completes it.
    template <class T>
    class wait final : public antiphon::detail::state<T> {
    public:
        explicit wait(body_channel& on) noexcept
            : antiphon::detail::state<T>{any_executor{}, nullptr, 2, 0}, on_{on.shared_from_this()} {}

    private:
        antiphon::detail::state_base* on_stop() noexcept override {
            if (on_->forget(this)) this->fail(failure{errc::cancelled, executed::maybe}, antiphon::detail::delivery::nested);
            return nullptr;
        }
        void destroy() noexcept override { delete this; }
        void step(antiphon::detail::delivery) noexcept override {}
        void refuse(errc, antiphon::detail::delivery) noexcept override {}
        std::shared_ptr<body_channel> on_;
    };

    template <class T>
    [[nodiscard]] static future<T> future_of(wait<T>* fresh) noexcept {
        return antiphon::detail::future_access::make<T>(antiphon::detail::state_ptr<antiphon::detail::state<T>>{fresh});
    }
    static void deliver(wait<std::string>* reader, result<std::string> part) noexcept {
        if (reader != nullptr) reader->complete(std::move(part), antiphon::detail::delivery::nested);
    }
    static void admit(wait<void>* writer) noexcept {
        if (writer != nullptr) writer->complete({}, antiphon::detail::delivery::nested);
    }
    static void refuse(wait<void>* writer) noexcept {
        if (writer != nullptr) writer->complete(nobody_reads(), antiphon::detail::delivery::nested);
    }
    [[nodiscard]] static failure nobody_reads() noexcept {
        return {errc::cancelled, executed::maybe, "nobody reads the body any more"};
    }

    [[nodiscard]] bool forget(void const* who) noexcept {
        parking_lock::scope const hold{lock_};
        if (reading_ == who)
            reading_ = nullptr;
        else if (writing_ == who)
            writing_ = nullptr;
        else
            return false;
        return true;
    }
    void close(std::optional<failure> why) noexcept {
        wait<std::string>* reader = nullptr;
        {
            parking_lock::scope const hold{lock_};
            if (ended_ || broken_) return;
            ended_ = !why;
            broken_ = why;
            reader = std::exchange(reading_, nullptr);
            tell();
        }
        if (reader != nullptr) deliver(reader, why ? result<std::string>{*std::move(why)} : result<std::string>{std::string{}});
    }
    // Under the lock:
    void pop_front() noexcept {
        parts_.pop_front();
        front_ = 0;
    }
    void moved_out(std::size_t bytes) noexcept {
        held_ -= bytes;
        read_ += bytes;
        if (held_ <= capacity_ / 2 && wanted_ && bytes != 0) tell();
    }
    void tell() noexcept {
        wanted_ = false;
        if (listener_ != nullptr) listener_->body_moved();
    }
    [[nodiscard]] wait<void>* roomy_writer() noexcept { return held_ < capacity_ ? std::exchange(writing_, nullptr) : nullptr; }

    mutable parking_lock lock_;
    std::size_t const capacity_;
    // Guarded by lock_:
    std::deque<std::string> parts_;
    std::size_t front_ = 0;  ///< of the first part that has been taken
    std::size_t held_ = 0;
    std::uint64_t written_ = 0, read_ = 0;
    std::optional<failure> broken_;
    bool ended_ = false, reader_gone_ = false;
    bool wanted_ = false;  ///< the listener found it full, or empty
    wait<std::string>* reading_ = nullptr;
    wait<void>* writing_ = nullptr;
    body_listener* listener_ = nullptr;
};

inline future<std::string> body_channel::next() {
    std::string part;
    wait<void>* writer = nullptr;
    {
        parking_lock::scope hold{lock_};
        if (reading_ != nullptr) return make_failed<std::string>({errc::failed_precondition, executed::no, "one read at a time"});
        if (parts_.empty()) {
            if (broken_) return make_failed<std::string>(*broken_);
            if (ended_) return make_future(std::string{});
            reading_ = new wait<std::string>{*this};
            wanted_ = true;
            return future_of(reading_);
        }
        part = std::move(parts_.front());
        part.erase(0, front_);
        pop_front();
        moved_out(part.size());
        writer = roomy_writer();
    }
    admit(writer);
    return make_future(std::move(part));
}

inline future<void> body_channel::write(std::string part) {
    if (part.empty()) return make_future();
    wait<std::string>* reader = nullptr;
    {
        parking_lock::scope hold{lock_};
        if (reader_gone_) return make_failed<void>(nobody_reads());
        if (ended_ || broken_) return make_failed<void>({errc::failed_precondition, executed::no, "the body has ended"});
        if (writing_ != nullptr) return make_failed<void>({errc::failed_precondition, executed::no, "one write at a time"});
        written_ += part.size();
        reader = std::exchange(reading_, nullptr);
        if (reader == nullptr) {
            held_ += part.size();
            parts_.push_back(std::move(part));
            if (wanted_) tell();
            if (held_ < capacity_) return make_future();
            writing_ = new wait<void>{*this};
            return future_of(writing_);
        }
        read_ += part.size();
    }
    deliver(reader, std::move(part));
    return make_future();
}

inline body_channel::verdict body_channel::offer(std::string_view bytes) {
    std::string part{bytes};
    wait<std::string>* reader = nullptr;
    {
        parking_lock::scope const hold{lock_};
        if (reader_gone_) return verdict::gone;
        if (held_ >= capacity_) {
            wanted_ = true;
            return verdict::full;
        }
        written_ += part.size();
        reader = std::exchange(reading_, nullptr);
        if (reader == nullptr) {
            held_ += part.size();
            parts_.push_back(std::move(part));
            return verdict::taken;
        }
        read_ += part.size();
    }
    deliver(reader, std::move(part));
    return verdict::taken;
}

}  // namespace antiphon::http
