// SPDX-License-Identifier: BSL-1.0
// Stopping: a handler that takes a stop token hears when nobody wants its answer any more.
#include <antiphon/antiphon.hpp>
#include <atomic>
#include <chrono>
#include <latch>
#include <stop_token>
#include <thread>
#include <utility>

#include "expect.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

int main() {
    std::latch started{2};
    std::atomic<int> heard{0};
    ap::request watch{[&](std::stop_token stop) -> ap::result<int> {
        started.count_down();
        while (!stop.stop_requested())
            std::this_thread::sleep_for(1ms);
        return ++heard;
    }};

    {
        ap::thread_pool pool{{.threads = 2}};
        auto on_pool = watch | ap::starts_on(pool);

        // Through the future: the answer still comes.
        ap::future<int> first = on_pool.submit();
        // By dropping the future: nobody wants the answer, and nothing blocks.
        { ap::future<int> second = on_pool.submit(); }
        ap::future<int> third = on_pool.submit();
        started.arrive_and_wait();
        first.request_stop();
        third.request_stop();
        expect(std::move(first).get().has_value(), "a stopped handler may still answer");
        static_cast<void>(std::move(third).get());
    }
    fmt::print("{} watchers heard that they should stop\n", heard.load());

    // From outside, for a whole request: stop_when. What is stopped before it starts does not run.
    std::stop_source quit;
    quit.request_stop();
    bool ran = false;
    auto polite = ap::request{[&ran] { ran = true; }} | ap::stop_when(quit.get_token());
    ap::result<void> const never = polite.call();
    fmt::print("after the end: {}\n", never.error().message());
    expect(!ran && never.error() == ap::errc::cancelled, "a stopped request does not run");
    expect(never.error().executed() == ap::executed::no, "and says so");
}
