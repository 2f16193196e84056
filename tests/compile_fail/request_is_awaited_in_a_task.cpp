// expect only: co_await request\(args...\) is for tasks; elsewhere co_await request.submit\(args...\)
// SPDX-License-Identifier: BSL-1.0
// Any coroutine can await a future, a request by itself only a task.
#include <antiphon/request/request.hpp>
#include <antiphon/request/task.hpp>

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
foreign asks(antiphon::request<int()> const& r) { static_cast<void>(co_await r()); }
#else
foreign asks(antiphon::request<int()> const& r) { static_cast<void>(co_await r.submit()); }
#endif
