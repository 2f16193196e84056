// SPDX-License-Identifier: BSL-1.0
#include "antiphon/antiphon.hpp"
#include "instructions/body.hpp"

namespace ap = antiphon;

int main(int argc, char** argv) {
    int const n = operations(argc, argv);
    auto const twice = ap::request{[](int x) { return body(x); }} | ap::starts_on(ap::inline_executor{});
    long sum = 0;
    for (int i = 0; i < n; ++i)
        sum += *twice.call(i);
    return sum == 1;
}
