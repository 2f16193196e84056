// SPDX-License-Identifier: BSL-1.0
#pragma once
// The pools of peers that come as packages beside those of pools.hpp, each where CMake found it (peers.cmake). See pools.hpp for the words.

#include <utility>

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#endif
#if ANTIPHON_BENCH_BOOST_THREAD
#include <boost/thread/executors/basic_thread_pool.hpp>
#include <boost/thread/future.hpp>
#endif
#if ANTIPHON_BENCH_PPLX
#include <pplx/pplxtasks.h>
#endif
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace bench {

#if ANTIPHON_BENCH_BOOST_THREAD
class boost_thread_pool {
public:
    static constexpr char const* name = "Boost.Thread";
    explicit boost_thread_pool(unsigned threads) : pool_{threads} {}
    template <class Job>
    void post(Job&& job) {
        pool_.submit(std::forward<Job>(job));
    }
    template <class F>
    auto submit(F&& f) {
        return boost::async(pool_, std::forward<F>(f));
    }
    static int get(boost::future<int> answer) { return answer.get(); }

private:
    boost::executors::basic_thread_pool pool_;
};
#endif

#if ANTIPHON_BENCH_PPLX
/// Its threads are the process's, forty of them whatever one asks for.
class pplx_pool {
public:
    static constexpr char const* name = "pplx";
    explicit pplx_pool(unsigned) {}
    template <class Job>
    void post(Job&& job) {
        pplx::create_task(std::forward<Job>(job));
    }
    template <class F>
    auto submit(F&& f) {
        return pplx::create_task(std::forward<F>(f));
    }
    static int get(pplx::task<int> answer) { return answer.get(); }
};
#endif

/// Calls `each.template operator()<Pool>()` for every one of them that is there.
template <class Each>
void for_every_installed_pool([[maybe_unused]] Each& each) {
#if ANTIPHON_BENCH_BOOST_THREAD
    each.template operator()<boost_thread_pool>();
#endif
#if ANTIPHON_BENCH_PPLX
    each.template operator()<pplx_pool>();
#endif
}

}  // namespace bench
