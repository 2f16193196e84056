// expect only: a T& parameter would refer to the copy: pass std::ref\(x\)
// SPDX-License-Identifier: BSL-1.0
// The same by submit with a callback.
#include <antiphon/request/request.hpp>

#include <functional>

void bumped(antiphon::request<void(int&)> const& bump, int& n) {
    auto const heard = [](antiphon::result<void>) {};
#ifdef ANTIPHON_MUST_FAIL
    bump.submit(n, heard);
#else
    bump.submit(std::ref(n), heard);
#endif
}
