// SPDX-License-Identifier: BSL-1.0
// What a process does besides running: it forks, ends, is stopped and continued, takes signals, has one processor, starts many threads.
#include <antiphon/antiphon.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <vector>

#include "catch_compat.hpp"

// Threads in forked children are not what ThreadSanitizer supports, and some of these children end without cleaning up.
#if defined(__linux__) && !defined(__SANITIZE_THREAD__)

#include <dlfcn.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

constexpr int good = 42;

/// How often: `usual` times, or as `./dev stress --times N` says.
int times(int usual) {
    char const* const wanted = std::getenv("ANTIPHON_TIMES");
    return wanted != nullptr ? std::atoi(wanted) : usual;
}

/// Runs `life` in a process of its own, and gives the status that it ended with; -1 when it does not end within ten seconds.
template <class Life, class Meanwhile>
int status_of(Life life, Meanwhile meanwhile) {
    pid_t const child = ::fork();
    if (child == 0) {
        life();
        ::_exit(1);
    }
    meanwhile(child);
    for (int i = 0; i < 2000; ++i) {
        int status = 0;
        if (::waitpid(child, &status, WNOHANG) == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        std::this_thread::sleep_for(5ms);
    }
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    return -1;
}
template <class Life>
int status_of(Life life) {
    return status_of(life, [](pid_t) {});
}

/// Keeps the default pool busy until it is told to stop.
void be_busy() {
    auto spin = ap::request{[](std::stop_token stop) {
        while (!stop.stop_requested())
            std::this_thread::yield();
    }};
    for (int i = 0; i < 4; ++i)
        spin.submit().detach();
    for (int i = 0; i < 100; ++i)
        ap::request{[] { return 1; }}.submit().detach();
}

/// Asks while it is destroyed.
struct last_question {
    ~last_question() {
        ap::result<int> const r = ap::request{[] { return 7; }}.submit().get();
        if (!r && r.error() != ap::errc::shut_down) ::_exit(2);
    }
};

}  // namespace

TEST_CASE("a process that exits while its tasks run ends") {
    for (int run = 0; run < times(20); ++run)
        CHECK(status_of([] {
                  be_busy();
                  std::exit(good);
              }) == good);
}

TEST_CASE("a process that quick_exits while its tasks run ends") {
    for (int run = 0; run < times(20); ++run)
        CHECK(status_of([] {
                  be_busy();
                  std::quick_exit(good);
              }) == good);
}

TEST_CASE("a static object older than the default pool may ask in its destructor") {
    for (int run = 0; run < times(1); ++run)
        CHECK(status_of([] {
                  static last_question const older;
                  static_cast<void>(ap::request{[] { return 1; }}.submit().get());
                  std::exit(good);
              }) == good);
}

TEST_CASE("a static object younger than the default pool may ask in its destructor") {
    for (int run = 0; run < times(1); ++run)
        CHECK(status_of([] {
                  static_cast<void>(ap::request{[] { return 1; }}.submit().get());
                  static last_question const younger;
                  std::exit(good);
              }) == good);
}

TEST_CASE("a thread_local object may ask in its destructor") {
    for (int run = 0; run < times(1); ++run)
        CHECK(status_of([] {
                  std::thread{[] {
                      thread_local last_question const mine;
                      static_cast<void>(mine);
                      static_cast<void>(ap::request{[] { return 1; }}.submit().get());
                  }}.join();
                  std::exit(good);
              }) == good);
}

TEST_CASE("a child of a process with a busy pool is told so, and does not hang") {
    ap::thread_pool pool{{.threads = 2}};
    std::atomic<bool> ended{false};
    std::thread busy{[&] {
        auto ask = ap::request{[] { return 1; }} | ap::starts_on(pool);
        while (!ended.load())
            static_cast<void>(ask.submit().get());
    }};
    for (int run = 0; run < times(50); ++run)
        CHECK(status_of([&] {
                  ap::result<int> const r = (ap::request{[] { return 1; }} | ap::starts_on(pool)).submit().get();
                  ::_exit(!r && r.error() == ap::errc::forked ? good : 3);
              }) == good);
    ended = true;
    busy.join();
}

TEST_CASE("a child that waits for a continuation of what runs in its parent is told of the fork") {
    ap::thread_pool pool{{.threads = 1}};
    std::atomic<bool> begun{false}, ended{false};
    auto answer = (ap::request{[&] {
                       begun = true;
                       while (!ended.load())
                           std::this_thread::yield();
                       return 1;
                   }} |
                   ap::starts_on(pool))
                      .submit()
                      .then(ap::inline_executor{}, [](int x) { return x; });
    while (!begun.load())
        std::this_thread::yield();
    CHECK(status_of([&] {
              ap::result<int> const r = std::move(answer).get();
              ::_exit(!r && r.error() == ap::errc::forked ? good : 3);
          }) == good);
    ended = true;
    CHECK(std::move(answer).get().has_value());
}

TEST_CASE("a signal during a wait neither ends it early nor breaks it") {
    struct sigaction action{}, before{};
    action.sa_handler = [](int) {};
    ::sigaction(SIGUSR1, &action, &before);
    {
        ap::promise<int> p;
        ap::future<int> f = p.get_future();
        pthread_t const waiter = ::pthread_self();
        std::thread nuisance{[waiter, p = std::move(p)]() mutable {
            for (int i = 0; i < 50; ++i) {
                ::pthread_kill(waiter, SIGUSR1);
                std::this_thread::sleep_for(100us);
            }
            p.set_value(7);
        }};
        CHECK(std::move(f).get().value() == 7);
        nuisance.join();
    }
    ::sigaction(SIGUSR1, &before, nullptr);
}

TEST_CASE("a process that is stopped and continued fires the timers that came due meanwhile") {
    for (int run = 0; run < times(1); ++run)
        CHECK(status_of(
                  [] {
                      ap::thread_pool pool{{.threads = 1}};
                      auto slow = ap::request{[] { return 7; }} | ap::after(30ms) | ap::starts_on(pool);
                      auto limited = ap::request{[](ap::promise<int> p) {
                                         static ap::promise<int> kept;
                                         kept = std::move(p);
                                     }} |
                                     ap::timeout{.limit = 30ms} | ap::starts_on(pool);
                      auto a = slow.submit();
                      auto b = limited.submit();
                      bool const one = std::move(a).get().has_value();
                      bool const two = std::move(b).get().error() == ap::errc::deadline_exceeded;
                      ::_exit(one && two ? good : 3);
                  },
                  [](pid_t child) {
                      std::this_thread::sleep_for(5ms);
                      ::kill(child, SIGSTOP);
                      std::this_thread::sleep_for(100ms);
                      ::kill(child, SIGCONT);
                  }) == good);
}

TEST_CASE("with one processor nobody waits for one who cannot run") {
    for (int run = 0; run < times(1); ++run)
        CHECK(status_of([] {
                  cpu_set_t one;
                  CPU_ZERO(&one);
                  CPU_SET(::sched_getcpu(), &one);
                  ::sched_setaffinity(0, sizeof one, &one);
                  ap::thread_pool pool{{.threads = 4}};
                  auto inner = ap::request{[](int x) { return x; }} | ap::starts_on(pool);
                  auto outer =
                      ap::request{[&](int x) { return inner.call(x).value() + inner.submit(1).get().value(); }} | ap::starts_on(pool);
                  long sum = 0;
                  for (int i = 0; i < 2000; ++i)
                      sum += outer.submit(i).get().value();
                  ::_exit(sum == 2000L * 1999 / 2 + 2000 ? good : 3);
              }) == good);
}

TEST_CASE("two copies of the library in one process do not meet, and one may be unloaded while it is idle") {
    for (int run = 0; run < times(5); ++run)
        CHECK(status_of([] {
                  void* const first = ::dlopen(ANTIPHON_FIRST_COPY, RTLD_NOW | RTLD_LOCAL);
                  void* const second = ::dlopen(ANTIPHON_SECOND_COPY, RTLD_NOW | RTLD_LOCAL);
                  if (first == nullptr || second == nullptr) ::_exit(2);
                  using question = int (*)(int);
                  auto const one = reinterpret_cast<question>(::dlsym(first, "antiphon_copy_ask"));
                  auto const two = reinterpret_cast<question>(::dlsym(second, "antiphon_copy_ask"));
                  bool answered = true;
                  std::thread other{[&] {
                      for (int n = 0; n < 100; ++n)
                          answered = answered && two(n) == 2 * n + 1;
                  }};
                  for (int n = 0; n < 100; ++n)
                      if (one(n) != 2 * n + 1) ::_exit(3);
                  other.join();
                  if (!answered) ::_exit(4);
                  ::dlclose(first);  // its pool is shut down by its static destructors
                  auto const own = ap::request{[](int n) { return n; }}.submit(7).get();
                  std::exit(two(3) == 7 && own && *own == 7 ? good : 5);
              }) == good);
}

TEST_CASE("threads that fork inside their handlers have children that go on, or are told") {
    for (int run = 0; run < times(50); ++run)
        CHECK(status_of([] {
                  ap::thread_pool pool{{.threads = 2}};
                  auto elsewhere = ap::request{[](int n) { return n; }} | ap::starts_on(pool);
                  // A handler of call() waits for answers that other threads post to its loop while it forks.
                  auto nested = ap::request{[&](int n) {
                      auto soon = elsewhere.submit(n).then([](int m) { return m; });
                      pid_t const child = ::fork();
                      if (child == 0) {
                          ap::result<int> const r = std::move(soon).get();
                          ::_exit(r ? *r == n : r.error() == ap::errc::forked ? good : 3);
                      }
                      int status = 0;
                      ::waitpid(child, &status, 0);
                      bool const told = WIFEXITED(status) && (WEXITSTATUS(status) == good || WEXITSTATUS(status) == 1);
                      return std::move(soon).get().has_value() && told ? n : -1;
                  }};
                  ap::result<int> const r = (nested | ap::retry{.max_attempts = 1}).call(7);
                  ::_exit(r && *r == 7 ? good : 4);
              }) == good);
}

TEST_CASE("many short-lived threads ask, and every ask is answered") {
    ap::thread_pool pool{{.threads = 2}};
    std::atomic<int> answered{0};
    auto ask = ap::request{[](int x) { return x; }} | ap::starts_on(pool);
    for (int round = 0; round < 500; ++round) {
        std::vector<std::thread> threads;
        for (int i = 0; i < 20; ++i)
            threads.emplace_back([&] {
                if (ask.submit(1).get()) answered.fetch_add(1);
            });
        for (auto& t : threads)
            t.join();
    }
    CHECK(answered.load() == 10'000);
}

#endif
