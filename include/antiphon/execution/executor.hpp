// SPDX-License-Identifier: BSL-1.0
#pragma once
// Where a request runs: the executor concept, and what an executor may offer beyond execute().

#include <concepts>
#include <cstdint>
#include <exception>
#include <type_traits>
#include <utility>

#include "antiphon/core/time.hpp"
#include "antiphon/core/work.hpp"

namespace antiphon {

/// Copyable, and takes work: that is all. Whatever `execute` does with the work (runs it, queues it, drops it, throws),
/// its request is decided.
///
/// An executor may also offer, each as a const member, what the library otherwise supplies:
/// | member | default |
/// |---|---|
/// | `time_point now()` | `clock::now()` |
/// | `void arm(timer&, time_point)`, `bool disarm(timer&)` | the process-wide timer thread |
/// | `std::uint64_t random()` | a fixed-seed generator of the process |
/// | `void const* place()` | no identity: continuations are always sent through `execute` |
/// | `bool claimable()` | false: a waiter must not run this executor's work itself |
/// | `assistance assist()` | nothing: a waiter sleeps |
/// | `void unhandled(std::exception_ptr)` | `std::terminate` |
/// | `bool forked()` | false |
///
/// Two facts follow from its type: one that offers `now()` has a clock of its own, so that only its own timers know when a moment has
/// come (`any_executor::own_clock`); `inline_executor`, and no other, runs work wherever it is posted (`any_executor::runs_in_place`).
template <class E>
concept executor = requires(E const& e, work job) { e.execute(std::move(job)); } && std::copy_constructible<E>;

/// Something that owns threads or a queue and hands out executors to it (`thread_pool`, `manual_executor`, `simulation`).
template <class C>
concept execution_context = requires(C& c) {
    { c.get_executor() } -> executor;
};

/// What a thread that is about to block on an executor's work should do; the answer of `assist()`.
enum class assistance {
    none,            ///< sleep until the answer arrives
    progress,        ///< something was run; look again
    would_deadlock,  ///< this thread is the one that would have to run it: the wait could never end
};

/// The executor of a context, or the executor itself.
template <class T>
    requires execution_context<T> || executor<std::remove_cvref_t<T>>
[[nodiscard]] auto executor_of(T& place) {
    if constexpr (execution_context<T>) {
        return place.get_executor();
    } else {
        return place;
    }
}

}  // namespace antiphon
