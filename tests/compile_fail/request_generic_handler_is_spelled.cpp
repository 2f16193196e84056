// expect only: the signature of this handler cannot be deduced
// SPDX-License-Identifier: BSL-1.0
// A generic lambda has no signature of its own: the request spells it.
#include <antiphon/request/request.hpp>

int main() {
#ifdef ANTIPHON_MUST_FAIL
    antiphon::request r{[](auto x) { return x; }};
#else
    antiphon::request<int(int)> r = [](auto x) { return x; };
#endif
    static_cast<void>(r);
}
