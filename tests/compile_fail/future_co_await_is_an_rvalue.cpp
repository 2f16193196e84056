// expect: a future is consumed through an rvalue: co_await std::move\(future\)
// SPDX-License-Identifier: BSL-1.0
// Awaiting consumes.
#include <antiphon/request/future.hpp>
#include <antiphon/request/task.hpp>

#include <utility>

antiphon::task<int> awaited(antiphon::future<int> f) {
#ifdef ANTIPHON_MUST_FAIL
    co_return co_await f;
#else
    co_return co_await std::move(f);
#endif
}
