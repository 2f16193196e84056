// expect only: the result of this request does not convert to that of the other
// SPDX-License-Identifier: BSL-1.0
// A request becomes another one if its answers do.
#include <antiphon/request/request.hpp>

#include <string>

antiphon::request const one{[] { return 1; }};
#ifdef ANTIPHON_MUST_FAIL
antiphon::request<std::string()> const r = one;
#else
antiphon::request<long()> const r = one;
#endif
