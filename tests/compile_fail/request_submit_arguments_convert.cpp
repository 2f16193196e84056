// expect only: an argument does not convert to its parameter
// SPDX-License-Identifier: BSL-1.0
// The same by submit, which keeps what it is given.
#include <antiphon/request/request.hpp>

auto asked(antiphon::request<int(int)> const& r) {
#ifdef ANTIPHON_MUST_FAIL
    return r.submit("one");
#else
    return r.submit(1);
#endif
}
