// SPDX-License-Identifier: BSL-1.0
#pragma once
// The mutants of tests/tools/mutate.py: small changes of the headers, each of which is made where its number is the living one's.

/// Whether this mutant lives. It stands in the mutated headers, and is not seen by the search.
extern "C" bool explore_mutant(unsigned number) noexcept;

namespace explore {

/// From now on this one lives; 0: none.
void let_live(unsigned mutant) noexcept;
/// Whether one does: then a search need not show all outcomes, unless it is complete.
[[nodiscard]] bool one_lives() noexcept;
/// Prints the mutants that were asked for since the last time.
void print_reached();

}  // namespace explore
