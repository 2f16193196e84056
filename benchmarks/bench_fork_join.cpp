// SPDX-License-Identifier: BSL-1.0
// Fork and join: the 27th Fibonacci number, where each call forks one half and runs the other. One operation is one fork.

#include <string>
#include <utility>

#include "antiphon/antiphon.hpp"
#include "support/bench.hpp"
#include "support/peers.hpp"

#if ANTIPHON_BENCH_TBB
#include <oneapi/tbb/task_group.h>
#endif
#if ANTIPHON_BENCH_TASKFLOW
#include <taskflow/taskflow.hpp>
#endif
#if ANTIPHON_BENCH_LIBFORK
#include <libfork.hpp>
#endif
#if ANTIPHON_BENCH_TMC
#include <tmc/ex_cpu.hpp>
#include <tmc/spawn_tuple.hpp>
#include <tmc/sync.hpp>
#include <tmc/task.hpp>
#endif

namespace ap = antiphon;

namespace {

constexpr int n = 27;
constexpr int answer = 196'418;
constexpr std::size_t forks = 317'810;  ///< calls with n ≥ 2

template <class Fib>
void run(benchmark::State& state, Fib&& fib) {
    bench::account const of{state, forks};
    for (auto _ : state)
        if (fib() != answer) state.SkipWithError("a wrong number");
}

/// The structured form.
int antiphon_fib(int x) {
    if (x < 2) return x;
    auto const [mine, other] = ap::fork_join([x] { return antiphon_fib(x - 2); }, [x] { return antiphon_fib(x - 1); });
    return *mine + *other;
}
void antiphon_fork_join(benchmark::State& state) {
    ap::thread_pool pool{{.threads = bench::workers()}};
    auto const inside = ap::request{antiphon_fib} | ap::starts_on(pool);
    run(state, [&inside] { return *inside.submit(n).get(); });
}
BENCHMARK(antiphon_fork_join)->Name("fork and join, fib(27)/antiphon, fork_join")->UseRealTime();

/// With asks: the forked half is submitted, and whoever waits for it first runs it.
class forking {
public:
    explicit forking(ap::thread_pool& pool) : place_{pool.get_executor()} {}
    [[nodiscard]] int operator()(int x) const {
        if (x < 2) return x;
        ap::future<int> other = (ap::request{[this](int y) { return (*this)(y); }} | ap::starts_on(place_)).submit(x - 1);
        int const mine = (*this)(x - 2);
        return mine + *std::move(other).get();
    }

private:
    ap::thread_pool::executor_type place_;
};
void antiphon_submit(benchmark::State& state) {
    ap::thread_pool pool{{.threads = bench::workers()}};
    forking const fib{pool};
    auto const inside = ap::request{[&fib](int x) { return fib(x); }} | ap::starts_on(pool);
    run(state, [&inside] { return *inside.submit(n).get(); });
}
BENCHMARK(antiphon_submit)->Name("fork and join, fib(27)/antiphon, submit and get")->UseRealTime();

#if ANTIPHON_BENCH_TBB
int tbb_fib(int x) {
    if (x < 2) return x;
    int other = 0;
    tbb::task_group both;
    both.run([&other, x] { other = tbb_fib(x - 1); });
    int const mine = tbb_fib(x - 2);
    both.wait();
    return mine + other;
}
void with_tbb(benchmark::State& state) {
    tbb::task_arena arena{static_cast<int>(bench::workers())};
    run(state, [&arena] { return arena.execute([] { return tbb_fib(n); }); });
}
BENCHMARK(with_tbb)->Name("fork and join, fib(27)/oneTBB (task_group)")->UseRealTime();
#endif

#if ANTIPHON_BENCH_TASKFLOW
int taskflow_fib(int x, tf::Executor& place) {
    if (x < 2) return x;
    int other = 0;
    tf::TaskGroup both = place.task_group();
    both.silent_async([&other, x, &place] { other = taskflow_fib(x - 1, place); });
    int const mine = taskflow_fib(x - 2, place);
    both.corun();
    return mine + other;
}
void with_taskflow(benchmark::State& state) {
    tf::Executor executor{bench::workers()};
    run(state, [&executor] { return executor.async([&executor] { return taskflow_fib(n, executor); }).get(); });
}
BENCHMARK(with_taskflow)->Name("fork and join, fib(27)/Taskflow (task group)")->UseRealTime();
#endif

#if ANTIPHON_BENCH_LIBFORK
inline constexpr auto libfork_fib = [](auto self, int x) -> lf::task<int> {
    if (x < 2) co_return x;
    int mine = 0, other = 0;
    co_await lf::fork(&other, self)(x - 1);
    co_await lf::call(&mine, self)(x - 2);
    co_await lf::join;
    co_return mine + other;
};
void with_libfork(benchmark::State& state) {
    lf::lazy_pool pool{bench::workers()};
    run(state, [&pool] { return lf::sync_wait(pool, libfork_fib, n); });
}
BENCHMARK(with_libfork)->Name("fork and join, fib(27)/libfork")->UseRealTime();
#endif

#if ANTIPHON_BENCH_TMC
tmc::task<int> tmc_fib(int x) {
    if (x < 2) co_return x;
    auto [other, mine] = co_await tmc::spawn_tuple(tmc_fib(x - 1), tmc_fib(x - 2));
    co_return mine + other;
}
void with_tmc(benchmark::State& state) {
    tmc::ex_cpu executor;
    executor.set_thread_count(bench::workers()).init();
    run(state, [&executor] { return tmc::post_waitable(executor, tmc_fib(n)).get(); });
}
BENCHMARK(with_tmc)->Name("fork and join, fib(27)/TooManyCooks")->UseRealTime();
#endif

}  // namespace
