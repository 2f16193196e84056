// SPDX-License-Identifier: BSL-1.0
// A timeout, a breaker, a retry and a timeout around an ask that succeeds at once.
#include "antiphon/antiphon.hpp"
#include "instructions/body.hpp"

namespace ap = antiphon;

int main(int argc, char** argv) {
    int const n = operations(argc, argv);
    auto const asked = ap::request{[](int x) { return body(x); }} | ap::standard{} | ap::starts_on(ap::inline_executor{});
    int x = 0;
    for (int i = 0; i < n; ++i)
        x = *asked.submit(x).get();
    return x == 1;
}
