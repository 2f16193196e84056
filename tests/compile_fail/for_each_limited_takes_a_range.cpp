// expect only: for_each_limited\(\) takes a range, a limit, and a function
// SPDX-License-Identifier: BSL-1.0
// A number of times is no range.
#include <antiphon/request/for_each_limited.hpp>

#include <vector>

auto walked() {
#ifdef ANTIPHON_MUST_FAIL
    return antiphon::for_each_limited(5, 2, [](int) {});
#else
    return antiphon::for_each_limited(std::vector<int>(5), 2, [](int) {});
#endif
}
