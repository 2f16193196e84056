// SPDX-License-Identifier: BSL-1.0
// The program: chooses tests, explores them, reports.
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <set>
#include <string>
#include <utility>

#include "../explore.hpp"
#include "mutants.hpp"
#include "world.hpp"

namespace explore {

namespace {

std::vector<test const*>& tests() {
    static std::vector<test const*> all;
    return all;
}

struct wishes {
    std::string filter, replay;
    std::uint64_t schedules = 0, seed = 1;
    double times = 1;
    unsigned mutant = 0;
    bool list = false, verbose = false, both = false, reached = false;
};

limits limits_of(plan const& p) {
    return {p.stale_reads, p.surprises, p.failing_allocations, p.failing_for_ever, p.failing_threads, p.steps};
}

void print_trace(world const& w) {
    for (event const& e : w.events()) {
        std::printf("    %c %-28s", e.thread == the_clock ? '*' : static_cast<char>('A' + e.thread), e.what);
        if (e.address != 0) std::printf(" 0x%-12lx", static_cast<unsigned long>(e.address));
        std::printf(" %lx%s%s", static_cast<unsigned long>(e.value), e.remark != nullptr ? " " : "",
                    e.remark != nullptr ? e.remark : "");
        if (e.where != nullptr) std::printf("   %s", place_of(e.where).c_str());
        std::printf("\n");
    }
}

struct tally {
    std::uint64_t schedules = 0, redundant = 0;
    bool complete = false;
    bool ordinarily_complete = false;  ///< without stale reads and surprises
    std::set<unsigned> outcomes;
    fault found = fault::none;
    std::string why, trail;
};

/// One strategy until it is done, a fault is found, or the limit is reached.
void search(world& w, test const& t, strategy& how, limits const& within, std::uint64_t limit, tally& sum) {
    sum.complete = false;
    for (std::uint64_t tried = 0; tried < limit && !sum.complete; ++tried) {
        ending const end = w.run(t.body, how, within);
        if (end == ending::abandoned) {
            ++sum.redundant;
        } else {
            ++sum.schedules;
            sum.outcomes.insert(w.outcomes().begin(), w.outcomes().end());
        }
        if (end == ending::faulty) {
            sum.found = w.what();
            sum.why = w.why();
            sum.trail = to_text(w.trail());
            return;
        }
        sum.complete = !how.next();
    }
}

/// A search that is not complete has seen one corner: as many random schedules see the rest.
tally explore_it(world& w, test const& t, wishes const& wanted) {
    tally sum;
    std::uint64_t const limit =
        wanted.schedules != 0 ? wanted.schedules : static_cast<std::uint64_t>(static_cast<double>(t.how.schedules) * wanted.times);
    limits const within = limits_of(t.how);
    if (t.how.search == plan::way::complete) {
        limits ordinary = within;
        ordinary.stale_reads = ordinary.surprises = 0;
        search(w, t, *every_order(), ordinary, limit / 2, sum);
        sum.ordinarily_complete = sum.complete;
        if (sum.complete) search(w, t, *every_order(), within, limit - limit / 2, sum);
    } else if (t.how.search == plan::way::bounded) {
        search(w, t, *few_preemptions(t.how.preemptions), within, limit / 2, sum);
    }
    if (!sum.complete && sum.found == fault::none) search(w, t, *at_random(wanted.seed, 3), within, limit / 2, sum);
    return sum;
}

bool report(test const& t, tally const& sum, double seconds, world& w, wishes const& wanted) {
    bool good = sum.found == t.how.finds;
    std::string what;
    if (sum.found != fault::none) what = std::string("  ") + name_of(sum.found);
    if (good && sum.found == fault::none && !t.how.outcomes.empty()) {
        std::set<unsigned> const expected(t.how.outcomes.begin(), t.how.outcomes.end());
        good = sum.complete || (t.how.search != plan::way::complete && !one_lives())
                   ? sum.outcomes == expected
                   : std::includes(expected.begin(), expected.end(), sum.outcomes.begin(), sum.outcomes.end());
        what += "  outcomes:";
        for (unsigned const o : sum.outcomes)
            what += " " + std::to_string(o);
    }
    std::printf("%-4s %-9s %10llu schedules %10llu cut %7.2f s  %s%s\n", good ? "ok" : "BAD",
                sum.found != fault::none  ? "found"
                : sum.complete            ? "complete"
                : sum.ordinarily_complete ? "in order"
                                          : "so far",
                static_cast<unsigned long long>(sum.schedules), static_cast<unsigned long long>(sum.redundant), seconds, t.sentence,
                what.c_str());
    if (!good || (wanted.verbose && sum.found != fault::none)) {
        std::printf("  %s: %s\n", name_of(sum.found), sum.why.c_str());
        if (!sum.trail.empty()) {
            auto const again = replay(from_text(sum.trail));
            w.run(t.body, *again, limits_of(t.how));
            if (wanted.verbose) print_trace(w);
            std::printf("  again: --filter '%s' --replay %s\n", t.sentence, sum.trail.c_str());
        }
    }
    std::fflush(stdout);
    return good;
}

bool replay_one(test const& t, world& w, wishes const& wanted) {
    auto const how = replay(from_text(wanted.replay));
    w.run(t.body, *how, limits_of(t.how));
    print_trace(w);
    std::printf("%s: %s: %s\n", t.sentence, name_of(w.what()), w.why().c_str());
    return w.what() == t.how.finds;
}

void crashed(int signal) {
    if (world* const w = world::here()) w->fail(fault::crash, ::strsignal(signal));
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

void catch_crashes() {
    // on the heap: the program's static variables are copied before each execution
    static auto* const stack = new std::array<char, 1 << 16>;
    stack_t alternative{};
    alternative.ss_sp = stack->data();
    alternative.ss_size = stack->size();
    ::sigaltstack(&alternative, nullptr);
    struct sigaction action{};
    action.sa_handler = crashed;
    action.sa_flags = SA_ONSTACK | SA_NODEFER;
    for (int const s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL})
        ::sigaction(s, &action, nullptr);
    std::set_terminate([] {
        world* const w = world::here();
        if (w == nullptr) std::abort();
        std::string why = "std::terminate was called";
        if (std::exception_ptr const e = std::current_exception()) {
            why += " for an exception";
            w->fail(fault::terminated, why);
        }
        w->fail(fault::terminated, why);
    });
}

int usage() {
    std::puts(
        "antiphon_explore [--list] [--filter TEXT] [--schedules N] [--times X] [--nightly] [--seed N] [--replay TRAIL] [--verbose]\n"
        "                 [--both] [--mutant N] [--reached]\n"
        "  --filter TEXT   tests whose sentence or file contains TEXT\n"
        "  --schedules N   at most N schedules a test;  --times X: X times what each plan says;  --nightly: --times 500\n"
        "  --replay TRAIL  the one schedule that a report printed, with everything that happens in it\n"
        "  --verbose       also what tests find that are to find something\n"
        "  --both          complete searches a second time, without reduction: both must see the same\n"
        "  --mutant N, --reached: for tests/tools/mutate.py");
    return 2;
}

bool read(wishes& w, int count, char** arguments) {
    for (int i = 1; i < count; ++i) {
        std::string const a = arguments[i];
        bool const more = i + 1 < count;
        if (a == "--list") {
            w.list = true;
        } else if (a == "--verbose") {
            w.verbose = true;
        } else if (a == "--both") {
            w.both = true;
        } else if (a == "--nightly") {
            w.times = 500;
        } else if (a == "--reached") {
            w.reached = true;
        } else if (a == "--mutant" && more) {
            w.mutant = static_cast<unsigned>(std::strtoul(arguments[++i], nullptr, 10));
        } else if (a == "--filter" && more) {
            w.filter = arguments[++i];
        } else if (a == "--replay" && more) {
            w.replay = arguments[++i];
        } else if (a == "--schedules" && more) {
            w.schedules = std::strtoull(arguments[++i], nullptr, 10);
        } else if (a == "--times" && more) {
            w.times = std::strtod(arguments[++i], nullptr);
        } else if (a == "--seed" && more) {
            w.seed = std::strtoull(arguments[++i], nullptr, 10);
        } else if (a[0] != '-' && w.filter.empty()) {
            w.filter = a;
        } else {
            return false;
        }
    }
    return true;
}

int main(int count, char** arguments) {
    wishes wanted;
    if (!read(wanted, count, arguments)) return usage();
    static world& w = *new world;
    catch_crashes();
    let_live(wanted.mutant);
    w.remember();
    std::uint64_t schedules = 0;
    unsigned good = 0, bad = 0;
    for (test const* const t : tests()) {
        if (std::strstr(t->sentence, wanted.filter.c_str()) == nullptr && std::strstr(t->file, wanted.filter.c_str()) == nullptr)
            continue;
        if (wanted.list) {
            std::puts(t->sentence);
            continue;
        }
        if (!wanted.replay.empty()) return replay_one(*t, w, wanted) ? 0 : 1;
        auto const began = std::chrono::steady_clock::now();
        tally const sum = explore_it(w, *t, wanted);
        std::chrono::duration<double> const took = std::chrono::steady_clock::now() - began;
        schedules += sum.schedules;
        if (wanted.both && t->how.search == plan::way::complete) {
            tally plain;
            search(w, *t, *few_preemptions(~0u), limits_of(t->how), wanted.schedules != 0 ? wanted.schedules : 400'000, plain);
            bool const agree = plain.found == sum.found && (plain.outcomes == sum.outcomes || !plain.complete || !sum.complete);
            std::printf("%-4s %-9s %10llu schedules without reduction\n", agree ? "ok" : "BAD", plain.complete ? "complete" : "so far",
                        static_cast<unsigned long long>(plain.schedules));
            if (!agree) ++bad;
        }
        ++(report(*t, sum, took.count(), w, wanted) ? good : bad);
        if (wanted.reached) print_reached();
    }
    if (wanted.list) return 0;
    std::printf("%llu schedules\n%u passed, %u failed\n", static_cast<unsigned long long>(schedules), good, bad);
    return bad == 0 && good > 0 ? 0 : 1;
}

}  // namespace

test::test(char const* s, char const* f, plan const& p, void (*b)()) : sentence{s}, file{f}, how{p}, body{b} {
    tests().push_back(this);
}

void check(bool holds, char const* what) {
    if (holds) return;
    if (world* const w = world::here()) w->fail(fault::assertion, what);
}
void outcome(unsigned value) {
    if (world* const w = world::here()) {
        world::inside const guard{*w};
        w->outcome(value);
    }
}
unsigned any_of(unsigned options) {
    world* const w = world::here();
    if (w == nullptr) return 0;
    world::inside const guard{*w};
    return w->choose(options, "chooses");
}
untroubled::untroubled() : before_{false} {
    if (world* const w = world::here()) before_ = std::exchange(w->trouble, false);
}
untroubled::~untroubled() {
    if (world* const w = world::here()) w->trouble = before_;
}

}  // namespace explore

int main(int count, char** arguments) { return explore::main(count, arguments); }
