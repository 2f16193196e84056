// SPDX-License-Identifier: BSL-1.0
#include "antiphon/antiphon.hpp"
#include "instructions/body.hpp"

namespace ap = antiphon;

int main(int argc, char** argv) {
    int const n = operations(argc, argv);
    // Two handlers, so that the compiler cannot guess which one is behind the pointer.
    ap::request<int(int)> twice = [](int x) { return body(x); };
    if (argc > 100) twice = [](int x) { return body(x + 1); };
    long sum = 0;
    for (int i = 0; i < n; ++i)
        sum += *twice.call(i);
    return sum == 1;
}
