// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that refuses now what would have to stand in line, and, if it is told to, what the other side would refuse anyway.

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/errc.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/policy/detail/guarding_ask.hpp"

namespace antiphon {

struct load_shed_options {
    bool throttle = false;  ///< reject by chance what the other side would likely refuse
    double k = 2;           ///< asks per accepted one from which on it does; smaller rejects sooner
    any_duration window = std::chrono::minutes{2};  ///< over which asks and acceptances are counted
};

struct load_shed_metrics {
    std::uint64_t asked = 0;     ///< in the window, rejected ones included; 0 without `throttle`
    std::uint64_t accepted = 0;  ///< in the window
    double rejects = 0;          ///< the probability for the next ask
    std::uint64_t rejected = 0;  ///< by chance, ever
};

namespace detail {

template <class Layer, class... A>
class shedding_ask;

/// A ring of parts of the window. **Threads**: any; one lock.
class throttle_core final : public counted {
public:
    explicit throttle_core(load_shed_options const& o) noexcept : throttles_{o.throttle}, k_{o.k}, part_{o.window / parts} {}

    [[nodiscard]] bool throttles() const noexcept { return throttles_; }
    /// An ask comes. False: it is rejected, by a number from 0 to 1 that `chance` gives where it is needed.
    template <class Chance>
    [[nodiscard]] bool admit(time_point now, Chance chance) noexcept {
        double const rejects = probability(now);
        bool const rejected = rejects > 0 && chance() < rejects;
        parking_lock::scope const hold{lock_};
        slide(now);
        ++ring_[at_].asked;
        ++sum_.asked;
        rejected_ += rejected;
        return !rejected;
    }
    void accept(time_point now) noexcept {
        parking_lock::scope const hold{lock_};
        slide(now);
        ++ring_[at_].accepted;
        ++sum_.accepted;
    }
    [[nodiscard]] double probability(time_point now) noexcept {
        parking_lock::scope const hold{lock_};
        slide(now);
        double const asked = static_cast<double>(sum_.asked);
        double const p = (asked - k_ * static_cast<double>(sum_.accepted)) / (asked + 1);
        return p > 0 ? p : 0;
    }
    [[nodiscard]] load_shed_metrics read(time_point now) noexcept {
        double const p = probability(now);
        parking_lock::scope const hold{lock_};
        return {sum_.asked, sum_.accepted, p, rejected_};
    }

private:
    static constexpr std::size_t parts = 24;
    struct counts {
        std::uint64_t asked = 0;
        std::uint64_t accepted = 0;
    };

    /// A clock that goes back, as another executor's may, stays in the part.
    void slide(time_point now) noexcept {
        if (!begun_) {
            begun_ = true;
            end_ = saturating_add(now, part_);
        }
        if (now < end_) return;
        auto const passed = saturating_sub(now, end_) / part_ + 1;
        for (duration::rep i = 0; i != passed && i != static_cast<duration::rep>(parts); ++i) {
            at_ = (at_ + 1) % parts;
            sum_.asked -= ring_[at_].asked;
            sum_.accepted -= ring_[at_].accepted;
            ring_[at_] = {};
        }
        end_ = saturating_add(end_, passed * part_);
    }

    bool const throttles_;
    double const k_;
    duration const part_;
    parking_lock lock_;
    // Guarded by lock_:
    bool begun_ = false;
    time_point end_{};  ///< of the current part
    std::array<counts, parts> ring_{};
    std::size_t at_ = 0;
    counts sum_;
    std::uint64_t rejected_ = 0;
};

}  // namespace detail

/// `request | load_shed{}`: whatever inside would make the ask stand in line (a `concurrency_limit`'s or `adaptive_limit`'s queue, a
/// `rate_limit`'s `max_wait`) refuses it at once instead. That travels inward like a deadline, into nested asks as well.
/// `load_shed guard{{.throttle = true}};  request | guard` also rejects by chance, with the probability
/// max(0, (asked − k · accepted) / (asked + 1)) over the window. Not accepted is what failed with `overloaded`, `resource_exhausted` or
/// `unavailable`; asks that were rejected here count as asked. Copies are handles to one count.
/// **Threads**: any. **Errors**: `errc::overloaded`, `executed::no`. Nonsense is refused with `std::invalid_argument`.
/// **Time**, chance: the ask's executor's. **Cost**: none beyond its layer; to throttle, two readings of the clock and three short locks.
/// **Source**: Google, Site Reliability Engineering, "Handling overload".
class load_shed {
public:
    using antiphon_policy = void;
    static constexpr bool abandons = false;
    template <class Layer, class... A>
    using ask = detail::shedding_ask<Layer, A...>;

    explicit load_shed(load_shed_options const& options = {}) : core_{make(options)} {}

    [[nodiscard]] load_shed_metrics metrics(time_point now) const noexcept { return core_->read(now); }

    // For the asks:
    [[nodiscard]] detail::throttle_core& core() const noexcept { return *core_; }
    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::wrap(*this, std::move(r));
    }

private:
    static detail::throttle_core* make(load_shed_options const& o) {
        detail::require(o.k >= 1 && o.k <= 1e9, "load_shed.k: must be at least 1");
        detail::require(o.window >= std::chrono::milliseconds{1} && o.window != duration::max(),
                        "load_shed.window: must be at least a millisecond, and end");
        return new detail::throttle_core{o};
    }

    shared_core<detail::throttle_core> core_;
};

namespace detail {

template <class Layer, class... A>
class shedding_ask : public guarding_ask<Layer, A...> {
public:
    using R = typename Layer::result_type;
    template <class L, class... X>
    shedding_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : guarding_ask<Layer, A...>{std::move(executor_for), outer, std::forward<L>(layer), std::forward<X>(args)...},
          shed_{layer.policy()} {}

protected:
    ~shedding_ask() = default;
    void start() noexcept override {
        if (this->stop_requested()) return this->turn_away_stopped();
        this->inherited().may_queue = false;
        if (shed_.core().throttles() && !shed_.core().admit(this->executor().now(), [this] {
                return static_cast<double>(this->executor().random() >> 11) * 0x1p-53;
            }))
            return this->turn_away(failure{errc::overloaded, executed::no}, delivery::nested, "load_shed");
        this->admit();
    }
    void answered(result<R>& answer, delivery how) noexcept override {
        if (shed_.core().throttles() && (answer || accepted(answer.error()))) shed_.core().accept(this->executor().now());
        this->complete_from(answer, how);
    }

private:
    [[nodiscard]] static bool accepted(failure const& why) noexcept {
        return why != errc::overloaded && why != errc::resource_exhausted && why != errc::unavailable && why != errc::circuit_open;
    }

    load_shed shed_;
};

}  // namespace detail

static_assert(policy<load_shed> && sizeof(load_shed) == sizeof(void*));

}  // namespace antiphon
