// SPDX-License-Identifier: BSL-1.0
// How long a job waits while the pool has more to do than it can, and which deadlines are kept: one line `table <tab> who <tab> figures…` each.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <random>
#include <thread>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "support/bench.hpp"
#include "support/pools.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

using clock_type = std::chrono::steady_clock;

void work_for(std::chrono::nanoseconds how_long) {
    for (auto const until = clock_type::now() + how_long; clock_type::now() < until;) {
    }
}
double microseconds(std::chrono::nanoseconds d) { return std::chrono::duration<double, std::micro>(d).count(); }
double at(std::vector<double> const& sorted, double share) {
    return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(share * static_cast<double>(sorted.size())))];
}

// --- a round trip through a saturated pool -------------------------------------------------------------------------------

/// How long one pool is kept full: one that starves a probe from outside shows that as the figure, not as a program that never ends.
constexpr auto full_for = 5s;

/// So many jobs of 5 µs at all times, each of which posts the next: a full pool, at a steady state.
template <class Pool>
class load {
public:
    load(Pool& pool, int jobs) : pool_{pool}, left_{jobs} {
        for (int i = 0; i < jobs; ++i)
            next();
    }
    load(load const&) = delete;
    load& operator=(load const&) = delete;
    ~load() {
        over_.store(true);
        left_.wait();
    }

private:
    void next() {
        pool_.post([this] {
            if (over_.load(std::memory_order_relaxed) || clock_type::now() > until_) return left_.count_down();
            work_for(5us);
            next();
        });
    }
    Pool& pool_;
    std::latch left_;
    std::atomic<bool> over_{false};
    clock_type::time_point const until_ = clock_type::now() + full_for;
};

/// Probes from outside, one at a time: from the post to the moment when the job begins, and to the moment when the poster knows.
template <class Pool>
void saturated(int probes) {
    Pool pool{bench::workers()};
    std::vector<double> begun, back;
    {
        load<Pool> const full{pool, 64};
        std::this_thread::sleep_for(20ms);
        // A pool that keeps a probe waiting for long is asked fewer of them.
        auto const until = clock_type::now() + (full_for - 1s);
        for (int i = 0; i < probes && (i == 0 || clock_type::now() < until); ++i) {
            std::atomic<bool> done{false};
            clock_type::time_point started;
            auto const asked = clock_type::now();
            pool.post([&] {
                started = clock_type::now();
                done.store(true, std::memory_order_release);
                done.notify_one();
            });
            done.wait(false, std::memory_order_acquire);
            back.push_back(microseconds(clock_type::now() - asked));
            begun.push_back(microseconds(started - asked));
        }
    }
    std::sort(begun.begin(), begun.end());
    std::sort(back.begin(), back.end());
    std::printf("saturated\t%s\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\n", Pool::name, at(begun, 0.5), at(begun, 0.99), at(back, 0.5),
                at(back, 0.99), at(back, 0.999));
}

// --- deadlines -----------------------------------------------------------------------------------------------------------

struct plan {
    std::vector<std::chrono::microseconds> limits;
};
/// Bursts of jobs of 20 µs, about as much work as there is time for, each with a deadline of its own. The same for everybody.
constexpr int bursts = 40, burst = 200;
constexpr std::chrono::microseconds each_takes{20};
plan a_plan() {
    plan p;
    std::mt19937 random{11};
    auto const busy = each_takes * burst / static_cast<int>(bench::workers());
    for (int i = 0; i < bursts * burst; ++i)
        p.limits.push_back(std::chrono::microseconds{busy.count() / 10 + random() % (busy.count() * 3 / 2)});
    return p;
}

/// `ask(deadline, job)`: runs `job` some time, or never.
template <class Ask>
void deadlines(char const* who, Ask&& ask) {
    static plan const p = a_plan();
    std::vector<double> slack;
    for (int b = 0; b < bursts; ++b) {
        std::vector<clock_type::time_point> until(burst), ended(burst, clock_type::time_point::max());
        std::latch all{burst};
        auto const now = clock_type::now();
        for (int i = 0; i < burst; ++i) {
            auto const at_index = static_cast<std::size_t>(i);
            until[at_index] = now + p.limits[static_cast<std::size_t>(b * burst + i)];
            ask(
                until[at_index],
                [&ended, at_index] {
                    work_for(each_takes);
                    ended[at_index] = clock_type::now();
                },
                all);
        }
        all.wait();
        for (std::size_t i = 0; i < burst; ++i)
            slack.push_back(ended[i] == clock_type::time_point::max() ? -1e9 : microseconds(until[i] - ended[i]));
    }
    auto const kept = std::count_if(slack.begin(), slack.end(), [](double s) { return s >= 0; });
    auto const never = std::count(slack.begin(), slack.end(), -1e9);
    std::sort(slack.begin(), slack.end());
    std::printf("deadlines\t%s\t%.1f\t%.1f\t%.0f\n", who, 100.0 * static_cast<double>(kept) / static_cast<double>(slack.size()),
                100.0 * static_cast<double>(never) / static_cast<double>(slack.size()), at(slack, 0.5));
    std::fflush(stdout);
}

void by_deadline() {
    ap::thread_pool pool{{.threads = bench::workers(), .claimable = false}};
    deadlines("antiphon, deadline", [&pool](ap::time_point until, auto job, std::latch& all) {
        (ap::request{[job] { job(); }} | ap::deadline{until} | ap::starts_on(pool)).submit([&all](ap::result<void>) {
            all.count_down();
        });
    });
    deadlines("antiphon, no deadline given", [&pool](ap::time_point, auto job, std::latch& all) {
        (ap::request{[job] { job(); }} | ap::starts_on(pool)).submit([&all](ap::result<void>) { all.count_down(); });
    });
}
template <class Pool>
void in_order() {
    Pool pool{bench::workers()};
    deadlines(Pool::name, [&pool](clock_type::time_point, auto job, std::latch& all) {
        pool.post([job, &all] {
            job();
            all.count_down();
        });
    });
}

}  // namespace

int main(int argc, char** argv) {
    int const probes = argc > 1 ? std::atoi(argv[1]) : 2000;
    by_deadline();
    bench::for_every_posting_peer([]<class Pool>() { in_order<Pool>(); });
    bench::for_every_pool([probes]<class Pool>() {
        if constexpr (!requires { Pool::may_starve; }) saturated<Pool>(probes);
    });
}
