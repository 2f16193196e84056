// expect only: sleep_for and sleep_until are awaited inside a task
// SPDX-License-Identifier: BSL-1.0
// A sleep needs an ask that can be stopped and an executor that has a clock: a task has both.
#include <antiphon/request/sleep.hpp>
#include <antiphon/request/task.hpp>

#include <chrono>
#include <coroutine>

struct foreign {
    struct promise_type {
        foreign get_return_object() { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() {}
    };
};

#ifdef ANTIPHON_MUST_FAIL
foreign sleeps() { co_await antiphon::sleep_for(std::chrono::seconds{1}); }
#else
antiphon::task<void> sleeps() { co_await antiphon::sleep_for(std::chrono::seconds{1}); }
#endif
