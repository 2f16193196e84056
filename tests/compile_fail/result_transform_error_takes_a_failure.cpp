// expect: result::transform_error: the callable must return a failure or an error code
// SPDX-License-Identifier: BSL-1.0
// transform_error replaces a failure by a failure.
#include <antiphon/core/result.hpp>

auto renamed(antiphon::result<int> r) {
#ifdef ANTIPHON_MUST_FAIL
    return r.transform_error([](antiphon::failure const&) { return 1; });
#else
    return r.transform_error([](antiphon::failure const&) { return antiphon::errc::internal; });
#endif
}
