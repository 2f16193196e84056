// expect: result<T&>: must not refer to a temporary
// SPDX-License-Identifier: BSL-1.0
// A result that refers never refers to what is gone.
#include <antiphon/core/result.hpp>

auto first() {
#ifdef ANTIPHON_MUST_FAIL
    return antiphon::result<int const&>::from_invoke([] { return 1; });
#else
    static int const one = 1;
    return antiphon::result<int const&>::from_invoke([]() -> int const& { return one; });
#endif
}
