// SPDX-License-Identifier: BSL-1.0
// Asks of every kind, chosen at random, from several threads at once: antiphon_storm OPERATIONS [SEED]. Ends with 0 where every ask had one answer
// and nothing was alive at the end. A minute without an answer ends it with a message.
#include <antiphon/antiphon.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

/// A counter for many threads, each with a place of its own.
class tally {
public:
    void add(std::int64_t n) noexcept { places_[mine()].count.fetch_add(n, std::memory_order_relaxed); }
    [[nodiscard]] std::int64_t sum() const noexcept {
        std::int64_t all = 0;
        for (auto const& p : places_)
            all += p.count.load(std::memory_order_relaxed);
        return all;
    }

private:
    struct alignas(64) place {
        std::atomic<std::int64_t> count{0};
    };
    static std::size_t mine() noexcept {
        static std::atomic<std::size_t> next{0};
        thread_local std::size_t const number = next.fetch_add(1);
        return number % 16;
    }
    std::array<place, 16> places_;
};

tally asked, values, failures, alive;

/// What is asked with and answered: counts itself.
class parcel {
public:
    explicit parcel(std::uint64_t n) noexcept : n_{n} { alive.add(1); }
    parcel(parcel const& other) noexcept : n_{other.n_} { alive.add(1); }
    parcel(parcel&& other) noexcept : n_{other.n_} { alive.add(1); }
    parcel& operator=(parcel const&) noexcept = default;
    ~parcel() { alive.add(-1); }
    [[nodiscard]] std::uint64_t number() const noexcept { return n_; }

private:
    std::uint64_t n_;
};

class dice {
public:
    explicit dice(std::uint64_t seed) noexcept : state_{seed} {}
    std::uint64_t next() noexcept {  // splitmix64
        std::uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return z ^ (z >> 31);
    }

private:
    std::uint64_t state_;
};

template <class T>
void count(ap::result<T> const& r) noexcept {
    (r ? values : failures).add(1);
}
[[noreturn]] void wrong(char const* what) {
    std::printf("WRONG: %s\n", what);
    std::fflush(stdout);
    std::abort();
}
void count_equal(ap::result<parcel> const& r, std::uint64_t n) {
    if (r && r->number() != n) wrong("another ask's answer");
    count(r);
}

/// Answers of promises, given by whichever thread comes by next.
class counter_desk {
public:
    void leave(ap::promise<parcel> p, std::uint64_t n) {
        std::pair<ap::promise<parcel>, std::uint64_t> mine{std::move(p), n};
        {
            ap::parking_lock::scope const hold{lock_};
            std::swap(waiting_, mine);
        }
        answer(mine);
    }
    void answer_last() {
        std::pair<ap::promise<parcel>, std::uint64_t> last;
        {
            ap::parking_lock::scope const hold{lock_};
            std::swap(waiting_, last);
        }
        answer(last);
    }

private:
    static void answer(std::pair<ap::promise<parcel>, std::uint64_t>& of) {
        if (of.second % 7 == 0) return;  // dropped: a failure
        if (of.first.valid()) of.first.set_value(parcel{of.second});
    }
    ap::parking_lock lock_;
    std::pair<ap::promise<parcel>, std::uint64_t> waiting_;
};

struct place {
    explicit place(std::size_t threads) : pool{{.threads = threads, .drain_for = ap::duration::max()}} {}
    ap::thread_pool pool;
    ap::strand line{pool};
    counter_desk desk;
};

/// One operation, and how many asks it was.
class storm {
public:
    storm(place& at, std::uint64_t seed) : at_{at}, dice_{seed} {}

    void run(std::int64_t operations) {
        for (std::int64_t done = 0; done < operations;) {
            std::int64_t const n = one();
            asked.add(n);
            done += n;
        }
    }

private:
    [[nodiscard]] static auto direct() {
        return ap::request{[](parcel p) { return p; }};
    }
    [[nodiscard]] auto pooled() const { return direct() | ap::starts_on(at_.pool); }
    [[nodiscard]] auto failing(std::uint64_t n) const {
        return ap::request{[n](parcel p) -> ap::result<parcel> {
                   if (n % 3 == 0) return ap::errc::unavailable;
                   return p;
               }} |
               ap::starts_on(at_.pool);
    }
    std::int64_t one() {
        std::uint64_t const roll = dice_.next();
        std::uint64_t const n = roll >> 8;
        switch (roll % 32) {
            case 0: count_equal(direct().call(parcel{n}), n); return 1;
            case 1: count_equal(pooled().submit(parcel{n}).get(), n); return 1;
            case 2: pooled().submit(parcel{n}, [n](ap::result<parcel> r) { count_equal(r, n); }); return 1;
            case 3: count_equal(pooled().submit(parcel{n}).then([](parcel p) { return p; }).get(), n); return 1;
            case 4: {
                auto stopped = pooled().submit(parcel{n});
                stopped.request_stop();
                count_equal(std::move(stopped).get(), n);
                return 1;
            }
            case 5: count_equal(pooled().call_for(10us, parcel{n}).get(), n); return 1;
            case 6: {
                auto const all = ap::when_all(pooled().submit(parcel{n}), failing(n).submit(parcel{n})).get();
                count(all);
                return 1;
            }
            case 7: count(ap::when_any(pooled().submit(parcel{n}), failing(n).submit(parcel{n})).get()); return 1;
            case 8: count_equal((direct() | ap::starts_on(at_.line)).submit(parcel{n}).get(), n); return 1;
            case 9:
                count_equal((failing(n) | ap::retry{.max_attempts = 2, .backoff = {.initial = 0ms}}).submit(parcel{n}).get(), n);
                return 1;
            case 10: count_equal((pooled() | ap::timeout{.limit = 1ms}).submit(parcel{n}).get(), n); return 1;
            case 11: {
                auto shared = pooled().submit(parcel{n}).share();
                auto again = shared;
                count_equal(again.get(), n);
                count_equal(shared.get(), n);
                return 2;
            }
            case 12: {
                auto coroutine = ap::request{[ask = pooled()](parcel p) -> ap::task<parcel> { co_return co_await ask(std::move(p)); }} |
                                 ap::starts_on(at_.pool);
                count_equal(coroutine.submit(parcel{n}).get(), n);
                return 1;
            }
            case 13: {
                ap::promise<parcel> p;
                p.get_future().on_complete([n](ap::result<parcel> r) { count_equal(r, n); });
                at_.desk.leave(std::move(p), n);
                return 1;
            }
            case 14: {
                {
                    auto const dropped = pooled().submit(parcel{n});
                }
                count_equal(pooled().call(parcel{n}), n);
                return 1;
            }
            default: count_equal(direct().call(parcel{n}), n); return 1;
        }
    }
    place& at_;
    dice dice_;
};

}  // namespace

int main(int argc, char** argv) {
    std::int64_t const operations = argc > 1 ? std::atoll(argv[1]) : 1'000'000;
    std::uint64_t const seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : std::random_device{}();
    std::printf("storm: %lld operations, seed %llu\n", static_cast<long long>(operations), static_cast<unsigned long long>(seed));
    std::fflush(stdout);
    auto const began = std::chrono::steady_clock::now();
    std::atomic<bool> ended{false};
    std::thread watchdog{[&] {
        std::int64_t seen = -1;
        for (int quiet = 0; !ended.load(); ++quiet) {
            std::this_thread::sleep_for(100ms);
            std::int64_t const now = values.sum() + failures.sum();
            if (now != std::exchange(seen, now)) quiet = 0;
            if (quiet > 600) wrong("nothing was answered for a minute");
        }
    }};
    {
        place at{std::max(2u, std::thread::hardware_concurrency())};
        std::vector<std::thread> askers;
        for (std::uint64_t i = 0; i < 4; ++i)
            askers.emplace_back([&, i] { storm{at, seed + i}.run(operations / 4); });
        for (auto& each : askers)
            each.join();
        at.desk.answer_last();
    }
    ended.store(true);
    watchdog.join();
    std::chrono::duration<double> const took = std::chrono::steady_clock::now() - began;
    bool const good = values.sum() + failures.sum() == asked.sum() && alive.sum() == 0;
    std::printf("asks %lld, values %lld, failures %lld, alive at the end %lld; %.0f s\n", static_cast<long long>(asked.sum()),
                static_cast<long long>(values.sum()), static_cast<long long>(failures.sum()), static_cast<long long>(alive.sum()),
                took.count());
    return good ? 0 : 1;
}
