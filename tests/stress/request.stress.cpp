// SPDX-License-Identifier: BSL-1.0
// Races between those who ask, answer, wait, stop, drop and run.
#include <antiphon/execution/manual_executor.hpp>
#include <antiphon/execution/strand.hpp>
#include <antiphon/execution/thread_pool.hpp>
#include <antiphon/policy/retry.hpp>
#include <antiphon/policy/timeout.hpp>
#include <antiphon/request/hop.hpp>
#include <antiphon/request/promise.hpp>
#include <antiphon/request/request.hpp>
#include <antiphon/request/sleep.hpp>
#include <antiphon/request/starts_on.hpp>
#include <antiphon/request/task.hpp>

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <random>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/values.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

constexpr auto long_enough = 1500ms;
class dice {
public:
    explicit dice(std::uint32_t seed) : engine_{seed} {}
    unsigned operator()() { return static_cast<unsigned>(engine_()); }

private:
    std::mt19937 engine_;
};

/// Its seed is printed, so that a failing run can be repeated by writing the number here.
dice seeded(char const* name) {
    auto const seed = static_cast<std::uint32_t>(std::random_device{}());
    std::printf("  %s: seed %u\n", name, seed);
    return dice{seed};
}
struct tally {
    std::atomic<long> asks{0}, values{0}, failures{0};
    template <class T>
    void count(ap::result<T> const& r) {
        ++(r ? values : failures);
    }
    void check() const {
        CHECK(values + failures == asks);
        for (int i = 0; i < 50'000'000 && test::counted::alive() != 0; ++i)
            std::this_thread::yield();
        CHECK(test::counted::alive() == 0);
    }
};
template <class F>
void for_a_while(F f) {
    auto const end = std::chrono::steady_clock::now() + long_enough;
    while (std::chrono::steady_clock::now() < end)
        f();
}

}  // namespace

TEST_CASE("answering races with attaching, stopping, waiting and dropping") {
    dice roll = seeded("answering");
    tally seen;
    std::optional<ap::promise<test::counted>> p;
    std::barrier<> both{2};
    std::atomic<bool> over{false};
    std::atomic<unsigned> pause{0};
    std::thread producer{[&] {
        for (;;) {
            both.arrive_and_wait();
            if (over) return;
            for (unsigned i = pause; i != 0; --i)
                static_cast<void>(over.load());
            if (pause % 7 == 0) {
                p.reset();
            } else {
                p->set_value(1);
            }
            both.arrive_and_wait();
        }
    }};
    for_a_while([&] {
        p.emplace();
        auto f = p->get_future();
        pause = static_cast<unsigned>(roll() % 60);
        auto const what = roll() % 8;
        if (what < 6) ++seen.asks;
        std::atomic<int> told{0};
        both.arrive_and_wait();
        switch (what) {
            case 0: seen.count(std::move(f).get()); break;
            case 1: seen.count(std::move(f).then([c = test::counted{}](test::counted x) { return x; }).get()); break;
            case 2:
                std::move(f).on_complete([&, c = test::counted{}](ap::result<test::counted> r) {
                    seen.count(r);
                    told = 1;
                    told.notify_one();
                });
                told.wait(0);
                break;
            case 3:
                f.request_stop();
                seen.count(std::move(f).get());
                break;
            case 4:
                while (!f.wait_for(std::chrono::microseconds{roll() % 50u})) {
                }
                seen.count(std::move(f).get());
                break;
            case 5:
                seen.count(std::move(f)
                               .or_else([](ap::failure const&) { return test::counted{2}; })
                               .then([](test::counted x) { return x; })
                               .get());
                break;
            case 6: f = {}; break;
            default: static_cast<void>(std::move(f).then([c = test::counted{}](test::counted) {})); break;
        }
        both.arrive_and_wait();
    });
    over = true;
    both.arrive_and_wait();
    producer.join();
    p.reset();
    seen.check();
}

TEST_CASE("a claiming waiter races with the pool's workers, with stop requests and with limits") {
    dice roll = seeded("claiming");
    tally seen;
    std::atomic<long> ran{0};
    {
        ap::thread_pool pool{{.threads = 2}};
        auto const r = ap::request{[&](test::counted c) {
                           ++ran;
                           return c;
                       }} |
                       ap::starts_on(pool);
        auto const stoppable = ap::request{[&](std::stop_token stop, test::counted c) -> ap::result<test::counted> {
                                   if (stop.stop_requested()) return ap::errc::cancelled;
                                   return c;
                               }} |
                               ap::starts_on(pool);
        for_a_while([&] {
            auto f = roll() % 2 == 0 ? r.submit(test::counted{}) : stoppable.submit(test::counted{});
            ++seen.asks;
            for (unsigned i = static_cast<unsigned>(roll() % 300); i != 0; --i)
                static_cast<void>(ran.load());
            switch (roll() % 5) {
                case 0: break;
                case 1: f.request_stop(); break;
                case 2: static_cast<void>(f.wait_for(std::chrono::microseconds{roll() % 50u})); break;
                case 3: f = std::move(f).then([](test::counted c) { return c; }); break;
                default: {
                    std::thread other{[&] { f.request_stop(); }};
                    other.join();
                }
            }
            seen.count(std::move(f).get());
        });
    }
    seen.check();
}

TEST_CASE("dropped and detached asks all end, whoever runs them") {
    dice roll = seeded("dropping");
    tally seen;
    {
        ap::thread_pool pool{{.threads = 2}};
        auto const r = ap::request{[](test::counted c) { return c; }} | ap::starts_on(pool);
        auto const slow = ap::request{[](std::stop_token, test::counted c) -> ap::task<test::counted> {
                              co_await ap::sleep_for(10us);
                              co_return c;
                          }} |
                          ap::starts_on(pool);
        for_a_while([&] {
            for (int i = 0; i < 20; ++i) {
                switch (roll() % 4) {
                    case 0: static_cast<void>(r.submit(test::counted{})); break;
                    case 1: static_cast<void>(slow.submit(test::counted{}).then([c = test::counted{}](test::counted) {})); break;
                    case 2: slow.submit(test::counted{}).detach(); break;
                    default:
                        ++seen.asks;
                        slow.submit(test::counted{}, [&, c = test::counted{}](ap::result<test::counted> x) { seen.count(x); });
                }
            }
        });
        for (int i = 0; i < 50'000'000 && seen.values + seen.failures != seen.asks; ++i)
            std::this_thread::yield();
    }
    seen.check();
}

TEST_CASE("no wake-up is lost between a waiting worker, hops and continuations") {
    dice roll = seeded("waking");
    tally seen;
    {
        ap::thread_pool one{{.threads = 1}}, other{{.threads = 1}};
        ap::strand const strand{one};
        auto const leaf = ap::request{[](test::counted c) { return c; }} | ap::starts_on(other);
        auto const back = ap::request{[](test::counted c) { return c; }} | ap::starts_on(one);
        auto const hops = ap::request{[&](int way, test::counted c) -> ap::task<test::counted> {
                              if ((way & 1) != 0) co_await ap::resume_on(other);
                              if ((way & 2) != 0) static_cast<void>(co_await leaf.submit(test::counted{}));
                              if ((way & 4) != 0) co_await ap::resume_on(one);
                              if ((way & 8) != 0) static_cast<void>(co_await back.submit(test::counted{}));
                              if ((way & 16) != 0) co_await ap::reschedule();
                              if ((way & 32) != 0) co_await ap::resume_on(strand);
                              co_return c;
                          }} |
                          ap::starts_on(one);
        auto const on_strand = ap::request{[&](int way, test::counted c) -> ap::task<test::counted> {
                                   static_cast<void>(co_await back.submit(test::counted{}));
                                   if ((way & 1) != 0) static_cast<void>(co_await leaf.submit(test::counted{}));
                                   co_return c;
                               }} |
                               ap::starts_on(strand);
        auto const outer = ap::request{[&](int way) {
                               return (way & 64) != 0
                                          ? hops.submit(way, test::counted{}).get()
                                          : on_strand.submit(way, test::counted{}).then([](test::counted c) { return c; }).get();
                           }} |
                           ap::starts_on(one);
        for_a_while([&] {
            ++seen.asks;
            std::atomic<int> told{0};
            outer.submit(static_cast<int>(roll() % 128), [&](ap::result<test::counted> r) {
                if (!r) std::printf("    %s\n", std::string{r.error().message()}.c_str());
                CHECK(r.has_value());
                seen.count(r);
                told = 1;
                told.notify_one();
            });
            told.wait(0);
        });
    }
    seen.check();
    CHECK(seen.failures == 0);
}

TEST_CASE("tasks that hop between pools end under stop requests and shut-downs") {
    dice roll = seeded("hopping");
    tally seen;
    for_a_while([&] {
        ap::thread_pool a{{.threads = 1}}, b{{.threads = 2}};
        auto const r = ap::request{[&](test::counted c) -> ap::task<test::counted> {
                           for (int i = 0; i < 10; ++i) {
                               co_await ap::resume_on(b);
                               co_await ap::sleep_for(1us);
                               co_await ap::resume_on(a);
                           }
                           co_return c;
                       }} |
                       ap::starts_on(a);
        std::vector<ap::future<test::counted>> all;
        for (int i = 0; i < 8; ++i) {
            all.push_back(r.submit(test::counted{}));
            ++seen.asks;
        }
        std::thread ends{[&, first = roll() % 3, pause = roll() % 2000] {
            for (auto i = pause; i != 0; --i)
                static_cast<void>(seen.asks.load());
            if (first == 0) a.shut_down();
            if (first == 1) b.shut_down();
        }};
        for (auto& f : all) {
            if (roll() % 3 == 0) f.request_stop();
            seen.count(std::move(f).get());
        }
        ends.join();
    });
    seen.check();
}

TEST_CASE("a strand's tasks are waited for from one-thread pools while they suspend") {
    dice roll = seeded("strands");
    tally seen;
    {
        ap::thread_pool one{{.threads = 1}}, two{{.threads = 1}};
        ap::strand const strand{one};
        int plain = 0;
        auto const leaf = ap::request{[](int x) { return x; }} | ap::starts_on(one);
        auto const middle = ap::request{[&](int x, test::counted) -> ap::task<int> {
                                ++plain;
                                int const y = (co_await leaf.submit(x)).value();
                                ++plain;
                                co_return y;
                            }} |
                            ap::starts_on(strand);
        auto const from = [&](ap::thread_pool& pool) {
            return ap::request{[&](int x) { return middle.submit(x, test::counted{}).get(); }} | ap::starts_on(pool);
        };
        auto const first = from(one), second = from(two);
        for_a_while([&] {
            std::vector<ap::future<int>> all;
            for (int i = 0; i < 16; ++i) {
                all.push_back((roll() % 2 == 0 ? first : second).submit(i));
                ++seen.asks;
            }
            for (auto& f : all)
                seen.count(std::move(f).get());
        });
        CHECK(plain == 2 * seen.asks);
    }
    CHECK(seen.failures == 0);
    seen.check();
}

TEST_CASE("asks end exactly once while their pool is shut down under them") {
    dice roll = seeded("shutting down");
    tally seen;
    for_a_while([&] {
        ap::thread_pool pool{{.threads = 2}};
        auto const r = ap::request{[](ap::context const& c, test::counted x) -> ap::result<test::counted> {
                           if (c.stop_requested()) return ap::errc::cancelled;
                           return x;
                       }} |
                       ap::starts_on(pool);
        std::thread asks{[&] {
            for (int i = 0; i < 200; ++i) {
                seen.asks += 2;
                r.submit(test::counted{}, [&](ap::result<test::counted> x) { seen.count(x); });
                seen.count(r.submit(test::counted{}).then([](test::counted c) { return c; }).get());
            }
        }};
        for (unsigned i = static_cast<unsigned>(roll() % 20'000); i != 0; --i)
            static_cast<void>(seen.asks.load());
        pool.shut_down(roll() % 2 == 0 ? ap::duration::zero() : ap::duration{1ms});
        asks.join();
    });
    seen.check();
}

TEST_CASE("a worker that waits for a retry goes on from an attempt that was given up to the next") {
    ap::thread_pool pool{{.threads = 1}};
    std::vector<ap::promise<int>> never(1);
    std::atomic<int> tries{0};
    auto ask = ap::request{[&]() -> ap::future<int> {
                   if (tries++ != 0) {
                       ap::promise<int> now;
                       now.set_value(7);
                       return now.get_future();
                   }
                   auto f = never[0].get_future();
                   for (int i = 0; i < 40; ++i)
                       f = std::move(f).then([](int x) { return x; });
                   return f;
               }} |
               ap::timeout{.limit = 20ms} | ap::retry{.max_attempts = 3, .backoff = {.initial = 1ms}} | ap::starts_on(pool);
    auto outside = (ap::request{[&] { return ask.submit().get(); }} | ap::starts_on(pool)).submit();
    while (!outside.ready())
        std::this_thread::yield();
    CHECK(std::move(outside).get().value() == 7);
}

namespace {

/// Has queued the work long before it returns, as a thread that was preempted there.
struct slow_to_return {
    ap::thread_pool::executor_type pool;
    std::atomic<bool>* ended;
    void execute(ap::work job) const {
        pool.execute(std::move(job));
        while (!ended->load())
            std::this_thread::yield();
    }
    [[nodiscard]] void const* place() const noexcept { return pool.place(); }
};

}  // namespace

TEST_CASE("a task whose steps many threads hand over at once takes them all") {
    constexpr std::size_t many = 24;
    ap::thread_pool pool{{.threads = 1}};
    std::atomic<bool> ended{false};
    std::vector<ap::promise<int>> promises(many);
    std::vector<ap::future<int>> futures;
    for (auto& each : promises)
        futures.push_back(each.get_future());
    std::atomic<std::size_t> reached{0};
    auto ask = ap::request{[&]() -> ap::task<int> {
                   int sum = 0;
                   for (std::size_t i = 0; i < many; ++i) {
                       reached = i + 1;
                       sum += (co_await std::move(futures[i])).value();
                   }
                   ended = true;
                   co_return sum;
               }} |
               ap::starts_on(slow_to_return{pool.get_executor(), &ended});
    std::optional<ap::result<int>> answer;
    std::thread asks{[&] { answer = ask.submit().get(); }};
    std::vector<std::thread> answerers;
    for (std::size_t i = 0; i < many; ++i) {
        while (reached.load() <= i)
            std::this_thread::yield();
        answerers.emplace_back([&promises, i] { promises[i].set_value(1); });
    }
    for (auto& each : answerers)
        each.join();
    asks.join();
    CHECK(answer->value() == static_cast<int>(many));
}
