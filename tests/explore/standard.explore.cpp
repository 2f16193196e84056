// SPDX-License-Identifier: BSL-1.0
// What the standard library builds on the system's calls, under the engine: right where it is right, and where libstdc++ 12 is not, found.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <semaphore>
#include <stop_token>
#include <thread>
#include <vector>

#include "explore.hpp"

using explore::fault;
using namespace std::chrono_literals;

EXPLORE("atomic wait: notified, it wakes up", {.stale_reads = 0}) {
    std::atomic<int> word{0};
    std::thread other{[&] { word.wait(0); }};
    word.store(1);
    word.notify_one();
    other.join();
}
EXPLORE("atomic wait: on a word of eight bytes, through the library's table of waiters",
        {.search = explore::plan::way::bounded, .stale_reads = 0}) {
    std::atomic<std::uint64_t> word{0};
    std::thread other{[&] { word.wait(0); }};
    word.store(1);
    word.notify_all();
    other.join();
}
EXPLORE("atomic wait: without a notification it does not", {.stale_reads = 0, .finds = fault::deadlock}) {
    std::atomic<int> word{0};
    std::thread other{[&] { word.wait(0); }};
    word.store(1);
    other.join();
}
#if defined(_GLIBCXX_RELEASE) && _GLIBCXX_RELEASE <= 12
EXPLORE("counting_semaphore: libstdc++ loses a wake-up at two preemptions",
        {.search = explore::plan::way::bounded, .preemptions = 2, .stale_reads = 0, .surprises = 0, .finds = fault::deadlock}) {
    // It looks at the count, finds it taken meanwhile, and goes to sleep unless the count is another than the one it saw first: which
    // it is not, once there has been a release.
    std::counting_semaphore<> s{1};
    std::thread first{[&] { s.acquire(); }};
    std::thread second{[&] { s.acquire(); }};
    std::thread third{[&] { s.release(); }};
    first.join();
    second.join();
    third.join();
}
#endif
EXPLORE("mutex: whoever has it is alone, and hands on what it wrote", {}) {
    std::mutex lock;
    int sum = 0;
    auto const add = [&] {
        std::lock_guard const hold{lock};
        ++sum;
    };
    std::thread a{add}, b{add};
    add();
    a.join();
    b.join();
    explore::check(sum == 3, "nothing is lost");
}
EXPLORE("time: a wait without a notification ends when its time comes, and no earlier", {}) {
    std::mutex lock;
    std::condition_variable filled;
    bool full = false;
    std::thread other{[&] {
        std::this_thread::sleep_for(10ms);
        std::lock_guard const hold{lock};
        full = true;
        filled.notify_one();
    }};
    {
        std::unique_lock hold{lock};
        auto const until = std::chrono::steady_clock::now() + 20ms;
        if (!filled.wait_until(hold, until, [&] { return full; }))
            explore::check(std::chrono::steady_clock::now() >= until, "it did not end early");
    }
    other.join();
}
EXPLORE("time: both a timely and a late notification are tried", {.outcomes = {0, 1}}) {
    std::mutex lock;
    std::condition_variable filled;
    bool full = false;
    std::thread other{[&] {
        std::lock_guard const hold{lock};
        full = true;
        filled.notify_one();
    }};
    {
        std::unique_lock hold{lock};
        explore::outcome(filled.wait_for(hold, 1ms, [&] { return full; }) ? 1 : 0);
    }
    other.join();
}
EXPLORE("promise and future: the value arrives", {.search = explore::plan::way::bounded, .stale_reads = 1}) {
    std::promise<int> p;
    std::thread other{[&] { p.set_value(7); }};
    explore::check(p.get_future().get() == 7, "the value");
    other.join();
}
EXPLORE("call_once: once, and everybody sees it", {}) {
    std::once_flag once;
    int made = 0;
    auto const make = [&] { std::call_once(once, [&] { ++made; }); };
    std::thread other{make};
    make();
    explore::check(made == 1, "made once");
    other.join();
}
namespace {

struct costly {
    costly() { ++made; }
    ~costly() { --made; }
    static inline std::atomic<int> made{0};
    int value = 7;
};
costly& the_costly() {
    static costly one;
    return one;
}
struct local {
    ~local() {
        if (to != nullptr) to->fetch_add(1);
    }
    std::atomic<int>* to = nullptr;
};
thread_local local last_words;

}  // namespace
EXPLORE("static local: made once in each execution, whoever comes first", {}) {
    int a = 0;
    std::thread other{[&] { a = the_costly().value; }};
    explore::check(the_costly().value == 7 && costly::made.load() == 1, "made once");
    other.join();
    explore::check(a == 7, "seen by both");
}
EXPLORE("thread_local: each thread has its own, destroyed at its end", {}) {
    std::atomic<int> ended{0};
    std::thread other{[&] {
        explore::check(last_words.to == nullptr, "new in a new thread");
        last_words.to = &ended;
    }};
    explore::check(last_words.to == nullptr, "not the other's");
    other.join();
    explore::check(ended.load() == 1, "destroyed");
}
EXPLORE("exceptions: each thread has its own in flight", {}) {
    std::atomic<int> caught{0};
    auto const fail = [&](int what) {
        try {
            throw what;
        } catch (int w) {
            explore::check(w == what, "its own");
            caught.fetch_add(1);
        }
    };
    std::thread other{fail, 1};
    fail(2);
    other.join();
    explore::check(caught.load() == 2, "both");
}
EXPLORE("shared_ptr: the last one deletes", {}) {
    auto p = std::make_shared<int>(7);
    std::thread other{[q = p]() mutable { q.reset(); }};
    p.reset();
    other.join();
}
EXPLORE("stop_callback: its destructor waits for a call that runs elsewhere",
        {.search = explore::plan::way::bounded, .stale_reads = 1}) {
    std::stop_source source;
    int calls = 0;
    std::thread other{[&] { source.request_stop(); }};
    {
        std::stop_callback const registered{source.get_token(), [&] { ++calls; }};
    }
    explore::check(calls <= 1, "at most once");
    other.join();
}

namespace {

/// Two workers and a queue, as in every textbook.
class small_pool {
public:
    explicit small_pool(unsigned threads) {
        for (unsigned i = 0; i < threads; ++i)
            threads_.emplace_back([this] { work(); });
    }
    ~small_pool() {
        {
            std::lock_guard const hold{lock_};
            closing_ = true;
        }
        filled_.notify_all();
        for (auto& t : threads_)
            t.join();
    }
    void post(void (*run)(void*), void* argument) {
        {
            std::lock_guard const hold{lock_};
            jobs_.push_back({run, argument});
        }
        filled_.notify_one();
    }

private:
    struct job {
        void (*run)(void*);
        void* argument;
    };
    void work() {
        std::unique_lock hold{lock_};
        for (;;) {
            while (jobs_.empty() && !closing_)
                filled_.wait(hold);
            if (jobs_.empty()) return;
            job const next = jobs_.back();
            jobs_.pop_back();
            hold.unlock();
            next.run(next.argument);
            hold.lock();
        }
    }
    std::mutex lock_;
    std::condition_variable filled_;
    std::vector<job> jobs_;
    bool closing_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace

EXPLORE("a plain pool: one worker runs both jobs before it is gone", {.stale_reads = 0}) {
    std::atomic<int> ran{0};
    {
        small_pool pool{1};
        for (int i = 0; i < 2; ++i)
            pool.post([](void* n) { static_cast<std::atomic<int>*>(n)->fetch_add(1); }, &ran);
    }
    explore::check(ran.load() == 2, "both ran");
}
EXPLORE("a plain pool: two workers run both jobs before it is gone", {.search = explore::plan::way::bounded, .stale_reads = 0}) {
    std::atomic<int> ran{0};
    {
        small_pool pool{2};
        for (int i = 0; i < 2; ++i)
            pool.post([](void* n) { static_cast<std::atomic<int>*>(n)->fetch_add(1); }, &ran);
    }
    explore::check(ran.load() == 2, "both ran");
}
