// SPDX-License-Identifier: BSL-1.0
#pragma once
// Turns callbacks that arrive into the answers of asks that wait for them.

#include <chrono>
#include <cstddef>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/request/future.hpp"
#include "antiphon/request/promise.hpp"
#include "antiphon/http/date.hpp"
#include "antiphon/http/detail/polling.hpp"
#include "antiphon/http/idempotency_key.hpp"
#include "antiphon/http/message.hpp"
#include "antiphon/http/url.hpp"
#include "antiphon/http/webhook.hpp"

namespace antiphon::http {

/// Whoever serves `base` hands what comes there to `accept`, and sends what that returns. `respond_async{.callback = receiver}` gives each
/// ask a URL of its own below `base`, which nobody can guess; the callback is the ask's answer if it comes before it.
/// **Threads**: any; copies share what they wait for. Answers are completed by the thread that calls `accept`, outside the lock.
/// **Errors** (as statuses): 405 for anything but POST; 404 where no ask ever waited, or nobody remembers it; 401 for a signature
/// that does not fit, 400 for one that is none; 410 where the ask has its answer or has gone; 200 for what was new, and for what
/// arrived twice, which is dropped by its id.
class webhook_receiver {
public:
    /// `remembered`: how many ids are kept to know what arrives twice.
    webhook_receiver(std::string base, webhook_signer signer, std::size_t remembered = 10'000)
        : core_{std::make_shared<core>(std::move(base), std::move(signer), remembered)} {
        antiphon::detail::require(remembered != 0, "webhook_receiver.remembered: must not be zero");
        if (!core_->base.ends_with('/')) core_->base += '/';
    }

    /// A URL, and the answer that is expected there.
    [[nodiscard]] expected_callback expect() const {
        std::string token = idempotency_key::make().text();
        promise<response> awaited;
        future<response> answer = awaited.get_future();
        std::vector<promise<response>> deserted;  // dropped outside the lock: whoever still holds one is told then
        {
            parking_lock::scope const hold{core_->lock};
            deserted = core_->take_deserted();
            core_->awaited.emplace(token, std::move(awaited));
        }
        return {core_->base + token, std::move(answer)};
    }
    [[nodiscard]] expected_callback operator()() const { return expect(); }

    /// What came, and what is to be answered.
    [[nodiscard]] response accept(request_message const& message, date_time now = today()) const {
        if (message.method != http::method{"POST"}) return said(405, "a webhook is posted");
        result<std::string> const id = core_->signer.verify(message.headers, message.body, now);
        if (!id) return said(id.error() == errc::invalid_argument ? 400 : 401, id.error().message());
        std::string const token = last_segment(message.target);
        std::optional<promise<response>> found;
        {
            parking_lock::scope const hold{core_->lock};
            auto const at = core_->awaited.find(token);
            if (core_->seen.contains(*id)) return said(200, "known already");
            if (at == core_->awaited.end()) return said(core_->answered.contains(token) ? 410 : 404, "nobody waits here");
            found.emplace(std::move(at->second));
            core_->awaited.erase(at);
            core_->remember(core_->answered, core_->answered_order, token);
            if (!found->stop_requested()) core_->remember(core_->seen, core_->seen_order, *id);
        }
        if (found->stop_requested()) return said(410, "nobody waits here any more");
        response answer{.status = 200, .body = message.body, .url = message.target};
        if (auto const type = message.headers.get("Content-Type")) static_cast<void>(answer.headers.add("Content-Type", *type));
        static_cast<void>(found->set_value(std::move(answer)));
        return said(200, "thank you");
    }
    /// How many asks wait.
    [[nodiscard]] std::size_t waiting() const noexcept {
        parking_lock::scope const hold{core_->lock};
        return core_->awaited.size();
    }

private:
    using names = std::unordered_set<std::string>;
    struct core {
        core(std::string b, webhook_signer s, std::size_t n) : base{std::move(b)}, signer{std::move(s)}, most{n} {}
        /// Under the lock.
        void remember(names& set, std::deque<std::string>& order, std::string const& name) {
            if (!set.insert(name).second) return;
            order.push_back(name);
            if (order.size() <= most) return;
            set.erase(order.front());
            order.pop_front();
        }
        /// Of asks that have gone. Under the lock. Amortised: only when there are twice as many as were left the last time.
        [[nodiscard]] std::vector<promise<response>> take_deserted() {
            std::vector<promise<response>> taken;
            if (awaited.size() < 2 * left + 16) return taken;
            for (auto at = awaited.begin(); at != awaited.end();) {
                if (at->second.stop_requested()) taken.push_back(std::move(at->second));
                at = at->second.valid() ? std::next(at) : awaited.erase(at);
            }
            left = awaited.size();
            return taken;
        }

        std::string base;
        webhook_signer const signer;
        std::size_t const most;
        parking_lock lock;
        std::unordered_map<std::string, promise<response>> awaited;
        names seen, answered;
        std::deque<std::string> seen_order, answered_order;
        std::size_t left = 0;
    };
    [[nodiscard]] static date_time today() noexcept {
        return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
    }
    [[nodiscard]] static response said(int status, std::string text) { return {.status = status, .body = std::move(text)}; }
    [[nodiscard]] static std::string last_segment(std::string_view target) {
        target = target.substr(0, target.find_first_of("?#"));
        return std::string{target.substr(target.rfind('/') + 1)};
    }

    std::shared_ptr<core> core_;
};

}  // namespace antiphon::http
