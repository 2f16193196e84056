// expect: result::transform: the callable must return a plain value
// SPDX-License-Identifier: BSL-1.0
// A result inside a result is a mistake: transform is for plain values.
#include <antiphon/core/result.hpp>

auto next(antiphon::result<int> r) {
#ifdef ANTIPHON_MUST_FAIL
    return r.transform([](int x) -> antiphon::result<int> { return x + 1; });
#else
    return r.transform([](int x) { return x + 1; });
#endif
}
