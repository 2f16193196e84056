// SPDX-License-Identifier: BSL-1.0
#pragma once
// A key for every ask, so that the same ask is known again.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "antiphon/policy/with_metadata.hpp"
#include "antiphon/messaging/detail/carried.hpp"
#include "antiphon/messaging/detail/identity.hpp"
#include "antiphon/messaging/wire.hpp"

namespace antiphon::messaging {

/// `request | retry{…} | with_key()`: outside of what repeats, so that all attempts and copies of one ask have one key, by which a
/// responder that remembers (`serve_options::remember`) answers them as one. The keys are unguessable. Its handler sees the key as the
/// metadata `Idempotency-Key`; an argument that is a `message` with a key keeps its own.
/// **Threads**: any. **Cost**: a key an ask, which is a string of 48 characters.
[[nodiscard]] inline with_metadata with_key() {
    auto const keys = std::make_shared<detail::id_source>(any_executor{});
    return with_metadata{std::string{detail::key_entry}, [keys] {
                             std::string key = wire::to_hex(keys->inbox());
                             wire::append_hex(key, keys->next());
                             return key;
                         }};
}
/// Keys `PREFIX-1`, `PREFIX-2`, …: for who wants to find them again.
[[nodiscard]] inline with_metadata with_key(std::string prefix) {
    auto const count = std::make_shared<std::atomic<std::uint64_t>>(0);
    return with_metadata{std::string{detail::key_entry}, [prefix = std::move(prefix), count] {
                             // relaxed: only the numbers' distinctness matters
                             return prefix + '-' + std::to_string(count->fetch_add(1, std::memory_order_relaxed) + 1);
                         }};
}

}  // namespace antiphon::messaging
