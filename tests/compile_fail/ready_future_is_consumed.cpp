// expect: a future is consumed through an rvalue: std::move\(future\)\.get\(\)
// SPDX-License-Identifier: BSL-1.0
// A ready future is consumed as every future is.
#include <antiphon/request/ready_future.hpp>

#include <utility>

auto value(antiphon::ready_future<int> f) {
#ifdef ANTIPHON_MUST_FAIL
    return f.get();
#else
    return std::move(f).get();
#endif
}
