// SPDX-License-Identifier: BSL-1.0
#pragma once
// Bodies that are larger than a transport takes: cut on one side, put together on the other.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/messaging/message.hpp"
#include "antiphon/messaging/transport.hpp"

namespace antiphon::messaging::detail {

[[nodiscard]] inline message without_body(message const& m) {
    message head;
    head.subject = m.subject;
    head.headers = m.headers;
    head.kind = m.kind;
    head.executed = m.executed;
    head.priority = m.priority;
    head.inbox = m.inbox;
    head.origin = m.origin;
    head.id = m.id;
    head.remaining = m.remaining;
    head.code = m.code;
    head.retry_after = m.retry_after;
    head.key = m.key;
    head.reply_to = m.reply_to;
    return head;
}

/// To one receiver, in order: as one message if it fits. The first piece carries the headers.
[[nodiscard]] inline result<void> send_in_pieces(connection& to, message&& m) noexcept {
    std::size_t const most = to.max_body();
    if (m.body.size() <= most) return to.send(std::move(m));
    ANTIPHON_TRY {
        std::string const whole = std::move(m.body);
        m.body.clear();
        for (std::size_t at = 0; at < whole.size(); at += most, ++m.sequence) {
            message piece = without_body(m);
            piece.sequence = m.sequence;
            piece.body = whole.substr(at, most);
            piece.more = at + most < whole.size();
            if (!piece.more) piece.delivery = m.delivery;
            if (result<void> sent = to.send(std::move(piece)); !sent) return sent;
            m.headers = {};
        }
        return {};
    }
    ANTIPHON_CATCH_ALL { return failure::current(executed::maybe); }
}

/// Pieces in, wholes out. **Threads**: any. **Cost**: one lock a piece; a message in one piece never comes here.
class assembly {
public:
    enum outcome {
        incomplete,
        complete,
        refused  ///< too large, out of order, or there is no memory for it; it is forgotten
    };

    /// No body of more than `most` bytes; no more than `at_once` at a time, any one else is forgotten.
    explicit assembly(std::size_t most, std::size_t at_once = static_cast<std::size_t>(-1)) noexcept : most_{most}, at_once_{at_once} {}

    /// When complete, `m` is the whole.
    [[nodiscard]] outcome add(message& m) noexcept {
        parking_lock::scope const hold{lock_};
        ANTIPHON_TRY {
            if (m.sequence == 0) {
                if (partial_.size() >= at_once_) partial_.erase(partial_.begin());
                partial_.insert_or_assign(m.id, part{});
                count_.store(partial_.size(), std::memory_order_relaxed);
            }
            auto const at = partial_.find(m.id);
            if (at == partial_.end()) return refused;
            part& so_far = at->second;
            bool const fits = m.sequence == so_far.next && m.body.size() <= most_ - so_far.body.size();
            if (fits) {
                ++so_far.next;
                so_far.body += m.body;
                if (m.sequence == 0) so_far.headers = std::move(m.headers);
                if (m.more) return incomplete;
                m.body = std::move(so_far.body);
                m.headers = std::move(so_far.headers);
                m.sequence = 0;
            }
            erase(at);
            return fits ? complete : refused;
        }
        ANTIPHON_CATCH_ALL {
            if (auto const at = partial_.find(m.id); at != partial_.end()) erase(at);
            return refused;
        }
    }
    void forget(std::uint64_t id) noexcept {
        if (count_.load(std::memory_order_relaxed) == 0) return;  // relaxed: whoever has just added one is not forgetting it
        parking_lock::scope const hold{lock_};
        if (auto const at = partial_.find(id); at != partial_.end()) erase(at);
    }

private:
    struct part {
        std::string body;
        messaging::headers headers;
        std::uint32_t next = 0;
    };
    void erase(std::unordered_map<std::uint64_t, part>::iterator at) noexcept {
        partial_.erase(at);
        count_.store(partial_.size(), std::memory_order_relaxed);
    }

    std::size_t const most_, at_once_;
    std::atomic<std::size_t> count_{0};
    parking_lock lock_;
    std::unordered_map<std::uint64_t, part> partial_;
};

/// Large bodies that wait for an invitation, and on the other side what is said about them. **Threads**: any.
class upload_store {
public:
    explicit upload_store(std::size_t at_once = static_cast<std::size_t>(-1)) noexcept : at_once_{at_once} {}
    /// What has to make way for it: the one of that id, or any one of too many.
    std::optional<message> keep(message&& m, time_point until = time_point::max()) {
        std::optional<message> gone;
        parking_lock::scope const hold{lock_};
        auto at = waiting_.find(m.id);
        if (at == waiting_.end() && waiting_.size() >= at_once_) at = waiting_.begin();
        if (at != waiting_.end()) {
            gone.emplace(std::move(at->second.m));
            waiting_.erase(at);
        }
        std::uint64_t const id = m.id;
        waiting_.insert_or_assign(id, kept{std::move(m), until});
        count_.store(waiting_.size(), std::memory_order_relaxed);
        return gone;
    }
    /// One that nobody waits for any more. **Cost**: linear.
    [[nodiscard]] std::optional<message> take_expired(time_point now) noexcept {
        if (count_.load(std::memory_order_relaxed) == 0) return std::nullopt;  // a hint: the lock below says what is there
        std::optional<message> gone;
        parking_lock::scope const hold{lock_};
        for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
            if (at->second.until > now) continue;
            gone.emplace(std::move(at->second.m));
            waiting_.erase(at);
            count_.store(waiting_.size(), std::memory_order_relaxed);
            break;
        }
        return gone;
    }
    [[nodiscard]] bool take(std::uint64_t id, message& into) noexcept {
        parking_lock::scope const hold{lock_};
        auto const at = waiting_.find(id);
        if (at == waiting_.end()) return false;
        into = std::move(at->second.m);
        waiting_.erase(at);
        count_.store(waiting_.size(), std::memory_order_relaxed);
        return true;
    }
    void forget(std::uint64_t id) noexcept {
        if (count_.load(std::memory_order_relaxed) == 0) return;  // as in `assembly`
        message gone;  // dies outside the lock
        static_cast<void>(take(id, gone));
    }

private:
    struct kept {
        message m;
        time_point until;
    };
    std::size_t const at_once_;
    std::atomic<std::size_t> count_{0};
    parking_lock lock_;
    std::unordered_map<std::uint64_t, kept> waiting_;
};

}  // namespace antiphon::messaging::detail
