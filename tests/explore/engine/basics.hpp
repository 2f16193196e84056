// SPDX-License-Identifier: BSL-1.0
#pragma once
// What the parts of the engine have in common: thread numbers, vector clocks, operations, faults.

#include <array>
#include <cstdint>
#include <string>

namespace explore {

/// How many threads one execution may have, the body's own included. The clock counts as one more when it is scheduled.
inline constexpr unsigned max_threads = 10;
inline constexpr unsigned the_clock = max_threads;
inline constexpr unsigned nobody = ~0u;

using thread_set = std::uint32_t;
[[nodiscard]] constexpr thread_set only(unsigned thread) { return thread_set{1} << thread; }
[[nodiscard]] constexpr bool contains(thread_set set, unsigned thread) { return (set >> thread & 1) != 0; }
[[nodiscard]] constexpr unsigned first_of(thread_set set) { return static_cast<unsigned>(__builtin_ctz(set)); }

/// For each thread, how much of it is known. Of the C++ memory model (happens-before) and, in the search, of dependency.
struct vector_clock {
    std::array<std::uint32_t, max_threads + 1> at{};

    void join(vector_clock const& other) {
        for (unsigned t = 0; t <= max_threads; ++t)
            if (other.at[t] > at[t]) at[t] = other.at[t];
    }
    [[nodiscard]] bool knows(unsigned thread, std::uint32_t moment) const { return at[thread] >= moment; }
};

/// What a thread is about to do that other threads can notice. Two operations of different threads commute unless they conflict.
struct operation {
    enum flag : std::uint8_t {
        reads = 1,
        writes = 2,
        queues = 4,   ///< touches the queue of sleepers on `address`
        timed = 8,    ///< looks at the clock, or sets an alarm
        ticks = 16,   ///< moves the clock on
        locks = 32,   ///< takes a mutex, and so cannot come while somebody has it
        unlocks = 64,
    };
    std::uintptr_t address = 0;
    std::uint8_t does = 0;
    char const* name = "runs on";
};

[[nodiscard]] constexpr bool conflict(operation const& a, operation const& b) {
    constexpr unsigned waking = operation::queues | operation::timed;
    if ((a.does & operation::ticks) != 0) return (b.does & (waking | operation::ticks)) != 0;
    if ((b.does & operation::ticks) != 0) return (a.does & waking) != 0;
    if (a.address != b.address || a.address == 0) return false;
    if ((a.does & operation::writes) != 0 && (b.does & (operation::reads | operation::writes)) != 0) return true;
    if ((a.does & operation::reads) != 0 && (b.does & operation::writes) != 0) return true;
    return (a.does & b.does & operation::queues) != 0;
}

enum class fault : std::uint8_t {
    none,
    data_race,
    deadlock,  ///< nobody can go on: a lost wake-up is one
    livelock,  ///< more steps than the plan allows, or threads that spin for what nobody will do
    use_after_free,
    double_free,
    leak,
    assertion,
    terminated,  ///< std::terminate, abort, a failed assert
    crash,
    unsupported,  ///< the program does something that this engine does not model
};

[[nodiscard]] constexpr char const* name_of(fault f) {
    switch (f) {
        case fault::none: return "no fault";
        case fault::data_race: return "data race";
        case fault::deadlock: return "deadlock or lost wake-up";
        case fault::livelock: return "livelock";
        case fault::use_after_free: return "use after free";
        case fault::double_free: return "double free";
        case fault::leak: return "leak";
        case fault::assertion: return "assertion";
        case fault::terminated: return "termination";
        case fault::crash: return "crash";
        case fault::unsupported: return "unsupported";
    }
    return "?";
}

/// Small integers that address hash tables: one bucket an address, emptied in O(1) between executions.
template <class Value, unsigned Bits = 12>
class address_map {
public:
    address_map() : buckets_(new bucket[std::size_t{1} << Bits]()) {}
    ~address_map() { delete[] buckets_; }
    address_map(address_map const&) = delete;
    address_map& operator=(address_map const&) = delete;

    void clear() {
        ++generation_;
        size_ = 0;
    }
    /// The value of a key, made new (`Value{}`) if it was not there. Null when the table is full.
    [[nodiscard]] Value* find_or_add(std::uintptr_t key, bool& added) {
        std::size_t const mask = (std::size_t{1} << Bits) - 1;
        // neighbours stay neighbours: what lies together is used together
        for (std::size_t i = (key + (key >> Bits) * 0x9E3779B97F4A7C15u) & mask;; i = (i + 1) & mask) {
            bucket& b = buckets_[i];
            if (b.generation == generation_ && b.key == key) {
                added = false;
                return &b.value;
            }
            if (b.generation == generation_) continue;
            if (++size_ > mask / 2) return nullptr;
            b.generation = generation_;
            b.key = key;
            b.value = Value{};
            added = true;
            return &b.value;
        }
    }

private:
    struct bucket {
        std::uintptr_t key;
        std::uint32_t generation;
        Value value;
    };
    bucket* buckets_;
    std::uint32_t generation_ = 1;
    std::size_t size_ = 0;
};

}  // namespace explore
