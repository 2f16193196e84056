// SPDX-License-Identifier: BSL-1.0
// Composition: what comes after an answer, and many answers as one.
#include <antiphon/antiphon.hpp>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "expect.hpp"

namespace ap = antiphon;

int main() {
    ap::request<int(std::string)> distance = [](std::string const& town) -> ap::result<int> {
        if (town == "Tromsø") return 1800;
        if (town == "Siena") return 1300;
        return ap::failure{ap::errc::not_found, "there is no such town"};
    };

    // then: with the value. What it returns is flattened, here another future; or_else: with the failure.
    auto round_trip = distance.submit("Siena")
                          .then([&](int there) { return distance.submit("Tromsø").then([there](int back) { return there + back; }); })
                          .then([](int km) { return std::to_string(km) + " km"; });
    auto healed = distance.submit("Atlantis").then([](int km) { return km * 2; }).or_else([](ap::failure const&) { return 0; });
    std::string const trip = std::move(round_trip).get().value();
    int const nowhere = std::move(healed).get().value();
    fmt::print("there and back: {}\nto Atlantis:    {} km\n", trip, nowhere);
    expect(trip == "3100 km", "the chain adds both ways");
    expect(nowhere == 0, "or_else heals a failure");

    // when_all: every value, or the first failure. when_any: the first success. when_settled: every result.
    ap::result<std::tuple<int, int>> const both = ap::when_all(distance.submit("Siena"), distance.submit("Tromsø")).get();
    ap::result<int> const any = ap::when_any(distance.submit("Atlantis"), distance.submit("Siena")).get();
    auto const settled = ap::when_settled(distance.submit("Siena"), distance.submit("Atlantis")).get();
    fmt::print("both:    {} and {} km\nany:     {} km\nsettled: {} km, and \"{}\"\n", std::get<0>(*both), std::get<1>(*both), *any,
               std::get<0>(*settled).value(), std::get<1>(*settled).error().message());
    expect(both.value() == std::tuple{1300, 1800}, "when_all gives both values");
    expect(any.value() == 1300, "when_any passes over the failure");
    expect(!std::get<1>(*settled), "when_settled keeps it");

    // The same over a range.
    std::vector<ap::future<int>> legs;
    for (int i = 0; i < 100; ++i)
        legs.push_back(distance.submit(i % 2 == 0 ? "Siena" : "Tromsø"));
    auto const sum =
        ap::when_all(std::move(legs)).then([](std::vector<int> all) { return std::accumulate(all.begin(), all.end(), 0); }).get();
    fmt::print("100 legs: {} km\n", *sum);
    expect(sum.value() == 155'000, "a hundred legs add up");
}
