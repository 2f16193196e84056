// SPDX-License-Identifier: BSL-1.0
#pragma once
// Pools that take bare jobs, antiphon's and its peers', each behind the same `post(job)`.

#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "antiphon/execution/thread_pool.hpp"
#include "support/peers.hpp"
#include "support/std_pool.hpp"

#if ANTIPHON_BENCH_MOODYCAMEL
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#endif
#include <concurrentqueue/blockingconcurrentqueue.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
#endif

namespace bench {

class antiphon_posts {
public:
    static constexpr char const* name = "antiphon";
    explicit antiphon_posts(unsigned threads) : pool_{antiphon::thread_pool_options{.threads = threads}} {}
    template <class Job>
    void post(Job&& job) {
        executor_.execute(std::forward<Job>(job));
    }

private:
    antiphon::thread_pool pool_;
    antiphon::thread_pool::executor_type executor_ = pool_.get_executor();
};

class std_posts {
public:
    static constexpr char const* name = "std (mutex, deque, function)";
    explicit std_posts(unsigned threads) : pool_{threads} {}
    template <class Job>
    void post(Job&& job) {
        pool_.post(std::forward<Job>(job));
    }

private:
    std_pool<std::function<void()>> pool_;
};

#if ANTIPHON_BENCH_ASIO
class asio_posts {
public:
    static constexpr char const* name = "asio";
    explicit asio_posts(unsigned threads) : pool_{threads} {}
    ~asio_posts() { pool_.join(); }
    template <class Job>
    void post(Job&& job) {
        asio::post(pool_, std::forward<Job>(job));
    }

private:
    asio::thread_pool pool_;
};
#endif

#if ANTIPHON_BENCH_TBB
class tbb_posts {
public:
    static constexpr char const* name = "oneTBB (enqueue)";
    explicit tbb_posts(unsigned threads) : arena_{static_cast<int>(threads), 0} {}
    template <class Job>
    void post(Job&& job) {
        arena_.enqueue(std::forward<Job>(job));
    }

private:
    tbb::task_arena arena_;
};
#endif

#if ANTIPHON_BENCH_MOODYCAMEL
/// The queue, with the simplest pool around it.
class moodycamel_posts {
public:
    static constexpr char const* name = "moodycamel (blocking queue, function)";
    explicit moodycamel_posts(unsigned threads) {
        for (unsigned i = 0; i < threads; ++i)
            workers_.emplace_back([this] {
                for (std::function<void()> job;;) {
                    jobs_.wait_dequeue(job);
                    if (!job) return;
                    job();
                }
            });
    }
    ~moodycamel_posts() {
        for (std::size_t i = 0; i < workers_.size(); ++i)
            jobs_.enqueue({});
        for (std::thread& each : workers_)
            each.join();
    }
    template <class Job>
    void post(Job&& job) {
        jobs_.enqueue(std::forward<Job>(job));
    }

private:
    moodycamel::BlockingConcurrentQueue<std::function<void()>> jobs_;
    std::vector<std::thread> workers_;
};
#endif

/// Calls `each.template operator()<Pool>()` for every pool there is.
template <class Each>
void for_every_pool(Each each) {
    each.template operator()<antiphon_posts>();
    each.template operator()<std_posts>();
#if ANTIPHON_BENCH_ASIO
    each.template operator()<asio_posts>();
#endif
#if ANTIPHON_BENCH_TBB
    each.template operator()<tbb_posts>();
#endif
#if ANTIPHON_BENCH_MOODYCAMEL
    each.template operator()<moodycamel_posts>();
#endif
}

}  // namespace bench
