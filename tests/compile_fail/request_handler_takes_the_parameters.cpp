// expect only: the handler cannot be called with the parameters of the request
// SPDX-License-Identifier: BSL-1.0
// What is asked and what is handled are the same.
#include <antiphon/request/request.hpp>

#ifdef ANTIPHON_MUST_FAIL
antiphon::request<int(int)> const r = [](int*) { return 1; };
#else
antiphon::request<int(int)> const r = [](int) { return 1; };
#endif
