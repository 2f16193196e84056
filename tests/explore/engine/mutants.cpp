// SPDX-License-Identifier: BSL-1.0
#include "mutants.hpp"

#include <bitset>
#include <cstddef>
#include <cstdio>

namespace {

struct mutants {
    unsigned alive = 0;
    std::bitset<4096> reached;
};

/// On the heap: the program's static variables are put back before each execution.
mutants& all() {
    static mutants* const made = new mutants;
    return *made;
}

}  // namespace

bool explore_mutant(unsigned number) noexcept {
    mutants& m = all();
    m.reached.set(number);
    return m.alive == number;
}

namespace explore {

void let_live(unsigned mutant) noexcept { all().alive = mutant; }
bool one_lives() noexcept { return all().alive != 0; }
void print_reached() {
    std::printf("  reached:");
    for (std::size_t i = 0; i < all().reached.size(); ++i)
        if (all().reached[i]) std::printf(" %zu", i);
    std::printf("\n");
    all().reached.reset();
}

}  // namespace explore
