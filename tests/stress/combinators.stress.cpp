// SPDX-License-Identifier: BSL-1.0
// Inputs complete in several threads while the combination is waited for, stopped, dropped or its pool shut down: it is answered
// exactly once, and nothing is left.
#include <antiphon/antiphon.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <random>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/futures.hpp"
#include "support/values.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;
using test::counted;

namespace {

using promises = std::vector<ap::promise<counted>>;

/// Rounds of `one(seed)` for a second; nothing may be alive after each.
template <class Round>
void rounds(Round one) {
    auto const until = ap::clock::now() + 1s;
    for (unsigned seed = 0; ap::clock::now() < until; ++seed) {
        one(seed);
        REQUIRE(counted::alive() == 0);
    }
}

/// Answers the promises from three threads, each in its own order; every `failing`th fails.
class completers {
public:
    completers(promises& all, unsigned seed, std::size_t failing) {
        for (std::size_t t = 0; t < 3; ++t)
            threads_.emplace_back([&all, seed, failing, t] {
                std::minstd_rand chance{seed + 1};
                for (std::size_t i = t; i < all.size(); i += 3) {
                    if (chance() % 8 == 0) std::this_thread::yield();
                    if (failing != 0 && (i + seed) % failing == 0) {
                        all[i].set_failure(ap::errc::unavailable);
                    } else {
                        all[i].set_value(static_cast<int>(i));
                    }
                }
            });
    }
    completers(completers const&) = delete;
    completers& operator=(completers const&) = delete;
    ~completers() {
        for (std::thread& t : threads_)
            t.join();
    }

private:
    std::vector<std::thread> threads_;
};

/// What happens to a combination while it completes.
template <class R>
void use(ap::future<R> combined, unsigned seed) {
    switch (seed % 5) {
        case 0: static_cast<void>(std::move(combined).get()); break;
        case 1: {
            ap::future<R> const dropped = std::move(combined);
        } break;
        case 2:
            combined.request_stop();
            static_cast<void>(std::move(combined).get());
            break;
        case 3: {
            std::atomic<int> told{0};
            std::move(combined).then([](auto&&...) {}).on_complete([&](ap::result<void> const&) {
                told.fetch_add(1);
                told.notify_all();
            });
            told.wait(0);
            REQUIRE(told == 1);
            break;
        }
        case 4:
            while (!combined.wait_for(10us)) {
            }
            break;
    }
}

template <class Combine>
void race(Combine combine) {
    rounds([&](unsigned seed) {
        test::pending<counted> asked{1 + seed % 17};
        completers const at_work{asked.promises, seed, seed % 4};
        use(combine(std::move(asked.futures)), seed / 4);
    });
}

}  // namespace

TEST_CASE("when_all is answered once, whoever completes its inputs") {
    race([](auto futures) { return ap::when_all(std::move(futures)); });
}
TEST_CASE("when_any is answered once, whoever completes its inputs") {
    race([](auto futures) { return ap::when_any(std::move(futures)); });
}
TEST_CASE("when_first is answered once, whoever completes its inputs") {
    race([](auto futures) { return ap::when_first(std::move(futures)); });
}
TEST_CASE("when_settled is answered once, whoever completes its inputs") {
    race([](auto futures) { return ap::when_settled(std::move(futures)); });
}
TEST_CASE("combinations of combinations are answered once, whoever completes their inputs") {
    race([](auto futures) {
        std::vector<ap::future<counted>> left;
        while (futures.size() > 3) {
            left.push_back(std::move(futures.back()));
            futures.pop_back();
        }
        return ap::when_settled(ap::when_any(std::move(left)).then([](counted c) { return c; }), ap::when_all(std::move(futures)));
    });
}

TEST_CASE("threads that wait for combinations inside a small pool are woken for whatever becomes runnable") {
    ap::thread_pool pool{ap::thread_pool_options{.threads = 2}};
    auto const twice = ap::request{[](int x) { return 2 * x; }} | ap::starts_on(pool);
    auto const slowly = ap::request{[&](int x, int depth) {
                            auto next = twice.submit(x);
                            for (int i = 0; i < depth; ++i)
                                next = std::move(next).then(
                                    [&, i](int y) { return (i % 2 == 0 ? twice.submit(y) : ap::future<int>(ap::make_future(y))); });
                            return next;
                        }} |
                        ap::starts_on(pool);
    auto const outer = ap::request{[&](unsigned seed) -> ap::result<int> {
                           int const depth = static_cast<int>(seed % 5);
                           auto first = ap::when_first(slowly.submit(1, depth), slowly.submit(1, 0)).then([](int x) { return x; });
                           auto any =
                               ap::when_any(slowly.submit(1, depth), ap::when_first(slowly.submit(1, 2), slowly.submit(1, depth)));
                           auto all = ap::when_all(slowly.submit(2, depth), std::move(first), std::move(any), slowly.submit(3, 1));
                           auto answer = std::move(all).get();
                           if (!answer) return answer.error();
                           return std::get<3>(*answer);
                       }} |
                       ap::starts_on(pool);
    rounds([&](unsigned seed) {
        std::vector<ap::future<int>> asked;
        for (unsigned i = 0; i < 4; ++i)
            asked.push_back(outer.submit(seed + i));
        auto const answers = ap::when_settled(std::move(asked)).get();
        REQUIRE(answers);
        for (auto const& each : *answers)
            REQUIRE(each.value() == 12);
    });
}

TEST_CASE("combinations over a pool that shuts down are answered once") {
    rounds([](unsigned seed) {
        std::atomic<int> told{0};
        int asked = 0;
        {
            ap::thread_pool pool{ap::thread_pool_options{.threads = 2}};
            auto const work = ap::request{[](int x) { return counted{x}; }} | ap::starts_on(pool);
            auto count = [&](auto&&) { told.fetch_add(1); };
            for (int i = 0; i < 20; ++i) {
                auto some = [&] {
                    std::vector<ap::future<counted>> futures;
                    for (int k = 0; k < 5; ++k)
                        futures.push_back(work.submit(k));
                    return futures;
                };
                ap::when_all(some()).on_complete(count);
                ap::when_any(some()).on_complete(count);
                ap::when_settled(some()).then([](auto const&) {}).on_complete(count);
                ap::for_each_limited(std::vector<int>(5, 1), 2, [work](int x) { return work.submit(x); }).on_complete(count);
                asked += 4;
            }
            if (seed % 2 == 0) pool.shut_down(0ms);
        }
        for (int now = told; now != asked; now = told)
            std::this_thread::yield();
    });
}

TEST_CASE("combinations whose work is dropped are answered once") {
    struct dropping {
        void execute(ap::work job) const {
            std::thread{[dropped = std::move(job)] {}}.detach();
        }
    };
    rounds([](unsigned seed) {
        ap::thread_pool pool{ap::thread_pool_options{.threads = 1}};
        auto const lost = ap::request{[] { return counted{1}; }} | ap::starts_on(dropping{});
        auto const done = ap::request{[] { return counted{2}; }} | ap::starts_on(pool);
        REQUIRE_FALSE(ap::when_all(lost.submit(), done.submit()).get());
        REQUIRE(ap::when_any(lost.submit(), done.submit(), lost.submit()).get());
        if (seed % 2 == 0) static_cast<void>(ap::when_settled(lost.submit(), done.submit(), lost.submit()));
        // What was lost is told on the default pool.
        while (counted::alive() != 0)
            std::this_thread::yield();
    });
}

TEST_CASE("a shared future answers every reader once, whenever it came and whether it stayed") {
    rounds([](unsigned seed) {
        ap::promise<counted> p;
        std::atomic<int> told{0};
        {
            ap::shared_future<counted> const shared = p.get_future().share();
            std::vector<std::thread> readers;
            for (unsigned t = 0; t < 4; ++t)
                readers.emplace_back([&, t, mine = shared] {
                    mine.on_complete([&](ap::result<counted> const& r) { told.fetch_add(r.has_value() ? 1 : 1000); });
                    if ((seed + t) % 3 == 0) static_cast<void>(mine.wait_for(1us));
                    {
                        auto const dropped = mine.then([](counted const&) {});
                    }
                    auto kept = mine.then([](counted const& c) { return c.read(); });
                    if ((seed + t) % 4 == 0) kept.request_stop();
                    auto const value = std::move(kept).get();
                    if (value ? *value != 7 : value != ap::errc::cancelled) told.fetch_add(1000);
                    if (mine.get()->read() != 7) told.fetch_add(1000);
                });
            for (unsigned i = 0; i < seed % 8; ++i)
                std::this_thread::yield();
            p.set_value(7);
            for (std::thread& t : readers)
                t.join();
        }
        REQUIRE(told == 4);
    });
}

TEST_CASE("the last copies of a shared future are dropped while it completes") {
    rounds([](unsigned seed) {
        ap::promise<counted> p;
        auto shared = p.get_future().share();
        std::thread one{[mine = shared] {}};
        std::thread two{[mine = shared.then([](counted const& c) { return c.read(); })]() mutable { mine = {}; }};
        std::thread three{[&] { p.set_value(1); }};
        if (seed % 2 == 0) shared.request_stop();
        shared = {};
        one.join();
        two.join();
        three.join();
    });
}

TEST_CASE("for_each_limited keeps its window while answers arrive from many threads") {
    rounds([&](unsigned seed) {
        ap::thread_pool pool{ap::thread_pool_options{.threads = 3}};  // its queue may keep answered asks for a while
        int const limit = 1 + static_cast<int>(seed % 5);
        std::atomic<int> now{0}, ended{0};
        std::atomic<bool> exceeded{false};
        auto const work = ap::request{[&](int x) -> ap::result<counted> {
                              if (now.fetch_add(1) >= limit) exceeded = true;
                              now.fetch_sub(1);
                              ended.fetch_add(1);
                              if (seed % 3 == 0 && x == 150) return ap::errc::unavailable;
                              return counted{x};
                          }} |
                          ap::starts_on(pool);
        std::vector<int> items;
        for (int i = 0; i < 200; ++i)
            items.push_back(i);
        auto all = ap::for_each_limited(std::move(items), static_cast<std::size_t>(limit), [&](int x) { return work.submit(x); });
        if (seed % 4 == 1) all.request_stop();
        auto const answer = std::move(all).get();
        REQUIRE_FALSE(exceeded);
        if (seed % 4 != 1) REQUIRE(answer.has_value() == (seed % 3 != 0));
        if (answer) REQUIRE(ended == 200);
    });
}
