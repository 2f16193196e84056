// SPDX-License-Identifier: BSL-1.0
// Policies that would report to an observer, without one. Compiled once more as `unobservable`, where nobody can be one: that is what
// looking for it costs.
#include "antiphon/antiphon.hpp"
#include "instructions/body.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

int main(int argc, char** argv) {
    int const n = operations(argc, argv);
    auto const asked = ap::request{[](int x) { return body(x); }} | ap::timeout{.limit = 1h} | ap::circuit_breaker{} | ap::retry{} |
                       ap::fallback(0) | ap::concurrency_limit{{.max_concurrent = 10}} | ap::starts_on(ap::inline_executor{});
    int x = 0;
    for (int i = 0; i < n; ++i)
        x = *asked.submit(x).get();
    return x == 1;
}
