// expect only: an argument does not convert to its parameter
// SPDX-License-Identifier: BSL-1.0
// An argument is what the parameter takes.
#include <antiphon/request/request.hpp>

auto asked(antiphon::request<int(int)> const& r) {
#ifdef ANTIPHON_MUST_FAIL
    return r.call("one");
#else
    return r.call(1);
#endif
}
