// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that finds out how many asks may be under way at once.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "antiphon/core/arithmetic.hpp"
#include "antiphon/core/contract.hpp"
#include "antiphon/core/errc.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/policy/detail/limit_core.hpp"
#include "antiphon/policy/detail/limit_estimators.hpp"
#include "antiphon/policy/detail/limited_ask.hpp"

namespace antiphon {

/// How an `adaptive_limit` learns.
enum class limit_algorithm : std::uint8_t {
    aimd,     ///< × 0.9 when an ask is dropped or slower than `slow`; else + 1 while at least half of the limit is used
    vegas,    ///< by the queue that the latency tells of: L (1 − shortest / now), against 3 and 6 times log₁₀ L
    gradient  ///< by the ratio of the long run's latency to this one's, with room for a queue of 4
};

struct adaptive_limit_options {
    limit_algorithm algorithm = limit_algorithm::gradient;
    std::optional<int> initial{};  ///< 20, or whatever of `min` to `max` is nearest to that, unless given
    int min = 1;
    int max = 1000;
    any_duration slow = std::chrono::seconds{5};  ///< of `aimd`: what takes longer is as bad as a drop
    int max_queue = 0;                        ///< how many may stand in line
    any_duration max_wait = duration::max();      ///< how long
    /// A name, and the share of the limit, more than 0 and at most 1, that it is guaranteed.
    struct partition {
        std::string name;
        double share = 0;
    };
    std::vector<partition> partitions{};
};

struct adaptive_limit_metrics {
    std::uint32_t limit = 0;      ///< now
    std::uint32_t in_flight = 0;  ///< now
    std::uint32_t queued = 0;     ///< now
    std::uint64_t admitted = 0;
    std::uint64_t delayed = 0;    ///< stood in line
    std::uint64_t rejected = 0;   ///< at once, or after `max_wait`
    std::uint64_t dropped = 0;    ///< answers that the limit took for signs of overload
};

namespace detail {

class adaptive_core final : public limit_core {
public:
    explicit adaptive_core(adaptive_limit_options const& o)
        : limit_core{first(o), static_cast<std::uint32_t>(o.max_queue)},
          least_{static_cast<double>(o.min)},
          most_{static_cast<double>(o.max)},
          exact_{static_cast<double>(first(o))},
          estimator_{gradient_estimator{}} {
        if (o.algorithm == limit_algorithm::aimd) estimator_ = aimd_estimator{o.slow};
        if (o.algorithm == limit_algorithm::vegas) estimator_ = vegas_estimator{};
        for (auto const& each : o.partitions) {
            static_cast<void>(guarantee(each.share));
            names_.push_back(each.name);
        }
    }
    /// From 1; 0 for none of them.
    [[nodiscard]] std::uint32_t place_of(std::string_view name) const noexcept {
        for (std::size_t i = 0; i < names_.size(); ++i)
            if (names_[i] == name) return static_cast<std::uint32_t>(i) + 1;
        return 0;
    }

    /// An ask has ended; `why` is null for a value.
    void learn(failure const* why, duration took, std::uint32_t in_flight, delivery how) noexcept {
        bool const dropped = why != nullptr && tells_of_overload(*why);
        if (why != nullptr && !dropped) return;
        {
            parking_lock::scope const hold{lock_};
            dropped_ += dropped;
            limit_sample const seen{took, in_flight, dropped, !dropped || why->executed() != executed::no};
            double const next = std::visit([&](auto& e) { return e.next(exact_, seen); }, estimator_);
            exact_ = detail::clamped(next, least_, most_);
            auto const whole = static_cast<std::uint32_t>(exact_);
            bool const more = whole > limit_;
            limit_ = whole;
            if (!more) return;
        }
        let_others_in(how);
    }
    [[nodiscard]] std::uint64_t dropped() noexcept {
        parking_lock::scope const hold{lock_};
        return dropped_;
    }

private:
    [[nodiscard]] static std::uint32_t first(adaptive_limit_options const& o) noexcept {
        return static_cast<std::uint32_t>(o.initial.value_or(detail::clamped(20, o.min, o.max)));
    }
    [[nodiscard]] static bool tells_of_overload(failure const& why) noexcept {
        return why == errc::deadline_exceeded || why == errc::overloaded || why == errc::resource_exhausted || why == errc::unavailable;
    }

    double const least_;
    double const most_;
    std::vector<std::string> names_;
    // Guarded by lock_:
    double exact_;
    std::variant<aimd_estimator, vegas_estimator, gradient_estimator> estimator_;
    std::uint64_t dropped_ = 0;
};

}  // namespace detail

/// `adaptive_limit guard{{.algorithm = limit_algorithm::vegas}};  request | guard`: a `concurrency_limit` whose limit follows what the
/// service bears, between `min` and `max`. It learns from how long values took, and from `deadline_exceeded`, `overloaded`,
/// `resource_exhausted` and `unavailable`, which it takes for drops; other failures tell it nothing.
/// `request | guard.partition("batch")`: asks of a partition go in while it has less than its share of the limit, whatever the others
/// use; what is left is everybody's.
/// **Threads**: any. **Errors**: refuses with `errc::overloaded`, `executed::no`. Nonsense, and an unknown partition, is refused with
/// `std::invalid_argument`. **Time**: the ask's executor's clock. **Cost**: two readings of it and three short locks; no allocation beyond
/// the ask's. **Source**: Netflix concurrency-limits.
class adaptive_limit {
public:
    using antiphon_policy = void;
    static constexpr bool abandons = false;
    static constexpr char const* name = "adaptive_limit";
    static constexpr bool learns = true;
    template <class Layer, class... A>
    using ask = detail::limited_ask<Layer, A...>;

    explicit adaptive_limit(adaptive_limit_options const& options = {})
        : core_{make(options)}, max_wait_{options.max_wait}, max_queue_{options.max_queue} {}

    /// The same limit, for asks of one of its partitions.
    [[nodiscard]] adaptive_limit partition(std::string_view which) const {
        adaptive_limit mine{*this};
        mine.place_ = core_->place_of(which);
        detail::require(mine.place_ != 0, "adaptive_limit.partition: there is none of this name");
        return mine;
    }

    [[nodiscard]] std::size_t limit() const noexcept { return core_->read().limit; }
    [[nodiscard]] std::size_t in_flight() const noexcept { return core_->read().in_flight; }
    [[nodiscard]] std::size_t queued() const noexcept { return core_->read().queued; }
    [[nodiscard]] adaptive_limit_metrics metrics() const noexcept {
        auto const r = core_->read();
        return {r.limit, r.in_flight, r.queued, r.admitted, r.delayed, r.rejected, core_->dropped()};
    }

    // For the asks:
    [[nodiscard]] detail::adaptive_core& core() const noexcept { return *core_; }
    [[nodiscard]] std::uint32_t place() const noexcept { return place_; }
    [[nodiscard]] duration max_wait() const noexcept { return max_wait_; }
    [[nodiscard]] int max_queue() const noexcept { return max_queue_; }
    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::wrap(*this, std::move(r));
    }

private:
    static detail::adaptive_core* make(adaptive_limit_options const& o) {
        detail::require(o.min >= 1, "adaptive_limit.min: must be at least 1");
        detail::require(o.max >= o.min, "adaptive_limit.max: must be at least min");
        detail::require(!o.initial || (*o.initial >= o.min && *o.initial <= o.max), "adaptive_limit.initial: must be from min to max");
        detail::require(o.slow > duration::zero(), "adaptive_limit.slow: must be more than zero");
        detail::require(o.max_queue >= 0, "adaptive_limit.max_queue: must not be negative");
        detail::require(o.max_wait >= duration::zero(), "adaptive_limit.max_wait: must not be negative");
        double sum = 0;
        for (auto const& each : o.partitions) {
            detail::require(each.share > 0 && each.share <= 1, "adaptive_limit.partitions: a share must be more than 0 and at most 1");
            sum += each.share;
        }
        detail::require(sum <= 1 + 1e-9, "adaptive_limit.partitions: the shares must be at most 1 together");
        return new detail::adaptive_core{o};
    }

    shared_core<detail::adaptive_core> core_;
    duration max_wait_;
    int max_queue_;
    std::uint32_t place_ = 0;
};

static_assert(policy<adaptive_limit>);

}  // namespace antiphon
