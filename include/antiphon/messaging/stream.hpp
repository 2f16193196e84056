// SPDX-License-Identifier: BSL-1.0
#pragma once
// One question, an answer in parts: what is read of it, and what writes it.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/future.hpp"
#include "antiphon/request/promise.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/messaging/codec.hpp"
#include "antiphon/messaging/detail/carried.hpp"
#include "antiphon/messaging/detail/stream_core.hpp"
#include "antiphon/messaging/message.hpp"
#include "antiphon/messaging/stream_options.hpp"
#include "antiphon/messaging/transport.hpp"

namespace antiphon::messaging {

/// The reading end: `while (auto part = co_await stream.next())`, in the order in which they were written.
/// **Threads**: `next` by one at a time, `stop` by any. **Errors**: what ended the stream, again and again; where it simply ended,
/// nothing. A part that the codec does not understand is the failure of that one `next`. **Cost**: an allocation a part.
template <class T>
class parts {
public:
    parts(parts&& other) noexcept : source_{std::exchange(other.source_, nullptr)} {}
    parts& operator=(parts&& other) noexcept {
        std::swap(source_, other.source_);
        return *this;
    }
    /// The responder is told, where it has not ended.
    ~parts() {
        if (source_ == nullptr) return;
        source_->stop();
        source_->release();
    }

    /// The next part; none at the end.
    [[nodiscard]] future<std::optional<T>> next() { return source_->next(); }
    /// Tells the responder that nobody reads any more; what has come can still be read.
    void stop() noexcept { source_->stop(); }

private:
    template <class, class>
    friend class detail::stream_core;
    explicit parts(detail::part_source<T>& source) noexcept : source_{&source} {}
    detail::part_source<T>* source_;
};

/// The writing end. Copies write the same stream.
/// **Threads**: one after another: that is the order in which they are read.
template <class T, class Codec = text>
class part_sink {
public:
    /// **Errors**: `cancelled` when nobody reads any more; what the codec and the transport say. A part has to fit into one message.
    result<void> send(T const& part) const {
        if (shared_->stop.stop_requested()) return failure{errc::cancelled, executed::no, "nobody reads the stream any more"};
        message m;
        m.subject = shared_->head.subject;
        m.kind = message_kind::part;
        m.inbox = shared_->head.inbox;
        m.id = shared_->head.id;
        m.reply_to = shared_->head.reply_to;
        if (result<void> encoded = detail::encode_into(shared_->codec, m, part); !encoded) return encoded;
        if (m.body.size() > shared_->to->max_body())
            return failure{errc::out_of_range, executed::no, "a part has to fit into one message"};
        m.sequence = shared_->count.load(std::memory_order_relaxed);
        if (result<void> sent = shared_->to->send(std::move(m)); !sent) return sent;
        shared_->count.fetch_add(1, std::memory_order_relaxed);
        return {};
    }
    [[nodiscard]] bool stop_requested() const noexcept { return shared_->stop.stop_requested(); }

    /// How many were sent.
    [[nodiscard]] std::uint32_t count() const noexcept { return shared_->count.load(std::memory_order_relaxed); }

    /// The library's side.
    [[nodiscard]] static part_sink make(std::shared_ptr<connection> to, Codec const& codec, message const& asked,
                                        std::stop_token stop) {
        auto shared = std::make_shared<core>(std::move(to), codec, std::move(stop));
        shared->head.subject = asked.subject;
        shared->head.inbox = asked.inbox;
        shared->head.id = asked.id;
        shared->head.reply_to = asked.reply_to;
        return part_sink{std::move(shared)};
    }

private:
    struct core {
        core(std::shared_ptr<connection> over, Codec const& how, std::stop_token token)
            : to{std::move(over)}, codec{how}, stop{std::move(token)} {}
        std::shared_ptr<connection> to;
        ANTIPHON_NO_UNIQUE_ADDRESS Codec codec;
        std::stop_token stop;
        message head;
        std::atomic<std::uint32_t> count{0};  // relaxed: written by one after another, looked at by anybody
    };
    explicit part_sink(std::shared_ptr<core> shared) noexcept : shared_{std::move(shared)} {}
    std::shared_ptr<core> shared_;
};

namespace detail {

/// The handler of the reading end's request.
template <class Signature, class Codec>
class opening;
template <class R, class... P, class Codec>
class opening<R(P...), Codec> {
    static_assert(sizeof...(P) <= 1, "antiphon: a message carries one argument or none: put several into a struct");

public:
    using part = R;
    using signature = parts<R>(P...);

    opening(std::shared_ptr<target<Codec> const> to, stream_options options) noexcept : to_{std::move(to)}, options_{options} {}

    /// How long the stream may last is its responder's business: the ask's deadline ends with its first part, and does not go along.
    void operator()(context const& c, P... question, promise<parts<R>> opened) const {
        message m;
        m.kind = message_kind::ask;
        m.subject = to_->subject;
        m.headers = to_->core->options().headers;
        m.priority = c.priority();
        carry(c.metadata(), m);
        if constexpr (sizeof...(P) != 0) {
            if (result<void> encoded = encode_into(to_->codec, m, std::move(question)...); !encoded)
                return static_cast<void>(opened.set_failure(std::move(encoded).error().with_executed(executed::no)));
        }
        (new stream_core<R, Codec>{to_, options_, std::move(opened)})->begin(std::move(m), c.stop_token());
    }

private:
    std::shared_ptr<target<Codec> const> to_;
    stream_options options_;
};

/// The handler of a responder whose answers come in parts; its own answer says how many there were.
template <class Signature, class Codec>
class streaming;
template <class R, class... P, class Codec>
class streaming<R(P...), Codec> {
    static_assert(sizeof...(P) <= 1, "antiphon: a message carries one argument or none: put several into a struct");

public:
    using writer = antiphon::request<void(P..., part_sink<R, Codec>), repeat::unsafe>;

    streaming(std::shared_ptr<connection> to, writer what, Codec codec)
        : to_{std::move(to)}, what_{std::move(what)}, codec_{std::move(codec)} {}

    [[nodiscard]] future<std::uint32_t> operator()(context const& c, message m) const {
        part_sink<R, Codec> sink = part_sink<R, Codec>::make(to_, codec_, m, c.stop_token());
        if constexpr (sizeof...(P) == 0) {
            return counted(what_.submit(sink), sink);
        } else {
            using argument = std::remove_cvref_t<std::tuple_element_t<0, std::tuple<P...>>>;
            result<argument> decoded = decode_from<argument>(codec_, std::move(m));
            if (!decoded) {
                promise<std::uint32_t> refused;
                future<std::uint32_t> answer = refused.get_future();
                refused.set_failure(failure{std::move(decoded).error()}.with_executed(executed::no));
                return answer;
            }
            return counted(what_.submit(*std::move(decoded), sink), sink);
        }
    }

private:
    [[nodiscard]] static future<std::uint32_t> counted(future<void> written, part_sink<R, Codec> sink) {
        return std::move(written).then([sink = std::move(sink)] { return sink.count(); });
    }

    std::shared_ptr<connection> to_;
    writer what_;
    ANTIPHON_NO_UNIQUE_ADDRESS Codec codec_;
};

}  // namespace detail

}  // namespace antiphon::messaging
