// SPDX-License-Identifier: BSL-1.0
#pragma once
// How far an ask is: reported by its handler, watched by whoever holds its ticket.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "antiphon/execution/parking.hpp"
#include "antiphon/request/future.hpp"
#include "antiphon/request/promise.hpp"
#include "antiphon/request/ready_future.hpp"

namespace antiphon::http {

/// A handler whose first argument is a `progress` is given one by its route: `[](http::progress p, std::string body) -> task<…>`; what it
/// reports are the events of its ticket (`Accept: text/event-stream`). Where nobody can watch, reports go nowhere.
/// **Threads**: any; copies are one. Who watches is woken on its own executor. **Cost**: the newest report takes the place of the one
/// before, so that a slow watcher misses some, and costs nothing.
class progress {
public:
    struct news {
        std::uint64_t number;  ///< 1 for the first report
        std::string text;
    };

    /// Nobody watches.
    progress() = default;
    [[nodiscard]] static progress watched() {
        progress made;
        made.core_ = std::make_shared<core>();
        return made;
    }

    void report(std::string text) const {
        if (!core_) return;
        std::vector<promise<bool>> awake;
        {
            parking_lock::scope const hold{core_->lock};
            if (core_->over) return;  // else who goes on reporting would keep the answer from who watches
            ++core_->reports;
            core_->newest.swap(text);
            awake.swap(core_->watchers);
        }
        for (promise<bool>& each : awake)
            static_cast<void>(each.set_value(true));
    }

    // --- the watching side ---
    /// How many reports there were.
    [[nodiscard]] std::uint64_t count() const {
        if (!core_) return 0;
        parking_lock::scope const hold{core_->lock};
        return core_->reports;
    }
    /// The newest report, where it came after number `seen`.
    [[nodiscard]] std::optional<news> after(std::uint64_t seen) const {
        if (!core_) return std::nullopt;
        parking_lock::scope const hold{core_->lock};
        return core_->reports > seen ? std::optional{news{core_->reports, core_->newest}} : std::nullopt;
    }
    /// Ready once there is one, or it is over.
    [[nodiscard]] future<bool> changed(std::uint64_t seen) const {
        if (!core_) return make_future(true);
        std::vector<promise<bool>> deserted;  // dropped outside the lock
        promise<bool> fresh;
        future<bool> answer = fresh.get_future();
        parking_lock::scope hold{core_->lock};
        if (core_->reports > seen || core_->over) {
            hold.unlock();
            return make_future(true);
        }
        core_->take_deserted(deserted);
        core_->watchers.push_back(std::move(fresh));
        hold.unlock();
        return answer;
    }
    /// The ask has its answer: watchers wake.
    void end() const {
        if (!core_) return;
        std::vector<promise<bool>> awake;
        {
            parking_lock::scope const hold{core_->lock};
            core_->over = true;
            awake.swap(core_->watchers);
        }
        for (promise<bool>& each : awake)
            static_cast<void>(each.set_value(true));
    }

private:
    struct core {
        /// Those that have gone, before the vector would grow. Under the lock.
        void take_deserted(std::vector<promise<bool>>& into) {
            if (watchers.size() < watchers.capacity()) return;
            std::vector<promise<bool>> kept;
            kept.reserve(watchers.size() + 4);
            for (promise<bool>& each : watchers)
                if (!each.stop_requested()) kept.push_back(std::move(each));
            watchers.swap(kept);
            into = std::move(kept);
        }

        parking_lock lock;
        // Guarded by lock:
        std::uint64_t reports = 0;
        std::string newest;
        std::vector<promise<bool>> watchers;
        bool over = false;
    };
    std::shared_ptr<core> core_;
};

}  // namespace antiphon::http
