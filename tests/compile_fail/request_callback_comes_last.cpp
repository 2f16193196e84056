// expect only: the callback must take the result<R> of the request
// SPDX-License-Identifier: BSL-1.0
// The callback comes after the arguments.
#include <antiphon/request/request.hpp>

void ask() {
    antiphon::request twice{[](int x) { return 2 * x; }};
#ifdef ANTIPHON_MUST_FAIL
    twice.submit([](antiphon::result<int>) {}, 1);
#else
    twice.submit(1, [](antiphon::result<int>) {});
#endif
}
