// expect only: the function given to for_each_limited\(\) must take an item of the range
// SPDX-License-Identifier: BSL-1.0
// The function is called with the items.
#include <antiphon/request/for_each_limited.hpp>

#include <utility>
#include <vector>

auto walked(std::vector<int> items) {
#ifdef ANTIPHON_MUST_FAIL
    return antiphon::for_each_limited(std::move(items), 2, [](char const*) {});
#else
    return antiphon::for_each_limited(std::move(items), 2, [](int) {});
#endif
}
