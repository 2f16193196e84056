// expect: result::and_then: the callable must return a result
// SPDX-License-Identifier: BSL-1.0
// What follows by and_then may fail itself: it returns a result.
#include <antiphon/core/result.hpp>

auto next(antiphon::result<int> r) {
#ifdef ANTIPHON_MUST_FAIL
    return r.and_then([](int x) { return x + 1; });
#else
    return r.and_then([](int x) -> antiphon::result<int> { return x + 1; });
#endif
}
