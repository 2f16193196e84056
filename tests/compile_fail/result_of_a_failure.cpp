// expect: result<T>: T must not be the failure itself
// SPDX-License-Identifier: BSL-1.0
// A failure that is a value cannot be told from one that is not.
#include <antiphon/core/result.hpp>

#ifdef ANTIPHON_MUST_FAIL
antiphon::result<antiphon::failure> const ambiguous{std::in_place, antiphon::errc::internal};
#else
antiphon::result<antiphon::errc> const clear{std::in_place, antiphon::errc::internal};
#endif
