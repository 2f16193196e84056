// expect: what stands after . must be a policy
// SPDX-License-Identifier: BSL-1.0
// After a request stands what makes a request of it.
#include <antiphon/request/adapt.hpp>
#include <antiphon/request/request.hpp>

auto adapted(antiphon::request<int(int)> r) {
#ifdef ANTIPHON_MUST_FAIL
    return r | 3;
#else
    return r | [](auto inner) { return inner; };
#endif
}
