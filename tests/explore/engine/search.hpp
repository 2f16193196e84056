// SPDX-License-Identifier: BSL-1.0
#pragma once
// Which schedule comes next: the trail of decisions that makes an execution, and strategies that lay it.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "basics.hpp"

namespace explore {

/// One decision. Everything else in an execution is determined.
struct decision {
    bool schedules;        ///< who goes on; otherwise which of several outcomes an operation has
    std::uint8_t chosen;   ///< a thread (or the clock), or an outcome, of which 0 is the ordinary one
    std::uint8_t options;  ///< how many outcomes there were
};

/// `A3.2B+1*`: thread 0 three times, twice the ordinary outcome, thread 1, outcome 1, the clock.
[[nodiscard]] std::string to_text(std::vector<decision> const& trail);
/// Throws nothing: what cannot be read ends the trail.
[[nodiscard]] std::vector<decision> from_text(std::string const& text);

/// What a strategy sees of the program before each operation.
struct situation {
    thread_set enabled;       ///< may include the clock
    unsigned current;         ///< who came last; `nobody` at the beginning
    operation const* next;    ///< for each thread and the clock, what it will do
};

/// Decides. An execution asks `schedule` before each operation and `outcome` within some, and reports each operation as done.
class strategy {
public:
    static constexpr unsigned abandon = ~0u;

    virtual ~strategy() = default;
    /// Who goes on, or `abandon`: whatever comes from here has been seen in another order.
    [[nodiscard]] virtual unsigned schedule(situation const& now) = 0;
    [[nodiscard]] virtual unsigned outcome(unsigned options) = 0;
    virtual void did([[maybe_unused]] unsigned thread, [[maybe_unused]] operation const& o) {}
    /// The second thread could not go on but for what the first has just done.
    virtual void woke([[maybe_unused]] unsigned waker, [[maybe_unused]] unsigned woken) {}
    /// Called between executions; false when there is nothing left to try.
    [[nodiscard]] virtual bool next() = 0;
};

/// Every schedule, but for those that differ from one seen only in the order of operations that commute: dynamic partial-order
/// reduction with sleep sets.
/// **Source**: Flanagan, Godefroid, "Dynamic partial-order reduction for model checking software", POPL 2005; Godefroid, "Partial-order
/// methods for the verification of concurrent systems", 1996.
[[nodiscard]] std::unique_ptr<strategy> every_order();
/// Every schedule with at most so many preemptions: switches away from a thread that could go on.
/// **Source**: Musuvathi, Qadeer, "Iterative context bounding for systematic testing of multithreaded programs", PLDI 2007.
[[nodiscard]] std::unique_ptr<strategy> few_preemptions(unsigned bound);
/// Random schedules. Every other execution runs the threads by random priorities that change at `depth - 1` random points.
/// **Source**: Burckhardt, Kothari, Musuvathi, Nagarakatte, "A randomized scheduler with probabilistic guarantees of finding bugs",
/// ASPLOS 2010.
[[nodiscard]] std::unique_ptr<strategy> at_random(std::uint64_t seed, unsigned depth);
/// One schedule, from its trail; what lies beyond it is ordinary.
[[nodiscard]] std::unique_ptr<strategy> replay(std::vector<decision> trail);

}  // namespace explore
