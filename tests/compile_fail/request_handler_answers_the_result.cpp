// expect only: what the handler returns does not convert to the result of the request
// SPDX-License-Identifier: BSL-1.0
// What a handler returns becomes the answer.
#include <antiphon/request/request.hpp>

#include <memory>
#include <string>

#ifdef ANTIPHON_MUST_FAIL
antiphon::request<std::unique_ptr<int>()> const r = [] { return std::string{}; };
#else
antiphon::request<std::unique_ptr<int const>()> const r = [] { return std::make_unique<int>(); };
#endif
