// expect only: what the handler returns does not convert to the result of the request
// SPDX-License-Identifier: BSL-1.0
// The same of a future that a handler returns.
#include <antiphon/request/request.hpp>

#include <string>

antiphon::request const one{[] { return 1; }};
#ifdef ANTIPHON_MUST_FAIL
antiphon::request<std::string()> const r = [] { return one.submit(); };
#else
antiphon::request<long()> const r = [] { return one.submit(); };
#endif
