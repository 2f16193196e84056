// expect: a future is consumed through an rvalue: std::move\(future\)\.get\(\)
// SPDX-License-Identifier: BSL-1.0
// A future is consumed once, so consuming says that it is given away.
#include <antiphon/request/future.hpp>

#include <utility>

antiphon::result<int> taken(antiphon::future<int> f) {
#ifdef ANTIPHON_MUST_FAIL
    return f.get();
#else
    return std::move(f).get();
#endif
}
