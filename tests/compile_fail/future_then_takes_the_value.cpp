// expect only: the function given to then\(\) must take the value of the answer
// SPDX-License-Identifier: BSL-1.0
// then() is for values: the failure passes by.
#include <antiphon/request/future.hpp>

#include <string>
#include <utility>

auto continued(antiphon::future<int> f) {
#ifdef ANTIPHON_MUST_FAIL
    return std::move(f).then([](std::string const& s) { return s.size(); });
#else
    return std::move(f).then([](int x) { return x; });
#endif
}
