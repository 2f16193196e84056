// SPDX-License-Identifier: BSL-1.0
// When: after, at, within, timeout. In virtual time, where a night passes in a moment.
#include <antiphon/antiphon.hpp>
#include <antiphon/testing/simulation.hpp>
#include <chrono>
#include <string_view>
#include <utility>

#include "expect.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

int main() {
    ap::testing::simulation night{7};
    ap::time_point const midnight = night.now();
    ap::request clock_time{[&] { return std::chrono::duration_cast<std::chrono::minutes>(night.now() - midnight); }};
    auto const show = [](std::string_view what, std::chrono::minutes when) {
        fmt::print("{:<24} {:02}:{:02}\n", what, when / 1h, when % 1h / 1min);
        return when;
    };

    auto soon = (clock_time | ap::after(90min) | ap::starts_on(night)).submit();
    auto early = (clock_time | ap::at(midnight + 5h) | ap::starts_on(night)).submit();
    auto sometime = (clock_time | ap::within(8h) | ap::starts_on(night)).submit();
    night.advance(1h);
    expect(!soon.ready() && !early.ready(), "at one o'clock nothing is due");
    night.run();
    expect(show("after 90 minutes:", std::move(soon).get().value()) == 90min, "after(90min) runs at half past one");
    expect(show("at five o'clock:", std::move(early).get().value()) == 5h, "at(5h) runs at five");
    expect(show("within eight hours:", std::move(sometime).get().value()) <= 8h, "within(8h) runs before eight");

    // A limit: the ask fails when its time is up; the handler is asked to stop.
    ap::request sleeper{[]() -> ap::task<int> {
        co_await ap::sleep_for(12h);
        co_return 1;
    }};
    auto limited = (sleeper | ap::timeout{.limit = 20min} | ap::starts_on(night)).submit();
    ap::time_point const asked = night.now();
    night.run_until([&] { return limited.ready(); });
    expect(night.now() - asked == 20min, "the limit is twenty minutes");
    ap::result<int> const answer = std::move(limited).get();
    fmt::print("a sleeper with a limit:  {}\n", answer.error().message());
    expect(answer.error() == ap::errc::deadline_exceeded, "the time ran out");
}
