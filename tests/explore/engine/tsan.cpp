// SPDX-License-Identifier: BSL-1.0
// The functions that code compiled with -fsanitize=thread calls for every access to memory: this program has them instead of the
// sanitizer's runtime. Outside an execution, and inside the engine, an access is just made.
#include <atomic>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "world.hpp"

using namespace explore;

#define WHERE __builtin_extract_return_addr(__builtin_return_address(0))

namespace {

template <class T>
struct without_sign : std::make_unsigned<T> {};
template <>
struct without_sign<__int128> {
    using type = unsigned __int128;
};
template <class T>
bits widen(T value) {
    return static_cast<typename without_sign<T>::type>(value);
}

template <bool Write>
void plain(void const* address, std::size_t size, void const* where) {
    if (world* const w = world::here()) {
        world::inside const guard{*w};
        w->plain(reinterpret_cast<std::uintptr_t>(address), size, Write, where);
    }
}

std::uintptr_t number(void const volatile* p) { return reinterpret_cast<std::uintptr_t>(p); }
std::memory_order order(int o) { return static_cast<std::memory_order>(o & 0xFF); }

template <class T>
T load(T const volatile* p, int o, void const* where) {
    if (world* const w = world::here()) {
        world::inside const guard{*w};
        return static_cast<T>(w->load(number(p), sizeof(T), order(o), where));
    }
    T value;
    std::memcpy(&value, const_cast<T const*>(p), sizeof value);
    return value;
}
template <class T>
void store(T volatile* p, T value, int o, void const* where) {
    if (world* const w = world::here()) {
        world::inside const guard{*w};
        return w->store(number(p), sizeof(T), widen(value), order(o), where);
    }
    std::memcpy(const_cast<T*>(p), &value, sizeof value);
}
template <class T>
T exchange(T volatile* p, bits (*make)(bits, bits), T operand, int o, void const* where) {
    if (world* const w = world::here()) {
        world::inside const guard{*w};
        return static_cast<T>(w->exchange(number(p), sizeof(T), make, widen(operand), order(o), where));
    }
    T const old = *p;
    *p = static_cast<T>(make(widen(old), widen(operand)));
    return old;
}
template <class T>
T compare(T volatile* p, T expected, T desired, int success, int failure, bool weak, bool& exchanged, void const* where) {
    if (world* const w = world::here()) {
        world::inside const guard{*w};
        return static_cast<T>(w->compare_exchange(number(p), sizeof(T), widen(expected), widen(desired), order(success), order(failure),
                                                  weak, exchanged, where));
    }
    T const old = *p;
    exchanged = old == expected;
    if (exchanged) *p = desired;
    return old;
}

bits replace(bits, bits b) { return b; }
bits add(bits a, bits b) { return a + b; }
bits subtract(bits a, bits b) { return a - b; }
bits conjoin(bits a, bits b) { return a & b; }
bits disjoin(bits a, bits b) { return a | b; }
bits differ(bits a, bits b) { return a ^ b; }
bits not_both(bits a, bits b) { return ~(a & b); }

using a8 = std::int8_t;
using a16 = std::int16_t;
using a32 = std::int32_t;
using a64 = std::int64_t;
using a128 = __int128;

}  // namespace

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void* from) {
    if (world* const w = world::here()) {
        world::inside const guard{*w};
        w->enter(from);
    }
}
void __tsan_func_exit() {
    if (world* const w = world::here()) {
        world::inside const guard{*w};
        w->leave();
    }
}

#define PLAIN(size)                                                                      \
    void __tsan_read##size(void* p) { plain<false>(p, size, WHERE); }                    \
    void __tsan_write##size(void* p) { plain<true>(p, size, WHERE); }                    \
    void __tsan_read_write##size(void* p) { plain<true>(p, size, WHERE); }               \
    void __tsan_unaligned_read##size(void* p) { plain<false>(p, size, WHERE); }          \
    void __tsan_unaligned_write##size(void* p) { plain<true>(p, size, WHERE); }          \
    void __tsan_unaligned_read_write##size(void* p) { plain<true>(p, size, WHERE); }     \
    void __tsan_volatile_read##size(void* p) { plain<false>(p, size, WHERE); }           \
    void __tsan_volatile_write##size(void* p) { plain<true>(p, size, WHERE); }           \
    void __tsan_unaligned_volatile_read##size(void* p) { plain<false>(p, size, WHERE); } \
    void __tsan_unaligned_volatile_write##size(void* p) { plain<true>(p, size, WHERE); }
PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)
#undef PLAIN

void __tsan_read_range(void* p, unsigned long size) { plain<false>(p, size, WHERE); }
void __tsan_write_range(void* p, unsigned long size) { plain<true>(p, size, WHERE); }
void __tsan_vptr_update(void** p, void* value) {
    if (*p != value) plain<true>(p, sizeof(void*), WHERE);
}
void __tsan_vptr_read(void** p) { plain<false>(p, sizeof(void*), WHERE); }

void* __tsan_memcpy(void* to, void const* from, unsigned long size) {
    plain<false>(from, size, WHERE);
    plain<true>(to, size, WHERE);
    return std::memcpy(to, from, size);
}
void* __tsan_memmove(void* to, void const* from, unsigned long size) {
    plain<false>(from, size, WHERE);
    plain<true>(to, size, WHERE);
    return std::memmove(to, from, size);
}
void* __tsan_memset(void* to, int value, unsigned long size) {
    plain<true>(to, size, WHERE);
    return std::memset(to, value, size);
}

#define ATOMIC(n)                                                                                                      \
    a##n __tsan_atomic##n##_load(a##n const volatile* p, int o) { return load(p, o, WHERE); }                          \
    void __tsan_atomic##n##_store(a##n volatile* p, a##n v, int o) { store(p, v, o, WHERE); }                          \
    a##n __tsan_atomic##n##_exchange(a##n volatile* p, a##n v, int o) { return exchange(p, replace, v, o, WHERE); }    \
    a##n __tsan_atomic##n##_fetch_add(a##n volatile* p, a##n v, int o) { return exchange(p, add, v, o, WHERE); }       \
    a##n __tsan_atomic##n##_fetch_sub(a##n volatile* p, a##n v, int o) { return exchange(p, subtract, v, o, WHERE); }  \
    a##n __tsan_atomic##n##_fetch_and(a##n volatile* p, a##n v, int o) { return exchange(p, conjoin, v, o, WHERE); }   \
    a##n __tsan_atomic##n##_fetch_or(a##n volatile* p, a##n v, int o) { return exchange(p, disjoin, v, o, WHERE); }    \
    a##n __tsan_atomic##n##_fetch_xor(a##n volatile* p, a##n v, int o) { return exchange(p, differ, v, o, WHERE); }    \
    a##n __tsan_atomic##n##_fetch_nand(a##n volatile* p, a##n v, int o) { return exchange(p, not_both, v, o, WHERE); } \
    int __tsan_atomic##n##_compare_exchange_strong(a##n volatile* p, a##n* e, a##n v, int o, int f) {                  \
        bool done = false;                                                                                             \
        a##n const found = compare(p, *e, v, o, f, false, done, WHERE);                                                \
        if (!done) *e = found;                                                                                         \
        return done;                                                                                                   \
    }                                                                                                                  \
    int __tsan_atomic##n##_compare_exchange_weak(a##n volatile* p, a##n* e, a##n v, int o, int f) {                    \
        bool done = false;                                                                                             \
        a##n const found = compare(p, *e, v, o, f, true, done, WHERE);                                                 \
        if (!done) *e = found;                                                                                         \
        return done;                                                                                                   \
    }                                                                                                                  \
    a##n __tsan_atomic##n##_compare_exchange_val(a##n volatile* p, a##n e, a##n v, int o, int f) {                     \
        bool done = false;                                                                                             \
        return compare(p, e, v, o, f, false, done, WHERE);                                                             \
    }
ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)
ATOMIC(128)
#undef ATOMIC

void __tsan_atomic_thread_fence(int o) {
    if (world* const w = world::here()) {
        world::inside const guard{*w};
        w->fence(order(o), WHERE);
    }
}
void __tsan_atomic_signal_fence(int) {}

}  // extern "C"
