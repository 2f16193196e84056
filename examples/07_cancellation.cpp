// SPDX-License-Identifier: BSL-1.0
// Stopping: a handler that takes a stop token hears when nobody wants its answer any more.
#include <antiphon/antiphon.hpp>
#include <atomic>
#include <chrono>
#include <stop_token>
#include <thread>
#include <utility>

#include "expect.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

int main() {
    std::atomic<int> watching{0};
    ap::request watch{[&](std::stop_token stop) -> ap::result<int> {
        ++watching;
        watching.notify_all();
        while (!stop.stop_requested())
            std::this_thread::sleep_for(1ms);
        --watching;
        watching.notify_all();
        return 42;
    }};
    auto const until_watching = [&](int count) {
        for (int seen = watching; seen != count; seen = watching)
            watching.wait(seen);
    };

    // Through the future: the handler hears it, and may still answer.
    ap::future<int> asked = watch.submit();
    until_watching(1);
    asked.request_stop();
    expect(std::move(asked).get().value() == 42, "a stopped handler may still answer");
    fmt::print("stopped through its future\n");

    // By dropping the future: nobody wants the answer any more. Nothing blocks here.
    {
        ap::future<int> dropped = watch.submit();
        until_watching(1);
    }
    until_watching(0);
    fmt::print("stopped because its future was dropped\n");

    // From outside, for a whole request: stop_when. What is stopped before it starts does not run.
    std::stop_source quit;
    quit.request_stop();
    auto polite = watch | ap::stop_when(quit.get_token());
    ap::result<int> const never = polite.call();
    fmt::print("stopped before it began: {}\n", never.error().message());
    expect(never.error() == ap::errc::cancelled, "a stopped request does not run");
    expect(never.error().executed() == ap::executed::no, "and says so");
}
