// SPDX-License-Identifier: BSL-1.0
// Those who record into a `stats` against who reads it, or starts it anew: nothing is lost between two resets, and nothing counts twice.
#include <antiphon/policy/stats.hpp>

#include <chrono>
#include <cstdint>
#include <thread>

#include "explore.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;
using explore::plan;

namespace {

/// One ask that ends in a value, and one that is too late.
void record(ap::observer& to) {
    ap::failure const late{ap::errc::deadline_exceeded, ap::executed::maybe};
    to.asked();
    to.completed(nullptr, 5ms);
    to.asked();
    to.completed(&late, 7ms);
}

}  // namespace

EXPLORE("stats: what two resets find beside who records adds up to everything",
        {.stale_reads = 1, .steps = 60'000, .schedules = 3'000}) {
    ap::stats const counted{{.stripes = 1}};
    std::thread recorder{[&] { record(counted.target()); }};
    ap::stats_snapshot const first = counted.reset();
    recorder.join();
    ap::stats_snapshot const rest = counted.reset();
    explore::check(first.asked + rest.asked == 2, "two were asked");
    explore::check(first.values.count() + rest.values.count() == 1, "one has its value");
    explore::check(first.failures.count() + rest.failures.count() == 1 && first.expired + rest.expired == 1, "one was too late");
    explore::check(rest.in_flight == 0 && counted.snapshot().in_flight == 0, "none is on its way at the end");
}

EXPLORE("stats: a snapshot beside who records sees no more than there is, and takes nothing away",
        {.stale_reads = 1, .steps = 60'000, .schedules = 3'000}) {
    ap::stats const counted{{.stripes = 1}};
    std::thread recorder{[&] { record(counted.target()); }};
    ap::stats_snapshot const seen = counted.snapshot();
    recorder.join();
    explore::check(seen.asked <= 2 && seen.values.count() <= 1 && seen.failures.count() <= 1 && seen.expired <= 1, "no more");
    ap::stats_snapshot const all = counted.snapshot();
    explore::check(all.asked == 2 && all.completed() == 2 && all.expired == 1 && all.in_flight == 0, "all is there");
}

EXPLORE("stats: two who record into one stripe lose nothing", {.stale_reads = 1, .steps = 60'000, .schedules = 3'000}) {
    ap::stats const counted{{.stripes = 1}};
    std::thread other{[&] { record(counted.target()); }};
    record(counted.target());
    other.join();
    ap::stats_snapshot const all = counted.snapshot();
    explore::check(all.asked == 4 && all.values.count() == 2 && all.failures.count() == 2 && all.in_flight == 0, "all is there");
}

EXPLORE("stats: two resets at once share what there is", {.stale_reads = 1, .steps = 60'000, .schedules = 1'000}) {
    ap::stats const counted{{.stripes = 1}};
    record(counted.target());
    counted.target().asked();  // and one that is on its way
    ap::stats_snapshot theirs;
    std::thread other{[&] { theirs = counted.reset(); }};
    ap::stats_snapshot const mine = counted.reset();
    other.join();
    explore::check(mine.asked + theirs.asked == 3 && mine.completed() + theirs.completed() == 2, "each is counted once");
    explore::check(counted.snapshot().in_flight == 1, "one is on its way still");
}
