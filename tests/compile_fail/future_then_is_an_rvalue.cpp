// expect: a future is consumed through an rvalue: std::move\(future\)\.then\(f\)
// SPDX-License-Identifier: BSL-1.0
// A continuation takes the future's place: the old one is given away.
#include <antiphon/request/future.hpp>

#include <utility>

antiphon::future<int> continued(antiphon::future<int> f) {
#ifdef ANTIPHON_MUST_FAIL
    return f.then([](int x) { return x; });
#else
    return std::move(f).then([](int x) { return x; });
#endif
}
