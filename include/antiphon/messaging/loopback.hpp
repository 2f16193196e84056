// SPDX-License-Identifier: BSL-1.0
#pragma once
// A broker inside the process: for tests, for simulations, and for programs that need no other yet.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/executor.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/random.hpp"
#include "antiphon/execution/timer.hpp"
#include "antiphon/messaging/message.hpp"
#include "antiphon/messaging/subject.hpp"
#include "antiphon/messaging/transport.hpp"

namespace antiphon::messaging {

/// Trouble on demand. Probabilities are from 0 to 1.
struct loopback_options {
    /// How long a message is under way, out of 64 random bits (`testing::latency` is such a function). Without one it is delivered inside
    /// `send`. Messages with random latencies overtake each other.
    std::function<duration(std::uint64_t)> latency = {};
    double drops = 0;  ///< of messages, lost without a word
    double duplicates = 0;  ///< of messages, delivered twice
    /// Larger bodies do not pass; the library cuts them into pieces.
    std::size_t max_body = static_cast<std::size_t>(-1);
    /// How many a message comes to by chance, and every broker's own: seeds the drops and duplicates where time is real.
    std::uint64_t seed = 0;
};

namespace detail {

class loopback_broker final : public connection, public std::enable_shared_from_this<loopback_broker> {
public:
    loopback_broker(any_executor executor, loopback_options options)
        : executor_{std::move(executor)},
          options_{std::move(options)},
          troubled_{options_.latency || options_.drops > 0 || options_.duplicates > 0},
          dice_{options_.seed} {}

    [[nodiscard]] result<void> send(message&& m) noexcept override {
        ANTIPHON_TRY {
            if (m.body.size() > options_.max_body)
                return failure{errc::out_of_range, executed::no, "the body is larger than this broker takes"};
            if (down_.load(std::memory_order_acquire))
                return failure{errc::unavailable, executed::no, "there is no connection to the broker"};
            switch (m.kind) {
                case message_kind::ask:
                case message_kind::publication:
                case message_kind::cancel: return send_to_listeners(std::move(m));
                default: return send_to_inbox(std::move(m));
            }
        }
        ANTIPHON_CATCH_ALL { return failure::current(executed::no); }
    }
    [[nodiscard]] result<void> listen(std::string_view pattern, std::string_view group, std::shared_ptr<receiver> to) override {
        parking_lock::scope const hold{lock_};
        members& m = route_of(pattern)[std::string{group}];
        m.list.push_back(std::move(to));
        return {};
    }
    [[nodiscard]] result<void> open(inbox_id inbox, std::shared_ptr<receiver> to) override {
        parking_lock::scope const hold{lock_};
        inboxes_[inbox] = std::move(to);
        return {};
    }
    void leave(receiver& whom) noexcept override {
        std::shared_ptr<receiver> gone;  // dies outside the lock: all that go are one receiver's
        parking_lock::scope const hold{lock_};
        auto const leave_groups = [&](groups& all) {
            for (auto& [name, m] : all)
                std::erase_if(m.list, [&](std::shared_ptr<receiver> const& each) { return is(each, whom, gone); });
            std::erase_if(all, [](auto const& each) { return each.second.list.empty(); });
        };
        for (auto& [subject, all] : exact_)
            leave_groups(all);
        std::erase_if(exact_, [](auto const& each) { return each.second.empty(); });
        for (auto& [pattern, all] : patterns_)
            leave_groups(all);
        std::erase_if(patterns_, [](auto const& each) { return each.second.empty(); });
        std::erase_if(inboxes_, [&](auto const& each) { return is(each.second, whom, gone); });
    }
    [[nodiscard]] std::size_t max_body() const noexcept override { return options_.max_body; }
    [[nodiscard]] any_executor executor() const override { return executor_; }

    void go_down() {
        if (down_.exchange(true, std::memory_order_acq_rel)) return;
        std::vector<std::shared_ptr<receiver>> told;
        {
            parking_lock::scope const hold{lock_};
            for (auto const& [inbox, to] : inboxes_)
                told.push_back(to);
        }
        for (std::shared_ptr<receiver> const& each : told)
            each->on_disconnected();
    }
    void come_up() noexcept { down_.store(false, std::memory_order_release); }
    [[nodiscard]] bool down() const noexcept { return down_.load(std::memory_order_acquire); }

private:
    struct members {
        std::vector<std::shared_ptr<receiver>> list;
        std::size_t turn = 0;
        [[nodiscard]] std::shared_ptr<receiver> const& next() noexcept {
            turn = turn + 1 < list.size() ? turn + 1 : 0;
            return list[turn];
        }
    };
    using groups = std::map<std::string, members, std::less<>>;
    struct inbox_hash {
        [[nodiscard]] std::size_t operator()(inbox_id const& i) const noexcept { return static_cast<std::size_t>(i.low); }
    };
    struct subject_hash {
        using is_transparent = void;
        [[nodiscard]] std::size_t operator()(std::string_view s) const noexcept { return std::hash<std::string_view>{}(s); }
    };

    /// A message on its way. It deletes itself.
    class flight final : public timer {
    public:
        flight(std::shared_ptr<loopback_broker> over, std::shared_ptr<receiver> to, message&& m)
            : over_{std::move(over)}, to_{std::move(to)}, message_{std::move(m)} {}
        void fire() noexcept override {
            std::unique_ptr<flight> const gone{this};
            if (!over_->down()) to_->on_message(std::move(message_));
        }

    private:
        std::shared_ptr<loopback_broker> over_;
        std::shared_ptr<receiver> to_;
        message message_;
    };

    [[nodiscard]] static bool is(std::shared_ptr<receiver> const& each, receiver& whom, std::shared_ptr<receiver>& gone) noexcept {
        if (each.get() != &whom) return false;
        gone = each;
        return true;
    }
    [[nodiscard]] groups& route_of(std::string_view pattern) {
        if (!has_wildcard(pattern)) return exact_[std::string{pattern}];
        for (auto& [known, all] : patterns_)
            if (known == pattern) return all;
        return patterns_.emplace_back(std::string{pattern}, groups{}).second;
    }
    [[nodiscard]] result<void> send_to_listeners(message&& m) {
        std::shared_ptr<receiver> first;
        std::vector<std::shared_ptr<receiver>> others;
        {
            parking_lock::scope const hold{lock_};
            auto const add = [&](std::shared_ptr<receiver> const& to) {
                if (first == nullptr) {
                    first = to;
                } else {
                    others.push_back(to);
                }
            };
            auto const add_all = [&](groups& all) {
                for (auto& [name, group] : all) {
                    if (!name.empty() && m.kind != message_kind::cancel) {
                        add(group.next());
                        continue;
                    }
                    for (std::shared_ptr<receiver> const& each : group.list)
                        add(each);  // nobody knows which member has what is cancelled
                }
            };
            if (auto const at = exact_.find(m.subject); at != exact_.end()) add_all(at->second);
            for (auto& [pattern, all] : patterns_)
                if (matches(pattern, m.subject)) add_all(all);
        }
        if (first == nullptr) {
            if (m.kind != message_kind::ask) return {};
            return failure{errc::unavailable, executed::no, "nobody serves this subject"};
        }
        for (std::shared_ptr<receiver> const& each : others)
            deliver(each, message{m});
        deliver(first, std::move(m));
        return {};
    }
    [[nodiscard]] result<void> send_to_inbox(message&& m) {
        std::shared_ptr<receiver> to;
        {
            parking_lock::scope const hold{lock_};
            if (auto const at = inboxes_.find(m.inbox); at != inboxes_.end()) to = at->second;
        }
        if (to != nullptr) deliver(to, std::move(m));
        return {};
    }
    void deliver(std::shared_ptr<receiver> const& to, message&& m) {
        if (!troubled_) return to->on_message(std::move(m));
        bool const dropped = chance() < options_.drops;
        bool const doubled = chance() < options_.duplicates;
        if (dropped) return;
        if (doubled) fly(to, message{m});
        fly(to, std::move(m));
    }
    void fly(std::shared_ptr<receiver> const& to, message&& m) {
        if (!options_.latency) return to->on_message(std::move(m));
        auto away = std::make_unique<flight>(shared_from_this(), to, std::move(m));
        executor_.arm(*away, saturating_add(executor_.now(), options_.latency(bits())));
        static_cast<void>(away.release());
    }
    [[nodiscard]] std::uint64_t bits() {
        if (executor_.own_clock()) return executor_.random();
        parking_lock::scope const hold{dice_lock_};
        return dice_();
    }
    [[nodiscard]] double chance() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

    any_executor const executor_;
    loopback_options const options_;
    bool const troubled_;
    std::atomic<bool> down_{false};
    parking_lock dice_lock_;
    random_source dice_;  // guarded by dice_lock_

    parking_lock lock_;
    // Guarded by lock_:
    std::unordered_map<std::string, groups, subject_hash, std::equal_to<>> exact_;
    std::vector<std::pair<std::string, groups>> patterns_;
    std::unordered_map<inbox_id, std::shared_ptr<receiver>, inbox_hash> inboxes_;
};

}  // namespace detail

/// A broker in the process (`transport`): subjects with wildcards, groups that share the work in turn, and the word, at once, that nobody
/// listens. Copies are the same broker.
/// **Threads**: any. Without latencies a message is delivered inside `send`, by the thread that sends.
/// **Errors**: the constructor throws `std::invalid_argument` for nonsensical options.
/// **Cost**: one lock a message. **Time**: the clock and the chance of the executor that it is made with; under `testing::simulation`
/// a run replays.
class loopback {
public:
    explicit loopback(loopback_options options = {}) : loopback{any_executor{}, std::move(options), 0} {}
    /// In the time of `place` (a context or an executor): what is asked over it without naming an executor runs there, too.
    template <class Place>
        requires(!std::is_same_v<std::remove_cv_t<Place>, loopback> && (execution_context<Place> || executor<std::remove_cv_t<Place>>))
    explicit loopback(Place& place, loopback_options options = {})
        : loopback{any_executor{executor_of(place)}, std::move(options), 0} {}

    [[nodiscard]] std::shared_ptr<messaging::connection> connection() const noexcept { return broker_; }

    /// An outage begins: every client hears that its connection is lost, what is under way is lost, and nothing is taken.
    void disconnect() { broker_->go_down(); }
    void reconnect() noexcept { broker_->come_up(); }

private:
    loopback(any_executor executor, loopback_options options, int) {
        auto const check = [](double probability, char const* text) {
            antiphon::detail::require(probability >= 0 && probability <= 1, text);
        };
        check(options.drops, "loopback_options.drops: must be from 0 to 1");
        check(options.duplicates, "loopback_options.duplicates: must be from 0 to 1");
        antiphon::detail::require(options.max_body != 0, "loopback_options.max_body: must not be zero");
        broker_ = std::make_shared<detail::loopback_broker>(std::move(executor), std::move(options));
    }

    std::shared_ptr<detail::loopback_broker> broker_;
};

static_assert(transport<loopback>);

}  // namespace antiphon::messaging
