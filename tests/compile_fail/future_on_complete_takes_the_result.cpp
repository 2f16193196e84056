// expect only: the callback must take the result<T> of the answer
// SPDX-License-Identifier: BSL-1.0
// A callback hears of failures too.
#include <antiphon/request/future.hpp>

#include <utility>

void told(antiphon::future<int> f) {
#ifdef ANTIPHON_MUST_FAIL
    std::move(f).on_complete([](int*) {});
#else
    std::move(f).on_complete([](antiphon::result<int> const&) {});
#endif
}
