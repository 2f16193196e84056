// expect only: a T& parameter would refer to the copy: pass std::ref\(x\)
// SPDX-License-Identifier: BSL-1.0
// Arguments are kept by value: a temporary cannot be changed by the handler.
#include <antiphon/request/request.hpp>

#include <functional>

auto bumped(antiphon::request<void(int&)> const& bump, int& n) {
#ifdef ANTIPHON_MUST_FAIL
    static_cast<void>(n);
    return bump.call(1);
#else
    return bump.call(std::ref(n));
#endif
}
