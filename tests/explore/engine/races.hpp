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

/// Remembers, for every eight bytes, the last access of each kind by each thread. Nothing is dropped, so what races in the schedule at
/// hand, or in any that orders the same conflicts alike, is found whichever access comes first.
class race_detector {
public:
    void clear() {
        cells_.clear();
        records_.clear();
    }
    /// Null, or an earlier access that is unordered with this one. `now` is the accessing thread's clock.
    [[nodiscard]] access const* touch(std::uintptr_t address, std::size_t size, access made, vector_clock const& now);

private:
    struct record {
        access what;
        std::uint32_t next;
    };
    static constexpr std::uint32_t none = ~0u;
    struct cell {
        std::uint32_t first = none;
    };
    address_map<cell, 17> cells_;
    std::vector<record> records_;
};

}  // namespace explore
