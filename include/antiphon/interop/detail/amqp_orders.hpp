// SPDX-License-Identifier: BSL-1.0
#pragma once
// What others hand to the thread that speaks with the broker.

#include <sys/socket.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "antiphon/core/result.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/interop/detail/amqp_entry.hpp"
#include "antiphon/interop/detail/waker.hpp"
#include "antiphon/messaging/message.hpp"
#include "antiphon/messaging/transport.hpp"

namespace antiphon::messaging::detail {

/// An entry that is to be added, by a thread that waits.
struct amqp_adding {
    std::shared_ptr<amqp_entry> entry;
    result<void> outcome = {};
    std::atomic<std::uint32_t> done{0};

    void finish(result<void> what) noexcept {
        outcome = std::move(what);
        done.store(1, std::memory_order_release);  // pairs with wait
        futex_wake_all(done);
    }
    [[nodiscard]] result<void> wait() {
        while (done.load(std::memory_order_acquire) == 0)
            futex_wait(done, 0);
        return outcome;
    }
};

struct amqp_order {
    enum kind : std::uint8_t {
        none,
        send,    ///< `m`
        settle,  ///< `m.delivery`
        add,     ///< `fresh`
        leave    ///< `whom`
    };
    kind what = none;
    message m = {};
    settlement how = {};
    std::shared_ptr<amqp_adding> fresh = {};
    receiver* whom = nullptr;
};

/// In order. Whoever gives an order to a thread that may be asleep wakes it.
/// **Threads**: `give`, `close` and `break_off` from any; the rest from the one that carries out. **Cost**: a lock an order.
class amqp_orders {
public:
    amqp_orders(std::size_t most_unsent, bool only_connected) noexcept : most_unsent_{most_unsent}, only_connected_{only_connected} {}

    /// **Errors**: of a message: there is no connection, or too much waits already. Of all: it is closed.
    [[nodiscard]] result<void> give(amqp_order&& o) noexcept {
        bool wake = false;
        ANTIPHON_TRY {
            parking_lock::scope const hold{lock_};
            if (ended_) return failure{errc::unavailable, executed::no, "amqp: the connection is closed"};
            if (o.what == amqp_order::send) {
                if (only_connected_ && fd_ < 0)
                    return failure{errc::unavailable, executed::no, "amqp: there is no connection to a broker"};
                if (given_.size() + kept_ >= most_unsent_)
                    return failure{errc::overloaded, executed::no, "amqp: too much waits to be sent"};
            }
            given_.push_back(std::move(o));
            wake = std::exchange(asleep_, false);
        }
        ANTIPHON_CATCH_ALL { return failure::current(executed::no); }
        if (wake) waker_.wake();
        return {};
    }
    /// Says that it is to end; until it has, orders are taken: what is still heard is handed back. False: somebody has said so before.
    [[nodiscard]] bool close() noexcept {
        {
            parking_lock::scope const hold{lock_};
            if (std::exchange(closing_, true)) return false;
        }
        waker_.wake();
        return true;
    }
    /// Frees a thread that is inside a write to a broker that reads nothing.
    void break_off() noexcept {
        parking_lock::scope const hold{lock_};
        if (fd_ >= 0) ::shutdown(fd_, SHUT_RDWR);
    }

    /// Into `batch`, behind what is there. True: it is to end.
    [[nodiscard]] bool take(std::vector<amqp_order>& batch) {
        parking_lock::scope const hold{lock_};
        if (batch.empty()) {
            batch.swap(given_);
        } else {
            for (amqp_order& each : given_)
                batch.push_back(std::move(each));
            given_.clear();
        }
        return closing_;
    }
    /// The rest, and no more is taken.
    void end(std::vector<amqp_order>& batch) {
        {
            parking_lock::scope const hold{lock_};
            ended_ = true;
        }
        static_cast<void>(take(batch));
    }
    /// There is a connection with that descriptor; -1: there is none.
    void connected(int fd) noexcept {
        parking_lock::scope const hold{lock_};
        fd_ = fd;
    }
    /// How many messages wait elsewhere for a connection.
    void kept(std::size_t count) noexcept {
        parking_lock::scope const hold{lock_};
        kept_ = count;
    }
    /// Until there is an order, something to read, or so many milliseconds are over.
    void sleep(int milliseconds) noexcept {
        int fd = -1;
        {
            parking_lock::scope const hold{lock_};
            if (!given_.empty()) return;
            asleep_ = true;
            fd = fd_;
        }
        waker_.sleep(fd, milliseconds);
        parking_lock::scope const hold{lock_};
        asleep_ = false;
    }

private:
    std::size_t const most_unsent_;
    bool const only_connected_;
    waker waker_;
    parking_lock lock_;
    // Guarded by lock_:
    std::vector<amqp_order> given_;
    std::size_t kept_ = 0;
    bool asleep_ = false, closing_ = false, ended_ = false;
    int fd_ = -1;
};

}  // namespace antiphon::messaging::detail
