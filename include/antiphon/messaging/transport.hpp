// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a broker has to be able to do: for those who connect the library to one.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "antiphon/core/result.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/messaging/message.hpp"

namespace antiphon::messaging {

/// Hears messages: the library's half of a subscription. It decides and hands on, it neither blocks nor runs code of the user's.
/// **Threads**: called from wherever messages arrive, several at once unless the transport promises an order.
class receiver {
public:
    virtual void on_message(message&& m) noexcept = 0;
    /// The connection is lost: answers to what was sent may never come.
    virtual void on_disconnected() noexcept {}
    /// Whether it asks: then a transport that keeps answers for who comes back tells it those that nobody waits for.
    [[nodiscard]] virtual bool asks() const noexcept { return false; }

protected:
    receiver() = default;
    receiver(receiver const&) = delete;
    receiver& operator=(receiver const&) = delete;
    virtual ~receiver() = default;
};

/// What a broker that keeps a message is told.
enum class settlement : std::uint8_t {
    done,       ///< it may forget it
    hand_back,  ///< another member of the group gets it
    forget,     ///< neither: the same message was delivered again
};

/// One connection to a broker, shared by those who use it. Implemented by a transport.
/// **Threads**: all of it from any thread. A thread of the transport's own that delivers calls `timer_thread::take_after()` first,
/// so that what follows from a delivery runs elsewhere.
class connection {
public:
    connection() = default;
    connection(connection const&) = delete;
    connection& operator=(connection const&) = delete;
    virtual ~connection() = default;

    /// Takes a message. A publication or a cancel goes to every group of listeners, to one member of each; an ask likewise; an answer
    /// goes to its inbox. Messages of one sender to one subject stay in order. It may be delivered before `send` returns.
    /// **Errors**: `unavailable` and `executed::no` where it is known at once that nobody listens to an ask, or that there is no
    /// connection. What is found out later comes to the inbox, as a refusal. Otherwise it may be lost, and is then not reported.
    [[nodiscard]] virtual result<void> send(message&& m) noexcept = 0;
    /// From now on what matches `pattern` goes to `to`; one member of a named group gets each, without a name everybody does.
    [[nodiscard]] virtual result<void> listen(std::string_view pattern, std::string_view group, std::shared_ptr<receiver> to) = 0;
    /// From now on answers for `inbox` go to `to`.
    [[nodiscard]] virtual result<void> open(inbox_id inbox, std::shared_ptr<receiver> to) = 0;
    /// Ends everything that `listen` and `open` began for `whom`. A delivery that is under way may go on.
    virtual void leave(receiver& whom) noexcept = 0;

    /// What is to become of a delivery that no answer settles (`message::delivery`). An answer that carries it settles it as `done` when
    /// the broker has the answer. Of a connection that was lost since, the broker has taken it back already.
    virtual void settle(std::uint64_t, settlement) noexcept {}

    /// Larger bodies are cut into pieces.
    [[nodiscard]] virtual std::size_t max_body() const noexcept { return static_cast<std::size_t>(-1); }
    /// Whose clock and chance it lives by; an empty one: the real ones.
    [[nodiscard]] virtual any_executor executor() const { return {}; }
};

/// Something with a connection to a broker, that a client can be made of.
template <class T>
concept transport = requires(T const& t) {
    { t.connection() } -> std::convertible_to<std::shared_ptr<messaging::connection>>;
};

}  // namespace antiphon::messaging
