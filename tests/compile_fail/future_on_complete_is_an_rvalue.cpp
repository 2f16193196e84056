// expect: a future is consumed through an rvalue: std::move\(future\)\.on_complete\(f\)
// SPDX-License-Identifier: BSL-1.0
// A callback takes the answer: nothing is left for others.
#include <antiphon/request/future.hpp>

#include <utility>

void told(antiphon::future<int> f) {
#ifdef ANTIPHON_MUST_FAIL
    f.on_complete([](antiphon::result<int>) {});
#else
    std::move(f).on_complete([](antiphon::result<int>) {});
#endif
}
