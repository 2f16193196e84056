// SPDX-License-Identifier: BSL-1.0
#pragma once
// Memory for the library's small nodes: every thread keeps what it gives back, and passes what it has too much of on in batches.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <new>
#include <type_traits>
#include <utility>

#include "antiphon/core/config.hpp"

namespace antiphon {

namespace detail {

/// Sizes are 16 bytes apart up to 512, which most nodes are below, and 128 apart up to the largest, for an ask through many policies.
inline constexpr std::size_t node_grain = 16, fine_node = 512, fine_sizes = fine_node / node_grain;
inline constexpr std::size_t coarse_grain = 128, largest_node = 3072;
inline constexpr std::size_t node_sizes = fine_sizes + (largest_node - fine_node) / coarse_grain;
inline constexpr std::uint32_t node_batch = 62, node_slots = 8;
/// Whatever others have taken of what the depots may keep: so many magazines of each size.
inline constexpr std::uint32_t always_kept = 16;

/// Free blocks of one size, by their addresses: who hands them on touches none of them. They lie in another processor's cache, or in
/// none, and a list through the blocks themselves would wait for each to come before the next one is known.
struct node_magazine {
    node_magazine* below = nullptr;  ///< in its pile
    std::uint32_t count = 0;
    void* blocks[node_batch];
};
static_assert(sizeof(node_magazine) <= 512);

/// What a thread has of one size: the blocks from `bottom` to `top` in the loaded magazine, which has room up to `end`; and perhaps a
/// full or an empty magazine beside it. Where nothing is loaded, all are null.
struct node_shelf {
    void** top = nullptr;
    void** bottom = nullptr;
    void** end = nullptr;
    node_magazine* loaded = nullptr;
    node_magazine* spare = nullptr;
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
    std::uint32_t place = 0;  ///< its slot in the depots, where it puts and looks first
};
/// Magazines on their way from thread to thread, in piles. A pile is owned by whoever exchanges its slot for nothing, so nobody looks into
/// a magazine of somebody else's: one that comes back at the same address (ABA) changes nothing.
class alignas(64) node_depot {
public:
    void put(node_magazine* whole, std::uint32_t place) noexcept {
        std::atomic<node_magazine*>& slot = slots_[place % node_slots];
        node_magazine* below = slot.load(std::memory_order_relaxed);
        do {
            whole->below = below;
            // release pairs with take, through the exchanges of later puts too: what it holds, and the owners' last use of the blocks
        } while (!slot.compare_exchange_weak(below, whole, std::memory_order_release, std::memory_order_relaxed));
    }
    /// Null: there is nothing, or others have it in their hands.
    [[nodiscard]] node_magazine* take(std::uint32_t place) noexcept {
        for (std::uint32_t i = 0; i != node_slots; ++i) {
            std::atomic<node_magazine*>& slot = slots_[(place + i) % node_slots];
            if (slot.load(std::memory_order_relaxed) == nullptr) continue;  // relaxed: a hint
            node_magazine* const whole = slot.exchange(nullptr, std::memory_order_acquire);  // pairs with put
            if (whole == nullptr) continue;
            if (whole->below != nullptr) put_back(slot, std::exchange(whole->below, nullptr), place + i);
            return whole;
        }
        return nullptr;
    }

    /// How many there are, relaxed: only the number counts. May be wrong for a moment.
    std::atomic<std::uint32_t> magazines{0};

private:
    void put_back(std::atomic<node_magazine*>& slot, node_magazine* pile, std::uint32_t place) noexcept {
        // release for the next taker of the pile, acquire for what was put here meanwhile
        node_magazine* meanwhile = slot.exchange(pile, std::memory_order_acq_rel);
        while (meanwhile != nullptr)
            put(std::exchange(meanwhile, meanwhile->below), place);
    }

    std::atomic<node_magazine*> slots_[node_slots]{};
};

/// This thread's, and everybody's.
constinit inline thread_local node_shelves my_nodes{};
inline constinit node_depot node_depots[node_sizes]{};
inline constinit node_depot empty_magazines{};
inline constinit std::atomic<std::uint32_t> node_places{0};
inline constinit std::atomic<std::size_t> kept_bytes{0};  ///< in all depots of nodes. Relaxed: only the number counts
/// What they keep of all sizes together: as much as a million asks are. Relaxed: whoever does not see a change yet acts as before it.
inline constinit std::atomic<std::size_t> most_kept{std::size_t{128} << 20};

}  // namespace detail

/// Blocks of up to 3072 bytes, by sizes 16 bytes apart up to 512 and 128 apart beyond. A thread keeps at most two magazines of 62 of each
/// size; a third goes to a depot that all threads share. So a node that one thread makes and another frees comes back without a lock, 62 at a time. The depots keep
/// 128 MiB at most, or what `keep_at_most` says, all sizes together (and 992 blocks of each size in any case), and give what is beyond that
/// to `operator delete`; `trim` gives up everything.
/// **Threads**: any. The memory of a thread that ends goes to the depot; what its `thread_local` destructors still ask for comes
/// from `operator new`. **Errors**: `allocate` throws what `operator new` throws.
/// **Cost**: about ten instructions, when the thread has a block; else some atomic exchanges for 62, else `operator new`.
/// Off, so that tools see every block, under AddressSanitizer and where `ANTIPHON_HAS_NODE_CACHE` is set to 0.
/// **Source**: Bonwick and Adams, "Magazines and Vmem", USENIX 2001.
class node_cache {
public:
    [[nodiscard]] static void* allocate(std::size_t size) {
        if (!caches || size > detail::largest_node) return ::operator new(size);
        shelf& s = detail::my_nodes.shelves[number_of(size)];
        if (s.top == s.bottom) return refill(number_of(size));
        return *--s.top;
    }
    /// `size` is what was asked for.
    static void deallocate(void* memory, std::size_t size) noexcept {
        if (!caches || size > detail::largest_node) return ::operator delete(memory);
        shelf& s = detail::my_nodes.shelves[number_of(size)];
        if (s.top == s.end) return overflow(number_of(size), memory);
        *s.top++ = memory;
    }
    /// From now on the calling thread keeps nothing: what it asks for comes from `operator new` and goes to `operator delete`, as under
    /// a sanitizer. For tests that count allocations, or let them fail.
    static void keep_nothing() noexcept {
        empty_shelves();
        detail::my_nodes.life = phase::off;
    }
    /// From now on the depots keep so many bytes at most, beside 992 blocks of each size; what they have beyond that already goes by `trim`.
    /// A bound below what is in flight at a time costs more than none at all: what is kept and what comes from `operator new` then mix,
    /// and neighbours in time are no neighbours in memory any more.
    static void keep_at_most(std::size_t bytes) noexcept { detail::most_kept.store(bytes, std::memory_order_relaxed); }
    /// Gives all that the depots keep, and the calling thread, to `operator delete`: after a burst, for who wants the memory back.
    static void trim() noexcept {
        empty_shelves();
        for (std::size_t i = 0; i != detail::node_sizes; ++i)
            while (magazine* const whole = take(i))
                discard(whole);
        while (magazine* const none = take_empty())
            delete none;
    }

private:
    static constexpr bool caches = ANTIPHON_HAS_NODE_CACHE != 0;
    using magazine = detail::node_magazine;
    using shelf = detail::node_shelf;
    using phase = detail::node_phase;
    static constexpr std::uint32_t batch = detail::node_batch;

    /// Its destructor ends the calling thread's cache.
    struct reaper {
        reaper() noexcept {
            detail::my_nodes.life = phase::keeping;
            detail::my_nodes.place = detail::node_places.fetch_add(1, std::memory_order_relaxed);  // relaxed: only the number counts
        }
        ~reaper() { keep_nothing(); }
        reaper(reaper const&) = delete;
        reaper& operator=(reaper const&) = delete;
    };

    [[nodiscard]] static constexpr std::size_t number_of(std::size_t size) noexcept {
        if (size > detail::fine_node) return detail::fine_sizes + (size - detail::fine_node - 1) / detail::coarse_grain;
        return size == 0 ? 0 : (size - 1) / detail::node_grain;
    }
    [[nodiscard]] static constexpr std::size_t bytes_of(std::size_t number) noexcept {
        if (number >= detail::fine_sizes) return detail::fine_node + (number - detail::fine_sizes + 1) * detail::coarse_grain;
        return (number + 1) * detail::node_grain;
    }

    static void note_count(shelf& s) noexcept {
        if (s.loaded != nullptr) s.loaded->count = static_cast<std::uint32_t>(s.top - s.bottom);
    }
    /// What was loaded before, if anything was, is the spare one then.
    static void load(shelf& s, magazine* m) noexcept {
        note_count(s);
        s.spare = s.loaded;
        s.loaded = m;
        s.bottom = m->blocks;
        s.end = m->blocks + batch;
        s.top = m->blocks + m->count;
    }

    [[nodiscard]] static bool keeps() noexcept {
        if (detail::my_nodes.life == phase::fresh) {
            static thread_local reaper const at_the_end;
            static_cast<void>(at_the_end);
        }
        return detail::my_nodes.life == phase::keeping;
    }
    [[nodiscard]] static void* refill(std::size_t number) {
        if (keeps()) {
            shelf& s = detail::my_nodes.shelves[number];
            bool const has_spare = s.spare != nullptr && s.spare->count != 0;
            if (magazine* const full = has_spare ? std::exchange(s.spare, nullptr) : take(number)) {
                if (!has_spare) turn_round(*full);
                if (s.spare != nullptr) detail::empty_magazines.put(std::exchange(s.spare, nullptr), detail::my_nodes.place);
                load(s, full);
                fetch_ahead(*full, bytes_of(number));
                return *--s.top;
            }
        }
        return ::operator new(bytes_of(number));
    }
    /// What was given back first is taken first, so that neighbours in time stay neighbours in memory, in whose order the processor fetches ahead.
    static void turn_round(magazine& full) noexcept {
        for (std::uint32_t i = 0, j = full.count; i + 1 < j; ++i)
            std::swap(full.blocks[i], full.blocks[--j]);
    }
    /// Asks for the blocks all at once: they lie where others have freed them, and their next owner would wait for each.
    static void fetch_ahead(magazine const& full, std::size_t bytes) noexcept {
        constexpr std::size_t line = 64;
        for (std::uint32_t i = 0; i != full.count; ++i) {
            ANTIPHON_PREFETCH(full.blocks[i]);
            if (bytes > line) ANTIPHON_PREFETCH(static_cast<std::byte*>(full.blocks[i]) + line);
        }
    }
    static void overflow(std::size_t number, void* memory) noexcept {
        if (!keeps()) return ::operator delete(memory);
        shelf& s = detail::my_nodes.shelves[number];
        bool const has_spare = s.spare != nullptr && s.spare->count == 0;
        magazine* const none = has_spare ? std::exchange(s.spare, nullptr) : new_empty();
        if (none == nullptr) return ::operator delete(memory);
        if (s.spare != nullptr) pass_on(number, std::exchange(s.spare, nullptr));
        load(s, none);
        *s.top++ = memory;
    }

    /// Null: there is no memory.
    [[nodiscard]] static magazine* new_empty() noexcept {
        magazine* const none = take_empty();
        return none != nullptr ? none : new (std::nothrow) magazine;
    }
    [[nodiscard]] static magazine* take_empty() noexcept { return detail::empty_magazines.take(detail::my_nodes.place); }
    static void pass_on(std::size_t number, magazine* whole) noexcept {
        detail::node_depot& depot = detail::node_depots[number];
        if (detail::kept_bytes.load(std::memory_order_relaxed) >= detail::most_kept.load(std::memory_order_relaxed) &&
            depot.magazines.load(std::memory_order_relaxed) >= detail::always_kept)
            return discard(whole);
        detail::kept_bytes.fetch_add(bytes_of(number) * whole->count, std::memory_order_relaxed);
        depot.magazines.fetch_add(1, std::memory_order_relaxed);
        depot.put(whole, detail::my_nodes.place);
    }
    [[nodiscard]] static magazine* take(std::size_t number) noexcept {
        detail::node_depot& depot = detail::node_depots[number];
        if (depot.magazines.load(std::memory_order_relaxed) == 0) return nullptr;  // a hint
        magazine* const whole = depot.take(detail::my_nodes.place);
        if (whole == nullptr) return nullptr;
        detail::kept_bytes.fetch_sub(bytes_of(number) * whole->count, std::memory_order_relaxed);
        depot.magazines.fetch_sub(1, std::memory_order_relaxed);
        return whole;
    }
    static void discard(magazine* whole) noexcept {
        for (std::uint32_t i = 0; i != whole->count; ++i)
            ::operator delete(whole->blocks[i]);
        delete whole;
    }
    static void empty_shelves() noexcept {
        for (std::size_t i = 0; i != detail::node_sizes; ++i) {
            shelf& s = detail::my_nodes.shelves[i];
            note_count(s);
            for (magazine* const m : {s.loaded, s.spare})
                if (m != nullptr) m->count != 0 ? pass_on(i, m) : delete m;
            s = {};
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
