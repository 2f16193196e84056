// expect: asks nothing until it is awaited
// SPDX-License-Identifier: BSL-1.0
// request(args...) alone asks nothing.
#include <antiphon/request/request.hpp>
#include <antiphon/request/task.hpp>

antiphon::task<int> asked(antiphon::request<int(int)> r) {
#ifdef ANTIPHON_MUST_FAIL
    r(1);
    co_return 1;
#else
    co_return co_await r(1);
#endif
}
