// SPDX-License-Identifier: BSL-1.0
#pragma once
// Atomic memory as C++ describes it: every location keeps its last stores, and a load may return an older one where nothing forbids it.

#include <atomic>
#include <cstdint>
#include <vector>

#include "basics.hpp"

namespace explore {

/// Bits of an atomic object of up to 16 bytes.
using bits = unsigned __int128;

/// What a thread knows, by the C++ memory model.
struct view {
    vector_clock now;  ///< what happens before its next operation; its own component counts its operations
    vector_clock seen_relaxed;  ///< what an acquire fence would add
    vector_clock at_release_fence;  ///< what its relaxed stores publish
    vector_clock at_sc_fence;  ///< what must not be missed since its last seq_cst fence
    std::uint32_t sc_fence = 0;  ///< how many seq_cst operations came before that fence
};

/// The modification order of a location is the order in which its stores were executed, and the order of seq_cst operations is theirs.
/// A load may read any store that is not older than
///   - one that happens before it, or that a read which happens before it has seen (coherence),
///   - for seq_cst loads, the last seq_cst store; and what seq_cst fences make visible.
/// That is all of C++20's model but for reads from stores that have not been executed yet (the model known as RC11 forbids those too),
/// and modification orders that contradict the order of execution.
class memory {
public:
    static constexpr unsigned depth = 8;  ///< stores that a location remembers

    struct store {
        bits value = 0;
        vector_clock release;  ///< what an acquire load of it learns
        bool publishes = false;
        std::uint32_t sequential = 0;  ///< its number among seq_cst operations, if it is one
        std::uint8_t thread = 0;
        std::uint32_t moment = 0;  ///< of its thread's clock; 0: before everything
        std::uint32_t number = 0;  ///< counts the stores of the location
        std::array<std::uint32_t, max_threads + 1> seen{};  ///< for each thread, when it first read this; 0: never
    };
    struct location {
        std::vector<store> stores;  ///< oldest first
        std::uint32_t count = 0;
        [[nodiscard]] store& last() { return stores.back(); }
    };

    void clear();
    /// `current`: what the memory holds; plain code may have written it since.
    [[nodiscard]] location& at(std::uintptr_t address, bits current);
    /// How many stores, counted back from the last, a load may return.
    [[nodiscard]] static unsigned choices(location& l, view const& v, unsigned thread, bool sequential, vector_clock const& sc_fences);
    static void read(store& s, view& v, unsigned thread, std::memory_order order);
    /// `replaced`: what a read-modify-write has read, whose release sequence it continues.
    void write(location& l, bits value, view& v, unsigned thread, std::memory_order order, store const* replaced);
    void fence(view& v, std::memory_order order);

    [[nodiscard]] vector_clock const& sc_fences() const { return sc_fences_; }

private:
    address_map<std::uint32_t, 15> index_;
    std::vector<location> locations_;
    std::size_t used_ = 0;
    vector_clock sc_fences_;  ///< what happened before any seq_cst fence so far
    std::uint32_t sc_count_ = 0;
};

[[nodiscard]] constexpr bool acquires(std::memory_order o) {
    return o == std::memory_order_acquire || o == std::memory_order_consume || o == std::memory_order_acq_rel ||
           o == std::memory_order_seq_cst;
}
[[nodiscard]] constexpr bool releases(std::memory_order o) {
    return o == std::memory_order_release || o == std::memory_order_acq_rel || o == std::memory_order_seq_cst;
}

}  // namespace explore
