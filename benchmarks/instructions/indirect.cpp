// SPDX-License-Identifier: BSL-1.0
#include "instructions/body.hpp"

// The price of one virtual call around the body: what type erasure cannot do without.
struct base {
    virtual int call(int x) const = 0;
    virtual ~base() = default;
};
struct derived final : base {
    int call(int x) const override { return body(x); }
};

int main(int argc, char** argv) {
    int const n = operations(argc, argv);
    base* const volatile held = new derived;
    long sum = 0;
    for (int i = 0; i < n; ++i)
        sum += held->call(i);
    delete held;
    return sum == 1;
}
