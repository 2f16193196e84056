// SPDX-License-Identifier: BSL-1.0
#pragma once
// The vocabulary of stopping: std::stop_token, and the token of what nobody will ever stop.

#include <stop_token>

namespace antiphon {

/// A token on which stop can never be requested. **Cost**: no allocation; a callback on it is never registered.
[[nodiscard]] inline std::stop_token never_stopped() noexcept { return {}; }

}  // namespace antiphon
