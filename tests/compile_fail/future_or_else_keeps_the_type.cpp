// expect: what the function given to or_else\(\) returns must convert to the value of the answer
// SPDX-License-Identifier: BSL-1.0
// What stands in for a value is one.
#include <antiphon/request/future.hpp>

#include <utility>

auto healed(antiphon::future<int> f) {
#ifdef ANTIPHON_MUST_FAIL
    return std::move(f).or_else([](antiphon::failure const&) { return "none"; });
#else
    return std::move(f).or_else([](antiphon::failure const&) { return 0; });
#endif
}
