// SPDX-License-Identifier: BSL-1.0
// call_for(): wait a little. What is quick is here at once; what is slow goes on, and is collected later.
#include <antiphon/antiphon.hpp>
#include <chrono>
#include <latch>
#include <utility>

#include "expect.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

int main() {
    std::latch tide{1};
    ap::request<int(bool)> fetch = [&](bool wait_for_tide) {
        if (wait_for_tide) tide.wait();
        return 42;
    };

    ap::future<int> quick = fetch.call_for(10s, false);
    fmt::print("quick: {}\n", quick.ready() ? "ready" : "still on its way");
    expect(quick.ready(), "what is quick is ready after call_for");
    expect(std::move(quick).get().value() == 42, "and has its value");

    ap::future<int> slow = fetch.call_for(5ms, true);
    fmt::print("slow:  {}\n", slow.ready() ? "ready" : "still on its way");
    expect(!slow.ready(), "what is slow is not ready yet");

    tide.count_down();  // meanwhile this thread could have done anything else
    fmt::print("slow, after the tide: {}\n", slow.wait_for(10s) ? "ready" : "lost");
    expect(std::move(slow).get().value() == 42, "the slow answer arrives all the same");
}
