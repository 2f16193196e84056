// expect: a handler is called as const: make it not mutable
// SPDX-License-Identifier: BSL-1.0
// The same for a handler whose signature the request spells.
#include <antiphon/request/request.hpp>

#ifdef ANTIPHON_MUST_FAIL
antiphon::request<int(int)> const r = [n = 0](int x) mutable { return n += x; };
#else
antiphon::request<int(int)> const r = [n = 0](int x) { return n + x; };
#endif
