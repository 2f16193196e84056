// SPDX-License-Identifier: BSL-1.0
// Testing: a request is a value, so a test passes its own; time and chance belong to the simulation.
#include <antiphon/antiphon.hpp>
#include <antiphon/testing/mock.hpp>
#include <antiphon/testing/simulation.hpp>
#include <chrono>
#include <cstdint>
#include <ratio>
#include <utility>
#include <vector>

#include "expect.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

// The code under test: asks until the sensor answers, with growing pauses that chance shortens by up to a half.
ap::task<int> read_patiently(ap::context const& around, ap::request<int()> sensor) {
    for (ap::duration pause = 1min;; pause *= 2) {
        ap::result<int> answer = co_await sensor();
        if (answer || answer.error() != ap::errc::unavailable) co_return answer;
        co_await ap::sleep_for(pause - pause * (around.random() % 50) / 100);
    }
}

struct story {
    std::vector<ap::duration> asked;
    int answer = 0;
    bool operator==(story const&) const = default;
};

// Four failures, then an answer: some minutes, told in no time.
story tell(std::uint64_t seed) {
    ap::testing::simulation sim{seed};
    story told;
    ap::time_point const start = sim.now();
    auto const note = [&] { told.asked.push_back(sim.now() - start); };
    ap::testing::mock<int()> script;
    script.answers([&]() -> ap::result<int> { return note(), ap::errc::unavailable; }).times(4);
    script.answers([&] { return note(), 21; });
    ap::request<int()> sensor = script;
    auto patient = ap::request{[sensor](ap::context const& around) { return read_patiently(around, sensor); }} | ap::starts_on(sim);
    ap::future<int> answer = patient.submit();
    sim.run();
    told.answer = std::move(answer).get().value_or(-1);
    expect(script.count() == 5 && script.exhausted(), "the sensor was asked as often as its script says");
    return told;
}

int main() {
    story const first = tell(1);
    for (ap::duration const moment : first.asked)
        fmt::print("asked after {:>5.1f} minutes\n", std::chrono::duration<double, std::ratio<60>>(moment).count());
    expect(first.answer == 21 && first.asked.size() == 5, "the fifth time the sensor answers");
    expect(first.asked.back() > 7min && first.asked.back() <= 15min, "it takes between half and all of fifteen minutes");
    expect(first == tell(1), "the same seed tells the same story");
    expect(first != tell(2), "another seed tells another one");
}
