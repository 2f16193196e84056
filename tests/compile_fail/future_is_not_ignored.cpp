// expect: nodiscard|ignoring return value
// SPDX-License-Identifier: BSL-1.0
// A future that is dropped stops its ask: whoever means that says so, or detaches it.
#include <antiphon/request/request.hpp>

void asked(antiphon::request<int(int)> const& r) {
#ifdef ANTIPHON_MUST_FAIL
    r.call_for(antiphon::duration{1}, 1);
#else
    r.call_for(antiphon::duration{1}, 1).detach();
#endif
}
