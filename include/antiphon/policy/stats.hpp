// SPDX-License-Identifier: BSL-1.0
#pragma once
// Counters and latencies of a request: an observer that is cheap enough to leave in.

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/errc.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/request/observer.hpp"
#include "antiphon/policy/detail/latency_cells.hpp"
#include "antiphon/policy/observe.hpp"

namespace antiphon {

/// How long things took. Every duration that it gives is within 1 % of the true one (up to 19 hours; what is longer counts as that).
/// **Cost**: 20 kB once something was added; `percentile` and `mean` walk through it.
class latency_histogram {
public:
    /// `n` things took `d`; a negative `d` counts as zero.
    void add(duration d, std::uint64_t n = 1) { add_cell(detail::latency_cells::index(d), n); }
    void merge(latency_histogram const& other) {
        for (std::size_t i = 0; i != other.cells_.size(); ++i)
            if (other.cells_[i] != 0) add_cell(i, other.cells_[i]);
    }
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    /// What at least the fraction `q` of all took at most: `percentile(0.99)`. The shortest for 0, the longest for 1; zero without any.
    /// **Errors**: `std::invalid_argument` for a `q` that is not from 0 to 1.
    [[nodiscard]] duration percentile(double q) const {
        detail::require(q >= 0 && q <= 1, "latency_histogram::percentile: q must be from 0 to 1");
        double const rank = q * static_cast<double>(count_);
        std::uint64_t const whole = static_cast<std::uint64_t>(rank);
        std::uint64_t const wanted = whole + (static_cast<double>(whole) < rank || whole == 0 ? 1 : 0);
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i != cells_.size(); ++i)
            if ((seen += cells_[i]) >= wanted) return detail::latency_cells::middle(i);
        return duration::zero();
    }
    /// Zero without any.
    [[nodiscard]] duration mean() const noexcept {
        if (count_ == 0) return duration::zero();
        double sum = 0;
        for (std::size_t i = 0; i != cells_.size(); ++i)
            sum += static_cast<double>(cells_[i]) * static_cast<double>(detail::latency_cells::middle(i).count());
        return duration{static_cast<duration::rep>(sum / static_cast<double>(count_) + 0.5)};
    }

private:
    friend class stats;
    void add_cell(std::size_t index, std::uint64_t n) {
        if (cells_.empty()) cells_.resize(detail::latency_cells::count);
        cells_[index] += n;
        count_ += n;
    }
    std::vector<std::uint64_t> cells_;
    std::uint64_t count_ = 0;
};

/// What a `stats` had counted. Taken while asks are under way, each number is right, but they are not of the same moment.
struct stats_snapshot {
    std::uint64_t asked = 0;
    std::uint64_t started = 0;  ///< handlers, of nested asks too
    std::uint64_t retried = 0;  ///< attempts after the first
    std::uint64_t hedged = 0;  ///< copies after the first
    std::uint64_t rejected = 0;  ///< by a policy inside
    std::uint64_t answered_by = 0;  ///< by a fallback, a cache, another flight
    std::uint64_t late = 0;  ///< answers that nobody waited for any more
    std::uint64_t expired = 0;  ///< of the failures: `errc::deadline_exceeded`
    std::uint64_t cancelled = 0;  ///< of the failures: `errc::cancelled`
    std::int64_t in_flight = 0;  ///< asked and not completed, whenever that was
    latency_histogram values;  ///< what those took that ended in a value
    latency_histogram failures;  ///< what those took that ended in a failure

    [[nodiscard]] std::uint64_t completed() const noexcept { return values.count() + failures.count(); }
};

struct stats_options {
    std::size_t stripes = 8;  ///< threads that record at once without meeting; rounded up to a power of two, 40 kB each
};

namespace detail {

/// Tells threads apart, for spreading only: what is counted does not depend on it.
[[nodiscard]] inline std::size_t thread_number() noexcept {
    static constinit std::atomic<std::size_t> next{1};
    static constinit thread_local std::size_t mine = 0;
    if (mine == 0) mine = next.fetch_add(1, std::memory_order_relaxed);  // relaxed: only distinct
    return mine;
}

/// Every counter is a sum over stripes, of which a thread uses one. All orders are relaxed: a counter guards nothing, and whoever
/// wants numbers of one moment waits for the asks, which makes what they counted visible.
class stats_core final : public counted, public observer {
    using cell = std::atomic<std::uint64_t>;

public:
    struct alignas(64) stripe {
        cell asked{0}, started{0}, retried{0}, hedged{0}, rejected{0}, answered_by{0}, late{0}, expired{0}, cancelled{0};
        alignas(64) cell values[latency_cells::count]{};
        cell failures[latency_cells::count]{};
    };

    explicit stats_core(std::size_t stripes) : mask_{std::bit_ceil(stripes) - 1}, stripes_(mask_ + 1) {}

    void asked() noexcept override { bump(mine().asked); }
    void started(std::uint32_t) noexcept override { bump(mine().started); }
    void retried(std::uint32_t, failure const&, duration) noexcept override { bump(mine().retried); }
    void hedged(std::uint32_t) noexcept override { bump(mine().hedged); }
    void rejected(char const*, failure const&) noexcept override { bump(mine().rejected); }
    void answered_by(char const*) noexcept override { bump(mine().answered_by); }
    void late() noexcept override { bump(mine().late); }
    void completed(failure const* why, duration took) noexcept override {
        stripe& s = mine();
        if (why == nullptr) return bump(s.values[latency_cells::index(took)]);
        bump(s.failures[latency_cells::index(took)]);
        if (*why == errc::deadline_exceeded) bump(s.expired);
        if (*why == errc::cancelled) bump(s.cancelled);
    }

    [[nodiscard]] std::vector<stripe>& stripes() noexcept { return stripes_; }
    std::atomic<std::int64_t> carried{0};  ///< in flight at the last reset

private:
    static void bump(cell& c) noexcept { c.fetch_add(1, std::memory_order_relaxed); }
    [[nodiscard]] stripe& mine() noexcept { return stripes_[thread_number() & mask_]; }

    std::size_t mask_;
    std::vector<stripe> stripes_;
};

}  // namespace detail

/// `request | s`: counts what becomes of its asks, and how long they took. A handle: copies count together, and so do the requests
/// that one is put around.
/// **Threads**: any; recording is a few relaxed increments, and never waits. `snapshot` and `reset` may run beside it.
/// **Cost**: no allocation and no lock an ask; 40 kB a stripe, once. **Time**: see `observe`.
class stats {
public:
    using antiphon_policy = void;
    static constexpr bool abandons = false;
    template <class Layer, class... A>
    using ask = detail::observing_ask<Layer, A...>;

    explicit stats(stats_options options = {}) : core_{make(options)} {}

    [[nodiscard]] stats_snapshot snapshot() const {
        return collect([](auto& cell) { return cell.load(std::memory_order_relaxed); }, core_->carried.load(std::memory_order_relaxed));
    }
    /// The same, and starts again from zero: the snapshots of successive resets add up to everything, nothing is lost between
    /// them. Asks in flight stay so, and count where they complete.
    stats_snapshot reset() const {
        stats_snapshot s = collect([](auto& cell) { return cell.exchange(0, std::memory_order_relaxed); }, 0);
        s.in_flight += core_->carried.fetch_add(s.in_flight, std::memory_order_relaxed);
        return s;
    }

    [[nodiscard]] observer& target() const noexcept { return *core_; }
    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::wrap(*this, std::move(r));
    }

private:
    static detail::stats_core* make(stats_options const& o) {
        detail::require(o.stripes != 0 && o.stripes <= 4096, "stats_options.stripes: must be from 1 to 4096");
        return new detail::stats_core{o.stripes};
    }
    template <class Read>
    [[nodiscard]] stats_snapshot collect(Read const read, std::int64_t carried) const {
        stats_snapshot s;
        for (auto& from : core_->stripes()) {
            for (std::size_t i = 0; i != detail::latency_cells::count; ++i) {
                if (std::uint64_t const n = read(from.values[i])) s.values.add_cell(i, n);
                if (std::uint64_t const n = read(from.failures[i])) s.failures.add_cell(i, n);
            }
            s.asked += read(from.asked);
            s.started += read(from.started);
            s.retried += read(from.retried);
            s.hedged += read(from.hedged);
            s.rejected += read(from.rejected);
            s.answered_by += read(from.answered_by);
            s.late += read(from.late);
            s.expired += read(from.expired);
            s.cancelled += read(from.cancelled);
        }
        s.in_flight = carried + static_cast<std::int64_t>(s.asked) - static_cast<std::int64_t>(s.completed());
        return s;
    }

    shared_core<detail::stats_core> core_;
};

static_assert(policy<stats> && sizeof(stats) == sizeof(void*));

}  // namespace antiphon
