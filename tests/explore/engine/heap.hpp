// SPDX-License-Identifier: BSL-1.0
#pragma once
// The heap of one execution: the same addresses in every run of a schedule, and no address twice.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace explore {

/// Memory is handed out upwards and never again, so a freed block stays recognisable until the execution ends. Emptied in time that
/// depends on what was used.
class heap {
public:
    struct block {
        std::uintptr_t begin;
        std::size_t size;
        bool alive;
        bool excused;  ///< may be alive at the end: a detached thread's own
        unsigned thread;
        void const* origin;
    };

    heap();
    heap(heap const&) = delete;
    heap& operator=(heap const&) = delete;

    void clear();
    /// Null when the arena is used up.
    [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment, unsigned thread, void const* origin);
    [[nodiscard]] bool contains(std::uintptr_t a) const { return a - base_ < capacity; }
    /// The block that an address lies in (or right behind); null when there is none.
    [[nodiscard]] block* find(std::uintptr_t a);
    [[nodiscard]] block* begins_at(std::uintptr_t a) {
        block* const b = find(a);
        return b != nullptr && b->begin == a ? b : nullptr;
    }
    void free(block& b);
    /// What is alive at the end, and that nothing reachable from `roots` (addresses of a range) points to.
    struct range {
        std::uintptr_t begin, end;
    };
    [[nodiscard]] std::vector<block const*> leaks(std::vector<range> const& roots);

private:
    static constexpr std::size_t capacity = std::size_t{64} << 20;
    std::uintptr_t base_ = 0;
    std::size_t used_ = 0;
    std::vector<block> blocks_;  // in the order of addresses
    std::uint32_t* owners_ = nullptr;  ///< which block each 16 bytes lie in; elsewhere, what an earlier execution left
};

}  // namespace explore
