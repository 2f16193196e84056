// expect only: the number of arguments differs from the request's parameters
// SPDX-License-Identifier: BSL-1.0
// A question has all its parts.
#include <antiphon/request/request.hpp>

auto asked(antiphon::request<int(int, int)> const& r) {
#ifdef ANTIPHON_MUST_FAIL
    return r.call(1);
#else
    return r.call(1, 2);
#endif
}
