// SPDX-License-Identifier: BSL-1.0
#include "antiphon/antiphon.hpp"
#include "instructions/body.hpp"

namespace ap = antiphon;

int main(int argc, char** argv) {
    int const n = operations(argc, argv);
    ap::manual_executor queue;
    auto const twice = ap::request{[](int x) { return body(x); }} | ap::starts_on(queue);
    long sum = 0;
    for (int i = 0; i < n; ++i) {
        twice.submit(i, [&sum](ap::result<int> r) { sum += *r; });
        static_cast<void>(queue.run());
    }
    return sum == 1;
}
