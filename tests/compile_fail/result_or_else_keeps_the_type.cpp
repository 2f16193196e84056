// expect: result::or_else: the callable must return a result of the same type
// SPDX-License-Identifier: BSL-1.0
// or_else repairs a result: the type stays.
#include <antiphon/core/result.hpp>

auto repaired(antiphon::result<int> r) {
#ifdef ANTIPHON_MUST_FAIL
    return r.or_else([](antiphon::failure const&) -> antiphon::result<char> { return 'x'; });
#else
    return r.or_else([](antiphon::failure const&) -> antiphon::result<int> { return 1; });
#endif
}
