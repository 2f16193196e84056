// SPDX-License-Identifier: BSL-1.0
#pragma once
// A body on its way, part by part: written on one side, read on the other, never more in between than was agreed on.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/request/future.hpp"
#include "antiphon/request/ready_future.hpp"
#include "antiphon/http/body_channel.hpp"
#include "antiphon/http/message.hpp"

namespace antiphon::http {

/// The end of a body where it is read. Dropped, it tells the other side that nobody reads any more, which ends the transfer.
/// **Threads**: one at a time. Continuations of what it gives run on their own executors, never on a transport's thread.
class body_reader {
public:
    body_reader() = default;
    explicit body_reader(std::shared_ptr<body_channel> from) noexcept : from_{std::move(from)} {}
    body_reader(body_reader&& other) noexcept : from_{std::move(other.from_)} {}
    body_reader& operator=(body_reader&& other) noexcept {
        body_reader taken{std::move(other)};
        std::swap(from_, taken.from_);
        return *this;
    }
    ~body_reader() {
        if (from_) from_->leave_reading();
    }

    /// The next part; an empty one is the end. **Errors**: why the body broke off; `failed_precondition` for a second read beside one
    /// that waits, or of an empty reader. A stop request to a read that waits is `cancelled`, and loses nothing.
    [[nodiscard]] future<std::string> next() {
        if (!from_) return make_failed<std::string>({errc::failed_precondition, executed::no, "there is no body"});
        return from_->next();
    }
    /// How many bytes have been read.
    [[nodiscard]] std::uint64_t read() const noexcept { return from_ ? from_->read() : 0; }
    [[nodiscard]] explicit operator bool() const noexcept { return from_ != nullptr; }

    /// For a transport: what is read, now its.
    [[nodiscard]] std::shared_ptr<body_channel> release() noexcept { return std::move(from_); }

private:
    std::shared_ptr<body_channel> from_;
};

/// The end of a body where it is written. Dropped before `end`, the reader sees it break off.
/// **Threads**: as `body_reader`.
class body_writer {
public:
    body_writer() = default;
    explicit body_writer(std::shared_ptr<body_channel> to) noexcept : to_{std::move(to)} {}
    body_writer(body_writer&& other) noexcept : to_{std::move(other.to_)} {}
    body_writer& operator=(body_writer&& other) noexcept {
        body_writer taken{std::move(other)};
        std::swap(to_, taken.to_);
        return *this;
    }
    ~body_writer() { fail({errc::broken_promise, executed::maybe, "the body broke off: its writer has gone"}); }

    /// One more part. Ready when there is room for the next one. **Errors**: `cancelled` once nobody reads any more;
    /// `failed_precondition` after the end, and for a write beside one that waits.
    [[nodiscard]] future<void> write(std::string part) {
        if (!to_) return make_failed<void>({errc::failed_precondition, executed::no, "the body has ended"});
        return to_->write(std::move(part));
    }
    void end() noexcept {
        if (to_) std::exchange(to_, nullptr)->end();
    }
    /// The reader's failure, after what was written.
    void fail(failure why) noexcept {
        if (to_) std::exchange(to_, nullptr)->fail(std::move(why));
    }
    /// How many bytes the other side has taken.
    [[nodiscard]] std::uint64_t taken() const noexcept { return to_ ? to_->read() : 0; }

private:
    std::shared_ptr<body_channel> to_;
};

/// Two ends of a new body.
struct body_pipe {
    /// A write waits once so many bytes are on their way. **Errors**: 0 is refused with `std::invalid_argument`.
    explicit body_pipe(std::size_t capacity = std::size_t{256} << 10) : body_pipe{make(capacity)} {}

    body_writer writer;
    body_reader reader;

private:
    explicit body_pipe(std::shared_ptr<body_channel> channel) noexcept : writer{channel}, reader{std::move(channel)} {}
    [[nodiscard]] static std::shared_ptr<body_channel> make(std::size_t capacity) {
        antiphon::detail::require(capacity != 0, "body_pipe.capacity: must not be zero");
        return std::make_shared<body_channel>(capacity);
    }
};

/// A response whose body is still on its way.
struct streamed_response {
    int status = 0;
    http::fields headers = {};
    std::string url = {};
    body_reader body = {};

    /// 2xx.
    [[nodiscard]] bool ok() const noexcept { return class_of(status) == status_class::success; }
    /// What Content-Length says; of what goes over the wire, compressed perhaps.
    [[nodiscard]] std::optional<std::uint64_t> length() const noexcept {
        std::optional<std::string_view> const text = headers.get("Content-Length");
        if (!text || text->empty() || text->size() > 19) return std::nullopt;
        std::uint64_t value = 0;
        for (char const c : *text) {
            if (!is_digit(c)) return std::nullopt;
            value = value * 10 + static_cast<std::uint64_t>(c - '0');
        }
        return value;
    }
    [[nodiscard]] failure as_failure() const { return response{.status = status, .headers = headers}.as_failure(); }
};

}  // namespace antiphon::http
