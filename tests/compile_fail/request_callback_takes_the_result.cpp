// expect only: the callback must take the result<R> of the request
// SPDX-License-Identifier: BSL-1.0
// The callback after the arguments hears of failures too.
#include <antiphon/request/request.hpp>

void asked(antiphon::request<int(int)> const& r) {
#ifdef ANTIPHON_MUST_FAIL
    r.submit(1, [](int*) {});
#else
    r.submit(1, [](antiphon::result<int> const&) {});
#endif
}
