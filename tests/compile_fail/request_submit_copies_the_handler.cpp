// expect: submit\(\) on an lvalue copies the handler, and this one cannot be copied
// SPDX-License-Identifier: BSL-1.0
// A handler that only moves is given to its ask, or shared by a spelled request.
#include <antiphon/request/request.hpp>

#include <memory>
#include <utility>

auto asked() {
    antiphon::request r{[n = std::unique_ptr<int>{}] { return n == nullptr; }};
#ifdef ANTIPHON_MUST_FAIL
    return r.submit();
#else
    return std::move(r).submit();
#endif
}
