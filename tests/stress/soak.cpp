// SPDX-License-Identifier: BSL-1.0
// Asks of every kind for as long as it is told, and then none: antiphon_soak SECONDS [IDLE_SECONDS]. Ends with 0 where all were answered, memory
// stayed, nothing stood still for a second, and the pool that had nothing to do cost at most a thousandth of a core.
#include <antiphon/antiphon.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

struct tally {
    std::atomic<std::uint64_t> asks{0}, values{0}, failures{0};
    std::atomic<std::int64_t> slowest{0};
    void answered(bool value, std::chrono::steady_clock::time_point since) {
        (value ? values : failures).fetch_add(1, std::memory_order_relaxed);
        std::int64_t const took = (std::chrono::steady_clock::now() - since).count();
        std::int64_t seen = slowest.load(std::memory_order_relaxed);
        while (took > seen && !slowest.compare_exchange_weak(seen, took, std::memory_order_relaxed)) {
        }
    }
};

long resident_kib() {
    long pages = 0;
    if (std::FILE* const f = std::fopen("/proc/self/statm", "r")) {
        long all = 0;
        if (std::fscanf(f, "%ld %ld", &all, &pages) != 2) pages = 0;
        std::fclose(f);
    }
    return pages * 4;
}

/// One of each kind of ask.
void round_of_asks(tally& t, ap::thread_pool& pool, int seed) {
    auto const began = std::chrono::steady_clock::now();
    auto answer = [&](auto const& r) { t.answered(r.has_value(), began); };
    auto plain = ap::request{[](int x) { return x; }} | ap::starts_on(pool);
    auto failing = ap::request{[](int x) -> ap::result<int> {
                       if (x % 3 == 0) return ap::errc::unavailable;
                       return x;
                   }} |
                   ap::retry{.max_attempts = 2, .backoff = {.initial = 100us, .jitter = ap::jitter::none}} | ap::starts_on(pool);
    auto limited = ap::request{[](int x) { return x; }} | ap::timeout{.limit = 1ms} | ap::starts_on(pool);
    t.asks.fetch_add(7, std::memory_order_relaxed);
    answer(plain.call(seed));
    answer(plain.submit(seed).then([](int x) { return x + 1; }).get());
    answer(failing.submit(seed).get());
    answer(limited.submit(seed).get());
    answer(ap::when_all(plain.submit(1), plain.submit(2)).get());
    auto stopped = plain.submit(seed);
    stopped.request_stop();
    answer(std::move(stopped).get());
    answer(plain.call_for(10us, seed).get());
    {
        auto dropped = plain.submit(seed);
    }
}

/// What the process has used of its cores.
double seconds_used() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    auto const seconds = [](timeval const& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

}  // namespace

int main(int count, char** arguments) {
    auto const length = std::chrono::seconds{count > 1 ? std::atol(arguments[1]) : 10};
    auto const idle = std::chrono::seconds{count > 2 ? std::atol(arguments[2]) : 0};
    double idle_cost = 0;
    tally t;
    long at_first = 0;
    {
        ap::thread_pool pool{{.threads = std::max(2u, std::thread::hardware_concurrency())}};
        auto const began = std::chrono::steady_clock::now();
        std::atomic<bool> ended{false};
        std::vector<std::thread> askers;
        for (int i = 0; i < 4; ++i)
            askers.emplace_back([&, i] {
                for (int n = i; !ended.load(std::memory_order_relaxed); ++n)
                    round_of_asks(t, pool, n);
            });
        while (std::chrono::steady_clock::now() - began < length) {
            std::this_thread::sleep_for(std::min<std::chrono::milliseconds>(length / 5, 1000ms));
            if (at_first == 0 && std::chrono::steady_clock::now() - began > length / 5) at_first = resident_kib();
        }
        ended = true;
        for (auto& a : askers)
            a.join();
        std::this_thread::sleep_for(10ms);
        double const before = seconds_used();
        std::this_thread::sleep_for(idle);
        if (idle.count() != 0) idle_cost = (seconds_used() - before) / static_cast<double>(idle.count());
    }
    long const drift = resident_kib() - at_first;
    double const slowest = static_cast<double>(t.slowest.load()) / 1e9;
    bool const kept = t.values.load() + t.failures.load() == t.asks.load();
    std::printf("asks %llu, values %llu, failures %llu; slowest %.3f s; memory drifted by %ld KiB\n",
                static_cast<unsigned long long>(t.asks.load()), static_cast<unsigned long long>(t.values.load()),
                static_cast<unsigned long long>(t.failures.load()), slowest, drift);
    if (idle.count() != 0) std::printf("idle %lld s: %.4f %% of a core\n", static_cast<long long>(idle.count()), idle_cost * 100);
    return kept && idle_cost <= 0.001 && slowest < 1.0 && drift <= 1024 ? 0 : 1;
}
