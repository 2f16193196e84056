// SPDX-License-Identifier: BSL-1.0
// call(): ask, and wait for the answer in this thread. A failure is a value like any other.
#include <antiphon/antiphon.hpp>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

#include "expect.hpp"

namespace ap = antiphon;

int main() {
    // From any callable. The signature is deduced, the handler kept as it is: call() costs what calling it costs.
    ap::request square_root{[](int x) -> ap::result<int> {
        if (x < 0) return ap::failure{ap::errc::invalid_argument, "there is no root of a negative number"};
        int root = 0;
        while ((root + 1) * (root + 1) <= x)
            ++root;
        return root;
    }};
    ap::result<int> const good = square_root.call(144);
    ap::result<int> const bad = square_root.call(-1);
    fmt::print("144: {}\n -1: {}\n", *good, bad.error().message());
    expect(good.value() == 12, "the root of 144 is 12");
    expect(bad.error() == ap::errc::invalid_argument, "a negative number is refused");

    // What a handler throws arrives as a failure, and is thrown again by value() alone.
    ap::request parse{[](std::string const& text) { return std::stoi(text); }};
    expect(parse.call("42").value() == 42, "42 is a number");
    expect(!parse.call("forty-two"), "forty-two is none");
    try {
        static_cast<void>(parse.call("forty-two").value());
        expect(false, "value() throws");
    } catch (std::invalid_argument const& e) {
        fmt::print("forty-two: {}\n", e.what());
    }

    // With the signature spelled a request is one type, whatever answers it.
    ap::request<std::size_t(std::string_view)> measure = [](std::string_view text) { return text.size(); };
    expect(measure.call("four").value() == 4, "four has four letters");
    measure = [](std::string_view text) { return text.find(' '); };
    expect(measure.call("two words").value() == 3, "the first word has three letters");
}
