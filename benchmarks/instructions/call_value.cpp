// SPDX-License-Identifier: BSL-1.0
#include "antiphon/antiphon.hpp"
#include "instructions/body.hpp"

namespace ap = antiphon;

int main(int argc, char** argv) {
    int const n = operations(argc, argv);
    ap::request const twice{[](int x) { return body(x); }};
    long sum = 0;
    for (int i = 0; i < n; ++i)
        sum += twice.call(i).value();
    return sum == 1;
}
