// expect only: an argument does not convert to its parameter
// SPDX-License-Identifier: BSL-1.0
// The same by co_await.
#include <antiphon/request/request.hpp>
#include <antiphon/request/task.hpp>

antiphon::task<int> asked(antiphon::request<int(int)> const& r) {
#ifdef ANTIPHON_MUST_FAIL
    co_return (co_await r("one")).value();
#else
    co_return (co_await r(1)).value();
#endif
}
