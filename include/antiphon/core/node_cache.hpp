// SPDX-License-Identifier: BSL-1.0
#pragma once
// Memory for the library's small nodes: every thread keeps what it gives back, and passes what it has too much of on in batches.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#include "antiphon/core/config.hpp"

namespace antiphon {

namespace detail {

inline constexpr std::size_t node_grain = 16, largest_node = 512, node_sizes = largest_node / node_grain;
inline constexpr std::uint32_t node_batch = 32, node_slots = 32;

/// A free block. The first one of a batch on its way through the depot says how many there are.
struct free_node {
    free_node* next;
    std::size_t count;
};
static_assert(sizeof(free_node) <= node_grain);

/// What a thread has of one size: `first`, with room for as many more as make a batch, and perhaps a whole batch in reserve.
struct node_shelf {
    free_node* first = nullptr;
    free_node* reserve = nullptr;
    std::uint32_t room = 0;
};
/// fresh: nothing yet, and no destructor at the thread's end. off: for good; there is no room on any shelf.
enum class node_phase : unsigned char {
    fresh,
    keeping,
    off
};
struct node_shelves {
    node_shelf shelves[node_sizes];
    node_phase life = node_phase::fresh;
    unsigned char turn = 0;  ///< where to look in the depot first
};
/// Batches of one size on their way from thread to thread. A slot is owned by whoever exchanges it.
class alignas(64) node_depot {
public:
    /// False: it is full.
    [[nodiscard]] bool put(free_node* whole, std::uint32_t turn) noexcept {
        if (filled_.load(std::memory_order_relaxed) >= node_slots) return false;  // relaxed, as in take: only a hint
        for (std::uint32_t i = 0; i != node_slots; ++i) {
            free_node* expected = nullptr;
            std::atomic<free_node*>& slot = slots_[(turn + i) % node_slots];
            // release pairs with take: the links, and the owners' last use of the blocks
            if (slot.load(std::memory_order_relaxed) == nullptr &&
                slot.compare_exchange_strong(expected, whole, std::memory_order_release, std::memory_order_relaxed)) {
                filled_.fetch_add(1, std::memory_order_relaxed);
                return true;
            }
        }
        return false;
    }
    [[nodiscard]] free_node* take(std::uint32_t turn) noexcept {
        if (filled_.load(std::memory_order_relaxed) == 0) return nullptr;
        for (std::uint32_t i = 0; i != node_slots; ++i) {
            std::atomic<free_node*>& slot = slots_[(turn + i) % node_slots];
            if (slot.load(std::memory_order_relaxed) == nullptr) continue;
            // acquire pairs with put. Never two owners of a batch, and never a look into a batch of somebody else's: no ABA.
            if (free_node* const whole = slot.exchange(nullptr, std::memory_order_acquire)) {
                filled_.fetch_sub(1, std::memory_order_relaxed);
                return whole;
            }
        }
        return nullptr;
    }

private:
    std::atomic<std::uint32_t> filled_{0};  // may wrap below zero for a moment: then a look finds nothing
    std::atomic<free_node*> slots_[node_slots]{};
};

/// This thread's, and everybody's.
constinit inline thread_local node_shelves my_nodes{};
inline constinit node_depot node_depots[node_sizes]{};

}  // namespace detail

/// Blocks of up to 512 bytes, by sizes 16 bytes apart. A thread keeps at most two batches of 32 of each size; a third goes to a depot
/// that all threads share, which keeps at most 32 batches of each size, and gives what is beyond that to `operator delete`. So a node
/// that one thread makes and another frees comes back without a lock, 32 at a time.
/// **Threads**: any. The memory of a thread that ends goes to the depot; what its `thread_local` destructors still ask for comes
/// from `operator new`. **Errors**: `allocate` throws what `operator new` throws.
/// **Cost**: about ten instructions, when the thread has a block; else one atomic exchange for 32, else `operator new`.
/// Off, so that tools see every block, under AddressSanitizer and where `ANTIPHON_HAS_NODE_CACHE` is set to 0.
/// **Source**: Bonwick and Adams, "Magazines and Vmem", USENIX 2001.
class node_cache {
public:
    [[nodiscard]] static void* allocate(std::size_t size) {
        if (!caches || size > detail::largest_node) return ::operator new(size);
        shelf& s = detail::my_nodes.shelves[number_of(size)];
        block* const first = s.first;
        if (first == nullptr) return refill(number_of(size));
        s.first = first->next;
        ++s.room;
        return first;
    }
    /// `size` is what was asked for.
    static void deallocate(void* memory, std::size_t size) noexcept {
        if (!caches || size > detail::largest_node) return ::operator delete(memory);
        shelf& s = detail::my_nodes.shelves[number_of(size)];
        if (s.room == 0) return overflow(number_of(size), memory);
        --s.room;
        s.first = ::new (memory) block{s.first, 0};
    }
    /// From now on the calling thread keeps nothing: what it asks for comes from `operator new` and goes to `operator delete`, as under
    /// a sanitizer. For tests that count allocations, or let them fail.
    static void keep_nothing() noexcept {
        empty(detail::my_nodes);
        detail::my_nodes.life = phase::off;
    }

private:
    static constexpr bool caches = ANTIPHON_HAS_NODE_CACHE != 0;
    using block = detail::free_node;
    using shelf = detail::node_shelf;
    using phase = detail::node_phase;
    static constexpr std::uint32_t batch = detail::node_batch;

    /// Its destructor ends the calling thread's cache.
    struct reaper {
        reaper() noexcept {
            for (shelf& s : detail::my_nodes.shelves)
                s.room = batch;
            detail::my_nodes.life = phase::keeping;
        }
        ~reaper() { keep_nothing(); }
        reaper(reaper const&) = delete;
        reaper& operator=(reaper const&) = delete;
    };

    [[nodiscard]] static constexpr std::size_t number_of(std::size_t size) noexcept {
        return size == 0 ? 0 : (size - 1) / detail::node_grain;
    }

    static void begin() noexcept {
        static thread_local reaper const at_the_end;
        static_cast<void>(at_the_end);
    }
    [[nodiscard]] static void* refill(std::size_t number) {
        if (detail::my_nodes.life == phase::fresh) begin();
        if (detail::my_nodes.life == phase::keeping) {
            shelf& s = detail::my_nodes.shelves[number];
            block* whole = std::exchange(s.reserve, nullptr);
            std::uint32_t count = batch;
            if (whole == nullptr) {
                whole = detail::node_depots[number].take(detail::my_nodes.turn++);
                if (whole != nullptr) count = static_cast<std::uint32_t>(whole->count);
            }
            if (whole != nullptr) {
                s.first = whole->next;
                s.room = batch - count + 1;
                return whole;
            }
        }
        return ::operator new((number + 1) * detail::node_grain);
    }
    static void overflow(std::size_t number, void* memory) noexcept {
        if (detail::my_nodes.life == phase::fresh) begin();
        if (detail::my_nodes.life == phase::off) return ::operator delete(memory);
        shelf& s = detail::my_nodes.shelves[number];
        if (s.room == 0) {
            pass_on(number, std::exchange(s.reserve, s.first), batch);
            s.first = nullptr;
            s.room = batch;
        }
        --s.room;
        s.first = ::new (memory) block{s.first, 0};
    }
    static void pass_on(std::size_t number, block* whole, std::size_t count) noexcept {
        if (whole == nullptr) return;
        whole->count = count;
        if (detail::node_depots[number].put(whole, detail::my_nodes.turn++)) return;
        while (whole != nullptr)
            ::operator delete(std::exchange(whole, whole->next));
    }
    static void empty(detail::node_shelves& mine) noexcept {
        if (mine.life != phase::keeping) return;
        for (std::size_t i = 0; i != detail::node_sizes; ++i) {
            shelf& s = mine.shelves[i];
            pass_on(i, std::exchange(s.reserve, nullptr), batch);
            pass_on(i, std::exchange(s.first, nullptr), batch - s.room);
            s.room = 0;
        }
    }
};

/// A class whose objects' memory comes from the cache: derive from it, and delete the most derived type, whose size counts.
class recycled {
public:
    [[nodiscard]] static void* operator new(std::size_t size) { return node_cache::allocate(size); }
    static void operator delete(void* memory, std::size_t size) noexcept { node_cache::deallocate(memory, size); }
    // Over-aligned objects do without.
    [[nodiscard]] static void* operator new(std::size_t size, std::align_val_t alignment) { return ::operator new(size, alignment); }
    static void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
        ::operator delete(memory, alignment);
    }

protected:
    recycled() = default;
    ~recycled() = default;
};

static_assert(std::is_empty_v<recycled>);

}  // namespace antiphon
