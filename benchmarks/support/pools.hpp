// SPDX-License-Identifier: BSL-1.0
#pragma once
// Every pool behind the same three words, so that the workloads are written once:
//   post(job)        fire and forget
//   submit(f)        a job whose answer somebody wants: the pool's own kind of future
//   get(future)      waits for that answer

#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "antiphon/execution/thread_pool.hpp"
#include "support/installed_pools.hpp"
#include "support/local_pools.hpp"
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

/// Bare jobs. What is asked with an answer is written out in the benchmarks, as users write it: a request that is made once.
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

class std_asks {
public:
    static constexpr char const* name = "std (mutex, deque, packaged_task)";
    explicit std_asks(unsigned threads) : pool_{threads} {}
    template <class F>
    auto submit(F&& f) {
        std::packaged_task<int()> task{std::forward<F>(f)};
        std::future<int> answer = task.get_future();
        pool_.post(std::move(task));
        return answer;
    }
    static int get(std::future<int> answer) { return answer.get(); }

private:
    std_pool<std::packaged_task<int()>> pool_;
};

#if ANTIPHON_BENCH_ASIO
class asio_pool {
public:
    static constexpr char const* name = "asio";
    explicit asio_pool(unsigned threads) : pool_{threads} {}
    ~asio_pool() { pool_.join(); }
    template <class Job>
    void post(Job&& job) {
        asio::post(pool_, std::forward<Job>(job));
    }
    template <class F>
    auto submit(F&& f) {
        return asio::post(pool_, asio::use_future(std::forward<F>(f)));
    }
    static int get(std::future<int> answer) { return answer.get(); }

private:
    asio::thread_pool pool_;
};
#endif

#if ANTIPHON_BENCH_TBB
class tbb_pool {
public:
    static constexpr char const* name = "oneTBB (enqueue)";
    explicit tbb_pool(unsigned threads) : arena_{static_cast<int>(threads), 0} {}
    template <class Job>
    void post(Job&& job) {
        arena_.enqueue(std::forward<Job>(job));
    }
    template <class F>
    auto submit(F&& f) {
        auto promise = std::make_shared<std::promise<int>>();  // shared: enqueue copies what it is given
        std::future<int> answer = promise->get_future();
        arena_.enqueue([p = std::move(promise), f = std::forward<F>(f)] { p->set_value(f()); });
        return answer;
    }
    static int get(std::future<int> answer) { return answer.get(); }

private:
    tbb::task_arena arena_;
};
#endif

#if ANTIPHON_BENCH_MOODYCAMEL
/// The queue, with the simplest pool around it.
class moodycamel_posts {
public:
    static constexpr char const* name = "moodycamel (blocking queue, function)";
    static constexpr bool may_starve =
        true;  ///< it has no order among producers: workers that post may keep a poster outside waiting for ever
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

/// Calls `each.template operator()<Pool>()` for every peer that has `post` and `submit`.
template <class Each>
void for_every_pool_of_both(Each each) {
#if ANTIPHON_BENCH_ASIO
    each.template operator()<asio_pool>();
#endif
#if ANTIPHON_BENCH_TBB
    each.template operator()<tbb_pool>();
#endif
    for_every_installed_pool(each);
    for_every_local_pool(each);
}
/// For every peer that has `post`.
template <class Each>
void for_every_posting_peer(Each each) {
    each.template operator()<std_posts>();
    for_every_pool_of_both(each);
#if ANTIPHON_BENCH_MOODYCAMEL
    each.template operator()<moodycamel_posts>();
#endif
}
/// For every peer that has `submit`.
template <class Each>
void for_every_asking_peer(Each each) {
    each.template operator()<std_asks>();
    for_every_pool_of_both(each);
}
/// antiphon's and everybody's who posts.
template <class Each>
void for_every_pool(Each each) {
    each.template operator()<antiphon_posts>();
    for_every_posting_peer(each);
}

}  // namespace bench
