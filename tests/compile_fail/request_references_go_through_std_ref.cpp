// expect only: a T& parameter would refer to the copy: pass std::ref\(x\)
// SPDX-License-Identifier: BSL-1.0
// Arguments are kept by value: a reference to an lvalue is spelled.
#include <antiphon/request/request.hpp>

#include <functional>

auto bumped(antiphon::request<void(int&)> const& bump, int& n) {
#ifdef ANTIPHON_MUST_FAIL
    return bump.submit(n);
#else
    return bump.submit(std::ref(n));
#endif
}
