// SPDX-License-Identifier: BSL-1.0
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "instructions/body.hpp"

namespace ap = antiphon;

// One operation is one input: its promise, its part of the combination, its value.
int main(int argc, char** argv) {
    constexpr int inputs = 100;
    int const n = operations(argc, argv);
    long sum = 0;
    for (int i = 0; i < n; i += inputs) {
        std::vector<ap::promise<int>> asked(inputs);
        std::vector<ap::future<int>> answers;
        answers.reserve(inputs);
        for (ap::promise<int>& each : asked)
            answers.push_back(each.get_future());
        auto all = ap::when_all(std::move(answers));
        for (ap::promise<int>& each : asked)
            each.set_value(body(i));
        std::vector<int> const values = *std::move(all).get();
        for (int each : values)
            sum += each;
    }
    return sum == 1;
}
