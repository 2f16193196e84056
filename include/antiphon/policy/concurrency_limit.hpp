// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that lets so many asks be under way at once.

#include <cstddef>
#include <cstdint>
#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/policy/detail/limit_core.hpp"
#include "antiphon/policy/detail/limited_ask.hpp"

namespace antiphon {

struct concurrency_limit_options {
    int max_concurrent = 0;                ///< no default
    int max_queue = 0;                     ///< how many may stand in line
    any_duration max_wait = duration::max();   ///< how long
};

struct concurrency_limit_metrics {
    std::uint32_t limit = 0;
    std::uint32_t in_flight = 0;  ///< now
    std::uint32_t queued = 0;     ///< now
    std::uint64_t admitted = 0;
    std::uint64_t delayed = 0;    ///< stood in line
    std::uint64_t rejected = 0;   ///< at once, or after `max_wait`
};

/// `concurrency_limit bulkhead{{.max_concurrent = 8, .max_queue = 16}};  request | bulkhead`. Copies are handles to one limit.
/// Who finds no permit stands in line, first come, first served; where the line is full, or after `max_wait`, an ask is refused. A
/// permit goes back with the answer, whichever that is. Where a policy inside may answer before its handler has ended (`timeout`,
/// `deadline`, `hedge`), it goes back when everything that the ask began has ended: a handler that ignores a stop request keeps it.
/// Each return lets in the first in line; one that leaves the line changes nothing for the others.
/// **Threads**: any. **Errors**: refuses with `errc::overloaded`, `executed::no`. Nonsense is refused with `std::invalid_argument`.
/// **Time**: the ask's executor's clock. **Cost**: two short locks, and a timer for who stands in line under a `max_wait`; no allocation
/// beyond the ask's.
class concurrency_limit {
public:
    using antiphon_policy = void;
    static constexpr bool abandons = false;
    static constexpr char const* name = "concurrency_limit";
    static constexpr bool learns = false;
    template <class Layer, class... A>
    using ask = detail::limited_ask<Layer, A...>;

    explicit concurrency_limit(concurrency_limit_options const& options)
        : core_{make(options)}, max_wait_{options.max_wait}, max_queue_{options.max_queue} {}

    /// From now on so many may be under way, for all handles. Where that is fewer than there are, none is let in until enough have ended; where it
    /// is more, those in line go in, begun by the calling thread one after another. **Errors**: at least 1 (`std::invalid_argument`).
    void set_max_concurrent(int limit) const {
        detail::require(limit >= 1, "concurrency_limit.max_concurrent: must be at least 1");
        core_->set_limit(static_cast<std::uint32_t>(limit));
    }
    [[nodiscard]] std::size_t in_flight() const noexcept { return core_->read().in_flight; }
    [[nodiscard]] std::size_t queued() const noexcept { return core_->read().queued; }
    [[nodiscard]] concurrency_limit_metrics metrics() const noexcept {
        auto const r = core_->read();
        return {r.limit, r.in_flight, r.queued, r.admitted, r.delayed, r.rejected};
    }

    // For the asks:
    [[nodiscard]] detail::limit_core& core() const noexcept { return *core_; }
    [[nodiscard]] static constexpr std::uint32_t place() noexcept { return 0; }
    [[nodiscard]] duration max_wait() const noexcept { return max_wait_; }
    [[nodiscard]] int max_queue() const noexcept { return max_queue_; }
    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::wrap(*this, std::move(r));
    }

private:
    static detail::limit_core* make(concurrency_limit_options const& o) {
        detail::require(o.max_concurrent >= 1, "concurrency_limit.max_concurrent: must be at least 1");
        detail::require(o.max_queue >= 0, "concurrency_limit.max_queue: must not be negative");
        detail::require(o.max_wait >= duration::zero(), "concurrency_limit.max_wait: must not be negative");
        return new detail::limit_core{static_cast<std::uint32_t>(o.max_concurrent), static_cast<std::uint32_t>(o.max_queue)};
    }

    shared_core<detail::limit_core> core_;
    duration max_wait_;
    int max_queue_;
};

static_assert(policy<concurrency_limit>);

}  // namespace antiphon
