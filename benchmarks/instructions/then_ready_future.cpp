// SPDX-License-Identifier: BSL-1.0
#include "antiphon/antiphon.hpp"
#include "instructions/body.hpp"

namespace ap = antiphon;

int main(int argc, char** argv) {
    int const n = operations(argc, argv);
    long sum = 0;
    for (int i = 0; i < n; ++i)
        sum += *ap::make_future(i).then([](int x) { return body(x); }).get();
    return sum == 1;
}
