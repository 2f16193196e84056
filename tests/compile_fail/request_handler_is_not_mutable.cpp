// expect: a handler is called as const: make it not mutable
// SPDX-License-Identifier: BSL-1.0
// Two threads may ask at once: a handler does not change itself.
#include <antiphon/request/request.hpp>

int main() {
#ifdef ANTIPHON_MUST_FAIL
    antiphon::request r{[n = 0](int x) mutable { return n += x; }};
#else
    antiphon::request r{[n = 0](int x) { return n + x; }};
#endif
    static_cast<void>(r);
}
