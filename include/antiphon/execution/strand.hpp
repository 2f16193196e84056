// SPDX-License-Identifier: BSL-1.0
#pragma once
// The asynchronous mutex: an executor that runs its work one at a time, in order, on another executor.

#include <concepts>
#include <cstdint>
#include <exception>
#include <type_traits>
#include <utility>

#include "antiphon/core/time.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/detail/strand_core.hpp"
#include "antiphon/execution/executor.hpp"
#include "antiphon/execution/here.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/execution/timer.hpp"

namespace antiphon {

/// Runs posted work one at a time, in the order of posting, on the executor given. Copies are the same strand.
/// **Threads**: any. What one job wrote, the next one sees.
/// **Errors**: when the underlying executor refuses or drops the strand's turn, everything queued is rejected with that code; what its
/// `execute` throws passes through the `execute` that met it. A job that blocks on its own strand would never end: `assist` says so.
/// **Cost**: one allocation a strand, none a job; one job at a time in the underlying queue, for up to 64 of the strand's.
/// **Time**: the underlying executor's clock, timers and randomness.
class strand {
public:
    /// Over a context (`strand{pool}`) or an executor by value.
    template <class Place>
        requires(!std::same_as<std::remove_cvref_t<Place>, strand> &&
                 (execution_context<std::remove_reference_t<Place>> || executor<std::remove_cvref_t<Place>>))
    explicit strand(Place&& place) : core_{new detail::strand_core{any_executor{executor_of(place)}}} {}

    void execute(work job) const {
        if (work_item* const item = job.release()) core_->post(*item);
    }
    [[nodiscard]] void const* place() const noexcept { return core_.get(); }
    /// False: only the whole queue, in order, may be helped along, through `assist`.
    [[nodiscard]] bool claimable() const noexcept { return false; }
    /// Inside the strand: `would_deadlock`. Where the underlying executor lets waiters run its work: the strand's next job runs here.
    assistance assist() const noexcept { return core_->assist(); }

    /// Whether the calling thread is running a job of this strand, at any depth.
    [[nodiscard]] bool running_here() const noexcept { return place_scope::inside(core_.get()); }

    [[nodiscard]] time_point now() const { return core_->below().now(); }
    void arm(timer& t, time_point when) const { core_->below().arm(t, when); }
    bool disarm(timer& t) const noexcept { return core_->below().disarm(t); }
    [[nodiscard]] std::uint64_t random() const { return core_->below().random(); }
    void unhandled(std::exception_ptr e) const noexcept { core_->below().unhandled(std::move(e)); }
    [[nodiscard]] bool forked() const noexcept { return core_->below().forked(); }

    [[nodiscard]] bool operator==(strand const&) const noexcept = default;

private:
    shared_core<detail::strand_core> core_;
};

static_assert(executor<strand>);
static_assert(sizeof(strand) == sizeof(void*));

}  // namespace antiphon
