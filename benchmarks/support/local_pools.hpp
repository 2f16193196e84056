// SPDX-License-Identifier: BSL-1.0
#pragma once
// The pools of peers that have no package: each where CMake was given the path of a checkout (peers.cmake). See pools.hpp for the words.

#include <cstddef>
#include <future>
#include <memory>
#include <utility>

#if ANTIPHON_BENCH_STDEXEC
#include <exec/async_scope.hpp>
#include <exec/static_thread_pool.hpp>
#include <stdexec/execution.hpp>
#endif
#if ANTIPHON_BENCH_BS
#include <BS_thread_pool.hpp>
#endif
#if ANTIPHON_BENCH_TASKFLOW
#include <taskflow/taskflow.hpp>
#endif
#if ANTIPHON_BENCH_CONCURRENCPP
#include <concurrencpp/concurrencpp.h>
#endif
#if ANTIPHON_BENCH_YACLIB
#include <yaclib/async/run.hpp>
#include <yaclib/exe/submit.hpp>
#include <yaclib/runtime/fair_thread_pool.hpp>
#endif
#if ANTIPHON_BENCH_ASYNC_SIMPLE
#include <async_simple/Future.h>
#include <async_simple/Promise.h>
#include <async_simple/executors/SimpleExecutor.h>
#endif
#if ANTIPHON_BENCH_TMC
#include <tmc/ex_cpu.hpp>
#include <tmc/sync.hpp>
#endif

namespace bench {

#if ANTIPHON_BENCH_STDEXEC
class stdexec_pool {
public:
    static constexpr char const* name = "stdexec";
    explicit stdexec_pool(unsigned threads) : pool_{threads} {}
    ~stdexec_pool() { stdexec::sync_wait(scope_.on_empty()); }
    template <class Job>
    void post(Job&& job) {
        scope_.spawn(stdexec::schedule(pool_.get_scheduler()) |
                     stdexec::then([job = std::forward<Job>(job)]() mutable noexcept { job(); }));
    }
    template <class F>
    auto submit(F&& f) {
        return scope_.spawn_future(stdexec::schedule(pool_.get_scheduler()) | stdexec::then(std::forward<F>(f)));
    }
    template <class Future>
    static int get(Future&& answer) {
        return std::get<0>(*stdexec::sync_wait(std::forward<Future>(answer)));
    }

private:
    exec::static_thread_pool pool_;
    exec::async_scope scope_;
};
#endif

#if ANTIPHON_BENCH_BS
class bs_pool {
public:
    static constexpr char const* name = "BS::thread_pool";
    explicit bs_pool(unsigned threads) : pool_{threads} {}
    template <class Job>
    void post(Job&& job) {
        pool_.detach_task(std::forward<Job>(job));
    }
    template <class F>
    auto submit(F&& f) {
        return pool_.submit_task(std::forward<F>(f));
    }
    static int get(std::future<int> answer) { return answer.get(); }

private:
    BS::light_thread_pool pool_;
};
#endif

#if ANTIPHON_BENCH_TASKFLOW
class taskflow_pool {
public:
    static constexpr char const* name = "Taskflow";
    explicit taskflow_pool(unsigned threads) : executor_{threads} {}
    template <class Job>
    void post(Job&& job) {
        executor_.silent_async(std::forward<Job>(job));
    }
    template <class F>
    auto submit(F&& f) {
        return executor_.async(std::forward<F>(f));
    }
    static int get(std::future<int> answer) { return answer.get(); }

private:
    tf::Executor executor_;
};
#endif

#if ANTIPHON_BENCH_CONCURRENCPP
class concurrencpp_pool {
public:
    static constexpr char const* name = "concurrencpp";
    explicit concurrencpp_pool(unsigned threads) : runtime_{options(threads)}, executor_{runtime_.thread_pool_executor()} {}
    template <class Job>
    void post(Job&& job) {
        executor_->post(std::forward<Job>(job));
    }
    template <class F>
    auto submit(F&& f) {
        return executor_->submit(std::forward<F>(f));
    }
    static int get(concurrencpp::result<int> answer) { return answer.get(); }

private:
    static concurrencpp::runtime_options options(unsigned threads) {
        concurrencpp::runtime_options chosen;
        chosen.max_cpu_threads = threads;
        return chosen;
    }
    concurrencpp::runtime runtime_;
    std::shared_ptr<concurrencpp::thread_pool_executor> executor_;
};
#endif

#if ANTIPHON_BENCH_YACLIB
class yaclib_pool {
public:
    static constexpr char const* name = "YACLib";
    explicit yaclib_pool(unsigned threads) : pool_{threads} {}
    ~yaclib_pool() {
        pool_.SoftStop();
        pool_.Wait();
    }
    template <class Job>
    void post(Job&& job) {
        yaclib::Submit(pool_, std::forward<Job>(job));
    }
    template <class F>
    auto submit(F&& f) {
        return yaclib::Run(pool_, std::forward<F>(f));
    }
    static int get(yaclib::FutureOn<int> answer) { return std::move(answer).Get().Ok(); }
    [[nodiscard]] yaclib::FairThreadPool& underneath() { return pool_; }

private:
    yaclib::FairThreadPool pool_;
};
#endif

#if ANTIPHON_BENCH_ASYNC_SIMPLE
class async_simple_pool {
public:
    static constexpr char const* name = "async_simple";
    explicit async_simple_pool(unsigned threads) : executor_{threads} {}
    template <class Job>
    void post(Job&& job) {
        executor_.schedule(std::forward<Job>(job));
    }
    template <class F>
    auto submit(F&& f) {
        auto promise = std::make_shared<async_simple::Promise<int>>();  // shared: its std::function copies
        async_simple::Future<int> answer = promise->getFuture();
        executor_.schedule([p = std::move(promise), f = std::forward<F>(f)] { p->setValue(f()); });
        return answer;
    }
    static int get(async_simple::Future<int> answer) { return std::move(answer).get(); }

private:
    async_simple::executors::SimpleExecutor executor_;
};
#endif

#if ANTIPHON_BENCH_TMC
class tmc_pool {
public:
    static constexpr char const* name = "TooManyCooks";
    explicit tmc_pool(unsigned threads) { executor_.set_thread_count(threads).init(); }
    template <class Job>
    void post(Job&& job) {
        tmc::post(executor_, std::forward<Job>(job));
    }
    template <class F>
    auto submit(F&& f) {
        return tmc::post_waitable(executor_, std::forward<F>(f));
    }
    static int get(std::future<int> answer) { return answer.get(); }

private:
    tmc::ex_cpu executor_;
};
#endif

/// Calls `each.template operator()<Pool>()` for every one of them that is there.
template <class Each>
void for_every_local_pool([[maybe_unused]] Each& each) {
#if ANTIPHON_BENCH_STDEXEC
    each.template operator()<stdexec_pool>();
#endif
#if ANTIPHON_BENCH_BS
    each.template operator()<bs_pool>();
#endif
#if ANTIPHON_BENCH_TASKFLOW
    each.template operator()<taskflow_pool>();
#endif
#if ANTIPHON_BENCH_CONCURRENCPP
    each.template operator()<concurrencpp_pool>();
#endif
#if ANTIPHON_BENCH_YACLIB
    each.template operator()<yaclib_pool>();
#endif
#if ANTIPHON_BENCH_ASYNC_SIMPLE
    each.template operator()<async_simple_pool>();
#endif
#if ANTIPHON_BENCH_TMC
    each.template operator()<tmc_pool>();
#endif
}

}  // namespace bench
