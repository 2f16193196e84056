// SPDX-License-Identifier: BSL-1.0
#pragma once
// Asks that were answered, by their keys: what comes again is answered by memory.

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/messaging/message.hpp"

namespace antiphon::messaging::detail {

/// **Threads**: any. **Cost**: one lock and one look-up an ask with a key.
class answer_memory {
public:
    answer_memory(duration keep, std::size_t most) noexcept : keep_{keep}, most_{most} {}
    [[nodiscard]] bool enabled() const noexcept { return keep_ > duration::zero(); }

    enum admission {
        fresh,    ///< run it, and `settle` it
        waiting,  ///< one of that key runs: `where` is answered with it
        known     ///< `answer` is the answer
    };
    [[nodiscard]] admission admit(std::string const& key, message const& where, time_point now, message& answer) {
        parking_lock::scope const hold{lock_};
        forget_old(now);
        auto const [at, added] = entries_.try_emplace(key);
        if (added) return fresh;
        if (at->second.done) {
            answer = at->second.answer;
            return known;
        }
        at->second.waiting.push_back(where);
        return waiting;
    }
    /// Who else is to be told. An answer that is not worth keeping lets the next one run.
    [[nodiscard]] std::vector<message> settle(std::string const& key, message const& answer, bool worth_keeping, time_point now) {
        parking_lock::scope const hold{lock_};
        auto const at = entries_.find(key);
        if (at == entries_.end()) return {};
        std::vector<message> told = std::move(at->second.waiting);
        if (worth_keeping) {
            order_.emplace_back(saturating_add(now, keep_), key);
            at->second.answer = answer;
            at->second.done = true;
            if (order_.size() > most_) forget_oldest();
        } else {
            entries_.erase(at);
        }
        return told;
    }

private:
    struct entry {
        bool done = false;
        message answer;
        std::vector<message> waiting;
    };
    void forget_oldest() {
        entries_.erase(order_.front().second);
        order_.pop_front();
    }
    void forget_old(time_point now) {
        while (!order_.empty() && order_.front().first <= now)
            forget_oldest();
    }

    duration const keep_;
    std::size_t const most_;
    parking_lock lock_;
    std::unordered_map<std::string, entry> entries_;
    std::deque<std::pair<time_point, std::string>> order_;  // of those that are done
};

}  // namespace antiphon::messaging::detail
