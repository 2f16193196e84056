// SPDX-License-Identifier: BSL-1.0
#pragma once
// What is said at the end: the broken links, and a table of what it took to find them.

#include <fmt/core.h>

#include <antiphon/antiphon.hpp>
#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "findings.hpp"

[[nodiscard]] inline std::size_t count(std::vector<finding> const& all, finding::verdict which) {
    std::size_t n = 0;
    for (finding const& each : all)
        n += each.is == which;
    return n;
}

inline void print_links(std::vector<finding> const& all, bool every_one) {
    static constexpr char const* words[] = {"undecided", "good", "broken", "skipped"};
    for (finding const& each : all) {
        if (!every_one && each.is != finding::verdict::broken) continue;
        fmt::print("{}:{}: {}: {}{}{}\n", each.page, each.what.line, words[static_cast<int>(each.is)], each.what.target,
                   each.why.empty() ? "" : ": ", each.why);
    }
}

inline void print_hosts(std::map<std::string, ap::stats_snapshot> const& hosts) {
    auto const milliseconds = [](ap::duration d) { return std::chrono::duration<double, std::milli>(d).count(); };
    fmt::print("{:<32}{:>7}{:>9}{:>9}{:>9}{:>12}{:>12}\n", "host", "URLs", "failed", "retries", "copies", "median ms", "slowest ms");
    for (auto const& [name, seen] : hosts) {
        ap::latency_histogram all = seen.values;
        all.merge(seen.failures);
        fmt::print("{:<32}{:>7}{:>9}{:>9}{:>9}{:>12.1f}{:>12.1f}\n", name, seen.asked, seen.failures.count(), seen.retried, seen.hedged,
                   milliseconds(all.percentile(0.5)), milliseconds(all.percentile(1)));
    }
}

inline void print_sum(std::vector<finding> const& all, std::size_t pages, ap::duration took) {
    fmt::print("{} links on {} pages in {:.2f} s: {} good, {} broken, {} skipped\n", all.size(), pages,
               std::chrono::duration<double>(took).count(), count(all, finding::verdict::good), count(all, finding::verdict::broken),
               count(all, finding::verdict::skipped));
}
