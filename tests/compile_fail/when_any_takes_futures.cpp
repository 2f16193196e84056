// expect only: antiphon: when_any takes futures, or one range of futures, and consumes them
// SPDX-License-Identifier: BSL-1.0
// A plain value is no input.
#include <antiphon/request/ready_future.hpp>
#include <antiphon/request/when_any.hpp>

#include <utility>

auto any(antiphon::future<int> f) {
#ifdef ANTIPHON_MUST_FAIL
    return antiphon::when_any(std::move(f), 1);
#else
    return antiphon::when_any(std::move(f), antiphon::make_future(1));
#endif
}
