// expect: a request that is unsafe to repeat does not become a safe one: say idempotent\(request\)
// SPDX-License-Identifier: BSL-1.0
// That asking again is fine is the user's word.
#include <antiphon/request/adapt.hpp>
#include <antiphon/request/request.hpp>

antiphon::request<int(int)> sent_again(antiphon::request<int(int), antiphon::repeat::unsafe> post) {
#ifdef ANTIPHON_MUST_FAIL
    return post;
#else
    return antiphon::idempotent(post);
#endif
}
