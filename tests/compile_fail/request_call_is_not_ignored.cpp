// expect: nodiscard|ignoring return value
// SPDX-License-Identifier: BSL-1.0
// The answer may be a failure: it is looked at, or its loss is meant.
#include <antiphon/request/request.hpp>

void asked(antiphon::request<void()> const& r) {
#ifdef ANTIPHON_MUST_FAIL
    r.call();
#else
    static_cast<void>(r.call());
#endif
}
