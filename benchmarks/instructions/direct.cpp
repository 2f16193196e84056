// SPDX-License-Identifier: BSL-1.0
#include "instructions/body.hpp"

int main(int argc, char** argv) {
    int const n = operations(argc, argv);
    long sum = 0;
    for (int i = 0; i < n; ++i)
        sum += body(i);
    return sum == 1;
}
