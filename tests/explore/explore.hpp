// SPDX-License-Identifier: BSL-1.0
#pragma once
// What an explorer test includes: how it is declared, and what its body may say. docs/exploring.md explains.

#include <cstdint>
#include <string>
#include <vector>

#include "engine/basics.hpp"

namespace explore {

/// How a test is explored, and what it must show.
struct plan {
    enum class way {
        complete,  ///< every schedule, up to the order of operations that commute
        bounded,   ///< every schedule with at most `preemptions`
        random     ///< so many random ones
    };
    way search = way::complete;
    unsigned preemptions = 2;
    unsigned stale_reads = 2;          ///< an execution's loads that return something older than the last store
    unsigned surprises = 1;            ///< an execution's wake-ups and failures of weak exchanges without a reason
    unsigned failing_allocations = 0;  ///< an execution's, each in turn
    bool failing_for_ever = false;     ///< and all that follow
    unsigned failing_threads = 0;
    unsigned steps = 20'000;
    /// The search ends after so many, where it is not complete before. The nightly form multiplies it. A complete search is made without
    /// stale reads and surprises first, then with them; what is left over when it is not complete goes to random schedules.
    std::uint64_t schedules = 30'000;
    fault finds = fault::none;  ///< the fault that the search must find; otherwise it must find none
    /// Where given, the values that `outcome` was told, over all schedules: exactly these.
    std::vector<unsigned> outcomes = {};
};

/// True where the caller wants it: `explore::check(answered == 1, "answered once")`.
void check(bool holds, char const* what);
/// Adds to the outcomes of this execution's test.
void outcome(unsigned value);
/// One of so many, each tried.
[[nodiscard]] unsigned any_of(unsigned options);
/// While one lives, allocations do not fail.
class untroubled {
public:
    untroubled();
    ~untroubled();
    untroubled(untroubled const&) = delete;
    untroubled& operator=(untroubled const&) = delete;

private:
    bool before_;
};

class test {
public:
    test(char const* sentence, char const* file, plan const& how, void (*body)());
    char const* const sentence;
    char const* const file;
    plan const how;
    void (*const body)();
};

#define EXPLORE_JOIN2(a, b) a##b
#define EXPLORE_JOIN(a, b) EXPLORE_JOIN2(a, b)
/// EXPLORE("sentence", plan) { body }
#define EXPLORE(sentence, ...)                                                                                  \
    static void EXPLORE_JOIN(explored_, __LINE__)();                                                            \
    static explore::test const EXPLORE_JOIN(declared_, __LINE__){sentence, __FILE__, explore::plan __VA_ARGS__, \
                                                                 EXPLORE_JOIN(explored_, __LINE__)};            \
    static void EXPLORE_JOIN(explored_, __LINE__)()

}  // namespace explore
