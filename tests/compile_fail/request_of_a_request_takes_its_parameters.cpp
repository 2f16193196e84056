// expect only: a request is made of another one whose parameters its own convert to
// SPDX-License-Identifier: BSL-1.0
// What a spelled request is given, the request inside has to take.
#include <antiphon/request/request.hpp>

#include <string>

auto spelled() {
    antiphon::request twice{[](int x) { return 2 * x; }};
#ifdef ANTIPHON_MUST_FAIL
    return antiphon::request<int(std::string)>{twice};
#else
    return antiphon::request<long(short)>{twice};
#endif
}
