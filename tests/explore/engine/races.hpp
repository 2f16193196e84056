// SPDX-License-Identifier: BSL-1.0
#pragma once
// Data races: who touched which bytes, and whether the next one to touch them knows of it.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "basics.hpp"

namespace explore {

struct access {
    std::uint32_t moment = 0;  ///< of its thread's clock
    std::uint8_t thread = 0;
    std::uint8_t bytes = 0;  ///< which of the eight
    bool write = false;
    bool atomic = false;
    void const* where = nullptr;
};

/// Remembers, for every eight bytes, the accesses that a later one may race with. One that happens before a newer one, which would race with
/// whatever it would race with, is forgotten; nothing else is. So what races in the schedule at hand, or in any that orders the same conflicts
/// alike, is found whichever access comes first.
class race_detector {
public:
    void clear() {
        cells_.clear();
        records_.clear();
    }
    /// Null, or an earlier access that is unordered with this one. `now` is the accessing thread's clock.
    [[nodiscard]] access const* touch(std::uintptr_t address, std::size_t size, access made, vector_clock const& now);

private:
    static constexpr std::uint32_t none = ~0u;
    struct record {
        access what;
        std::uint32_t next = none;
    };
    address_map<record, 17> cells_;  ///< the newest access to each eight bytes
    std::vector<record> records_;  ///< those before
};

}  // namespace explore
