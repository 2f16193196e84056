// SPDX-License-Identifier: BSL-1.0
// submit(args..., callback): ask and go on; the callback runs exactly once, with the result, on the request's executor.
#include <algorithm>
#include <antiphon/antiphon.hpp>
#include <array>
#include <cstddef>
#include <latch>
#include <string>
#include <string_view>

#include "expect.hpp"

namespace ap = antiphon;

int main() {
    ap::request<int(std::string_view)> vowels = [](std::string_view word) -> ap::result<int> {
        if (word.empty()) return ap::failure{ap::errc::invalid_argument, "there is no word"};
        return static_cast<int>(
            std::ranges::count_if(word, [](char c) { return std::string_view{"aeiou"}.find(c) != std::string_view::npos; }));
    };

    std::array<std::string, 4> const words{"call", "and", "", "response"};
    std::array<ap::result<int>, 4> counted{0, 0, 0, 0};
    std::latch done{4};
    for (std::size_t i = 0; i < words.size(); ++i) {
        // The argument is kept as it is passed, here a std::string: no view can dangle.
        vowels.submit(words[i] + "", [&, i](ap::result<int> answer) {
            counted[i] = std::move(answer);
            done.count_down();
        });
    }
    fmt::print("asked four times; nothing was waited for\n");
    done.wait();

    for (std::size_t i = 0; i < words.size(); ++i)
        fmt::print("{:>8}: {}\n", words[i], counted[i] ? std::to_string(*counted[i]) : counted[i].error().message());
    expect(counted[0].value() == 1 && counted[1].value() == 1 && counted[3].value() == 3, "the vowels are counted");
    expect(counted[2].error() == ap::errc::invalid_argument, "no word, no vowels: the failure reaches the callback too");
}
