// expect: antiphon: the callback must take the result<T> const& of the answer
// SPDX-License-Identifier: BSL-1.0
// A reader looks at the shared result.
#include <antiphon/request/shared_future.hpp>

void listen(antiphon::shared_future<int> const& f) {
#ifdef ANTIPHON_MUST_FAIL
    f.on_complete([](antiphon::result<int>&) {});
#else
    f.on_complete([](antiphon::result<int> const&) {});
#endif
}
