// expect only: what the function given to fallback\(\) returns must convert to the value of the request
// SPDX-License-Identifier: BSL-1.0
// What stands in for an answer is one.
#include <antiphon/policy/fallback.hpp>
#include <antiphon/request/request.hpp>

#include <string>

auto ask() {
    antiphon::request price{[](int x) { return 2 * x; }};
#ifdef ANTIPHON_MUST_FAIL
    return (price | antiphon::fallback([](antiphon::failure const&) { return std::string{"none"}; })).call(1);
#else
    return (price | antiphon::fallback([](antiphon::failure const&) { return 0; })).call(1);
#endif
}
