// expect: could not convert|no matching function|no matching constructor
// SPDX-License-Identifier: BSL-1.0
// A failure never owns its text, so only a literal will do.
#include <antiphon/core/failure.hpp>
#include <string>

antiphon::failure named(std::string const& name) {
#ifdef ANTIPHON_MUST_FAIL
    return {antiphon::errc::internal, name.c_str()};
#else
    return {antiphon::errc::internal, name.empty() ? antiphon::static_text{"nameless"} : antiphon::static_text{"named"}};
#endif
}
