// SPDX-License-Identifier: BSL-1.0
#pragma once
// What was published and not yet confirmed by the broker.

#include <cstdint>
#include <deque>
#include <utility>

#include "antiphon/messaging/message.hpp"

namespace antiphon::messaging::detail {

/// By the numbers of the channel, which grow.
class amqp_confirms {
public:
    struct sent {
        std::uint64_t number;
        message m;
    };
    void add(std::uint64_t number, message&& m) { waiting_.push_back({number, std::move(m)}); }
    [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }
    [[nodiscard]] std::deque<sent> take_all() noexcept { return std::exchange(waiting_, {}); }

    /// Calls `done(message)` for that one, and with `and_before` for all before it.
    template <class Done>
    void confirm(std::uint64_t number, bool and_before, Done&& done) noexcept {
        while (and_before && !waiting_.empty() && waiting_.front().number <= number) {
            message m = std::move(waiting_.front().m);
            waiting_.pop_front();
            done(std::move(m));
        }
        for (auto at = waiting_.begin(); at != waiting_.end() && at->number <= number; ++at) {
            if (at->number != number) continue;
            message m = std::move(at->m);
            waiting_.erase(at);
            return done(std::move(m));
        }
    }

private:
    std::deque<sent> waiting_;
};

}  // namespace antiphon::messaging::detail
