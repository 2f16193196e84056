// SPDX-License-Identifier: BSL-1.0
// A layer with an observer that does nothing; where there is none, this is not there.
#include "antiphon/antiphon.hpp"
#include "instructions/body.hpp"

namespace ap = antiphon;

struct deaf final : ap::observer {};

int main(int argc, char** argv) {
    int const n = operations(argc, argv);
    deaf nobody;
    auto const asked = ap::request{[](int x) { return body(x); }} | ap::observe(&nobody) | ap::starts_on(ap::inline_executor{});
    int x = 0;
    for (int i = 0; i < n; ++i)
        x = *asked.submit(x).get();
    return x == 1;
}
