// expect only: when_all takes futures, or one range of futures, and consumes them: std::move\(future\)
// SPDX-License-Identifier: BSL-1.0
// A combinator takes its inputs over.
#include <antiphon/request/when_all.hpp>

#include <utility>
#include <vector>

auto all(std::vector<antiphon::future<int>> futures) {
#ifdef ANTIPHON_MUST_FAIL
    return antiphon::when_all(futures);
#else
    return antiphon::when_all(std::move(futures));
#endif
}
