// SPDX-License-Identifier: BSL-1.0
#include "antiphon/antiphon.hpp"
#include "instructions/body.hpp"

namespace ap = antiphon;

ap::task<int> ready(int x) { co_return body(x); }

int main(int argc, char** argv) {
    int const n = operations(argc, argv);
    ap::request const loop{[](int count) -> ap::task<long> {
        long sum = 0;
        for (int i = 0; i < count; ++i)
            sum += *co_await ready(i);
        co_return sum;
    }};
    return *loop.call(n) == 1;
}
