// SPDX-License-Identifier: BSL-1.0
// Testing: a request is a value, so a test passes its own; time and chance belong to the simulation.
#include <antiphon/antiphon.hpp>
#include <antiphon/testing/simulation.hpp>
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

#include "expect.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

// The code under test: asks until the sensor answers, with growing pauses that chance shortens.
ap::task<int> read_patiently(ap::request<int()> sensor, ap::request<std::uint64_t()> chance) {
    for (ap::duration pause = 1min;; pause *= 2) {
        ap::result<int> const answer = co_await sensor.submit();
        if (answer || answer.error() != ap::errc::unavailable) co_return answer;
        co_await ap::sleep_for(pause - pause * (co_await chance.submit()).value_or(0) % 50 / 100);
    }
}

struct story {
    std::vector<ap::duration> asked;
    int answer = 0;
    bool operator==(story const&) const = default;
};

// Four failures, then an answer: half an hour at the least, told in no time.
story tell(std::uint64_t seed) {
    ap::testing::simulation sim{seed};
    story told;
    ap::time_point const start = sim.now();
    ap::request<int()> sensor = [&]() -> ap::result<int> {
        told.asked.push_back(sim.now() - start);
        if (told.asked.size() < 5) return ap::errc::unavailable;
        return 21;
    };
    ap::request<std::uint64_t()> chance = [](ap::context const& c) { return c.random() % 50; };
    auto patient = ap::request{[=] { return read_patiently(sensor, chance); }} | ap::starts_on(sim);
    ap::future<int> answer = patient.submit();
    sim.run();
    told.answer = std::move(answer).get().value_or(-1);
    return told;
}

int main() {
    story const first = tell(1);
    for (ap::duration const moment : first.asked)
        fmt::print("asked after {:>5.1f} minutes\n", std::chrono::duration<double, std::ratio<60>>(moment).count());
    expect(first.answer == 21 && first.asked.size() == 5, "the fifth time the sensor answers");
    expect(first.asked.back() <= 15min, "without chance it would take fifteen minutes");
    expect(first == tell(1), "the same seed tells the same story");
    expect(first != tell(2), "another seed tells another one");
}
